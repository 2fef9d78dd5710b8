"""How long a snooze lasts, on the clock of whoever pressed the button."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.rules.snooze import Nap, ends


@pytest.mark.parametrize(
    ("nap", "now", "zone", "end"),
    [
        (Nap.HOUR, "2026-11-23T04:05", "", "2026-11-23T05:05"),
        (Nap.SHIFT, "2026-11-23T20:00", "Europe/Berlin", "2026-11-24T04:00"),
        (Nap.WEEK, "2026-11-23T04:05", "", "2026-11-30T04:05"),
        (Nap.OVER, "2026-11-23T04:05", "", "2026-11-23T04:05"),
        (Nap.TOMORROW, "2026-11-23T04:05", "", "2026-11-24T09:00"),
        (Nap.TOMORROW, "2026-11-23T04:05", "no such zone", "2026-11-24T09:00"),
        (Nap.TOMORROW, "2026-11-23T04:05", "../etc/passwd", "2026-11-24T09:00"),
        (Nap.TOMORROW, "2026-11-23T04:05", "Europe/Berlin", "2026-11-24T08:00"),
        # In Auckland it is the 24th already, so that tomorrow is the 25th.
        (Nap.TOMORROW, "2026-11-23T12:00", "Pacific/Auckland", "2026-11-24T20:00"),
        # The clocks go forward in between.
        (Nap.TOMORROW, "2026-03-28T12:00", "Europe/Berlin", "2026-03-29T07:00"),
    ],
)
def test_a_snooze_ends(nap, now, zone, end):
    found = ends(nap, datetime.fromisoformat(f"{now}:00+00:00"), zone)

    assert found == datetime.fromisoformat(f"{end}:00+00:00")
