"""What an app says through a response URL, or in the body of its ack to a command."""

from __future__ import annotations

import json

from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.content import read_content
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.grants import ResponseUrl
from bot.sandbox.slack.model import JsonDict, Message
from bot.sandbox.slack.state import State

METHOD = "response_url"


def respond(state: State, key: str, body: bytes) -> None:
    """One use of a response URL. It works also in a channel that the bot is not in.

    Raises `SlackError`: used_url, expired_url, invalid_url; invalid_payload; what `read_content` raises;
    message_not_found where there is nothing to replace or delete.
    """
    url = state.response_urls.look(key)
    try:
        payload = json.loads(body)
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(payload, dict):
        raise SlackError("invalid_payload")
    args = Args(payload)
    state.response_urls.use(url)
    if args.flag("delete_original"):
        state.remove(_source(state, url), method=METHOD)
        return
    content = read_content(args, limit_blocks=False)
    if args.flag("replace_original"):
        state.edit(_source(state, url), content, method=METHOD)
        return
    in_channel = args.text("response_type", "ephemeral") == "in_channel"
    message = state.bot_message(
        url.channel, content, thread_ts=args.text("thread_ts", "") or None,
        ephemeral_to=None if in_channel else url.user,
    )  # fmt: skip
    state.post(message, method=METHOD)


def _source(state: State, url: ResponseUrl) -> Message:
    source = None
    if url.source_ts is not None and url.source_is_ephemeral:
        source = state.ephemeral(url.user, url.source_ts)
    elif url.source_ts is not None:
        source = state.message(url.channel, url.source_ts)
    if source is None:
        raise SlackError("message_not_found")
    return source


def show_command_answer(state: State, *, user: str, channel: str, answer: JsonDict) -> None:
    """Shows the body of an ack to a command, as Slack does: to its person alone, unless it says `in_channel`.

    Raises `SlackError` as `read_content` does.
    """
    args = Args(answer)
    content = read_content(args, limit_blocks=False)
    in_channel = args.text("response_type", "ephemeral") == "in_channel"
    message = state.bot_message(channel, content, ephemeral_to=None if in_channel else user)
    state.post(message, method="command_ack")
