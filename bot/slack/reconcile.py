"""What Slack holds of the time that a restored database does not know. Asked before anything is sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.errors import SlackError
from bot.model import Change, ChangeState
from bot.slack.client import SlackClient
from bot.slack.history import is_ours, key_of, messages
from bot.store.restore import Since, Told
from bot.views.named import Named, named_by

STATES = frozenset(state.value for state in ChangeState)
CARD = re.compile(r"^CR-(\d{1,9}) ([a-z]+): ")


async def named_since(
    slack: SlackClient, identity: Mapping[str, Any], channels: Iterable[str], oldest: datetime, told: Told
) -> Counter[Named]:
    """The records that the bot's own messages in the alert channels name, threads included. SlackError.

    Messages that the copy knows count for nothing: it has counted their records.
    """
    found: Counter[Named] = Counter()
    threads: set[tuple[str, str]] = set()

    def take(message: Mapping[str, Any]) -> None:
        if is_ours(message, identity) and key_of(message) not in told.keys:
            found.update(named_by(_text(message)))

    async def read(channel: str, ts: str) -> None:
        threads.add((channel, ts))
        since = {"oldest": _ts(oldest), "include_all_metadata": True}
        async for reply in messages(slack, "conversations.replies", channel=channel, ts=ts, **since):
            if reply["ts"] != ts:
                take(reply)

    wanted = set(channels)
    for channel in wanted:
        since = {"oldest": _ts(oldest), "include_all_metadata": True}
        async for message in messages(slack, "conversations.history", channel=channel, **since):
            take(message)
            # Below an alert that somebody deleted the replies stand on, under a tombstone of Slack's own.
            tombstone = message.get("subtype") == "tombstone"
            if message.get("reply_count") and (tombstone or is_ours(message, identity)):
                await read(channel, message["ts"])
    # An incident may go on below an alert that is older than that.
    for channel, ts in told.threads:
        if channel in wanted and (channel, ts) not in threads:
            try:
                await read(channel, ts)
            except SlackError as error:
                # Where somebody deleted it there is nothing to read.
                if error.code not in ("thread_not_found", "message_not_found"):
                    raise
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


def _text(message: Mapping[str, Any]) -> str:
    return str(message.get("text") or "")


def _ts(time: datetime) -> str:
    return f"{time.timestamp():.6f}"
