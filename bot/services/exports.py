"""The audit log as a file for the one who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.errors import NotAllowed, Refused
from bot.model import Actor, AuditRow, Entry
from bot.rules.access import NOBODY, Action, authorize
from bot.rules.exporting import FORMATS
from bot.rules.updates import MAX_REASON
from bot.store import Store

MOST, MOST_BYTES = 100_000, 20_000_000
"""Rows in one file, and its size; the console command has no such limits."""
CHUNK = 1_000
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
    which: str
    """The end of the reasons of its rows, by which they are found again."""


class Exports:
    """Makes the files; each is in the audit log before it is sent, and after."""

    def __init__(self, *, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def make(self, actor: Actor, asked: Asked, form: str, *, click: str, again: bool) -> Export:
        """The newest rows that match, oldest first, as `csv` or `jsonl`; notes that they are about to be sent.

        `click` is the id of what was pressed, the inbox's. `again`: a process that died had begun with it, so what it has
        noted is not noted twice. NotAllowed, with its row in the audit log, for whom Slack does not say to be somebody of
        here; Refused for what was sent already.
        """
        await self._may_read(actor, asked)
        which = f"; click {click}"
        noted = await self._noted(actor, which) if again else []
        if "sent" in noted:
            raise Refused("The file was sent to you already, before csms-bot was stopped.")
        content, rows, left_out = await self._content(asked, form)
        words = ", ".join(f"{name} {value}" for name, value in asked.filters().items() if value)
        reason = f"{rows} rows as {form}" + (f" ({words})" if words else "")
        entry = Entry(
            actor.user_id, "audit.export", "intent", asked.project, asked.event,
            reason=_reason(reason, which),
        )  # fmt: skip
        if noted.count("intent") <= noted.count("failed"):
            await self._store.audit.append(entry, self._clock())
        name = f"csms-audit-{self._clock():%Y%m%d-%H%M%S}.{form}"
        return Export(name, content, rows, left_out, entry, which)

    async def done(self, export: Export, *, problem: str = "") -> None:
        """Notes what came of it."""
        reason = _reason(problem, export.which) if problem else export.entry.reason
        entry = replace(export.entry, outcome="failed" if problem else "sent", reason=reason)
        await self._store.audit.append(entry, self._clock())

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

    async def _noted(self, actor: Actor, which: str) -> list[str]:
        """The outcomes of the rows about a click, newest first."""
        rows = await self._store.audit.read(
            actor=actor.user_id, action="audit.export", newest_first=True, limit=CHUNK
        )
        return [row.outcome for row in rows if row.reason.endswith(which)]

    async def _content(self, asked: Asked, form: str) -> tuple[bytes, int, bool]:
        """(the file, its rows, whether older ones did not fit). Read and written a part at a time, the newest first."""
        parts: list[bytes] = []
        number, room, until = 0, MOST_BYTES, None
        while True:
            page = await self._store.audit.read(
                **asked.filters(), until=until, newest_first=True, limit=CHUNK
            )
            # Beside the loop, on which Slack's clicks wait for their ack.
            head, lines = await asyncio.to_thread(_lines, page[: MOST - number], form)
            fit = _how_many_fit(lines, room - len(head))
            parts.append(b"".join(reversed(lines[:fit])))
            number, room = number + fit, room - len(parts[-1])
            if fit < len(page) or len(page) < CHUNK:
                return b"".join([head, *reversed(parts)]), number, fit < len(page)
            until = page[-1].seq - 1


def _reason(text: str, which: str) -> str:
    return text[: MAX_REASON - len(which)] + which


def _lines(rows: Sequence[AuditRow], form: str) -> tuple[bytes, list[bytes]]:
    """What stands above the rows, and a line for each of them."""
    lines = [line.encode() for line in FORMATS[form](rows)]
    above = len(lines) - len(rows)
    return b"".join(lines[:above]), lines[above:]


def _how_many_fit(lines: Sequence[bytes], room: int) -> int:
    for number, line in enumerate(lines):
        room -= len(line)
        if room < 0:
            return number
    return len(lines)
