"""Change requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.model.events import Patch


class ChangeState(StrEnum):
    """The life of a change request. PENDING, APPROVED and APPLYING are open; the others are ends."""

    PENDING = "pending"
    APPROVED = "approved"
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    STALE = "stale"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """True while something can still happen to it."""
        return self in (ChangeState.PENDING, ChangeState.APPROVED, ChangeState.APPLYING)


@dataclass(frozen=True, slots=True)
class Change:
    """A change request: from what, to what, asked by whom and why, and what became of it."""

    number: int
    key: str
    """Random and unguessable; the only thing that a button carries."""
    project: str
    event: str
    before: Mapping[str, Any]
    """`Event.image()` when it was asked."""
    patch: Patch
    requester: str
    reason: str
    state: ChangeState
    required: int
    """Distinct approvers needed; 0: the requester confirms."""
    created: datetime
    expires: datetime
    approved_by: tuple[str, ...] = ()
    decided_by: str = ""
    decided: datetime | None = None
    note: str = ""
    """Why it ended as it did, in a sentence for people."""
    warnings: tuple[str, ...] = ()
    """What was known against it when it was asked, each a sentence."""
    break_glass: bool = False
    """Applied at once, without an approval; somebody else has to review it."""
    reviewed_by: str = ""
    reviewed: datetime | None = None

    @property
    def review_owed(self) -> bool:
        """True while a change that nobody approved waits for its review; one that was not written needs none."""
        return (
            self.break_glass
            and self.reviewed is None
            and self.state in (ChangeState.APPLIED, ChangeState.FAILED)
        )

    @property
    def id(self) -> str:
        """The short id that people use, `CR-12`."""
        return f"CR-{self.number}"

    @property
    def after(self) -> dict[str, Any]:
        """The settings that the event has when this is applied."""
        after = {key: self.before[key] for key in ("state", "types", "target")}
        if self.patch.state is not None:
            after["state"] = self.patch.state
        if self.patch.types is not None:
            after["types"] = sorted(self.patch.types)
        if self.patch.target is not None:
            target = self.patch.target
            after["target"] = {"type": target.type, "id": target.id, "name": target.name}
        return after
