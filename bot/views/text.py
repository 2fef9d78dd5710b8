"""Text that other people wrote, made harmless, and times that people can read.

Names, reasons and record contents are hostile: they may try to mention a channel, to fake a link, or to hide what
they say behind invisible characters. Cleaning comes first, then the cut, and escaping last, so that a cut never
splits an escape (Slack: "Escaping text").
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

_INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
)


def clean(text: str, limit: int = 300) -> str:
    """One line without control, bidi and invisible characters, at most `limit` characters long."""
    flat = " ".join(_INVISIBLE.sub("", text).split())
    kept = "".join(char for char in flat if unicodedata.category(char)[0] != "C")
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def escape(text: str) -> str:
    """The three characters that Slack reads as markup. Last of all, after every cut."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def esc(text: str, limit: int = 300) -> str:
    """Cleaned, cut and escaped, for mrkdwn."""
    return escape(clean(text, limit))


def code(text: str, limit: int = 120) -> str:
    """In code marks: no formatting, no emoji, no link is made of it. Backticks become apostrophes."""
    shown = escape(clean(text, limit).replace("`", "'"))
    return f"`{shown}`" if shown.strip() else "_none_"


def person(user_id: str) -> str:
    """A mention of a Slack user; `system` stays a word."""
    return f"<@{user_id}>" if re.fullmatch(r"[UW][A-Za-z0-9_]+", user_id) else esc(user_id)


def people(ids: tuple[str, ...]) -> str:
    """Mentions of users and user groups, with commas."""
    return ", ".join(f"<!subteam^{one}>" if one.startswith("S") else person(one) for one in ids)


def utc(at: datetime | None) -> str:
    """`2026-11-23 04:05:06 UTC`, with milliseconds where there are any; `unknown` for None."""
    if at is None:
        return "unknown"
    at = at.astimezone(UTC)
    millis = f".{at.microsecond // 1000:03d}" if at.microsecond // 1000 else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{millis} UTC"


def local(at: datetime | None) -> str:
    """The time in the reader's own zone where Slack can draw it, in UTC elsewhere."""
    if at is None:
        return "unknown"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{utc(at)}>"


def count(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


TYPE_WORDS = {
    "SECRET_VERSION_CREATED": "a version was created",
    "SECRET_VERSION_EXPIRED": "a version expired",
    "SECRET_ROTATED": "the secret was rotated",
    "SECRET_ROTATED_FAILED": "a rotation failed",
    "SECRET_DELETED": "the secret was deleted",
}
"""The documented event types in words (CSMS: notification records page)."""
