"""chat.postMessage, chat.update, chat.postEphemeral, chat.delete."""

from __future__ import annotations

from dataclasses import replace

from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.content import read_content
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.model import Content, JsonDict, Message
from bot.sandbox.slack.seed import Channel

MAX_UPDATED_TEXT = 4_000
"""Slack: docs of chat.update; longer texts are refused there, not cut."""


def _target(call: Call) -> Channel:
    # A user id in place of a channel opens the conversation with that person (Slack: docs of chat.postMessage).
    wanted = call.args.required("channel")
    if wanted in call.state.users:
        try:
            return call.state.open_im(wanted)
        except SlackError:
            raise SlackError("channel_not_found") from None
    channel = call.joined_conversation()
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _author_json(call: Call) -> JsonDict:
    app = call.state.app
    profile = {"id": app.bot_id, "app_id": app.app_id, "name": app.name, "team_id": call.state.team.id}
    return {"team": call.state.team.id, "bot_profile": profile | {"deleted": False}}


def post_message(call: Call) -> JsonDict:
    """Slack: docs of chat.postMessage."""
    channel = _target(call)
    thread_ts = call.thread_ts(channel)
    content = read_content(call.args)
    wait_s = call.state.rate_limits.post(channel.id)
    if wait_s is not None:
        raise SlackError("ratelimited", retry_after=wait_s)
    message = call.state.post(
        call.state.bot_message(channel.id, content, thread_ts=thread_ts), method=call.method
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json() | _author_json(call)}


def post_ephemeral(call: Call) -> JsonDict:
    """Slack: docs of chat.postEphemeral. Nothing of it is in the history."""
    user = call.args.required("user")
    channel = call.joined_conversation()
    if channel.is_archived:
        raise SlackError("is_archived")
    if user not in channel.members or user == call.state.app.bot_user_id:
        raise SlackError("user_not_in_channel")
    thread_ts = call.thread_ts(channel)
    content = read_content(call.args)
    message = call.state.bot_message(channel.id, content, thread_ts=thread_ts, ephemeral_to=user)
    call.state.post(message, method=call.method)
    return {"message_ts": message.ts}


def _own_message(call: Call, *, refusal: str) -> Message:
    channel = call.conversation()
    ts = call.args.required("ts")
    if channel.is_archived:
        raise SlackError("is_inactive")
    message = call.state.message(channel.id, ts)
    if message is None or message.is_tombstone:
        raise SlackError("message_not_found")
    if message.bot_id != call.state.app.bot_id:
        raise SlackError(refusal)
    return message


def update(call: Call) -> JsonDict:
    """Slack: docs of chat.update. Blocks, attachments and metadata that are not named stay as they were."""
    message = _own_message(call, refusal="cant_update_message")
    if len(call.args.text("text", "")) > MAX_UPDATED_TEXT:
        raise SlackError("msg_too_long")
    edited = call.state.edit(message, _merged(message.content, call), method=call.method)
    return {
        "channel": edited.channel, "ts": edited.ts, "text": edited.text,
        "message": edited.as_json() | _author_json(call),
    }  # fmt: skip


def _merged(before: Content, call: Call) -> Content:
    given = read_content(call.args)
    kept = {
        name: getattr(before, name)
        for name in ("blocks", "attachments", "metadata")
        if name not in call.args and not (name == "blocks" and "markdown_text" in call.args)
    }
    return replace(given, files=before.files, **kept)


def delete(call: Call) -> JsonDict:
    """Slack: docs of chat.delete."""
    message = _own_message(call, refusal="cant_delete_message")
    call.state.remove(message, method=call.method)
    return {"channel": message.channel, "ts": message.ts}
