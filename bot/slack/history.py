"""What Slack holds: the messages of a channel or a thread, and which of them the bot posted itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from bot.errors import Sent, SlackError
from bot.slack.client import SlackClient

PAGE = 200
METADATA = "csms_bot_post"
"""The event type of the metadata that each post of the bot carries."""
TS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


async def messages(slack: SlackClient, method: str, **arguments: Any) -> AsyncIterator[dict[str, Any]]:
    """All that `conversations.history` or `.replies` gives, page by page; Slack's pauses are waited for. SlackError."""
    while True:
        try:
            page = await slack.call(method, limit=PAGE, **arguments)
        except SlackError as error:
            if error.sent is not Sent.LIMITED:
                raise
            await asyncio.sleep(error.retry_after_s)
            continue
        for message in page.get("messages") or ():
            if isinstance(message, dict) and TS.fullmatch(str(message.get("ts"))):
                yield message
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return
        arguments["cursor"] = cursor


def is_ours(message: Mapping[str, Any], identity: Mapping[str, Any]) -> bool:
    """Anybody may post any text, metadata and block ids: only a message of this bot's own is proof.

    `identity`: what `auth.test` answered.
    """
    bot, user = identity.get("bot_id"), identity.get("user_id")
    return (bool(bot) and message.get("bot_id") == bot) or (bool(user) and message.get("user") == user)


def key_of(message: Mapping[str, Any]) -> str:
    """The key in a message's metadata by which the outbox knows it; empty without one."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != METADATA:
        return ""
    return str((metadata.get("event_payload") or {}).get("k", ""))
