"""What new notification records lead to: which incidents open or go on, and what is posted.

Every failing record is named once: in the alert that it opens, or as a line in its incident's thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.model import SUCCESS, Incident, IncidentState, Plan, Post, PostKind, Record, record_data
from bot.rules.routes import Facts, Route, Routed, route

QUIET = timedelta(hours=24)
"""An incident without a new failure for this long is over; the next failure opens another."""
REMEMBERED = timedelta(days=30)
"""How long after its last failure a SUCCESS still turns an alert to *delivering again*."""
MOST_ALERTS = 10
"""A poll that would open more incidents than this posts one digest instead."""
MOST_THREADS = 10
"""A poll with later records for more threads of a channel than this posts one digest of them instead: a reply takes Slack a
second, and whatever is new would queue behind them."""
LINES = 30
"""Records in one reply."""
TO_EDIT = 15
"""Records in a reply that is edited later: chat.update takes 4,000 characters of text, chat.postMessage ten times that."""
MIXED = 25
"""Records of several incidents in one reply, where each line names its event and target too."""
HISTORY = 5
"""Polls that an alert's small history shows."""
AWAY_POLLS = 10
"""After a silence longer than this many polls, what came meanwhile is told in one digest."""
SILENCE = timedelta(seconds=5)
"""However short the interval: a machine that was busy for a moment was not away."""

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
class _Open:
    incident: Incident
    first: Record | None = None
    """The record that opened it in this poll."""
    more: list[Record] = field(default_factory=list)
    """Later ones of this poll."""
    until: datetime | None = None
    """The end of the quiet hours in which its last record came."""

    @property
    def failures(self) -> int:
        return len(self.more) + (self.first is not None)


@dataclass(slots=True)
class _Poll:
    """The incidents of a project while the records of one poll go over them, oldest first."""

    where: Where
    now: datetime
    make_key: MakeKey
    known: list[_Open]
    going_on: dict[tuple[str, str, str, str], _Open] = field(default_factory=dict)
    changed: dict[str, _Open] = field(default_factory=dict)
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
            found = _Open(opened, record, until=routed.until)
            self.known.append(found)
            self.going_on[self._key(opened)] = found
            self.changed[opened.key] = found
        else:
            found.more.append(record)
            found.until = routed.until
            self._change(found, count=found.incident.count + 1, last=self.now)
            self._turn(found, record, IncidentState.FAILING)

    def _turn(self, one: _Open, record: Record, state: IncidentState) -> None:
        """What the record says of the incident; nothing, if something newer was said before."""
        at, as_of = _as_of(record, self.now), one.incident.as_of
        # Without a time, or of the same moment (CSMS gives seconds), they count as they come: better open once too often.
        if at is None or as_of is None or at >= as_of:
            self._change(one, state=state, as_of=at or as_of)

    def _change(self, one: _Open, **to: Any) -> None:
        one.incident = replace(one.incident, **to)
        self.changed[one.incident.key] = one


def plan(
    new: Sequence[Record],
    known: Iterable[Incident],
    *,
    where: Where,
    now: datetime,
    make_key: MakeKey,
    away_since: datetime | None = None,
) -> Plan:
    """`new` oldest first, SUCCESS ones too: they say that a target delivers again.

    `away_since`: when the bot last looked, if that is too long ago for one alert each.
    """
    poll = _Poll(where, now, make_key, [_Open(_placed(incident, where)) for incident in known])
    for record in new:
        poll.take(record)
    touched = list(poll.changed.values())
    for one in touched:
        if one.failures:
            history = (*one.incident.history, (now.timestamp(), one.failures))[-HISTORY:]
            one.incident = replace(one.incident, history=history)
    held = [
        (one.incident.key, record_data(record))
        for one in touched
        if one.first is None and one.incident.snoozed(now)
        for record in one.more
    ]
    told = [one for one in touched if one.failures and (one.first or not one.incident.snoozed(now))]
    posts = [post for group in _by_channel(told) for post in _posts(group, told, where, make_key, away_since)]
    # What is new comes first, of all channels: later records are below something that stands there already.
    posts.sort(key=lambda post: post.kind is PostKind.LINES)
    return Plan(tuple(one.incident for one in touched), tuple(posts), tuple(held), dict(poll.dropped))


def meanwhile(
    incident: Incident, records: Sequence[Mapping[str, Any]], *, where: Where, make_key: MakeKey
) -> list[Post]:
    """What came while an incident was snoozed, in its thread, when that is over."""
    return _replies(_placed(incident, where), records, make_key, {"after_snooze": len(records)}, where.words)


def _placed(incident: Incident, where: Where) -> Incident:
    """Incidents of earlier versions do not say in which channel they are: there was one."""
    return incident if incident.channel else replace(incident, channel=where.channel)


def _by_channel(told: Sequence[_Open]) -> list[list[_Open]]:
    groups: dict[str, list[_Open]] = {}
    for one in told:
        groups.setdefault(one.incident.channel, []).append(one)
    return list(groups.values())


