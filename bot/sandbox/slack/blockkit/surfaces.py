"""Which blocks may be shown where, and the rules for all blocks of a message or view together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from bot.sandbox.slack.blockkit.blocks import BLOCKS, MAX_MARKDOWN
from bot.sandbox.slack.blockkit.checks import Check, Place, array, boolean, kind, string, typed
from bot.sandbox.slack.blockkit.composition import plain_text, suggested
from bot.sandbox.slack.model import JsonDict

MAX_PRIVATE_METADATA = 3000
MAX_TITLE = 24


class Surface(StrEnum):
    """Where blocks are shown."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


_NOT_ON = {
    Surface.MESSAGE: {"alert"},
    Surface.MODAL: {"markdown", "table"},
    Surface.HOME: {"alert", "markdown", "table"},
}
"""Slack: "surfaces" in the reference of each block; node-slack-sdk issue 2567 for alert."""

_MAX_BLOCKS = {Surface.MESSAGE: 50, Surface.MODAL: 100, Surface.HOME: 100}


def _blocks(surface: Surface) -> Check:
    allowed = {name: check for name, check in BLOCKS.items() if name not in _NOT_ON[surface]}
    return array(typed(allowed), 0, _MAX_BLOCKS[surface])


_text_ids: dict[str, Check] = {
    "private_metadata": string(0, MAX_PRIVATE_METADATA), "callback_id": string(0, 255), "external_id": string(0, 255),
}  # fmt: skip


def _submit_with_inputs(value: Any, place: Place) -> None:
    if any(block["type"] == "input" for block in value["blocks"]) and "submit" not in value:
        place.wrong("missing required field: submit")


_CHECKS: dict[Surface, Check] = {surface: _blocks(surface) for surface in Surface}
_VIEWS: dict[Surface, Check] = {
    Surface.MODAL: kind(
        "modal",
        {"title": plain_text(MAX_TITLE), "blocks": _CHECKS[Surface.MODAL]},
        {
            **_text_ids, "submit": plain_text(MAX_TITLE), "close": plain_text(MAX_TITLE),
            "clear_on_close": boolean, "notify_on_close": boolean, "submit_disabled": boolean,
        },
        _submit_with_inputs,
    ),
    Surface.HOME: kind("home", {"blocks": _CHECKS[Surface.HOME]}, _text_ids),
}  # fmt: skip


def check_blocks(blocks: Any, surface: Surface) -> list[str]:
    """What Slack would find wrong with a list of blocks, each with its JSON pointer; empty when all is right."""
    place = Place("/blocks")
    _CHECKS[surface](blocks, place)
    if not place.problems:
        _together(blocks, place)
    return place.problems


def check_view(view: Any, surface: Surface) -> list[str]:
    """What Slack would find wrong with a view; pointers begin with `/view`."""
    place = Place("/view")
    _VIEWS[surface](view, place)
    if not place.problems:
        _together(view["blocks"], place.inside("blocks"))
    return place.problems


def check_options(answer: Any) -> list[str]:
    """What Slack would find wrong with an app's answer to a block_suggestion."""
    place = Place()
    suggested(answer, place)
    return place.problems


def _together(blocks: list[JsonDict], place: Place) -> None:
    for block_id in _twice(block["block_id"] for block in blocks if "block_id" in block):
        place.wrong(f'"block_id" must be unique: {block_id}')
    for at, block in enumerate(blocks):
        inner = [*(block.get("elements") or []), block.get("element"), block.get("accessory")]
        ids = (item["action_id"] for item in inner if isinstance(item, dict) and "action_id" in item)
        for action_id in _twice(ids):
            place.inside(at).wrong(f'"action_id" must be unique in its block: {action_id}')
    if sum(block["type"] == "table" for block in blocks) > 1:
        place.wrong("only one table block allowed")
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MAX_MARKDOWN:
        place.wrong(f"markdown blocks must be less than {MAX_MARKDOWN + 1} characters in total")


def _twice(values: Iterator[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]
