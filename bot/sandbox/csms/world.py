"""The state of the embedded CSMS and all that can be done to it, without HTTP.

Methods are synchronous and run on the event loop's thread, so each call is one step and needs no lock.
"""

from __future__ import annotations

import time
import uuid
from bisect import insort
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.sandbox.csms import checks, notices
from bot.sandbox.csms.access import Access
from bot.sandbox.csms.errors import Refusal, invalid
from bot.sandbox.csms.faults import Fault
from bot.sandbox.csms.model import (
    Behaviour,
    Event,
    EventType,
    Record,
    Secret,
    Seed,
    State,
    Task,
    Topic,
)
from bot.sandbox.csms.paging import Page, cut, newest_first
from bot.sandbox.faults import FaultPlan

RETENTION_MS = 90 * 24 * 3600 * 1000  # CSMS: records of the last three months
MAX_RECORDS = 1000
CONTROL = "control"  # the caller, in the journal, of what the control routes and the generator do
_IDS = uuid.UUID("6a1f3c52-8c0e-4b7d-9a55-0d7be4a5c1f3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A line of the journal: something that took place. `body` is what was asked for, `after` what it left."""

    seq: int
    at_ms: int
    operation: str
    event: str
    body: Any
    after: Any
    caller: str

    def json(self) -> dict[str, Any]:
        """As `GET /_control/journal` shows it."""
        return asdict(self)


class CsmsWorld:
    """One project of the embedded CSMS.

    `clock` gives seconds since 1970; `advance` moves the world's time ahead of it. `faults` is the plan of faults,
    `calls` counts calls by operation, `journal` is every effect, oldest first, and nothing is ever taken from it.
    """

    def __init__(self, seed: Seed, *, clock: Callable[[], float] | None = None) -> None:
        """A world filled from `seed`; what was seeded is not in the journal."""
        self._clock = clock or time.time
        self._ahead_ms = 0
        self.project_id = seed.project_id
        self.region = seed.region
        self.quotas = seed.quotas
        self.behaviour: Behaviour = seed.behaviour
        self.access = Access(
            keys=seed.credentials, users=seed.users, behaviour=lambda: self.behaviour, now_ms=self.now_ms
        )
        self.faults: FaultPlan[Fault] = FaultPlan()
        self.calls: Counter[str] = Counter()
        self.journal: list[Effect] = []
        self.tasks: list[Task] = []
        self._events: dict[str, Event] = {}
        self._secrets: dict[str, Secret] = {}
        self._topics: dict[str, Topic] = {}
        self._records: list[tuple[int, int, Record]] = []  # oldest first; of one second, the first made first
        self._ids = 0
        self._made = 0
        for topic in seed.topics:
            self._put_topic(topic)
        for secret in seed.secrets:
            self._put_secret(secret)
        for event in seed.events:
            self._put_event(event)
        for record in seed.records:
            self._add_record(record)

    # time

    def now_ms(self) -> int:
        """The world's time, ms."""
        return int(self._clock() * 1000) + self._ahead_ms

    def advance(self, seconds: float) -> None:
        """Moves the world's time by so much."""
        self._ahead_ms += int(seconds * 1000)

    # events, as the API has them

    def list_events(self, *, limit: int, marker: str | None) -> Page[Event]:
        """CSMS: ListSecretEvents. Newest first; the marker is the last name of the page before."""
        events = newest_first(self._events.values())
        return cut(events, limit=limit, marker=marker, next_marker=self.behaviour.next_marker)

    def event(self, name: str) -> Event:
        """CSMS: ShowSecretEvent. Refusal 404 when there is none."""
        found = self._events.get(checks.event_name(name))
        if found is None:
            # The code table puts CSMS.0005 under 400, yet missing events have been seen as 404.
            raise Refusal(404, "CSMS.0005", "The event does not exist.")
        return found

    def create_event(self, body: Mapping[str, Any], *, caller: str) -> Event:
        """CSMS: CreateSecretEvent; all four fields are needed, whether the target exists is not looked at.

        No public source names the codes for a taken name and for a full quota; these are near ones.
        """
        name = checks.event_name(body.get("name"))
        change = checks.change(body)
        if change.state is None or change.event_types is None or change.notification is None:
            raise invalid("name, state, event_types and notification are needed")
        if name in self._events:
            raise Refusal(400, "CSMS.0003", "The event already exists.")
        if len(self._events) >= self.quotas.events:
            raise Refusal(400, "CSMS.0202", "The number of events exceeds the quota.")
        event = self._put_event(
            Event(
                name=name,
                state=change.state,
                event_types=change.event_types,
                notification=change.notification,
            )
        )
        self._note("create_event", name, body=dict(body), after=event.json(), caller=caller)
        return event

    def update_event(self, name: str, body: Mapping[str, Any], *, caller: str) -> Event:
        """CSMS: UpdateSecretEvent. Only the fields that the body names change; the last writer wins."""
        before = self.event(name)
        change = checks.change(body, has=before.event_types)
        event = replace(
            before,
            state=change.state or before.state,
            event_types=before.event_types if change.event_types is None else change.event_types,
            notification=change.notification or before.notification,
            update_time=self._stamp(0),
        )
        self._events[name] = event
        self._note("update_event", name, body=dict(body), after=event.json(), caller=caller)
        return event

    def delete_event(self, name: str, *, caller: str) -> None:
        """CSMS: DeleteSecretEvent, refused while a secret has the event."""
        self.event(name)
        if self.attached(name):
            raise Refusal(400, "CSMS.0003", "The event is used by secrets.")
        del self._events[name]
        self._note("delete_event", name, body=None, after=None, caller=caller)

    # what else can be read

    def list_secrets(self, *, limit: int, marker: str | None, event_name: str | None) -> Page[Secret]:
        """CSMS: ListSecrets, of one event if it is named."""
        chosen = self._secrets.values() if event_name is None else self.attached(event_name)
        next_marker = self.behaviour.next_marker
        return cut(newest_first(chosen), limit=limit, marker=marker, next_marker=next_marker)

    def attached(self, event_name: str) -> list[Secret]:
        """The secrets that have the event."""
        return [secret for secret in self._secrets.values() if event_name in secret.event_subscriptions]

    def records(self) -> list[Record]:
        """CSMS: ListNotificationRecords. Newest first, at most 1000, none older than three months, no paging."""
        oldest = self.now_ms() - RETENTION_MS
        newest = reversed(self._records[-MAX_RECORDS:])
        return [record for create_time, _, record in newest if create_time >= oldest]

    def topics(self) -> list[Topic]:
        """Every SMN topic, newest first."""
        return newest_first(self._topics.values())

    def events(self) -> list[Event]:
        """Every event, in the order of their making."""
        return list(self._events.values())

    # what the control routes and the generator do

    def put_event(self, event: Event) -> Event:
        """Adds or replaces an event, past checks and quota: what somebody else did in the console."""
        before = self._events.get(event.name)
        if before is not None:
            event = replace(
                event,
                event_id=event.event_id or before.event_id,
                create_time=event.create_time or before.create_time,
                update_time=event.update_time or self._stamp(0),
            )
        stored = self._put_event(event)
        self._note("put_event", stored.name, body=stored.json(), after=stored.json(), caller=CONTROL)
        return stored

    def put_secret(self, secret: Secret) -> Secret:
        """Adds or replaces a secret's metadata."""
        return self._put_secret(secret)

    def put_topic(self, topic: Topic) -> Topic:
        """Adds or replaces an SMN topic."""
        return self._put_topic(topic)

    def drop_topic(self, name: str) -> None:
        """Deletes an SMN topic. KeyError when there is none."""
        del self._topics[name]

    def add_record(self, record: Record) -> Record:
        """Adds a record, of whatever time; in the journal it is the body of an effect named `record`."""
        stored = self._add_record(record)
        self._note("record", stored.event_name, body=stored.json(), after=None, caller=CONTROL)
        return stored

    def trigger(
        self, event_name: str, kind: str, *, secret: str | None = None, status: str | None = None
    ) -> Record:
        """Makes an event trigger now, for `secret` or the first one attached; returns the record.

        `status` overrules what sending would end in. ValueError when the event is off or does not list `kind`.
        """
        event = self.event(event_name)
        if event.state != State.ENABLED or kind not in event.event_types:
            raise ValueError(f"{event_name} is not enabled for {kind}")
        if secret is None:
            attached = self.attached(event_name)
            secret = attached[0].name if attached else f"{event_name}-secret"[:64]
        self._happen_to(secret, kind)
        made = Record(
            event_name=event_name, trigger_event_type=kind, secret_name=secret, notification_status=status
        )
        return self.add_record(made)

    def add_task(self, secret: str, *, failed: bool) -> Task:
        """Adds a rotation to the task list, newest first."""
        task = Task(
            task_id=self._new_id("task", secret),
            secret_name=secret,
            task_status="FAILED" if failed else "SUCCESS",
            task_time=self._stamp(0),
            attempt_nums=3 if failed else 1,
            task_error_code="CSMS.0401" if failed else None,
            task_error_msg="The database refused the new password." if failed else None,
        )
        self.tasks.insert(0, task)
        return task

    # inside

    def _happen_to(self, name: str, kind: str) -> None:
        """What the trigger means for the secret itself."""
        secret = self._secrets.get(name)
        if kind in (EventType.ROTATED, EventType.ROTATED_FAILED):
            self.add_task(name, failed=kind == EventType.ROTATED_FAILED)
        if secret is None:
            return
        if kind in (EventType.ROTATED, EventType.VERSION_CREATED):
            self._secrets[name] = replace(secret, version=secret.version + 1, update_time=self._stamp(0))
        elif kind == EventType.DELETED:
            self._secrets[name] = replace(secret, state="PENDING_DELETE", update_time=self._stamp(0))

    def _put_event(self, event: Event) -> Event:
        made = self._stamp(event.create_time)
        stored = replace(
            event,
            event_id=event.event_id or self._new_id("event", event.name),
            create_time=made,
            update_time=self._stamp(event.update_time) if event.update_time else made,
        )
        self._events[event.name] = stored
        return stored

    def _put_secret(self, secret: Secret) -> Secret:
        made = self._stamp(secret.create_time)
        stored = replace(
            secret,
            id=secret.id or self._new_id("secret", secret.name),
            create_time=made,
            update_time=self._stamp(secret.update_time) if secret.update_time else made,
        )
        self._secrets[secret.name] = stored
        return stored

    def _put_topic(self, topic: Topic) -> Topic:
        urn = topic.topic_urn or f"urn:smn:{self.region}:{self.project_id}:{topic.name}"
        stored = replace(topic, topic_urn=urn, create_time=self._stamp(topic.create_time))
        self._topics[topic.name] = stored
        return stored

    def _add_record(self, record: Record) -> Record:
        made = replace(record, create_time=self._stamp(record.create_time))
        event = self._events.get(made.event_name)
        secret = self._secrets.get(made.secret_name) or self._unknown_secret(made.secret_name)
        target_id = made.notification_target_id or (event.notification.target_id if event else "")
        topic = next((topic for topic in self._topics.values() if topic.topic_urn == target_id), None)
        # The text tells the moment to the millisecond, the record only to the second.
        sent_ms = record.create_time if record.create_time > 0 else self.now_ms() + record.create_time
        stored = notices.complete(made, event=event, secret=secret, topic=topic, sent_ms=sent_ms)
        self._made += 1
        insort(self._records, (stored.create_time, self._made, stored), key=lambda entry: entry[:2])
        return stored

    def _unknown_secret(self, name: str) -> Secret:
        return Secret(
            name=name, id=self._new_id("secret", name), create_time=self._stamp(-1), update_time=1000
        )

    def _stamp(self, ms: int) -> int:
        """A time in whole seconds; one that is not positive counts from now."""
        return (ms if ms > 0 else self.now_ms() + ms) // 1000 * 1000

    def _new_id(self, kind: str, name: str) -> str:
        """A UUID: the same in every run of the same seed, another for a namesake made later."""
        self._ids += 1
        return str(uuid.uuid5(_IDS, f"{self.project_id}/{kind}/{name}/{self._ids}"))

    def _note(self, operation: str, event: str, *, body: Any, after: Any, caller: str) -> None:
        self.journal.append(
            Effect(
                seq=len(self.journal) + 1,
                at_ms=self.now_ms(),
                operation=operation,
                event=event,
                body=body,
                after=after,
                caller=caller,
            )
        )
