"""Which incidents new notification records open, carry on, and turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.model import SUCCESS, Incident, IncidentState, Record, record_data
from bot.rules.routes import Facts, Route, Routed, route

QUIET = timedelta(hours=24)
"""An incident without a new failure for this long is over; the next failure opens another."""
REMEMBERED = timedelta(days=30)
"""How long after its last failure a SUCCESS still turns an alert to *delivering again*."""
CLOCKS_DIFFER = timedelta(minutes=15)
"""What our clock and CSMS's may be apart at most: beyond it CSMS takes no signed request."""

MakeKey = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Where:
    """Where the alerts of a project go."""

    project: str
    channel: str
    routes: tuple[Route, ...] = ()
    one_of_many: bool = False
    """The bot has other projects, too: what it posts names this one."""

    @property
    def words(self) -> dict[str, Any]:
        """What a post carries to name the project."""
        return {"project": self.project} if self.one_of_many else {}

    def of(self, record: Record, now: datetime) -> Routed:
        """Where this record goes, by the routes."""
        facts = Facts(self.project, record.event_name, record.trigger_type, record.secret_name, record.status)
        return route(self.routes, facts, channel=self.channel, now=now)


@dataclass(slots=True)
class Touched:
    """An incident as it is after the records of this poll that were looked at so far."""

    incident: Incident
    first: Record | None = None
    """The record that opened it in this poll."""
    more: list[Record] = field(default_factory=list)
    """Later ones of this poll."""
    until: datetime | None = None
    """The end of the quiet hours in which its last record came."""

    @property
    def records(self) -> list[Record]:
        """The failing ones of this poll, oldest first."""
        return [*([] if self.first is None else [self.first]), *self.more]

    @property
    def failures(self) -> int:
        """How many that are."""
        return len(self.more) + (self.first is not None)


@dataclass(slots=True)
class Poll:
    """The incidents of a project while the records of one poll go over them, oldest first."""

    where: Where
    now: datetime
    make_key: MakeKey
    known: list[Touched]
    going_on: dict[tuple[str, str, str, str], Touched] = field(default_factory=dict)
    changed: dict[str, Touched] = field(default_factory=dict)
    """By key, in the order in which they were touched."""
    dropped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for one in self.known:
            if _goes_on(one.incident, self.now):
                self.going_on[self._key(one.incident)] = one

    def _key(self, incident: Incident) -> tuple[str, str, str, str]:
        # Routes may send records of one event to several channels: each channel has its own incident then.
        return incident.event, incident.target_id, incident.status, incident.channel

    def take(self, record: Record) -> None:
        """One record, in its turn."""
        if record.status == SUCCESS:
            self._delivered(record)
        elif record.failed:
            self._failed(record)

    def _delivered(self, record: Record) -> None:
        """A notice reached a target: what waited for it delivers again, unless something newer is known."""
        for one in self.known:
            incident = one.incident
            to_it = record.target_id == incident.target_id or record.target_id == incident.fix_target != ""
            if (
                incident.event == record.event_name
                and to_it
                and incident.state is not IncidentState.DELIVERING
            ):
                self._turn(one, record, IncidentState.DELIVERING)

    def _failed(self, record: Record) -> None:
        routed = self.where.of(record, self.now)
        if routed.drop:
            self.dropped[routed.drop] += 1
            return
        for one in self.known:
            # The fix set this target, and a notice to it failed, be it the first or a later one: that is an incident of
            # its own, and the old one is as open as it was.
            incident = one.incident
            fixed_to = (incident.event, incident.fix_target) == (record.event_name, record.target_id)
            if fixed_to and incident.state is not IncidentState.FAILING:
                self._turn(one, record, IncidentState.FAILING)
        found = self.going_on.get((record.event_name, record.target_id, record.status, routed.channel))
        if found is None:
            opened = _opened(record, self.where, routed, self.now, self.make_key())
            found = Touched(opened, record, until=routed.until)
            self.known.append(found)
            self.going_on[self._key(opened)] = found
            self.changed[opened.key] = found
        else:
            found.more.append(record)
            found.until = routed.until
            self._change(found, count=found.incident.count + 1, last=self.now)
            self._turn(found, record, IncidentState.FAILING)

    def _turn(self, one: Touched, record: Record, state: IncidentState) -> None:
        """What the record says of the incident; nothing, if something newer was said before."""
        at, as_of = _as_of(record, self.now), one.incident.as_of
        # Without a time, or of the same moment (CSMS gives seconds), they count as they come: better open once too often.
        if at is None or as_of is None or at >= as_of:
            self._change(one, state=state, as_of=at or as_of)

    def _change(self, one: Touched, **to: Any) -> None:
        one.incident = replace(one.incident, **to)
        self.changed[one.incident.key] = one


def placed(incident: Incident, where: Where) -> Incident:
    """Incidents of earlier versions do not say in which channel they are: there was one."""
    return incident if incident.channel else replace(incident, channel=where.channel)


def _opened(record: Record, where: Where, routed: Routed, now: datetime, key: str) -> Incident:
    return Incident(
        key=key,
        project=where.project,
        event=record.event_name,
        target_id=record.target_id,
        status=record.status,
        first={**record_data(record), **where.words},
        count=1,
        opened=now,
        last=now,
        state=IncidentState.FAILING,
        post=key,
        channel=routed.channel,
        mention=routed.mention,
        as_of=_as_of(record, now),
    )


def _as_of(record: Record, now: datetime) -> datetime | None:
    """The record's own time. One from the future by more than clocks can differ would outdo all that comes after it."""
    return record.created and min(record.created, now + CLOCKS_DIFFER)


def _goes_on(incident: Incident, now: datetime) -> bool:
    """Whether the next failure still belongs to it."""
    return incident.last + QUIET >= now or incident.snoozed(now) or incident.state is IncidentState.FIXED
