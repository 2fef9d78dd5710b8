"""JSON of CSMS and SMN → values of `bot.model`. Reading is tolerant; what it cannot understand it keeps or names.

The rules, where the documentation and the service disagree:

- times are seconds, milliseconds or strings of digits, and become UTC; 0, absent or nonsense is None, *unknown*;
- absent or null `event_types` are *not reported* (None), which is not "none";
- fields that nobody documented, and documented ones of an unexpected kind, are kept in `Event.unknown`;
- null elements of lists are dropped (`event_subscriptions: [null]` was seen).

A page of 1,000 is read here once a minute and for every list, so this is plain functions over plain dicts.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic_core import from_json

from bot.csms import documented
from bot.model import Event, Patch, Record, RecordPage, Target, canonical_json

MARKERS = 3
"""How many elements of a page are offered as the marker of the next, should the last ones be deleted meanwhile."""
RECORDS_PAGES = (50, 1000)
"""Records that an answer may have been cut off at: the page size of 2024 unless asked otherwise, and maxItems now (CSMS:
ListNotificationRecords)."""

MILLISECONDS_FROM = 1e11
"""A time this large is in ms: as seconds it would be in the year 5138, and ms were never this small since 1973."""

_DIGITS = re.compile(r"\s*[0-9]{1,20}\s*")
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
"""`canonical_json` with its encoder made once, for a thousand records a minute (a test compares them)."""
_EVENT_FIELDS = frozenset(
    ("name", "event_id", "state", "event_types", "create_time", "update_time", "notification")
)
_TARGET_FIELDS = frozenset(("target_type", "target_id", "target_name"))
_RECORD_FIELDS = (
    "event_name", "trigger_event_type", "create_time", "secret_name", "secret_type", "notification_target_name",
    "notification_target_id", "notification_content", "notification_status",
)  # fmt: skip


T = TypeVar("T")


class Malformed(ValueError):
    """An answer that is JSON but not what the API promises. The text says where."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    items: list[T]
    count: int
    """Elements that it had, those included that were dropped: what "short" is measured by."""
    markers: tuple[str, ...] = ()
    """The names of its last elements, the last one first: after it the next page begins."""


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A rotation that failed, as ListSecretTask tells it: the best explanation of SECRET_ROTATED_FAILED."""

    task_id: str
    secret_name: str
    at: datetime | None
    attempts: int
    code: str
    message: str
    """Hostile text."""


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. ValueError when it is none.

    Lone surrogates, which JSON can spell and UTF-8 cannot, and bytes that are no UTF-8 become U+FFFD: one of them in
    one record must not make the other 999 unreadable.
    """
    try:
        return from_json(body)
    except ValueError:
        pass
    try:
        return _without_surrogates(json.loads(body.decode("utf-8", "replace")))
    except RecursionError:
        raise ValueError("nested too deep") from None


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
        case _:
            return value


