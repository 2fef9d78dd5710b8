"""Deliveries that Slack would not send: other people's, mutated ones, with a good signature."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

_PERSON = {
    "type": "block_actions", "team": {"id": "T00DEMO", "domain": "demo"}, "api_app_id": "A00CSMSBOT",
    "user": {"id": "U00ENGINEER", "username": "engineer", "name": "engineer", "team_id": "T00DEMO"},
    "enterprise": None, "is_enterprise_install": False, "trigger_id": "1.2.abc",
}  # fmt: skip
_ACTION = {
    "type": "button", "action_id": "change.approve", "block_id": "change.1", "value": "key", "action_ts": "1.2",
    "text": {"type": "plain_text", "text": "Approve"},
}  # fmt: skip
CLICK: dict[str, Any] = _PERSON | {
    "container": {"type": "message", "message_ts": "1.2", "channel_id": "C00ALERTS", "is_ephemeral": False},
    "channel": {"id": "C00ALERTS", "name": "secrets-alerts"},
    "message": {"type": "message", "user": "U00CSMSBOT", "ts": "1.2", "text": "x", "thread_ts": "1.2"},
    "state": {"values": {}}, "actions": [_ACTION], "response_url": "http://127.0.0.1:9/response/none",
}  # fmt: skip
_VALUES = {
    "state": {"state": {"type": "static_select", "selected_option": {"value": "ENABLED"}}},
    "types": {"types": {"type": "checkboxes", "selected_options": [{"value": "SECRET_ROTATED"}]}},
    "target_id": {"target_id": {"type": "plain_text_input", "value": "urn:smn:r:p:t"}},
}
SUBMISSION: dict[str, Any] = _PERSON | {
    "type": "view_submission", "response_urls": [],
    "view": {
        "id": "V1", "type": "modal", "callback_id": "event.edit", "private_metadata": "key", "team_id": "T00DEMO",
        "app_installed_team_id": "T00DEMO", "hash": "1.a", "state": {"values": _VALUES}, "blocks": [],
    },
}  # fmt: skip
EVENT: dict[str, Any] = {
    "type": "event_callback", "team_id": "T00DEMO", "event_id": "Ev1", "event_time": 1, "is_ext_shared_channel": True,
    "event": {"type": "app_home_opened", "user": "U00ENGINEER", "channel": "D1", "tab": "home", "event_ts": "1.2"},
    "authorizations": [{"enterprise_id": None, "team_id": "T00DEMO", "user_id": "U00CSMSBOT", "is_bot": True}],
    "context_team_id": "T00DEMO",
}  # fmt: skip
SUGGESTION: dict[str, Any] = _PERSON | {
    "type": "block_suggestion", "action_id": "event", "block_id": "b", "value": "pro",
    "container": {"type": "view", "view_id": "V1"},
}  # fmt: skip
COMMAND: dict[str, Any] = {
    "command": "/csms", "text": "list", "user_id": "U00ENGINEER", "team_id": "T00DEMO", "channel_id": "C00ALERTS",
    "response_url": "http://127.0.0.1:9/response/none", "trigger_id": "1.2.abc", "is_enterprise_install": "false",
}  # fmt: skip
MUTATED = (COMMAND, CLICK, SUBMISSION, EVENT, SUGGESTION)

_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, "", " ", "x", "\u0000", "\ud800", "😀", "<!channel>", "a" * 5000, "%s{0}",
    [], [None], [1], ["x"], [{}], {}, {"id": 1}, {"id": {}}, {"type": None}, {"x": {"y": []}},
)  # fmt: skip


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*at, key)
        yield from _places(one, (*at, key))


def mutated(payload: Mapping[str, Any], dice: random.Random) -> dict[str, Any]:
    """The payload with one to three of its values, at any depth, missing or replaced by something odd."""
    changed = copy.deepcopy(dict(payload))
    for _ in range(dice.randint(1, 3)):
        places = list(_places(changed))
        if not places:
            break
        *path, last = dice.choice(places)
        holder: Any = changed
        for key in path:
            holder = holder[key]
        if dice.random() < 0.25:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(dice.choice(_ODD))
    return changed


def mutations(payload: Mapping[str, Any], dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """(content type, body) of mutated payloads, without end, encoded as Slack encodes this kind."""
    while True:
        changed = mutated(payload, dice)
        if "command" in payload:
            texts = {name: "" if value is None else str(value) for name, value in changed.items()}
            yield FORM, urlencode(texts, errors="replace").encode()
        elif payload["type"] == "event_callback":
            yield JSON, json.dumps(changed).encode()
        else:
            yield FORM, urlencode({"payload": json.dumps(changed)}).encode()
