"""The shapes of what Slack delivers over HTTP, as far as anything here or in Bolt reads them.

A body that does not have them is refused whole: further in, each field can be taken for what it should be.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

MAX_DEPTH = 100
"""Nested values in a payload. Slack's deepest, rich text in a message in a payload, is about 15."""


class Misshapen(Exception):
    """The body is not what Slack sends; the text says in which way, without a value from it."""


_OBJECT: dict[str, Any] = {}
_NAMED = ({"id": str}, str)
"""An object with an id in interactions, the id alone in events."""

_EVENT: dict[str, Any] = {
    "type": str, "user": _NAMED, "user_id": str, "channel": _NAMED, "channel_id": str, "team": _NAMED,
    "team_id": str, "user_team": str, "enterprise": _NAMED, "tab": str, "bot_id": str, "thread_ts": str,
    "function_execution_id": str, "function_data": _OBJECT, "inputs": _OBJECT, "item": _OBJECT,
    "message": {"user": _NAMED, "thread_ts": str, "message": _OBJECT, "previous_message": _OBJECT},
    "previous_message": {"user": _NAMED, "thread_ts": str, "message": _OBJECT, "previous_message": _OBJECT},
    "assistant_thread": _OBJECT,
}  # fmt: skip
_VIEW = {
    "id": str, "type": str, "callback_id": str, "private_metadata": str, "team_id": str,
    "app_installed_team_id": str, "hash": str, "state": {"values": _OBJECT},
}  # fmt: skip
_BODY = _EVENT | {
    "trigger_id": str, "response_url": str, "callback_id": str, "action_id": str, "block_id": str,
    "name": str, "view": _VIEW, "container": {"channel_id": str}, "state": {"values": _OBJECT},
    "actions": [{"action_id": str, "block_id": str, "type": str, "value": str, "selected_option": {"value": str}}],
    "response_urls": [{"response_url": str}], "event": _EVENT, "event_id": str, "challenge": str,
    "authorizations": [{"enterprise_id": str, "team_id": str, "user_id": str}],
    "enterprise_id": str, "context_team_id": str, "context_enterprise_id": str,
}  # fmt: skip

_NEEDED: dict[str, tuple[str, ...]] = {
    "block_actions": ("actions", "user"),
    "view_submission": ("view", "user"),
    "view_closed": ("view", "user"),
    "block_suggestion": ("action_id", "user"),
    "event_callback": ("event",),
    "url_verification": ("challenge",),
}
"""Without these a payload of that type means nothing."""


def is_ssl_check(content_type: str, raw: bytes) -> bool:
    """Slack's look at the certificate: a form with `ssl_check=1` (Slack: slash commands)."""
    return not _is_json(content_type) and raw.startswith(b"ssl_check=1") and raw[11:12] in (b"", b"&")


def read_body(content_type: str, raw: bytes) -> dict[str, Any]:
    """A JSON object, a form's `payload`, or a slash command's fields. Misshapen for all else."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Misshapen("the body is not UTF-8") from None
    if _is_json(content_type):
        return check_payload(_json(text, "body"), "body")
    form = dict(parse_qsl(text, keep_blank_values=True))
    if "payload" in form:
        return check_payload(_json(form["payload"], "payload"), "payload")
    if form.get("command"):
        return form
    raise Misshapen("the body is neither a command nor an interaction")


def _is_json(content_type: str) -> bool:
    return content_type.split(";")[0].strip().lower() == "application/json"


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Misshapen(f"the {what} is not JSON") from None


def check_payload(found: Any, what: str) -> dict[str, Any]:
    """The payload of an interaction, an event or (in Socket Mode) a slash command. Misshapen for all else."""
    if not isinstance(found, dict):
        raise Misshapen(f"the {what} is not a JSON object")
    if _depth(found) > MAX_DEPTH:
        raise Misshapen(f"the {what} is nested too deeply")
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # A lone surrogate: no database and no answer can hold it.
        raise Misshapen(f"the {what} has half a character") from None
    kind = found.get("type")
    if kind is None and isinstance(found.get("command"), str):
        return found
    if not isinstance(kind, str):
        raise Misshapen(f"the {what} has no type")
    _check(found, _BODY, what)
    for name in _NEEDED.get(kind, ()):
        if not found.get(name):
            raise Misshapen(f"the {what} has no {name}")
    if kind == "block_actions" and not found["actions"][0].get("action_id"):
        raise Misshapen(f"the {what} has no action_id")
    for name in ("event", "view"):
        if name in _NEEDED.get(kind, ()) and not found[name].get("type"):
            raise Misshapen(f"the {name} has no type")
    return found


def _check(value: Any, shape: Any, where: str) -> None:
    """Misshapen unless `value` has the shape: a type, an object's fields, a list's item, or one of several.

    Null stands for any but a list: Slack leaves out what it does not know in both ways, and sends empty lists as such.
    """
    if value is None and not isinstance(shape, list):
        return
    if isinstance(shape, tuple):
        shape = next((one for one in shape if isinstance(value, dict) == isinstance(one, dict)), shape[0])
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise Misshapen(f"{where} is not an object")
        for name, inner in shape.items():
            if name in value:
                _check(value[name], inner, f"{where}.{name}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Misshapen(f"{where} is not a list")
        for item in value:
            if item is None:
                raise Misshapen(f"{where} has an item that is no object")
            _check(item, shape[0], f"{where}[]")
    elif not isinstance(value, shape):
        raise Misshapen(f"{where} is not a text")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
    return depth
