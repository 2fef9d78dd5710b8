"""Slack's payloads as values. A payload becomes a value here, once, and nothing below knows its shape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent it, from where, and how to answer."""

    id: str
    """The inbox row; the same after a crash."""
    user: str
    team: str
    channel: str
    response_url: str
    trigger_id: str
    received: datetime
    again: bool = False
    """It was in work before, when the process died."""


@dataclass(frozen=True, slots=True)
class CommandText:
    """A slash command's text, as typed."""

    origin: Origin
    text: str


@dataclass(frozen=True, slots=True)
class Click:
    """A button. `value` is untrusted: a random key, looked up in the store."""

    origin: Origin
    action_id: str
    value: str


@dataclass(frozen=True, slots=True)
class FormValues:
    """What stands in a form's fields, by field name; each a text or a tuple of chosen values."""

    texts: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that was sent. `key` is untrusted, looked up in the store."""

    origin: Origin
    form: str
    key: str
    view_id: str
    values: FormValues


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """Somebody opened the bot's home tab."""

    origin: Origin


Interaction = CommandText | Click | Submission | HomeOpened


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


_LINK = re.compile(
    r"<(?:https?:|mailto:)[^<>|]*\|([^<>]*)>|<(https?:[^<>|]*)>|<![^<>|]*\|([^<>]*)>|<!([a-z]+)>"
)


def _unescaped(text: str) -> str:
    """As it was typed: Slack escapes three characters in a command's text and marks addresses (`should_escape`).

    Marks of people and channels stay, since a command may want their ids (`bot.rules.words.as_typed` undoes them).
    """
    text = _LINK.sub(lambda m: m[1] or m[2] or m[3] or f"@{m[4]}", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _id(value: Any) -> str:
    return _text(value.get("id")) if isinstance(value, Mapping) else ""


def read(
    kind: str, payload: Mapping[str, Any], *, inbox_id: int | str, received: datetime
) -> Interaction | None:
    """The value of a kept payload, or None when it is nothing that the bot knows."""
    if kind == "command":
        origin = Origin(
            id=str(inbox_id),
            user=_text(payload.get("user_id")),
            team=_text(payload.get("team_id")),
            channel=_text(payload.get("channel_id")),
            response_url=_text(payload.get("response_url")),
            trigger_id=_text(payload.get("trigger_id")),
            received=received,
        )
        return CommandText(origin, _unescaped(_text(payload.get("text"))))
    if kind == "event":
        event = payload.get("event")
        if (
            not isinstance(event, Mapping)
            or event.get("type") != "app_home_opened"
            or event.get("tab") == "messages"
        ):
            return None
        origin = Origin(
            str(inbox_id), _text(event.get("user")), _text(payload.get("team_id")), "", "", "", received
        )
        return HomeOpened(origin)
    origin = _interactive_origin(payload, inbox_id, received)
    if kind == "action":
        return _click(payload, origin)
    if kind == "view":
        return read_submission(payload, origin)
    return None


def _interactive_origin(payload: Mapping[str, Any], inbox_id: int | str, received: datetime) -> Origin:
    container = payload.get("container")
    channel = _id(payload.get("channel"))
    if not channel and isinstance(container, Mapping):
        channel = _text(container.get("channel_id"))
    user = payload.get("user")
    team = _id(payload.get("team"))
    if not team and isinstance(user, Mapping):
        team = _text(user.get("team_id"))
    return Origin(
        id=str(inbox_id),
        user=_id(user),
        team=team,
        channel=channel,
        response_url=_text(payload.get("response_url")),
        trigger_id=_text(payload.get("trigger_id")),
        received=received,
    )


def _click(payload: Mapping[str, Any], origin: Origin) -> Click | None:
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], Mapping):
        return None
    action = actions[0]
    chosen = action.get("selected_option")
    value = _text(action.get("value")) or (_text(chosen.get("value")) if isinstance(chosen, Mapping) else "")
    return Click(origin, _text(action.get("action_id")), value)


def read_submission(
    payload: Mapping[str, Any], origin: Origin | None = None, received: datetime | None = None
) -> Submission | None:
    """A view_submission payload; also used inside the ack, where there is no inbox row yet."""
    view = payload.get("view")
    if not isinstance(view, Mapping):
        return None
    if origin is None:
        assert received is not None  # noqa: S101 (callers give one of the two)
        origin = _interactive_origin(payload, "", received)
    state = view.get("state")
    values = state.get("values") if isinstance(state, Mapping) else None
    return Submission(
        origin,
        _text(view.get("callback_id")),
        _key(view.get("private_metadata")),
        _id(view),
        _form_values(values),
    )


def _key(metadata: Any) -> str:
    return metadata if isinstance(metadata, str) and len(metadata) <= 200 else ""


def _form_values(values: Any) -> FormValues:
    texts: dict[str, str] = {}
    choices: dict[str, tuple[str, ...]] = {}
    for inputs in values.values() if isinstance(values, Mapping) else ():
        for name, given in inputs.items() if isinstance(inputs, Mapping) else ():
            if not isinstance(given, Mapping):
                continue
            if isinstance(given.get("selected_options"), list):
                found = (
                    option.get("value") for option in given["selected_options"] if isinstance(option, Mapping)
                )
                choices[name] = tuple(_text(value) for value in found)
            elif isinstance(given.get("selected_option"), Mapping):
                texts[name] = _text(given["selected_option"].get("value"))
            else:
                texts[name] = _text(given.get("value"))
    return FormValues(texts, choices)


def secretless(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload without Slack's old verification token, which nobody needs and the database must not hold."""
    kept = {key: value for key, value in payload.items() if key != "token"}
    return dict(json.loads(json.dumps(kept, default=str)))
