"""What Slack would act on in a message: a small reading of mrkdwn, and of the texts in blocks.

Slack: "Formatting text for app surfaces". `<` opens a mention, a link or a date up to the next `>`, also between code
marks; `&`, `<` and `>` that are meant as such are written as `&amp;`, `&lt;` and `&gt;`. Nothing else does anything but look.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

T0 = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
TIMES = tuple(T0 + timedelta(minutes=minute) for minute in range(60))
"""The times of our own that the views are given."""
REQUESTER, APPROVER, GROUP, ALERTS, APPROVALS = (
    "U0REQUESTER",
    "U0APPROVER",
    "S0GROUP",
    "C0ALERTS",
    "C0APPROVALS",
)

_SECONDS = {int(time.timestamp()) for time in TIMES}
_MENTIONS = {f"@{REQUESTER}", f"@{APPROVER}", f"!subteam^{GROUP}", f"#{ALERTS}", f"#{APPROVALS}"}
_DATE = re.compile(
    r"!date\^([0-9]+)\^\{date_short_pretty\} \{time_secs\}\|[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2} UTC"
)
_LIVE = re.compile(r"<([^>]*)(>?)")
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")


def live(markup: str) -> list[str]:
    """Everything in mrkdwn that Slack acts on and we did not make, and every sign that should have been escaped."""
    found = [inside for inside, close in _LIVE.findall(markup) if not (close and _ours(inside))]
    rest = _LIVE.sub("", markup)
    return found + re.findall(">", rest) + ["&"] * len(_ENTITY.findall(rest))


def _ours(inside: str) -> bool:
    date = _DATE.fullmatch(inside)
    return inside in _MENTIONS or (date is not None and int(date[1]) in _SECONDS)


@dataclass(frozen=True)
class Reading:
    """What people read in blocks or a view, and what Slack reads there."""

    mrkdwn: list[dict[str, Any]] = field(default_factory=list)
    """Every mrkdwn object."""
    texts: list[str] = field(default_factory=list)
    """Every text, of whatever type, without what stands in fields that people fill in."""
    leaves: set[str] = field(default_factory=set)
    """The types of what stands inside rich texts."""


def read(part: Any) -> Reading:
    """Blocks or a view, with everything inside."""
    found = Reading()
    _read(part, found)
    return found


def _read(part: Any, found: Reading) -> None:
    if isinstance(part, list):
        for value in part:
            _read(value, found)
    elif isinstance(part, dict):
        kind = str(part.get("type", ""))
        if kind == "mrkdwn":
            found.mrkdwn.append(part)
        if kind in ("mrkdwn", "plain_text", "text"):
            found.texts.append(part["text"])
            return
        if kind.startswith("rich_text_"):
            found.leaves.update(item["type"] for item in part["elements"])
        for value in part.values():
            if not isinstance(value, str):
                _read(value, found)


def hidden(text: str) -> list[str]:
    """Characters that nobody sees, or that turn round how the others are read."""
    if text.replace("\n", "").isprintable():
        return []
    return [f"U+{ord(char):04X}" for char in text if char != "\n" and unicodedata.category(char)[0] == "C"]
