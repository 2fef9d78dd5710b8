"""conversations.history, .replies, .info, .open."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Sequence

from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.model import JsonDict, Message
from bot.sandbox.slack.seed import Channel

MAX_PAGE = 999
DEFAULT_PAGE = 100

_TS = re.compile(r"\d{1,12}(\.\d{1,6})?")


def history(call: Call) -> JsonDict:
    """Slack: docs of conversations.history. Newest first, without thread replies and ephemeral messages."""
    channel = call.joined_conversation("history")
    wanted = _range(call)
    listed = [m for m in call.state.messages(channel.id) if not m.is_reply and wanted(m)]
    return _page(call, list(reversed(listed))) | {"pin_count": 0}


def replies(call: Call) -> JsonDict:
    """Slack: docs of conversations.replies. The first message of the thread, then its replies, oldest first."""
    channel = call.joined_conversation("history")
    ts = call.args.required("ts")
    asked = call.state.message(channel.id, ts)
    if asked is None:
        raise SlackError("thread_not_found")
    first = call.state.message(channel.id, asked.thread_ts or ts)
    # The first message is always there, whatever the range.
    listed = list(filter(_range(call), call.state.replies(channel.id, asked.thread_ts or ts)))
    return _page(call, ([first] if first else []) + listed)


def _range(call: Call) -> Callable[[Message], bool]:
    oldest, latest = _bound(call, "oldest"), _bound(call, "latest")
    edge = 0 if call.args.flag("inclusive") else 1
    low = -1 if oldest is None else oldest + edge
    high = math.inf if latest is None else latest - edge
    return lambda message: low <= _micros(message.ts) <= high


def _bound(call: Call, name: str) -> int | None:
    value = call.args.text(name, "")
    if value in ("", "now"):
        return None
    if not _TS.fullmatch(value):
        raise SlackError(f"invalid_ts_{name}")
    return _micros(value)


def _micros(ts: str) -> int:
    # Whole numbers, since a float is too coarse for sixteen digits.
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0") or 0)


def _page(call: Call, messages: Sequence[Message]) -> JsonDict:
    limit = call.args.number("limit", DEFAULT_PAGE, low=1, high=MAX_PAGE)
    start = _start(call.args.text("cursor", ""), messages)
    page = messages[start : start + limit]
    has_more = start + limit < len(messages)
    answer: JsonDict = {"messages": [_message(call, m) for m in page], "has_more": has_more}
    if has_more:
        cursor = base64.b64encode(f"next_ts:{messages[start + limit].ts}".encode()).decode()
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def _start(cursor: str, messages: Sequence[Message]) -> int:
    # A cursor names the next message and not its place, so that a new message shifts no page.
    if not cursor:
        return 0
    try:
        word, _, ts = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_cursor") from None
    found = next((at for at, message in enumerate(messages) if message.ts == ts), None)
    if word != "next_ts" or found is None:
        raise SlackError("invalid_cursor")
    return found


def _message(call: Call, message: Message) -> JsonDict:
    shown = message.as_json() | {"team": call.state.team.id} | call.state.thread_summary(message)
    if message.metadata is not None and not call.args.flag("include_all_metadata"):
        # Without the flag Slack keeps the type and leaves the payload out (python-slack-sdk issue 1501).
        shown["metadata"] = {"event_type": message.metadata["event_type"]}
    return shown


def info(call: Call) -> JsonDict:
    """Slack: docs of conversations.info. A public channel can be asked about without being joined."""
    channel = call.conversation("read")
    shown = _channel(call, channel)
    if call.args.flag("include_num_members"):
        shown["num_members"] = len(channel.members)
    return {"channel": shown}


def _channel(call: Call, channel: Channel) -> JsonDict:
    if channel.is_im:
        return {"id": channel.id, "is_im": True, "user": channel.user, "is_archived": False, "is_open": True}
    return {
        "id": channel.id, "name": channel.name, "name_normalized": channel.name,
        "is_channel": not channel.is_private, "is_group": channel.is_private, "is_im": False, "is_mpim": False,
        "is_private": channel.is_private, "is_archived": channel.is_archived,
        "is_member": call.bot_is_in(channel), "is_general": channel.name == "general",
        "is_shared": False, "is_ext_shared": False, "is_org_shared": False,
        "context_team_id": call.state.team.id,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }  # fmt: skip


def open_(call: Call) -> JsonDict:
    """Slack: docs of conversations.open, for one person (`users`) or a known conversation (`channel`)."""
    if "channel" in call.args:
        channel = call.conversation()
        if not channel.is_im:
            raise SlackError("method_not_supported_for_channel_type")
        return {"channel": {"id": channel.id}}
    users = [user for user in call.args.required("users").split(",") if user]
    if len(users) != 1:
        raise SlackError("not_enough_users" if not users else "too_many_users")
    before = set(call.state.channels)
    channel = call.state.open_im(users[0])
    answer: JsonDict = {"channel": {"id": channel.id}}
    if channel.id in before:
        answer |= {"no_op": True, "already_open": True}
    return answer