def body(content: bytes) -> dict[str, Any]:
    """The object that an answer is. Malformed when it is none."""
    try:
        value = parse_json(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Malformed("the answer is not a JSON object")
    return value


def parse_time(value: object) -> datetime | None:
    """UTC of a time in seconds or ms, number or digits. None: unknown (absent, 0, or not a time)."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < math.inf:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if value >= MILLISECONDS_FROM else value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def text(value: object) -> str:
    """A field that should be text: "" for null and absent, JSON for what is neither."""
    if isinstance(value, str):
        return value
    return "" if value is None else canonical_json(value)


def objects(raw: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list; null for the list means empty, null in it is dropped."""
    items = raw.get(key)
    if items is None:
        return []
    if not isinstance(items, list):
        raise Malformed(f"{key} is not a list")
    found = [item for item in items if item is not None]
    for item in found:
        if not isinstance(item, dict):
            raise Malformed(f"an element of {key} is not an object")
    return found


def texts(items: object) -> list[str]:
    """The strings of a list, without nulls and whatever else is no string; [] for what is no list."""
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


def event_page(content: bytes) -> Page[Event]:
    """A page of ListSecretEvents."""
    events = documented.events(content)
    if events is not None:
        return Page(events, len(events), _markers([event.name for event in events[-MARKERS:]]))
    raw = body(content)
    events = [event(item) for item in objects(raw, "events")]
    return Page(events, len(raw.get("events") or ()), _markers([event.name for event in events[-MARKERS:]]))


def name_page(content: bytes, key: str) -> Page[str]:
    """The names in a list of named things."""
    raw = body(content)
    names = [name for item in objects(raw, key) if (name := text(item.get("name")))]
    return Page(names, len(raw.get(key) or ()), _markers(names[-MARKERS:]))


def _markers(names: list[str]) -> tuple[str, ...]:
    return tuple(reversed(names))


def one_event(content: bytes) -> Event:
    """What ShowSecretEvent and UpdateSecretEvent answer."""
    raw = body(content).get("event")
    if not isinstance(raw, dict):
        raise Malformed("no event in the answer")
    return event(raw)


def event(raw: dict[str, Any]) -> Event:
    """An event. Malformed when it has no name: nothing can be done with it."""
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        raise Malformed("an event has no name")
    types, target = raw.get("event_types"), raw.get("notification")
    created, updated = raw.get("create_time"), raw.get("update_time")
    made = Event(
        name,
        text(raw.get("event_id")),
        text(raw.get("state")),
        _types(types),
        _target(target),
        parse_time(created),
        parse_time(updated),
        {},
    )
    odd = (
        raw.keys() != _EVENT_FIELDS
        or made.types is None
        or not isinstance(target, dict)
        or target.keys() != _TARGET_FIELDS
        or made.created is None
        or made.updated is None
    )
    return replace(made, unknown=_unknown(raw)) if odd else made


def _types(raw: object) -> tuple[str, ...] | None:
    if not isinstance(raw, list):
        return None
    return tuple(raw) if all(type(item) is str for item in raw) else tuple(texts(raw))


def _target(raw: object) -> Target | None:
    if not isinstance(raw, dict):
        return None
    return Target(text(raw.get("target_type")), text(raw.get("target_id")), text(raw.get("target_name")))


def _unknown(raw: dict[str, Any]) -> dict[str, Any]:
    """What `event` did not put anywhere else, as it came."""
    unknown = {key: value for key, value in raw.items() if key not in _EVENT_FIELDS}
    types, target = raw.get("event_types"), raw.get("notification")
    if types is not None and not isinstance(types, list):
        unknown["event_types"] = types
    if isinstance(target, dict):
        if extra := {key: value for key, value in target.items() if key not in _TARGET_FIELDS}:
            unknown["notification"] = extra
    elif target is not None:
        unknown["notification"] = target
    for key in ("create_time", "update_time"):
        value = raw.get(key)
        if value not in (None, 0, "0", "") and parse_time(value) is None:
            unknown[key] = value
    return unknown


def fingerprint(nine: dict[str, Any]) -> str:
    """SHA-256, in hex, over the canonical JSON of a record's nine fields as they came."""
    return hashlib.sha256(_canonical(nine).encode()).hexdigest()


def record(raw: dict[str, Any]) -> Record:
    """A notification record. Nothing in it is required: one odd record must not hide the others."""
    nine = {key: raw.get(key) for key in _RECORD_FIELDS}
    return Record(
        text(nine["event_name"]),
        text(nine["trigger_event_type"]),
        parse_time(nine["create_time"]),
        text(nine["secret_name"]),
        text(nine["secret_type"]),
        text(nine["notification_target_name"]),
        text(nine["notification_target_id"]),
        text(nine["notification_content"]),
        text(nine["notification_status"]),
        fingerprint(nine),
    )


def record_page(content: bytes) -> RecordPage:
    """The notification records, and whether CSMS may hold more than it showed."""
    raw = body(content)
    items = raw.get("records")
    if items is not None and not isinstance(items, list):
        raise Malformed("records is not a list")
    found = [item for item in items or () if item is not None]
    records = tuple(record(item) for item in found if isinstance(item, dict))
    info = raw.get("page_info")
    more = isinstance(info, dict) and bool(info.get("next_marker"))
    full = len(items or ()) in RECORDS_PAGES or len(items or ()) > max(RECORDS_PAGES)
    return RecordPage(records, maybe_incomplete=more or full or len(records) < len(found))


def failed_tasks(content: bytes) -> list[FailedTask]:
    """What ListSecretTask answers."""
    return [failed_task(item) for item in objects(body(content), "tasks")]


def topics(content: bytes) -> Page[Target]:
    """SMN topics as the targets that an event can have (SMN: ListTopics)."""
    raw = body(content)
    found = [
        Target("SMN", text(item.get("topic_urn")), text(item.get("name"))) for item in objects(raw, "topics")
    ]
    return Page(found, len(raw.get("topics") or ()))


def failed_task(raw: dict[str, Any]) -> FailedTask:
    """A failed rotation task."""
    attempts = raw.get("attempt_nums")
    return FailedTask(
        task_id=text(raw.get("task_id")),
        secret_name=text(raw.get("secret_name")),
        at=parse_time(raw.get("task_time")),
        attempts=attempts if isinstance(attempts, int) else 0,
        code=text(raw.get("task_error_code")),
        message=text(raw.get("task_error_msg")),
    )


def update_body(patch: Patch) -> bytes:
    """The body of UpdateSecretEvent: only what changes; the target whole or not at all.

    ValueError when the patch must not be sent. Empty types are refused: what `[]` does to an event is documented nowhere, and a read that lacked the types
    must never be written back as "none".
    """
    if patch.empty:
        raise ValueError("the change changes nothing")
    wanted: dict[str, Any] = {}
    if patch.state is not None:
        if not patch.state:
            raise ValueError("the state is empty")
        wanted["state"] = patch.state
    if patch.types is not None:
        if not patch.types:
            raise ValueError("an event needs at least one type")
        wanted["event_types"] = list(dict.fromkeys(patch.types))  # "must be unique" (CSMS: UpdateSecretEvent)
    if patch.target is not None:
        target = patch.target
        if not (target.type and target.id and target.name):
            raise ValueError("a target needs type, id and name")
        wanted["notification"] = {
            "target_type": target.type,
            "target_id": target.id,
            "target_name": target.name,
        }
    return json.dumps(wanted, separators=(",", ":"), ensure_ascii=False).encode()
