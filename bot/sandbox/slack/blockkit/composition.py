"""The composition objects of Block Kit: texts, options, confirm dialogs. Figures: Slack's reference of each object."""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox.slack.blockkit.checks import (
    Check,
    Place,
    array,
    boolean,
    kind,
    matching,
    needs_one_of,
    one_of,
    record,
    string,
    typed,
)

MAX_TEXT = 3000
MAX_ID = 255
MAX_OPTIONS = 100

identifier = string(1, MAX_ID)

url = matching(re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S{1,2990}").fullmatch, "a valid URL")

style = one_of("primary", "danger")


def plain_text(high: int = MAX_TEXT) -> Check:
    """A plain_text object of at most `high` characters."""
    return typed({"plain_text": kind("plain_text", {"text": string(1, high)}, {"emoji": boolean})})


def mrkdwn(high: int = MAX_TEXT) -> Check:
    """A mrkdwn object of at most `high` characters."""
    return typed({"mrkdwn": kind("mrkdwn", {"text": string(1, high)}, {"verbatim": boolean})})


def any_text(high: int = MAX_TEXT) -> Check:
    """A plain_text or mrkdwn object of at most `high` characters."""
    return typed({
        "plain_text": kind("plain_text", {"text": string(1, high)}, {"emoji": boolean}),
        "mrkdwn": kind("mrkdwn", {"text": string(1, high)}, {"verbatim": boolean}),
    })  # fmt: skip


confirm = record(
    {
        "title": plain_text(100),
        "text": any_text(300),
        "confirm": plain_text(30),
        "deny": plain_text(30),
    },
    {"style": style},
)
"""All four texts are required by Slack's reference, whatever some libraries leave out."""


def option(text: Check, **extra: Check) -> Check:
    """An option of a menu, of radio buttons or of checkboxes. Its description may be what its text may be."""
    return record({"text": text, "value": string(1, 150)}, {"description": text, **extra})


plain_option = option(plain_text(75))
menu_option = option(plain_text(75), url=url)
any_option = option(any_text(75))

_option_group = record({"label": plain_text(75), "options": array(plain_option, 1, MAX_OPTIONS)})

option_lists: dict[str, Check] = {
    "options": array(plain_option, 1, MAX_OPTIONS),
    "option_groups": array(_option_group, 1, MAX_OPTIONS),
}

suggested = record(
    {},
    {"options": array(plain_option, 0, MAX_OPTIONS), "option_groups": array(_option_group, 0, MAX_OPTIONS)},
    needs_one_of("options", "option_groups"),
)
"""The answer to a block_suggestion; no options at all is a fair answer."""


def initial_among_options(value: Any, place: Place) -> None:
    """A rule: what is chosen at first is among what can be chosen (Slack: "must exactly match")."""
    offered = list(value.get("options") or [])
    for group in value.get("option_groups") or []:
        offered += group["options"]
    chosen = [value["initial_option"]] if "initial_option" in value else value.get("initial_options", [])
    for item in chosen:
        if not any(_same(item, other) for other in offered):
            key = "initial_option" if "initial_option" in value else "initial_options"
            place.inside(key).wrong("must be one of the provided options")


def _same(one: Any, other: Any) -> bool:
    # `emoji` and `verbatim` have defaults, so that their presence makes no difference.
    return bool(one["value"] == other["value"] and one["text"]["text"] == other["text"]["text"])
