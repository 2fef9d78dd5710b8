"""What Slack holds of the time that a restored database does not know. Asked before anything is sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.model import Change, ChangeState
from bot.slack.client import SlackClient
from bot.slack.history import is_ours, messages
from bot.store.restore import Since
from bot.views.named import Named, named_by

STATES = frozenset(state.value for state in ChangeState)
CARD = re.compile(r"^CR-(\d{1,9}) ([a-z]+): ")


async def named_since(
    slack: SlackClient, identity: Mapping[str, Any], channels: Iterable[str], oldest: datetime
) -> Counter[Named]:
    """The records that the bot's own messages in the alert channels name, threads included. SlackError."""
    found: Counter[Named] = Counter()
    for channel in channels:
        async for message in messages(slack, "conversations.history", channel=channel, oldest=_ts(oldest)):
            ours = is_ours(message, identity)
            if ours:
                found.update(named_by(_text(message)))
            # Below an alert that somebody deleted the replies stand on, under a tombstone of Slack's own.
            if message.get("reply_count") and (ours or message.get("subtype") == "tombstone"):
                replies = messages(slack, "conversations.replies", channel=channel, ts=message["ts"])
                async for reply in replies:
                    if reply.get("ts") != message["ts"] and is_ours(reply, identity):
                        found.update(named_by(_text(reply)))
    return found


async def changes_since(
    slack: SlackClient,
    identity: Mapping[str, Any],
    channels: Iterable[str],
    *,
    still_open: Iterable[Change],
    newest: int,
    oldest: datetime,
) -> Since:
    """What the cards in the approval channels say. `newest`: the highest number that is known. SlackError."""
    known = {change.number for change in still_open}
    ended: dict[int, ChangeState] = {}
    unknown: set[int] = set()
    for channel in channels:
        async for message in messages(slack, "conversations.history", channel=channel, oldest=_ts(oldest)):
            card = CARD.match(_text(message)) if is_ours(message, identity) else None
            if card is None or card[2] not in STATES:
                continue
            number, state = int(card[1]), ChangeState(card[2])
            if number > newest:
                unknown.add(number)
            elif number in known and not state.open:
                ended[number] = state
    return Since(ended, sorted(unknown))


def _text(message: dict[str, Any]) -> str:
    return str(message.get("text") or "")


def _ts(time: datetime) -> str:
    return f"{time.timestamp():.6f}"
