"""Block Kit payloads, good and bad, each with what a good reason there is for its verdict.

`GOOD` and `BAD` hold messages' blocks by a name; `VIEWS` whole views. Used twice: against this project's checks, and
against a schema made from Slack's own type definitions where that is at hand.
"""

from __future__ import annotations

from typing import Any

from tests.sandbox.slack.support import actions, button, mrkdwn, option, plain, section, text_input

Blocks = list[dict[str, Any]]

CONFIRM = {
    "title": plain("Sure?"), "text": mrkdwn("*Approve* it"), "confirm": plain("Yes"), "deny": plain("No"),
    "style": "danger",
}  # fmt: skip


def select(**more: Any) -> dict[str, Any]:
    return {
        "type": "static_select",
        "action_id": "pick",
        "options": [option("one"), option("two")],
        **more,
    }


def rich_text(*parts: dict[str, Any]) -> Blocks:
    return [{"type": "rich_text", "elements": list(parts)}]


def leaves(*elements: dict[str, Any], kind: str = "rich_text_section", **more: Any) -> dict[str, Any]:
    return {"type": kind, "elements": list(elements), **more}


def field(element: dict[str, Any], **more: Any) -> Blocks:
    return [{"type": "input", "label": plain("Label"), "element": element, **more}]


def options(count: int) -> list[dict[str, Any]]:
    return [option(f"option {number}") for number in range(count)]


TEXT = {"type": "text", "text": "hello", "style": {"bold": True}}
DATE = {"type": "date", "timestamp": 1700000000, "format": "{date_short_pretty}", "fallback": "then"}

GOOD: dict[str, Blocks] = {
    "nothing": [],
    "a section": [section()],
    "a section at its limit": [section("x" * 3000)],
    "a section of fields": [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}],
    "a section with an image": [
        section(accessory={"type": "image", "image_url": "https://example.com/x.png", "alt_text": "x"})
    ],
    "a section with a menu": [section(accessory=select(initial_option=option("two")))],
    "a header at its limit": [{"type": "header", "text": plain("x" * 150)}],
    "a divider": [{"type": "divider", "block_id": "line"}],
    "an image": [{"type": "image", "image_url": "https://example.com/x.png", "alt_text": "x"}],
    "ten context elements": [{"type": "context", "elements": [mrkdwn("x")] * 10}],
    "twenty-five buttons": [actions(*[button(action_id=f"go-{n}") for n in range(25)])],
    "a button with everything": [
        actions(
            button("x" * 75, value="x" * 2000, url="https://example.com", style="primary", confirm=CONFIRM)
        )
    ],
    "an overflow menu": [
        actions({"type": "overflow", "action_id": "more", "options": options(5)}),
    ],
    "a hundred options": [actions(select(options=options(100)))],
    "groups of options": [
        actions(
            {
                "type": "static_select",
                "action_id": "pick",
                "option_groups": [{"label": plain("Group"), "options": options(2)}],
            }
        )
    ],
    "a select that asks the app": [
        actions({"type": "external_select", "action_id": "find", "min_query_length": 0})
    ],
    "pickers": [
        actions(
            {"type": "datepicker", "action_id": "day", "initial_date": "2026-02-28"},
            {"type": "timepicker", "action_id": "hour", "initial_time": "23:59"},
            {"type": "users_select", "action_id": "who"},
        )
    ],
    "radio buttons": field(
        {"type": "radio_buttons", "action_id": "r", "options": options(10), "initial_option": options(1)[0]}
    ),
    "checkboxes": field(
        {"type": "checkboxes", "action_id": "c", "options": [{"text": mrkdwn("*x*"), "value": "x"}]}
    ),
    "an input": [text_input(multiline=True, max_length=3000, placeholder=plain("x" * 150))],
    "an optional input with a hint": field(
        select(), hint=plain("x" * 2000), optional=True, dispatch_action=True
    ),
    "fifty blocks": [{"type": "divider"}] * 50,
    "rich text of every leaf": rich_text(
        leaves(
            TEXT, DATE, {"type": "link", "url": "https://example.com", "text": "x"},
            {"type": "user", "user_id": "U1"}, {"type": "channel", "channel_id": "C1"},
            {"type": "usergroup", "usergroup_id": "S1"}, {"type": "emoji", "name": "bell"},
            {"type": "broadcast", "range": "here"},
        ),
        leaves(TEXT, kind="rich_text_quote", border=1),
        leaves(TEXT, kind="rich_text_preformatted"),
        leaves(leaves(TEXT), kind="rich_text_list", style="bullet", indent=1),
    ),
    "markdown": [{"type": "markdown", "text": "x" * 12_000}],
    "a table": [
        {
            "type": "table",
            "rows": [[{"type": "raw_text", "text": "x"}, rich_text(leaves(TEXT))[0]]] * 100,
            "column_settings": [{"align": "right", "is_wrapped": True}],
        }
    ],
}  # fmt: skip

