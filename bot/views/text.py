"""Text that other people wrote, made harmless, and times that people can read.

Names, reasons and record contents are hostile: they may try to mention a channel, to fake a link, or to hide what
they say behind invisible characters. Cleaning comes first, then the cut, and escaping last, so that a cut never
splits an escape (Slack: "Escaping text"). Limits count what is sent, escapes included, so that each view can add
up how long it gets whatever it is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

_INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
)


_MARKS = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_FLOOD = re.compile(f"({_MARKS}{{3}}){_MARKS}+")
"""Marks over marks, which grow over the lines above and below; no language needs more than three on a letter."""


def clean(text: str, limit: int = 300) -> str:
    """One line without control, bidi and invisible characters, at most `limit` characters long."""
    # Of a text of megabytes no more is looked at than could be shown.
    head = text[: 4 * limit + 2000]
    seen = head if head.isascii() else _FLOOD.sub(r"\1", _INVISIBLE.sub("", head))
    words = seen.split()
    if not seen.isprintable():
        # What is neither printable nor a space is of a category C: control, format, surrogate, private, unassigned.
        words = [shown for word in words if (shown := "".join(filter(str.isprintable, word)))]
    kept = " ".join(words)
    if len(kept) > limit or len(head) < len(text):
        return kept[: limit - 1] + "…"
    return kept


def escape(text: str) -> str:
    """The three characters that Slack reads as markup. Last of all, after every cut."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def esc(text: str, limit: int = 300) -> str:
    """Cleaned, cut and escaped, for mrkdwn: at most `limit` characters as they are sent."""
    shown = clean(text, limit)
    whole = escape(shown)
    if len(whole) <= limit:
        return whole
    kept = whole[: limit - 1]
    torn = kept.rfind("&")
    if torn >= 0 and ";" not in kept[torn:]:
        kept = kept[:torn]
    return f"{kept}…"


def code(text: str, limit: int = 120) -> str:
    """In code marks: no formatting, no emoji, no link is made of it. Backticks become apostrophes."""
    shown = esc(text.replace("`", "'"), limit)
    return f"`{shown}`" if shown else "_none_"


_PIECE = re.compile(r"<[^<>\n]*>|`[^`\n]*`|&(?:amp|lt|gt);|.", re.DOTALL)


def cut(markup: str, limit: int) -> str:
    """Markup that was escaped already, cut so that no escape, mention, date or code mark is split."""
    if len(markup) <= limit:
        return markup
    kept: list[str] = []
    room = limit - 1
    for piece in _PIECE.findall(markup):
        if len(piece) > room:
            break
        kept.append(piece)
        room -= len(piece)
    return "".join(kept) + "…"


def person(user_id: str) -> str:
    """A mention of a Slack user; `system` stays a word."""
    return f"<@{user_id}>" if re.fullmatch(r"[UW][A-Za-z0-9_]{1,30}", user_id) else esc(user_id, 40)


def group(group_id: str) -> str:
    """A mention of a user group."""
    return f"<!subteam^{group_id}>" if re.fullmatch(r"S[A-Za-z0-9_]{1,30}", group_id) else esc(group_id, 40)


def people(ids: Sequence[str], most: int = 20) -> str:
    """Mentions of users and user groups, with commas."""
    named = ", ".join(group(one) if one.startswith("S") else person(one) for one in ids[:most])
    return named if len(ids) <= most else f"{named} and {len(ids) - most} more"


def channel(channel_id: str) -> str:
    """A link to a channel."""
    if re.fullmatch(r"[CGD][A-Za-z0-9_]{1,30}", channel_id):
        return f"<#{channel_id}>"
    return esc(channel_id, 40) or "_no channel_"


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
