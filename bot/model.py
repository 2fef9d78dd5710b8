"""The vocabulary: frozen values that every layer shares. Nothing here does I/O or knows Slack, HTTP or SQL.

Times are timezone-aware datetimes in UTC; a time that the service did not report is None, never 1970.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

EVENT_TYPES = (
    "SECRET_VERSION_CREATED",
    "SECRET_VERSION_EXPIRED",
    "SECRET_ROTATED",
    "SECRET_ROTATED_FAILED",
    "SECRET_DELETED",
)
"""The event types that CSMS documents (UpdateSecretEvent page, 2026-06). Others are read and kept."""

ENABLED, DISABLED = "ENABLED", "DISABLED"
STATES = (ENABLED, DISABLED)
TARGET_TYPES = ("SMN", "EG")

SUCCESS, FAIL, INVALID = "SUCCESS", "FAIL", "INVALID"
FAILURES = (FAIL, INVALID)
RECORD_STATUSES = (SUCCESS, FAIL, INVALID)


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, UTF-8 kept. What hashes and comparisons are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an event's notices go: an SMN topic (id is its URN) or an EG channel."""

    type: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """A CSMS event as it was read. `types` is None when the answer did not carry them, which is not "none"."""

    name: str
    event_id: str = ""
    state: str = ""
    types: tuple[str, ...] | None = None
    target: Target | None = None
    created: datetime | None = None
    updated: datetime | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Fields that the documentation does not know, kept as they came."""

    def image(self) -> dict[str, Any]:
        """Everything that can be compared or stored, as JSON values; the order of types does not count."""
        return {
            "name": self.name,
            "event_id": self.event_id,
            "state": self.state,
            "types": None if self.types is None else sorted(self.types),
            "target": None
            if self.target is None
            else {"type": self.target.type, "id": self.target.id, "name": self.target.name},
            "updated": None if self.updated is None else self.updated.isoformat(),
        }

    @classmethod
    def from_image(cls, image: Mapping[str, Any]) -> Event:
        """The event that `image` was taken of, as far as an image goes."""
        types, target, updated = image["types"], image["target"], image["updated"]
        return cls(
            name=image["name"],
            event_id=image["event_id"],
            state=image["state"],
            types=None if types is None else tuple(types),
            target=None if target is None else Target(**target),
            updated=None if updated is None else datetime.fromisoformat(updated),
        )

    def settings(self) -> dict[str, Any]:
        """The part of the image that an update can change."""
        image = self.image()
        return {key: image[key] for key in ("state", "types", "target")}

    def digest(self) -> str:
        """SHA-256 of the image, in hex: what an approval is bound to."""
        return hashlib.sha256(canonical_json(self.image()).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """One notification record: a notice that CSMS sent, or failed to send. The API gives it no id."""

    event_name: str
    trigger_type: str
    created: datetime | None
    secret_name: str
    secret_type: str
    target_name: str
    target_id: str
    content: str
    """`notification_content` as text; an object is kept as canonical JSON. Hostile text."""
    status: str
    fingerprint: str
    """SHA-256 of all nine fields as they came. Equal for identical twins, so it is counted, never looked up."""

    @property
    def failed(self) -> bool:
        """FAIL (the send failed) or INVALID (the topic is wrong): somebody was not told."""
        return self.status in FAILURES


@dataclass(frozen=True, slots=True)
class RecordPage:
    """What one look at the notification records gave."""

    records: tuple[Record, ...]
    maybe_incomplete: bool
    """The page was full (1,000) or named a next marker: CSMS may hold records that it did not show."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The fields that an update names; None leaves a field as it is."""

    state: str | None = None
    types: tuple[str, ...] | None = None
    target: Target | None = None

    @property
    def empty(self) -> bool:
        """True when it names nothing."""
        return self.state is None and self.types is None and self.target is None


