"""The audit log as a file for the one who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.errors import NotAllowed
from bot.model import Actor, AuditRow, Entry
from bot.rules.access import NOBODY, Action, authorize
from bot.rules.exporting import FORMATS
from bot.rules.updates import MAX_REASON
from bot.store import Store

MOST = 100_000
"""Rows in one file; the console command has no such limit."""
CHUNK = 5_000
"""Rows read in one step of the store, which can do nothing else meanwhile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the log; empty fields let everything through."""

    project: str
    event: str = ""
    actor: str = ""
    action: str = ""
    since: str = ""
    """ISO 8601, UTC."""

    def filters(self) -> dict[str, Any]:
        """As the store takes them."""
        return {
            "project": self.project,
            "event": self.event,
            "actor": self.actor,
            "action": self.action,
            "since": datetime.fromisoformat(self.since) if self.since else None,
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Asked:
        """From what a button stands for."""
        return cls(*(str(data[name]) for name in ("project", "event", "actor", "action", "since")))


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is ready to be sent."""

    name: str
    content: bytes
    rows: int
    left_out: bool
    """There are older rows than fit."""
    entry: Entry
    """Its row in the audit log, but for the outcome."""


class Exports:
    """Makes the files; each is in the audit log before it is sent, and after."""

    def __init__(self, *, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def make(self, actor: Actor, asked: Asked, form: str) -> Export:
        """The newest rows that match, oldest first, as `csv` or `jsonl`; notes that they are about to be sent.

        NotAllowed, with its row in the audit log, for whom Slack does not say to be somebody of here.
        """
        await self._may_read(actor, asked)
        rows = await self._rows(asked)
        kept = rows[-MOST:]
        content = "".join(FORMATS[form](kept)).encode()
        words = ", ".join(f"{name} {value}" for name, value in asked.filters().items() if value)
        entry = Entry(
            actor.user_id, "audit.export", "intent", asked.project, asked.event,
            reason=f"{len(kept)} rows as {form} ({words})"[:MAX_REASON],
        )  # fmt: skip
        await self._store.audit.append(entry, self._clock())
        name = f"csms-audit-{self._clock():%Y%m%d-%H%M%S}.{form}"
        return Export(name, content, len(kept), len(rows) > len(kept), entry)

    async def done(self, export: Export, *, problem: str = "") -> None:
        """Notes what came of it."""
        outcome, reason = ("failed", problem[:MAX_REASON]) if problem else ("sent", export.entry.reason)
        await self._store.audit.append(replace(export.entry, outcome=outcome, reason=reason), self._clock())

    async def _may_read(self, actor: Actor, asked: Asked) -> None:
        try:
            authorize(actor, Action.READ, NOBODY).enforce()
        except NotAllowed as error:
            entry = Entry(
                actor.user_id, "audit.export", "refused", asked.project, asked.event,
                reason=f"{error.rule}: {error}"[:MAX_REASON],
            )  # fmt: skip
            await self._store.audit.append(entry, self._clock())
            raise

    async def _rows(self, asked: Asked) -> list[AuditRow]:
        rows: list[AuditRow] = []
        until = None
        while len(rows) <= MOST:
            page = await self._store.audit.read(
                **asked.filters(), until=until, newest_first=True, limit=CHUNK
            )
            rows += page
            if len(page) < CHUNK:
                break
            until = page[-1].seq - 1
        return rows[::-1]
