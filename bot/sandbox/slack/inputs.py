"""What people have entered: `state.values` of a view or a message, in Slack's shapes, and what Slack's forms refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.model import JsonDict

VALUE_KEYS: dict[str, str] = {
    "plain_text_input": "value", "email_text_input": "value", "url_text_input": "value", "number_input": "value",
    "rich_text_input": "rich_text_value", "file_input": "files", "checkboxes": "selected_options",
    "radio_buttons": "selected_option", "datepicker": "selected_date", "timepicker": "selected_time",
    "datetimepicker": "selected_date_time", "static_select": "selected_option",
    "external_select": "selected_option", "users_select": "selected_user",
    "conversations_select": "selected_conversation", "channels_select": "selected_channel",
    "multi_static_select": "selected_options", "multi_external_select": "selected_options",
    "multi_users_select": "selected_users", "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
}  # fmt: skip
"""The key that holds what was entered, by the type of element. Elements that are not here hold nothing."""

_INITIAL_KEYS = {
    "plain_text_input": "initial_value", "email_text_input": "initial_value", "url_text_input": "initial_value",
    "number_input": "initial_value", "rich_text_input": "initial_value", "checkboxes": "initial_options",
    "radio_buttons": "initial_option", "datepicker": "initial_date", "timepicker": "initial_time",
    "datetimepicker": "initial_date_time", "static_select": "initial_option", "external_select": "initial_option",
    "users_select": "initial_user", "conversations_select": "initial_conversation",
    "channels_select": "initial_channel", "multi_static_select": "initial_options",
    "multi_external_select": "initial_options", "multi_users_select": "initial_users",
    "multi_conversations_select": "initial_conversations", "multi_channels_select": "initial_channels",
}  # fmt: skip

REQUIRED = "Please complete this required field."


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a block, with the block it is in."""

    block: JsonDict
    body: JsonDict

    @property
    def type(self) -> str:
        """Its Block Kit type."""
        return str(self.body["type"])

    @property
    def action_id(self) -> str:
        """Its action_id, unique in the block."""
        return str(self.body["action_id"])

    @property
    def block_id(self) -> str:
        """The block's id, unique in the message or view."""
        return str(self.block["block_id"])

    @property
    def label(self) -> str:
        """What it says, for a button; else empty."""
        text = self.body.get("text")
        return str(text.get("text", "")) if isinstance(text, dict) else ""


def elements(blocks: Iterable[JsonDict]) -> Iterator[Element]:
    """Every element with an action_id, in the order shown."""
    for block in blocks:
        inner = [block.get("accessory"), block.get("element"), *(block.get("elements") or [])]
        for body in inner:
            if isinstance(body, dict) and "action_id" in body:
                yield Element(block, body)


def find_element(blocks: Iterable[JsonDict], *, action_id: str, block_id: str | None = None) -> Element:
    """The element with these ids. `SlackError` invalid_action when there is none."""
    for element in elements(blocks):
        if element.action_id == action_id and block_id in (None, element.block_id):
            return element
    raise SlackError("invalid_action")


def initial_values(blocks: Iterable[JsonDict]) -> JsonDict:
    """`state.values` of blocks that nobody has touched: the initial ones, and null or [] where there is none."""
    values: JsonDict = {}
    for element in elements(blocks):
        key = VALUE_KEYS.get(element.type)
        if key is None:
            continue
        empty: list[JsonDict] | None = [] if key.endswith("s") and key != "files" else None
        initial = element.body.get(_INITIAL_KEYS.get(element.type, ""), empty)
        values.setdefault(element.block_id, {})[element.action_id] = {"type": element.type, key: initial}
    return values


def merged_values(blocks: Sequence[JsonDict], before: JsonDict, given: JsonDict) -> JsonDict:
    """`before` with what was `given` laid over it, in Slack's shapes.

    Raises `SlackError` invalid_action for something given that no element of the blocks takes.
    """
    values = {block_id: dict(actions) for block_id, actions in before.items()}
    for block_id, actions in given.items():
        for action_id, entered in actions.items():
            element = find_element(blocks, action_id=action_id, block_id=block_id)
            values.setdefault(block_id, {})[action_id] = entered_value(element, entered)
    return values


def entered_value(element: Element, entered: Any) -> JsonDict:
    """What was entered into one element, in Slack's shape. `entered` is that shape, or just the value in it.

    Options are taken from the element itself where it has them, so a page cannot send one that was not offered.
    """
    key = VALUE_KEYS.get(element.type)
    if key is None:
        raise SlackError("invalid_action")
    value = entered.get(key) if isinstance(entered, dict) and "type" in entered else entered
    if key == "selected_option" and value is not None:
        value = _offered(element, value)
    elif key == "selected_options":
        value = [_offered(element, option) for option in value or []]
    elif value == "":
        value = None
    return {"type": element.type, key: value}


def offered_options(body: JsonDict) -> list[JsonDict] | None:
    """The options an element brings along; None when they come from the app as the person types."""
    if "option_groups" in body:
        return [option for group in body["option_groups"] for option in group["options"]]
    options = body.get("options")
    return list(options) if options is not None else None


def _offered(element: Element, wanted: Any) -> JsonDict:
    value = wanted.get("value") if isinstance(wanted, dict) else wanted
    options = offered_options(element.body)
    if options is None:
        if isinstance(wanted, dict) and isinstance(value, str) and "text" in wanted:
            return wanted
        return {"text": {"type": "plain_text", "text": str(value), "emoji": True}, "value": value}
    for option in options:
        if option.get("value") == value:
            return option
    raise SlackError("invalid_action")


def form_errors(blocks: Iterable[JsonDict], values: JsonDict) -> dict[str, str]:
    """What Slack's own client would show at the fields before it sends a form off, by block_id."""
    errors: dict[str, str] = {}
    for element in elements(blocks):
        key = VALUE_KEYS.get(element.type)
        if element.block["type"] != "input" or key is None:
            continue
        value = values.get(element.block_id, {}).get(element.action_id, {}).get(key)
        if value in (None, "", []):
            if not element.block.get("optional", False):
                errors[element.block_id] = REQUIRED
        elif isinstance(value, str) and (problem := _length_error(element.body, value)):
            errors[element.block_id] = problem
    return errors


def _length_error(body: JsonDict, value: str) -> str | None:
    low, high = body.get("min_length", 0), body.get("max_length")
    if len(value) < low:
        return f"Must be at least {low} characters."
    if high is not None and len(value) > high:
        return f"Must be less than {high + 1} characters."
    return None
