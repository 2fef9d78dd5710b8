"""What a CSMS request must look like: names, types, targets, page parameters. Each check raises Refusal 400."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.csms.errors import Refusal, invalid
from bot.sandbox.csms.model import WRITABLE_TYPES, EventType, State, Target, TargetType

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MARKER = re.compile(r"[a-zA-Z0-9._-]{1,64}")
TARGET_ID = re.compile(r"[a-zA-Z0-9\-._:]{1,256}")
MAX_TYPES = 12
DEFAULT_LIMIT = 50
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """The fields that a body names; None is one that it does not."""

    state: str | None = None
    event_types: tuple[str, ...] | None = None
    notification: Target | None = None


def json_object(body: bytes) -> dict[str, Any]:
    """CSMS.0004 unless the body is one JSON object."""
    try:
        value = json.loads(body)
        json.dumps(
            value, ensure_ascii=False, allow_nan=False
        ).encode()  # NaN and half a surrogate are no JSON
    except (ValueError, RecursionError):  # not UTF-8 is a ValueError, too
        raise Refusal(400, "CSMS.0004", "The request body is malformed.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "CSMS.0004", "The request body is not an object.")
    return value


def event_name(value: object) -> str:
    """The name of an event or secret."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise invalid("name must match ^[a-zA-Z0-9_-]{1,64}$")
    return value


def change(body: Mapping[str, Any], *, has: Iterable[str] = ()) -> Change:
    """What the body sets; a key with null is wrong, an unknown key is ignored.

    `has`: the types that the event has. SECRET_VERSION_NEAR_EXPIRY is not in the list of types that can be written;
    an event that has it may keep it.
    """
    return Change(
        state=_state(body["state"]) if "state" in body else None,
        event_types=_types(body["event_types"], has) if "event_types" in body else None,
        notification=_target(body["notification"]) if "notification" in body else None,
    )


def page(query: Mapping[str, str]) -> tuple[int, str | None]:
    """`limit` and `marker` of a list call; the marker works without a limit, whatever the document says."""
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch("[0-9]{1,4}", limit) or not 1 <= int(limit) <= MAX_LIMIT:
        raise invalid(f"limit must be a number from 1 to {MAX_LIMIT}")
    marker = query.get("marker") or None
    if marker is not None and not MARKER.fullmatch(marker):
        raise invalid("marker must match ^[a-zA-Z0-9._-]{1,64}$")
    return int(limit), marker


def _state(value: object) -> str:
    if not isinstance(value, str) or value not in set(State):
        raise invalid("state must be ENABLED or DISABLED")
    return value


def _types(value: object, has: Iterable[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_TYPES:
        raise invalid(f"event_types must be a list of at most {MAX_TYPES}")
    kept = {EventType.VERSION_NEAR_EXPIRY} & set(has)
    for item in value:
        if not isinstance(item, str) or item not in WRITABLE_TYPES | kept:
            raise invalid("event_types holds an unknown type")
    if len(set(value)) != len(value):
        raise invalid("event_types must be unique")
    return tuple(value)


def _target(value: object) -> Target:
    if not isinstance(value, dict):
        raise invalid("notification must be an object")
    kind, target_id, name = (value.get(key) for key in ("target_type", "target_id", "target_name"))
    if not isinstance(kind, str) or kind not in set(TargetType):
        raise invalid("target_type must be SMN or EG")
    if not isinstance(target_id, str) or not TARGET_ID.fullmatch(target_id):
        raise invalid("target_id must match ^[a-zA-Z0-9\\-._:]{1,256}$")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid("target_name must match ^[a-zA-Z0-9_-]{1,64}$")
    return Target(target_type=kind, target_id=target_id, target_name=name)
