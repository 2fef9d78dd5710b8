"""The values of settings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.config import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h", 3600),
        ("7d", 604_800),
        ("45", 45),
        (45, 45),
        (1.5, 1.5),
        (" 2 H ", 7200),
        ("0", 0),
    ],
)
def test_a_duration_has_a_unit_or_is_seconds(text, seconds):
    assert duration(text) == timedelta(seconds=seconds)
    assert duration(timedelta(seconds=seconds)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "s", "1w", "1 h 5", "-1s", "\u0661s", "nan", "1e9", "0x10", None, [], True, "3651d", "9" * 30],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is "):
        duration(text)
