"""What the tests of the store share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.model import Entry, Incident, Patch, Plan, Record
from bot.store import PollState, Proposal, Store

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
BEFORE = {"name": "nightly", "event_id": "e1", "state": "DISABLED", "types": ["SECRET_ROTATED"], "target": None, "updated": None}  # fmt: skip


@contextlib.asynccontextmanager
async def opened(path: Path, now: datetime = NOW) -> AsyncIterator[Store]:
    """A store on the file at `path`."""
    store = Store(path)
    await store.open(now)
    try:
        yield store
    finally:
        await store.close()


def entry(number: int = 0, **more: str) -> Entry:
    """An audit entry; those with different numbers differ."""
    given = {"actor": "U1", "action": "change.request", "outcome": "pending", "reason": f"reason {number}"}
    return Entry(**(given | more), before={"state": "DISABLED"}, after={"state": "ENABLED", "n": number})


def proposal(origin: str = "7", *, required: int = 1, event: str = "nightly") -> Proposal:
    """A change request of the engineer's, good for an hour."""
    return Proposal(
        origin=origin,
        project="default",
        event=event,
        before=BEFORE | {"name": event},
        patch=Patch(state="ENABLED"),
        requester="UENGINEER",
        reason="needed",
        required=required,
        channel="CAPPROVALS",
        created=NOW,
        expires=NOW + timedelta(hours=1),
    )


def record(
    secret: str, created: datetime | None = NOW, *, status: str = "FAIL", event: str = "nightly"
) -> Record:
    """A record; those of one secret, second, status and event are twins."""
    at = "none" if created is None else f"{created.timestamp():.0f}"
    return Record(
        event_name=event,
        trigger_type="SECRET_ROTATED",
        created=created,
        secret_name=secret,
        secret_type="COMMON",
        target_name="ops",
        target_id="urn:ops",
        content="",
        status=status,
        fingerprint=f"{event}/{secret}/{at}/{status}",
    )


def nothing(_new: Sequence[Record], _going_on: Sequence[Incident], _last: PollState | None) -> Plan:
    """Decides that nothing is to be done."""
    return Plan()