class Kind(StrEnum):
    """What Slack says an account is. Only a MEMBER may ever ask or decide."""

    MEMBER = "member"
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a Slack user as Slack described them just now, and the user groups of ours they are in."""

    user_id: str
    team_id: str
    kind: Kind
    groups: frozenset[str] = frozenset()
    problem: str = ""
    """Why Slack could not be asked about them, when the kind is UNKNOWN."""
    zone: str = ""
    """Their time zone by its IANA name; empty when Slack did not say."""

    def among(self, allowed: Iterable[str]) -> bool:
        """True when the user id, or one of the user groups, is listed."""
        names = set(allowed)
        return self.user_id in names or bool(self.groups & names)


class ChangeState(StrEnum):
    """The life of a change request. PENDING, APPROVED and APPLYING are open; the others are ends."""

    PENDING = "pending"
    APPROVED = "approved"
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    STALE = "stale"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """True while something can still happen to it."""
        return self in (ChangeState.PENDING, ChangeState.APPROVED, ChangeState.APPLYING)


@dataclass(frozen=True, slots=True)
class Change:
    """A change request: from what, to what, asked by whom and why, and what became of it."""

    number: int
    key: str
    """Random and unguessable; the only thing that a button carries."""
    project: str
    event: str
    before: Mapping[str, Any]
    """`Event.image()` when it was asked."""
    patch: Patch
    requester: str
    reason: str
    state: ChangeState
    required: int
    """Distinct approvers needed; 0: the requester confirms."""
    created: datetime
    expires: datetime
    approved_by: tuple[str, ...] = ()
    decided_by: str = ""
    decided: datetime | None = None
    note: str = ""
    """Why it ended as it did, in a sentence for people."""
    warnings: tuple[str, ...] = ()
    """What was known against it when it was asked, each a sentence."""
    break_glass: bool = False
    """Applied at once, without an approval; somebody else has to review it."""
    reviewed_by: str = ""
    reviewed: datetime | None = None

    @property
    def review_owed(self) -> bool:
        """True while a change that nobody approved waits for its review; one that was not written needs none."""
        return (
            self.break_glass
            and self.reviewed is None
            and self.state in (ChangeState.APPLIED, ChangeState.FAILED)
        )

    @property
    def id(self) -> str:
        """The short id that people use, `CR-12`."""
        return f"CR-{self.number}"

    @property
    def after(self) -> dict[str, Any]:
        """The settings that the event has when this is applied."""
        after = {key: self.before[key] for key in ("state", "types", "target")}
        if self.patch.state is not None:
            after["state"] = self.patch.state
        if self.patch.types is not None:
            after["types"] = sorted(self.patch.types)
        if self.patch.target is not None:
            target = self.patch.target
            after["target"] = {"type": target.type, "id": target.id, "name": target.name}
        return after


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit log, as it is exported."""

    seq: int
    at: str
    """RFC 3339 in UTC, microseconds."""
    actor: str
    action: str
    project: str
    event: str
    change: str
    before: Any
    after: Any
    outcome: str
    reason: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written to the audit log; the store adds seq, time and hashes."""

    actor: str
    """A Slack user id, or `system`."""
    action: str
    outcome: str
    project: str = ""
    event: str = ""
    change: str = ""
    before: Any = None
    after: Any = None
    reason: str = ""


class PostKind(StrEnum):
    """What a message shows; `bot/views/posts.py` draws each."""

    CARD = "change_card"
    """A change request, for the approvers; one message, edited through its life."""
    TOLD = "change_told"
    """How a change ended, told to its requester."""
    ANSWER = "answer"
    """What a person is told in a direct message, because the form that they sent is closed; `data` is the message."""
    REMINDER = "change_reminder"
    """In a card's thread: half of the time is over, or a review is owed; `data` says which."""
    ALERT = "alert"
    """One incident; `ref` is its key."""
    LINES = "alert_lines"
    """Later records of an incident, in its thread."""
    DIGEST = "digest"
    """Many incidents that one poll opened."""
    BACKFILL = "backfill"
    """What was there at the very first poll."""
    COVERAGE = "coverage"
    """CSMS showed only part of its records."""
    OUTAGE = "outage"
    """The notification records could not be read several times in a row."""
    BACK = "back"
    """They can be read again."""
    CLOSED = "channel_closed"
    """A channel cannot be posted to; told in another one."""
    OUTSIDE = "outside"
    """Events that somebody changed without this bot; `ref` is what was found together."""
    RESTORED = "restored"
    """The database was put back from a copy."""
    WITNESS = "witness"
    """The head of the audit log, for whoever doubts the file."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be: `kind` says how it is drawn and `ref` from what, so that it is drawn anew at each edit."""

    key: str
    """Random; the opaque key in the message's metadata, by which it is found again."""
    kind: PostKind
    ref: str
    project: str
    channel: str = ""
    user: str = ""
    """A user id instead of a channel: a direct message."""
    parent: str = ""
    """The key of the post in whose thread this goes."""
    data: Mapping[str, Any] = field(default_factory=dict)
    wait_until: datetime | None = None
    """Not to be sent before, as in quiet hours."""


