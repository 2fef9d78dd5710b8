"""The payloads that Slack sends to an app, in Slack's shapes."""

from __future__ import annotations

import hashlib
from typing import Any

from bot.sandbox.slack.grants import ResponseUrl
from bot.sandbox.slack.model import JsonDict, Message, View
from bot.sandbox.slack.seed import Channel, User
from bot.sandbox.slack.state import State


def _verification_token(state: State) -> str:
    # Slack's old shared token: still in every payload, not to be trusted by an app.
    return hashlib.sha256(f"verification {state.app.app_id}".encode()).hexdigest()[:24]


def response_url_address(state: State, url: ResponseUrl) -> str:
    """The full address of a response URL."""
    return f"{state.base_url}/response/{state.team.id}/{url.key}"


def channel_name(channel: Channel) -> str:
    """The name by which payloads call a channel."""
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def slash_command(
    state: State, *, user: User, channel: Channel, command: str, text: str, url: ResponseUrl
) -> JsonDict:
    """The form fields of a slash command."""
    return {
        "token": _verification_token(state), "team_id": state.team.id, "team_domain": state.team.domain,
        "channel_id": channel.id, "channel_name": channel_name(channel), "user_id": user.id,
        "user_name": user.name, "command": command, "text": text, "api_app_id": state.app.app_id,
        "is_enterprise_install": "false", "response_url": response_url_address(state, url),
        "trigger_id": state.triggers.issue(user.id),
    }  # fmt: skip


def _interaction(state: State, kind: str, user: User) -> JsonDict:
    return {
        "type": kind,
        "team": {"id": state.team.id, "domain": state.team.domain},
        "user": {
            "id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id or state.team.id,
        },
        "api_app_id": state.app.app_id,
        "token": _verification_token(state),
        "enterprise": None,
        "is_enterprise_install": False,
    }  # fmt: skip


def _message_container(message: Message) -> JsonDict:
    container: JsonDict = {
        "type": "message", "message_ts": message.ts, "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_to is not None,
    }  # fmt: skip
    return container | ({"thread_ts": message.thread_ts} if message.is_reply else {})


def _place(state: State, source: Message | View) -> JsonDict:
    if isinstance(source, View):
        return {"container": {"type": "view", "view_id": source.id}, "view": state.view_json(source)}
    channel = state.channels[source.channel]
    place: JsonDict = {
        "container": _message_container(source),
        "channel": {"id": channel.id, "name": channel_name(channel)},
    }
    if source.ephemeral_to is None:
        # Slack keeps no copy of an ephemeral message, so it cannot send one along.
        place["message"] = source.as_json() | {"team": state.team.id} | state.thread_summary(source)
    return place


def block_actions(
    state: State,
    *,
    user: User,
    source: Message | View,
    action: JsonDict,
    values: JsonDict,
    url: ResponseUrl | None,
) -> JsonDict:
    """A click, or a choice made, on an element of a message or a view."""
    view_id = source.id if isinstance(source, View) else None
    payload = _interaction(state, "block_actions", user) | _place(state, source)
    payload |= {"trigger_id": state.triggers.issue(user.id, view_id=view_id), "actions": [action]}
    payload["state"] = {"values": values}
    if url is not None:
        payload["response_url"] = response_url_address(state, url)
    return payload


def block_suggestion(
    state: State, *, user: User, source: Message | View, action_id: str, block_id: str, value: str
) -> JsonDict:
    """What has been typed into an external select."""
    payload = _interaction(state, "block_suggestion", user) | _place(state, source)
    return payload | {"action_id": action_id, "block_id": block_id, "value": value}


def view_submission(state: State, *, user: User, view: View) -> JsonDict:
    """A modal sent off."""
    return _interaction(state, "view_submission", user) | {
        "trigger_id": state.triggers.issue(user.id, view_id=view.id),
        "view": state.view_json(view),
        "response_urls": [],
    }


def view_closed(state: State, *, user: User, view: View, is_cleared: bool) -> JsonDict:
    """A modal closed by its person; `is_cleared`: all of the stack at once."""
    return _interaction(state, "view_closed", user) | {
        "view": state.view_json(view),
        "is_cleared": is_cleared,
    }


def event(state: State, inner: JsonDict) -> JsonDict:
    """The envelope of the Events API around one event."""
    bot = state.app.bot_user_id
    return {
        "token": _verification_token(state), "team_id": state.team.id, "api_app_id": state.app.app_id,
        "event": inner, "type": "event_callback", "event_id": state.next_id("Ev"),
        "event_time": int(state.clock()), "is_ext_shared_channel": False, "context_team_id": state.team.id,
        "context_enterprise_id": None,
        "authorizations": [
            {
                "enterprise_id": None, "team_id": state.team.id, "user_id": bot, "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
    }  # fmt: skip


def app_home_opened(state: State, *, user: User, channel: Channel, view: View | None) -> JsonDict:
    """The event for a person who opens the app's Home tab."""
    inner: dict[str, Any] = {
        "type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": "home",
        "event_ts": state.next_ts(),
    }  # fmt: skip
    if view is not None:
        inner["view"] = state.view_json(view)
    return event(state, inner)