BAD: dict[str, Blocks] = {
    "an unknown type": [{"type": "sektion", "text": mrkdwn("x")}],
    "no type": [{"text": mrkdwn("x")}],
    "an unknown key": [section(colour="red")],
    "a section over its limit": [section("x" * 3001)],
    "an empty text": [section("")],
    "eleven fields": [{"type": "section", "fields": [mrkdwn("x")] * 11}],
    "a field over its limit": [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
    "a header in mrkdwn": [{"type": "header", "text": mrkdwn("x")}],
    "a header over its limit": [{"type": "header", "text": plain("x" * 151)}],
    "a text that is no object": [{"type": "section", "text": "x"}],
    "emoji in mrkdwn": [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
    "eleven context elements": [{"type": "context", "elements": [mrkdwn("x")] * 11}],
    "a button in a context": [{"type": "context", "elements": [button()]}],
    "twenty-six buttons": [actions(*[button(action_id=f"go-{n}") for n in range(26)])],
    "a button over its limit": [actions(button("x" * 76))],
    "a button in mrkdwn": [actions({"type": "button", "action_id": "go", "text": mrkdwn("x")})],
    "a button value over its limit": [actions(button(value="x" * 2001))],
    "a button in another style": [actions(button(style="warning"))],
    "an action_id over its limit": [actions(button(action_id="x" * 256))],
    "a block_id over its limit": [section(block_id="x" * 256)],
    "a confirm button over its limit": [actions(button(confirm=CONFIRM | {"confirm": plain("x" * 31)}))],
    "a confirm title over its limit": [actions(button(confirm=CONFIRM | {"title": plain("x" * 101)}))],
    "a confirm text over its limit": [actions(button(confirm=CONFIRM | {"text": plain("x" * 301)}))],
    "a confirm without a text": [
        actions(button(confirm={key: text for key, text in CONFIRM.items() if key != "text"}))
    ],
    "an option text over its limit": [actions(select(options=[{"text": plain("x" * 76), "value": "x"}]))],
    "an option value over its limit": [actions(select(options=[{"text": plain("x"), "value": "x" * 151}]))],
    "an option in mrkdwn": [actions(select(options=[{"text": mrkdwn("x"), "value": "x"}]))],
    "a hundred and one options": [actions(select(options=options(101)))],
    "six overflow options": [actions({"type": "overflow", "action_id": "m", "options": options(6)})],
    "eleven radio buttons": field({"type": "radio_buttons", "action_id": "r", "options": options(11)}),
    "a placeholder over its limit": [text_input(placeholder=plain("x" * 151))],
    "an input without a label": [{"type": "input", "element": select()}],
    "a button as an input": field(button()),
    "a text input among actions": [actions({"type": "plain_text_input", "action_id": "typed"})],
    "an unknown rich text leaf": rich_text(leaves({"type": "shout", "text": "x"})),
    "an unknown rich text style": rich_text(leaves({"type": "text", "text": "x", "style": {"huge": True}})),
    "a list without a style": rich_text(leaves(leaves(TEXT), kind="rich_text_list")),
    "a text right under rich text": rich_text(TEXT),
    "an image without alt_text": [{"type": "image", "image_url": "https://example.com/x.png"}],
    "markdown over its limit": [{"type": "markdown", "text": "x" * 12_001}],
    "a table of a hundred and one rows": [
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}
    ],
    "an empty table cell": [{"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]}],
}

BAD_BEYOND_THE_SCHEMA: dict[str, Blocks] = {
    "a section of nothing": [{"type": "section"}],
    "a confirm without deny": [
        actions(button(confirm={key: text for key, text in CONFIRM.items() if key != "deny"}))
    ],
    "the same block_id twice": [section(block_id="x"), section(block_id="x")],
    "the same action_id twice in a block": [actions(button(), button())],
    "two tables": [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2,
    "no buttons": [actions()],
    "no context elements": [{"type": "context", "elements": []}],
    "no options": [actions(select(options=[]))],
    "neither options nor groups": [actions({"type": "static_select", "action_id": "pick"})],
    "an initial option that is not offered": [actions(select(initial_option=option("three")))],
    "fifty-one blocks": [{"type": "divider"}] * 51,
    "markdown over its limit in two": [{"type": "markdown", "text": "x" * 6001}] * 2,
    "a day that is none": [actions({"type": "datepicker", "action_id": "day", "initial_date": "2026-13-01"})],
    "an alert, which is for modals": [{"type": "alert", "text": plain("x")}],
    "an address that is none": [actions(button(url="example"))],
}
"""What a schema of shapes and lengths cannot say."""
