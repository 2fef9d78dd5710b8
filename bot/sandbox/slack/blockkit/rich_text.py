"""rich_text: its sections, lists, quotes and preformatted parts, and the leaves in them."""

from __future__ import annotations

from bot.sandbox.slack.blockkit.checks import (
    Check,
    array,
    boolean,
    kind,
    number,
    one_of,
    record,
    string,
    typed,
)
from bot.sandbox.slack.blockkit.composition import identifier, url

_text_style = record(
    {},
    dict.fromkeys(
        ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"), boolean
    ),
)  # fmt: skip
_styled: dict[str, Check] = {"style": _text_style}

_text = kind("text", {"text": string(1)}, _styled)
_link = kind("link", {"url": url}, {"text": string(), "unsafe": boolean, **_styled})

_leaves: dict[str, Check] = {
    "text": _text,
    "link": _link,
    "user": kind("user", {"user_id": identifier}, _styled),
    "channel": kind("channel", {"channel_id": identifier}, _styled),
    "usergroup": kind("usergroup", {"usergroup_id": identifier}, _styled),
    "team": kind("team", {"team_id": identifier}, _styled),
    "emoji": kind("emoji", {"name": string(1)}, {"unicode": string(), "url": url, **_styled}),
    "date": kind(
        "date", {"timestamp": number(), "format": string(1)}, {"url": url, "fallback": string(), **_styled}
    ),
    "broadcast": kind("broadcast", {"range": one_of("here", "channel", "everyone")}, _styled),
    "color": kind("color", {"value": string(1)}, _styled),
}

_section = kind("rich_text_section", {"elements": array(typed(_leaves))}, {})
_border: dict[str, Check] = {"border": one_of(0, 1)}

_parts: dict[str, Check] = {
    "rich_text_section": _section,
    "rich_text_list": kind(
        "rich_text_list",
        {"style": one_of("bullet", "ordered"), "elements": array(typed({"rich_text_section": _section}))},
        {"indent": number(0, 8), "offset": number(0), **_border},
    ),
    "rich_text_quote": kind("rich_text_quote", {"elements": array(typed(_leaves))}, _border),
    "rich_text_preformatted": kind(
        "rich_text_preformatted",
        {"elements": array(typed({"text": _text, "link": _link}))},
        {"language": string(), **_border},
    ),
}

rich_text = kind("rich_text", {"elements": array(typed(_parts), 1)}, {"block_id": identifier})
"""The rich_text block, which is also a table cell and what a rich_text_input begins with."""
