"""What Slack holds: the messages of a channel or a thread, and which of them the bot posted itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from bot.slack.client import SlackClient

PAGE = 200


async def messages(slack: SlackClient, method: str, **arguments: Any) -> AsyncIterator[dict[str, Any]]:
    """All that `conversations.history` or `.replies` gives, page by page. SlackError."""
    while True:
        page = await slack.call(method, limit=PAGE, **arguments)
        for message in page.get("messages", ()):
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
