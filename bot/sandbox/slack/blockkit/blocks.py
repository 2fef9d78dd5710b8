"""The blocks of Block Kit. Figures: Slack's reference of each block."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.blockkit.checks import (
    Check,
    Place,
    array,
    boolean,
    kind,
    needs_one_of,
    number,
    one_of,
    record,
    string,
    typed,
)
from bot.sandbox.slack.blockkit.composition import any_text, identifier, plain_text, url
from bot.sandbox.slack.blockkit.elements import image, without
from bot.sandbox.slack.blockkit.rich_text import rich_text

MAX_MARKDOWN = 12_000
MAX_TABLE_ROWS = 100
MAX_TABLE_COLUMNS = 20

_TYPED_IN = ("plain_text_input", "email_text_input", "url_text_input", "number_input", "file_input")
_IN_ACTIONS = without(_TYPED_IN)
_IN_SECTION = without((*_TYPED_IN, "datetimepicker", "rich_text_input")) | {"image": image}
_IN_INPUT = without(("button", "overflow"))
_IN_CONTEXT = {
    "image": image,
    "plain_text": any_text(),
    "mrkdwn": any_text(),
}

_id: dict[str, Check] = {"block_id": identifier}


def _has_text(value: Any, place: Place) -> None:
    if "text" not in value and "fields" not in value:
        place.wrong("missing required field: text")


_table_cell = typed(
    {
        "raw_text": kind("raw_text", {"text": string(1)}, {}),
        "raw_number": kind("raw_number", {"value": number()}, {"text": string()}),
        "rich_text": rich_text,
    }
)
_column = record({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})

BLOCKS: dict[str, Check] = {
    "section": kind(
        "section",
        {},
        {
            **_id, "text": any_text(3000), "fields": array(any_text(2000), 1, 10),
            "accessory": typed(_IN_SECTION), "expand": boolean,
        },
        _has_text,
    ),
    "header": kind("header", {"text": plain_text(150)}, _id),
    "divider": kind("divider", {}, _id),
    "image": kind(
        "image",
        {"alt_text": string(1, 2000)},
        {
            **_id, "image_url": url, "title": plain_text(2000),
            "slack_file": record({}, {"id": identifier, "url": url}, needs_one_of("id", "url")),
        },
        needs_one_of("image_url", "slack_file"),
    ),
    "context": kind("context", {"elements": array(typed(_IN_CONTEXT), 1, 10)}, _id),
    "actions": kind("actions", {"elements": array(typed(_IN_ACTIONS), 1, 25)}, _id),
    "input": kind(
        "input",
        {"label": plain_text(2000), "element": typed(_IN_INPUT)},
        {**_id, "hint": plain_text(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": rich_text,
    "markdown": kind("markdown", {"text": string(1, MAX_MARKDOWN)}, _id),
    "table": kind(
        "table",
        {"rows": array(array(_table_cell, 1, MAX_TABLE_COLUMNS), 1, MAX_TABLE_ROWS)},
        {**_id, "column_settings": array(_column, 0, MAX_TABLE_COLUMNS)},
    ),
    "alert": kind(
        "alert",
        {"text": any_text()},
        {**_id, "level": one_of("default", "info", "warning", "error", "success")},
    ),
}  # fmt: skip
"""Every block that this workspace knows, by its type. Slack has more (card, carousel, container, data_table, plan,
task_card, video …); here they are refused as unsupported, like a misspelt type."""
