"""The elements of Block Kit: buttons, selects, pickers, inputs. Figures: Slack's reference of each element."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.sandbox.slack.blockkit.checks import (
    Check,
    array,
    boolean,
    kind,
    matching,
    needs_one_of,
    number,
    one_of,
    record,
    string,
)
from bot.sandbox.slack.blockkit.composition import (
    any_option,
    confirm,
    identifier,
    initial_among_options,
    menu_option,
    option_lists,
    plain_option,
    plain_text,
    style,
    url,
)
from bot.sandbox.slack.blockkit.rich_text import rich_text

MAX_INPUT = 3000

_date = matching(re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])").fullmatch, "a YYYY-MM-DD date")
_time = matching(re.compile(r"([01]\d|2[0-3]):[0-5]\d").fullmatch, "an HH:mm time")

_acts: dict[str, Check] = {"action_id": identifier, "confirm": confirm}
_focus: dict[str, Check] = {"focus_on_load": boolean}
_placeholder: dict[str, Check] = {"placeholder": plain_text(150)}
_select: dict[str, Check] = {**_acts, **_focus, **_placeholder}
_multi: dict[str, Check] = {**_select, "max_selected_items": number(1)}
_triggers = array(one_of("on_enter_pressed", "on_character_entered"), 1)
_typed_in: dict[str, Check] = {
    "action_id": identifier,
    "dispatch_action_config": record({}, {"trigger_actions_on": _triggers}),
    **_focus,
    **_placeholder,
}
_conversation_filter = record(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), 1),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
_one_list = needs_one_of("options", "option_groups")
_any_options = array(any_option, 1, 10)

image = kind(
    "image",
    {"alt_text": string(1, 2000)},
    {"image_url": url, "slack_file": record({}, {"id": identifier, "url": url}, needs_one_of("id", "url"))},
    needs_one_of("image_url", "slack_file"),
)
"""The image element, of a context block or beside a section."""

ELEMENTS: dict[str, Check] = {
    "button": kind(
        "button",
        {"text": plain_text(75)},
        {
            **_acts, "value": string(0, 2000), "url": url, "style": style,
            "accessibility_label": string(1, 75),
        },
    ),
    "overflow": kind("overflow", {"options": array(menu_option, 1, 5)}, _acts),
    "static_select": kind(
        "static_select",
        {},
        {**_select, **option_lists, "initial_option": plain_option},
        _one_list,
        initial_among_options,
    ),
    "multi_static_select": kind(
        "multi_static_select",
        {},
        {**_multi, **option_lists, "initial_options": array(plain_option, 1, 100)},
        _one_list,
        initial_among_options,
    ),
    "external_select": kind(
        "external_select", {}, {**_select, "min_query_length": number(0), "initial_option": plain_option}
    ),
    "multi_external_select": kind(
        "multi_external_select",
        {},
        {**_multi, "min_query_length": number(0), "initial_options": array(plain_option, 1, 100)},
    ),
    "users_select": kind("users_select", {}, {**_select, "initial_user": identifier}),
    "multi_users_select": kind(
        "multi_users_select", {}, {**_multi, "initial_users": array(identifier, 1)}
    ),
    "conversations_select": kind(
        "conversations_select",
        {},
        {
            **_select, "initial_conversation": identifier, "default_to_current_conversation": boolean,
            "response_url_enabled": boolean, "filter": _conversation_filter,
        },
    ),
    "multi_conversations_select": kind(
        "multi_conversations_select",
        {},
        {
            **_multi, "initial_conversations": array(identifier, 1), "default_to_current_conversation": boolean,
            "filter": _conversation_filter,
        },
    ),
    "channels_select": kind(
        "channels_select", {}, {**_select, "initial_channel": identifier, "response_url_enabled": boolean}
    ),
    "multi_channels_select": kind(
        "multi_channels_select", {}, {**_multi, "initial_channels": array(identifier, 1)}
    ),
    "checkboxes": kind(
        "checkboxes",
        {"options": _any_options},
        {**_acts, **_focus, "initial_options": array(any_option, 1, 10)},
        initial_among_options,
    ),
    "radio_buttons": kind(
        "radio_buttons",
        {"options": _any_options},
        {**_acts, **_focus, "initial_option": any_option},
        initial_among_options,
    ),
    "datepicker": kind("datepicker", {}, {**_select, "initial_date": _date}),
    "timepicker": kind("timepicker", {}, {**_select, "initial_time": _time, "timezone": string(1)}),
    "datetimepicker": kind("datetimepicker", {}, {**_acts, **_focus, "initial_date_time": number(0)}),
    "plain_text_input": kind(
        "plain_text_input",
        {},
        {
            **_typed_in, "initial_value": string(0, MAX_INPUT), "multiline": boolean,
            "min_length": number(0, MAX_INPUT), "max_length": number(1, MAX_INPUT),
        },
    ),
    "email_text_input": kind("email_text_input", {}, {**_typed_in, "initial_value": string()}),
    "url_text_input": kind("url_text_input", {}, {**_typed_in, "initial_value": string()}),
    "number_input": kind(
        "number_input",
        {"is_decimal_allowed": boolean},
        {**_typed_in, "initial_value": string(), "min_value": string(1), "max_value": string(1)},
    ),
    "rich_text_input": kind("rich_text_input", {}, {**_typed_in, "initial_value": rich_text}),
    "file_input": kind(
        "file_input",
        {},
        {"action_id": identifier, "filetypes": array(string(1), 1), "max_files": number(1, 10)},
    ),
}  # fmt: skip
"""Every element with an action_id that this workspace knows, by its type."""


def without(names: Iterable[str]) -> dict[str, Check]:
    """All of `ELEMENTS` but these."""
    return {name: check for name, check in ELEMENTS.items() if name not in set(names)}