def _posts(
    group: Sequence[_Open],
    told: Sequence[_Open],
    where: Where,
    make_key: MakeKey,
    away_since: datetime | None,
) -> list[Post]:
    """The posts of one channel."""
    opened = [one for one in group if one.first is not None]
    later = [one for one in group if one.first is None]
    away = away_since is not None and len(group) > 1
    many = len(opened) > 1 and sum(one.first is not None for one in told) > MOST_ALERTS
    crowded = len({one.incident.post for one in later}) > MOST_THREADS
    posts: list[Post] = []
    if away or many:
        posts += _digest(
            [*opened, *(later if crowded else ())], group if away else (), where, make_key, away_since
        )
    else:
        if away_since is not None:
            # One message is one message: the alert says itself that it is late.
            for one in opened:
                late = {**one.incident.first, "away_since": away_since.timestamp()}
                one.incident = replace(one.incident, first=late)
        for one in opened:
            incident = one.incident
            posts.append(
                Post(
                    incident.post, PostKind.ALERT, incident.key, where.project, incident.channel,
                    wait_until=one.until,
                )
            )  # fmt: skip
        for one in opened:
            posts += _lines(one, where, make_key)
        if crowded:
            posts += _digest(later, (), where, make_key, None)
    return posts if crowded else posts + _below(later, where, make_key)


def _digest(
    group: Sequence[_Open],
    beside: Sequence[_Open],
    where: Where,
    make_key: MakeKey,
    away_since: datetime | None,
) -> list[Post]:
    """One message for many incidents, with the records of `group` in its thread.

    `beside`: also those whose records are told in their own threads, where the message names them all the same.
    """
    key = make_key()
    below = {one.incident.key for one in group}
    named = beside or group
    opened = [one for one in group if one.first is not None]
    for one in opened:
        one.incident = replace(one.incident, post=key, digest=True)
    ends = [one.until for one in group]
    data: dict[str, Any] = {
        "incidents": [_summary(one, below=one.incident.key in below) for one in named],
        **where.words,
    }
    if away_since is not None:
        data["away_since"] = away_since.timestamp()
    if mentions := sorted({one.incident.mention for one in opened} - {""}):
        data["mentions"] = mentions
    channel = named[0].incident.channel
    digest = Post(
        key, PostKind.DIGEST, key, where.project, channel, data=data,
        wait_until=None if None in ends else min((end for end in ends if end), default=None),
    )  # fmt: skip
    if len(group) <= MOST_ALERTS:
        return [digest, *(post for one in group for post in _lines(one, where, make_key, buttons=True))]
    return [digest, *_mixed(group, key, where, make_key)]


def _below(later: Sequence[_Open], where: Where, make_key: MakeKey) -> list[Post]:
    """Later records, each in its incident's thread; incidents of one digest share one."""
    threads: dict[str, list[_Open]] = {}
    for one in later:
        threads.setdefault(one.incident.post, []).append(one)
    return [
        post
        for parent, ones in threads.items()
        for post in (
            _lines(ones[0], where, make_key) if len(ones) == 1 else _mixed(ones, parent, where, make_key)
        )
    ]


def _mixed(group: Sequence[_Open], parent: str, where: Where, make_key: MakeKey) -> list[Post]:
    """Replies with the records of many incidents: one for each incident would take Slack a second each."""
    more = {"more": True} if all(one.first is None for one in group) else {}
    records = [record_data(record) for one in group for record in _all(one)]
    return [
        Post(
            make_key(), PostKind.LINES, parent, where.project, group[0].incident.channel, parent=parent,
            data={"records": records[start : start + MIXED], "mixed": True, **more, **where.words},
        )
        for start in range(0, len(records), MIXED)
    ]  # fmt: skip


def _all(one: _Open) -> list[Record]:
    return [record for record in (one.first, *one.more) if record is not None]


def backfill(
    records: Sequence[Record], *, mode: str, where: Where, now: datetime, make_key: Callable[[], str]
) -> Plan:
    """The very first poll: `none` says nothing, `summary` counts what is there, `all` posts every failure."""
    if mode == "all":
        return plan(records, (), where=where, now=now, make_key=make_key)
    failed = [record for record in records if record.failed]
    if mode == "none":
        return Plan()
    counts: dict[str, int] = {}
    for record in failed:
        counts[f"{record.event_name} · {record.status}"] = (
            counts.get(f"{record.event_name} · {record.status}", 0) + 1
        )
    data = {
        "records": len(records),
        "failed": len(failed),
        "by_event": sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:20],
    }
    return Plan(
        posts=(Post(make_key(), PostKind.BACKFILL, where.project, where.project, where.channel, data=data),)
    )


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


def _lines(one: _Open, where: Where, make_key: MakeKey, *, buttons: bool = False) -> list[Post]:
    """Replies in the incident's thread: one for each poll, more only where one would be too long.

    `buttons`: it has no alert, so that the first of them names the record that opened it, and carries the buttons.
    """
    more = {"incident": one.incident.key} if buttons else {}
    records = [record_data(record) for record in (_all(one) if buttons else one.more)]
    return _replies(one.incident, records, make_key, more, where.words)


def _replies(
    incident: Incident,
    records: Sequence[Mapping[str, Any]],
    make_key: MakeKey,
    more: Mapping[str, Any],
    words: Mapping[str, Any],
) -> list[Post]:
    first = TO_EDIT if "incident" in more else LINES
    starts = [0, *range(first, len(records), LINES)]
    return [
        Post(
            make_key(),
            PostKind.LINES,
            incident.key,
            incident.project,
            incident.channel,
            parent=incident.post,
            data={**(more if start == 0 else {}), "records": list(records[start:end]), **words},
        )
        for start, end in zip(starts, [*starts[1:], None], strict=True)
        if records
    ]


def _summary(one: _Open, *, below: bool) -> dict[str, object]:
    """`below`: its records of this poll are in the digest's thread."""
    incident = one.incident
    return {
        "key": incident.key,
        "event": incident.event,
        "status": incident.status,
        "target": incident.first["target_name"] or incident.target_id,
        "count": one.failures,
        **({"known": True} if one.first is None else {}),
        **({} if below else {"own_thread": True}),
    }
