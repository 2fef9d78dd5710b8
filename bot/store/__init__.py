"""The store, in domain verbs, each one transaction. No SQL outside this package."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bot.store.audit import Audit
from bot.store.changes import Changes, Proposal, Vote
from bot.store.deadlines import Deadlines
from bot.store.engine import Engine, Tx, open_read_only
from bot.store.inbox import Envelope, Inbox
from bot.store.incidents import Incidents
from bot.store.leases import Leases
from bot.store.outbox import Outbox, Outgoing, Step
from bot.store.records import Counted, Outage, PollState, Records
from bot.store.restore import Restored
from bot.store.schema import prepare
from bot.store.sidedoors import SideDoors
from bot.store.tickets import Tickets

__all__ = [
    "Counted", "Envelope", "Outage", "Outgoing", "PollState", "Proposal", "Step", "Store", "Vote", "open_read_only",
]  # fmt: skip


class Store:
    """Everything that the bot keeps, in one SQLite file with one writer."""

    def __init__(self, path: Path) -> None:
        self._engine = Engine(path)
        self.inbox = Inbox(self._engine)
        self.outbox = Outbox(self._engine)
        self.changes = Changes(self._engine)
        self.deadlines = Deadlines(self._engine)
        self.records = Records(self._engine)
        self.incidents = Incidents(self._engine)
        self.audit = Audit(self._engine)
        self.sidedoors = SideDoors(self._engine)
        self.restored = Restored(self._engine)
        self.tickets = Tickets(self._engine)
        self.leases = Leases(self._engine)
        self.instance = ""
        """A random id of this database, made with it."""

    @property
    def holder(self) -> str:
        """Who takes leases: with SQLite the file's lock lets one process in, so a restarted one is the same holder."""
        return self.instance

    async def open(self, now: datetime) -> None:
        """Opens and migrates the file, and takes up what a process that died left behind. StoreError."""
        await self._engine.open(prepare)
        self.instance = await self._engine.run(_instance)
        await self.inbox.recover(now)
        await self.outbox.recover()
        await self.tickets.forget_old(now)

    async def close(self) -> None:
        """Finishes what is queued and gives the file back."""
        await self._engine.close()


def _instance(tx: Tx) -> str:
    return str(tx.execute("select value from meta where name = 'instance'").fetchone()[0])
