"""The few Block Kit blocks that this bot uses, built so that Slack's limits hold (Slack: Block Kit reference)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.views.text import cut

Block = dict[str, Any]

SECTION, HEADER, BUTTON, CONTEXT_ITEMS, FIELDS, MESSAGE_BLOCKS = 3000, 150, 75, 10, 10, 50
BUDGET = 10_000
"""Characters in one message: chat.postMessage refuses near 12,000 over all blocks, undocumented."""


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack shows: `text` for notifications and screen readers, `blocks` for everybody else."""

    text: str
    blocks: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        if len(self.blocks) > MESSAGE_BLOCKS:
            object.__setattr__(self, "blocks", self.blocks[:MESSAGE_BLOCKS])

    @property
    def body(self) -> list[Block]:
        """What is sent as blocks: a text alone as one, because in that Slack makes no links out of addresses."""
        return list(self.blocks) or [section(self.text)]


def size(blocks: Iterable[Block]) -> int:
    """Characters of text in `blocks`, wherever in them: what BUDGET counts."""
    return sum(map(_text_in, blocks))


def _text_in(part: Any) -> int:
    if isinstance(part, list):
        return sum(map(_text_in, part))
    if not isinstance(part, dict):
        return 0
    own = part.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(
        _text_in(value) for value in part.values() if not isinstance(value, str)
    )


def rows_that_fit(rows: Sequence[Sequence[Block]], *, spent: int) -> int:
    """How many of the rows fit into one message beside `spent` characters, from the first on.

    A few blocks and some room are left for what a view adds above and below its rows.
    """
    room, places = BUDGET - spent - 300, MESSAGE_BLOCKS - 4
    for number, row in enumerate(rows):
        room -= size(row)
        places -= len(row)
        if room < 0 or places < 0:
            return number
    return len(rows)


def mrkdwn(text: str, limit: int = SECTION) -> Block:
    """A text object. `text` is escaped already, where it has to be.

    `verbatim`: Slack makes no links of its own out of addresses, `#names` and `@names` (Slack: text object).
    """
    return {"type": "mrkdwn", "text": cut(text, limit), "verbatim": True}


def plain(text: str, limit: int) -> Block:
    """A text object that Slack shows as it is; never empty, which Slack refuses."""
    text = text if text.strip() else "…"
    return {
        "type": "plain_text",
        "text": text if len(text) <= limit else text[: limit - 1] + "…",
        "emoji": True,
    }


def section(text: str, *, accessory: Block | None = None, block_id: str = "") -> Block:
    """A paragraph."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if accessory:
        block["accessory"] = accessory
    if block_id:
        block["block_id"] = block_id
    return block


def fields(pairs: Sequence[tuple[str, str]]) -> Block:
    """Label over value, in two columns; at most ten."""
    return {
        "type": "section",
        "fields": [mrkdwn(f"*{label}*\n{value}", 2000) for label, value in pairs[:FIELDS]],
    }


def header(text: str) -> Block:
    """A large line of plain text."""
    return {"type": "header", "text": plain(text, HEADER)}


def context(*texts: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [mrkdwn(text) for text in texts[:CONTEXT_ITEMS]]}


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def quote(text: str) -> Block:
    """Somebody's words in a quote, as a rich text leaf: nothing in it can be live."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_quote", "elements": [{"type": "text", "text": text or " "}]}],
    }


def confirm(title: str, text: str, yes: str, *, danger: bool = False) -> Block:
    """Slack's own dialog before a button counts; all four texts are required."""
    dialog: Block = {
        "title": plain(title, 100),
        "text": mrkdwn(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain("Back", 30),
    }
    if danger:
        dialog["style"] = "danger"
    return dialog


def button(text: str, action_id: str, value: str, *, style: str = "", ask: Block | None = None) -> Block:
    """A button; `value` is a random key and nothing else. `style`: primary or danger."""
    block: Block = {"type": "button", "text": plain(text, BUTTON), "action_id": action_id, "value": value}
    if style:
        block["style"] = style
    if ask:
        block["confirm"] = ask
    return block


def event_search(action_id: str) -> Block:
    """A search among the events' names; the door answers it as somebody types."""
    return {
        "type": "external_select",
        "action_id": action_id,
        "min_query_length": 0,
        "placeholder": plain("Choose an event", 150),
    }


def actions(*buttons: Block, block_id: str = "") -> Block:
    """A row of buttons."""
    block: Block = {"type": "actions", "elements": list(buttons)}
    if block_id:
        block["block_id"] = block_id
    return block
