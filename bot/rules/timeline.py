"""One event's rows of the audit log as what they tell: change requests from the asking to the end, and what stood alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.model import AuditRow

ASKED = frozenset({("change.request", "pending"), ("change.break_glass", "approved")})
"""What the first row of a change request says."""
ENDS = frozenset({"applied", "failed", "stale", "rejected", "cancelled", "expired"})
ENDING = frozenset({"change.apply", "change.reject", "change.cancel", "change.expire", "change.reconcile"})
ASIDE = frozenset({"audit.export"})
"""Actions that name an event without doing anything about it."""


@dataclass(frozen=True, slots=True)
class Story:
    """One change request, or one row that belongs to none; rows oldest first."""

    change: str
    """`CR-12`, or empty."""
    rows: tuple[AuditRow, ...]

    @property
    def first(self) -> int:
        """The row that it begins with: its place among the others."""
        return self.rows[0].seq

    @property
    def state(self) -> str:
        """How it ended; where it has not, how far it came: `pending`, `approved`, `applying`."""
        state = ""
        for row in self.rows:
            ended = row.action in ENDING and row.outcome in ENDS
            if ended or (row.action, row.outcome) in ASKED or row.outcome == "approved":
                state = row.outcome
            elif (row.action, row.outcome) == ("change.apply", "intent"):
                state = "applying"
        return state

    @property
    def steps(self) -> tuple[AuditRow, ...]:
        """The rows that tell something: not that it began to be applied, when what came of it is there too."""
        done = any(row.action == "change.apply" and row.outcome in ENDS for row in self.rows)
        return tuple(row for row in self.rows if not (done and row.outcome == "intent"))


@dataclass(slots=True)
class Telling:
    """Puts rows together that are read newest first, until there are `most` stories that have begun."""

    most: int
    _open: dict[str, list[AuditRow]] = field(default_factory=dict)
    _whole: list[Story] = field(default_factory=list)

    def read(self, rows: Iterable[AuditRow]) -> None:
        """The next older rows."""
        for row in rows:
            if len(self._whole) >= self.most:
                return
            if row.action in ASIDE:
                continue
            held = [row, *self._open.pop(row.change, [])] if row.change else [row]
            if row.change and (row.action, row.outcome) not in ASKED:
                self._open[row.change] = held
            else:
                self._whole.append(Story(row.change, tuple(held)))

    @property
    def enough(self) -> bool:
        """No older row is needed."""
        return len(self._whole) >= self.most

    def told(self, *, end: bool) -> list[Story]:
        """The newest stories first. `end`: there is no older row, so what has no beginning begins where it does."""
        rest = [Story(change, tuple(rows)) for change, rows in self._open.items()] if end else []
        return sorted([*self._whole, *rest], key=lambda story: story.first, reverse=True)[: self.most]
