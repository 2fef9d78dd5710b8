"""What Slack holds of the audit log: the heads in the bot's own messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bot.slack.client import SlackClient
from bot.slack.history import is_ours, messages
from bot.verify import Head
from bot.views.witness import MARK

HEAD = re.compile(rf"{re.escape(MARK)}\.([0-9]{{1,18}})\.([0-9a-f]{{64}})")


async def heads_in(
    slack: SlackClient, channel: str, posted: Iterable[tuple[str, int]]
) -> tuple[list[Head], list[str]]:
    """The heads that the channel's history holds, and doubts about it. SlackError.

    `posted`: (ts, seq) of heads that the bot remembers to have posted there. One that is gone is a doubt, unless all
    messages of its time are: a workspace may forget what is old.
    """
    identity = await slack.call("auth.test")
    heads: list[Head] = []
    seen: set[str] = set()
    async for message in messages(slack, "conversations.history", channel=channel):
        ts = str(message.get("ts", ""))
        seen.add(ts)
        if is_ours(message, identity):
            heads += _heads(message, ts, channel)
    oldest = min(seen, key=float, default="inf")
    gone = [
        f"the message in {channel} that held the head of row {seq} ({_when(ts)}) is gone from Slack"
        for ts, seq in posted
        if ts not in seen and float(ts) > float(oldest)
    ]
    return heads, gone


def _heads(message: dict[str, Any], ts: str, channel: str) -> list[Head]:
    blocks = message.get("blocks") or []
    found = (HEAD.fullmatch(str(block.get("block_id", ""))) for block in blocks if isinstance(block, dict))
    return [Head(int(one[1]), one[2], f"Slack holds in {channel} since {_when(ts)}") for one in found if one]


def _when(ts: str) -> str:
    return f"{datetime.fromtimestamp(float(ts), UTC):%Y-%m-%d %H:%M:%S} UTC"