class Outside(StrEnum):
    """What somebody did to an event without this bot."""

    CHANGED = "changed"
    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was done to an event without this bot: in the console, by Terraform, by another tool."""

    event: str
    what: Outside
    before: Mapping[str, Any] | None
    """`Event.settings()`; None for a created event."""
    after: Mapping[str, Any] | None
    """None for a deleted event."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as it is kept, and what people did about it."""

    key: str
    """Random; what the buttons carry."""
    group: str
    """What was found at one look and is shown in one message."""
    project: str
    finding: Finding
    seq: int
    """Its row in the audit log."""
    accepted_by: str = ""
    change: str = ""
    """The change request that takes it back, `CR-12`."""
    place: int = 1
    """Among those that were found at one look and are told together, from 1 on."""
    together: int = 1
    """How many those are."""


class IncidentState(StrEnum):
    """What the newest word on an incident says: of CSMS's records, or that a fix was applied."""

    FAILING = "failing"
    FIXED = "fixed"
    """A fix was applied; no notice since."""
    DELIVERING = "delivering"
    """A later notice was delivered."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The failing of one event to one target with one status, over time."""

    key: str
    project: str
    event: str
    target_id: str
    status: str
    first: Mapping[str, Any]
    """The record that opened it, as `record_data` gives it; with `away_since` (Unix time) where it is late, and with `project`
    where the bot has several, so that the alert says so."""
    count: int
    opened: datetime
    last: datetime
    state: IncidentState
    post: str
    """Key of the post in whose thread its later records go."""
    digest: bool = False
    """It was opened together with many others; its thread is the digest's."""
    acknowledged_by: str = ""
    acknowledged: datetime | None = None
    channel: str = ""
    """Where its alert is; empty in old rows: the project's alert channel."""
    mention: str = ""
    """Whom its alert mentions, a user or user group id; only where a route says so."""
    history: tuple[tuple[float, int], ...] = ()
    """(when a poll saw them, Unix time; how many) of its last polls with failures, oldest first."""
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    held: int = 0
    """Records that came while it was snoozed and are not posted yet."""
    fix: str = ""
    """Key of the change request that *Fix target* led to last."""
    fix_target: str = ""
    """Id of the target that the applied fix set; notices to it speak of this incident too."""
    cause: str | None = None
    """Why the rotation failed, by CSMS's tasks; None until they were asked. Hostile text."""
    as_of: datetime | None = None
    """When that happened by which the state is what it is, by CSMS's clock: what is older and comes late says nothing of
    it. None when CSMS did not say."""

    def snoozed(self, now: datetime) -> bool:
        """True while its later records are held back."""
        return self.snoozed_until is not None and now < self.snoozed_until


@dataclass(frozen=True, slots=True)
class Plan:
    """What new records lead to: incidents made or changed, and posts. Made by `bot/rules/alerts.py`."""

    incidents: tuple[Incident, ...] = ()
    posts: tuple[Post, ...] = ()
    held: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """(incident, record) of what is told when a snooze is over."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason of a route → how many failing records it dropped."""


def record_data(record: Record) -> dict[str, Any]:
    """A record as JSON values, for the store and for drawing."""
    return {
        "event": record.event_name,
        "type": record.trigger_type,
        "at": None if record.created is None else record.created.timestamp(),
        "secret": record.secret_name,
        "secret_type": record.secret_type,
        "target_name": record.target_name,
        "target_id": record.target_id,
        "content": record.content[:4000],
        "status": record.status,
    }
