"""How long an alert can be snoozed, and what that means on a reader's clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MORNING = time(9, 0)


class Nap(StrEnum):
    """What can be chosen."""

    HOUR = "1h"
    SHIFT = "8h"
    TOMORROW = "tomorrow"
    WEEK = "7d"
    OVER = "over"
    """Ends a snooze now."""


_LENGTHS = {Nap.HOUR: timedelta(hours=1), Nap.SHIFT: timedelta(hours=8), Nap.WEEK: timedelta(days=7)}


def ends(nap: Nap, now: datetime, zone: str) -> datetime:
    """When a snooze that begins now is over, UTC. `zone` is the reader's (IANA); an unknown one is taken for UTC."""
    if nap is Nap.OVER:
        return now
    if nap is not Nap.TOMORROW:
        return now + _LENGTHS[nap]
    here = now.astimezone(_zone(zone))
    return datetime.combine(here.date() + timedelta(days=1), MORNING, here.tzinfo).astimezone(UTC)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
