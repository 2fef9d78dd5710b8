"""What the embedded CSMS keeps: events, secrets, topics, records, tasks, who may call, how it is set.

Every value is frozen; `json()` gives the shape of the API. Times are milliseconds since 1970, UTC; those that the
service makes end in 000, as all published samples do. In a seed a time that is not positive counts from the start of
the server: 0 is then, -3600000 an hour before.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict

_STRICT = ConfigDict(extra="forbid")


class EventType(StrEnum):
    """What can trigger a notification. The last one is read back from the service but in no request's list."""

    VERSION_CREATED = "SECRET_VERSION_CREATED"
    VERSION_EXPIRED = "SECRET_VERSION_EXPIRED"
    ROTATED = "SECRET_ROTATED"
    DELETED = "SECRET_DELETED"
    ROTATED_FAILED = "SECRET_ROTATED_FAILED"
    VERSION_NEAR_EXPIRY = "SECRET_VERSION_NEAR_EXPIRY"


WRITABLE_TYPES = frozenset(EventType) - {EventType.VERSION_NEAR_EXPIRY}


class State(StrEnum):
    """Whether an event may trigger."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class TargetType(StrEnum):
    """Where notifications go: a topic of SMN or a channel of EG."""

    SMN = "SMN"
    EG = "EG"


class Status(StrEnum):
    """What became of a notification. INVALID: the topic is wrong; FAIL: any other failure to send."""

    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    INVALID = "INVALID"


class NextMarker(StrEnum):
    """What `page_info.next_marker` holds on a last page; no public source says, so clients are tried with each."""

    ALWAYS = "always"  # the last item's name, as in the documented sample
    EMPTY = "empty"  # ""
    ABSENT = "absent"  # no such key


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The `notification` of an event."""

    __pydantic_config__ = _STRICT

    target_type: str
    target_id: str
    target_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event notification."""

    __pydantic_config__ = _STRICT

    name: str
    event_types: tuple[str, ...]
    notification: Target
    state: str = State.ENABLED.value
    event_id: str = ""
    create_time: int = 0
    update_time: int = 0

    def json(self) -> dict[str, Any]:
        """CSMS: the `Event` object."""
        return {
            "name": self.name,
            "event_id": self.event_id,
            "state": self.state,
            "event_types": list(self.event_types),
            "create_time": self.create_time,
            "update_time": self.update_time,
            "notification": asdict(self.notification),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret's metadata; it has no value here. `version` is the number in the current version's id."""

    __pydantic_config__ = _STRICT

    name: str
    secret_type: str = "COMMON"  # noqa: S105 - a kind, not a secret
    event_subscriptions: tuple[str, ...] = ()
    description: str = ""
    auto_rotation: bool = False
    rotation_period: str | None = None
    state: str = State.ENABLED.value
    version: int = 1
    id: str = ""
    create_time: int = 0
    update_time: int = 0

    def json(self) -> dict[str, Any]:
        """CSMS: the `Secret` object of ListSecrets."""
        shown = asdict(self) | {"event_subscriptions": list(self.event_subscriptions)}
        del shown["version"]
        return shown | {"scheduled_delete_time": None, "enterprise_project_id": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """An SMN topic. `failing`: what is sent to it ends in FAIL."""

    __pydantic_config__ = _STRICT

    name: str
    topic_urn: str = ""
    display_name: str = ""
    failing: bool = False
    create_time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A notification record. What a seed leaves out is filled in from the event, as if it had triggered then."""

    __pydantic_config__ = _STRICT

    event_name: str
    trigger_event_type: str
    secret_name: str
    create_time: int = 0
    secret_type: str | None = None
    notification_target_name: str | None = None
    notification_target_id: str | None = None
    notification_content: str | None = None
    notification_status: str | None = None

    def json(self) -> dict[str, Any]:
        """CSMS: the `Record` object of ListNotificationRecords. It has no id."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A rotation that succeeded (`task_status` SUCCESS) or did not (FAILED, and why)."""

    task_id: str
    secret_name: str
    task_status: str
    task_time: int
    operate_type: str = "SINGLE_USER"
    attempt_nums: int = 1
    task_error_code: str | None = None
    task_error_msg: str | None = None

    def json(self) -> dict[str, Any]:
        """CSMS: the `SecretTask` object; a task that went well has no error keys."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key of `user`; a temporary one has a security token and an end (ms)."""

    __pydantic_config__ = _STRICT

    ak: str
    sk: str = field(repr=False)
    user: str = "demo-user"
    security_token: str | None = field(default=None, repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An IAM user."""

    __pydantic_config__ = _STRICT

    name: str
    password: str = field(repr=False)
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """`events`: how many there can be (DEW user guide: 30). A seed is not held to it."""

    __pydantic_config__ = _STRICT

    events: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Switches for what the documents leave open or a test wants short.

    `echo_signed_request`: a refused signature is answered with the canonical request and the Authorization header,
    as the real gateway has been seen to do, so that clients are tried on keeping it out of their logs.
    """

    __pydantic_config__ = _STRICT

    next_marker: NextMarker = NextMarker.ALWAYS
    token_lifetime_s: int = 24 * 3600
    echo_signed_request: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What a server starts with; the keys of a seed file are these fields and theirs."""

    __pydantic_config__ = _STRICT

    project_id: str
    region: str
    credentials: tuple[AccessKey, ...] = ()
    users: tuple[User, ...] = ()
    events: tuple[Event, ...] = ()
    topics: tuple[Topic, ...] = ()
    secrets: tuple[Secret, ...] = ()
    records: tuple[Record, ...] = ()
    quotas: Quotas = field(default_factory=Quotas)
    behaviour: Behaviour = field(default_factory=Behaviour)
