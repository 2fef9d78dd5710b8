"""What Slack adds to blocks when it stores them, and how much text is in them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from typing import Any

from bot.sandbox.slack.model import JsonDict

INTERACTIVE = frozenset({
    "button", "checkboxes", "channels_select", "conversations_select", "datepicker", "datetimepicker",
    "email_text_input", "external_select", "file_input", "icon_button", "feedback_buttons",
    "multi_channels_select", "multi_conversations_select", "multi_external_select", "multi_static_select",
    "multi_users_select", "number_input", "overflow", "plain_text_input", "radio_buttons", "rich_text_input",
    "static_select", "timepicker", "url_text_input", "users_select", "workflow_button",
})  # fmt: skip
"""Elements with an action_id."""

_ALPHABET = string.ascii_letters + string.digits


def _random_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(5))


def complete_blocks(blocks: Iterable[JsonDict]) -> list[JsonDict]:
    """Copies of the blocks with Slack's defaults: block_id, action_id, `emoji` of plain and `verbatim` of mrkdwn text."""
    completed = []
    for block in blocks:
        copy = _completed(block)
        if "type" in block and "block_id" not in block and block["type"] not in ("modal", "home"):
            copy["block_id"] = _random_id()
        completed.append(copy)
    return completed


def _completed(part: Any) -> Any:
    if isinstance(part, list):
        return [_completed(item) for item in part]
    if not isinstance(part, dict):
        return part
    copy = {key: _completed(value) for key, value in part.items()}
    kind = copy.get("type")
    if kind == "plain_text":
        copy.setdefault("emoji", True)
    elif kind == "mrkdwn":
        copy.setdefault("verbatim", False)
    elif kind in INTERACTIVE:
        copy.setdefault("action_id", _random_id())
    return copy


def text_length(blocks: Any) -> int:
    """How many characters of text the blocks hold together, wherever in them."""
    if isinstance(blocks, list):
        return sum(text_length(item) for item in blocks)
    if not isinstance(blocks, dict):
        return 0
    own = blocks.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(
        text_length(value) for key, value in blocks.items() if isinstance(value, (dict, list))
    )
