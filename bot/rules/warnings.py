"""What is known against a change before anybody decides: computed from what could be read, silent about the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.model import ENABLED, FAILURES, Event, Patch, Record, Target

_URN = re.compile(r"urn:smn:([a-z0-9-]+):([0-9a-f]{32}):[^:]+")
_NEVER = datetime.min.replace(tzinfo=UTC)
FAILED_IN_A_ROW = 2
"""So many notices to a target that failed one after the other, the newest among them, are worth a warning."""


@dataclass(frozen=True, slots=True)
class Known:
    """What could be read when the change was asked for; None: it could not be."""

    project_id: str
    region: str
    """Empty when only an address is set."""
    events: Sequence[Event] | None = None
    topics: frozenset[str] | None = None
    """URNs of the project's SMN topics."""
    records: Sequence[Record] | None = None
    secrets: int | None = None
    """How many secrets use the event."""


def warnings(event: Event, patch: Patch, known: Known) -> tuple[str, ...]:
    """Sentences for the card, in the order of weight."""
    found = []
    if lost := _uncovered(event, patch, known.events):
        found.append(f"No other enabled event covers {', '.join(lost)} after this.")
    if patch.target is not None:
        found += _about_target(patch.target, known)
    if known.secrets:
        found.append(f"Used by {known.secrets} secret{'' if known.secrets == 1 else 's'}.")
    return tuple(found)


def _uncovered(event: Event, patch: Patch, events: Sequence[Event] | None) -> list[str]:
    """Types that this event reports now, and after the change no enabled event does."""
    if events is None or event.state != ENABLED:
        return []
    state = patch.state or event.state
    after = set(patch.types if patch.types is not None else event.types or ()) if state == ENABLED else set()
    others = {
        name
        for other in events
        if other.name != event.name and other.state == ENABLED
        for name in other.types or ()
    }
    return sorted(set(event.types or ()) - after - others)


def _about_target(target: Target, known: Known) -> list[str]:
    found = []
    urn = _URN.fullmatch(target.id)
    elsewhere = urn is not None and (
        urn[2] != known.project_id or bool(known.region and urn[1] != known.region)
    )
    if elsewhere:
        found.append("The target is in another region or project.")
    if target.type == "SMN" and known.topics is not None and not elsewhere and target.id not in known.topics:
        found.append("The topic was not found in SMN.")
    if (failed := _failed_in_a_row(target, known.records)) >= FAILED_IN_A_ROW:
        found.append(f"The last {failed} notices to this target failed.")
    return found


def _failed_in_a_row(target: Target, records: Sequence[Record] | None) -> int:
    sent = [record for record in records or () if record.target_id == target.id]
    sent.sort(key=lambda record: record.created or _NEVER, reverse=True)
    number = 0
    for record in sent:
        if record.status not in FAILURES:
            break
        number += 1
    return number
