"""What is posted of new notification records.

Every failing record is named once: in the alert that it opens, or as a line in a thread: its incident's, or a digest's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.model import Incident, Plan, Post, PostKind, Record, record_data
from bot.rules.incidents import MakeKey, Poll, Touched, Where, placed

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
    poll = Poll(where, now, make_key, [Touched(placed(incident, where)) for incident in known])
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
    return _replies(placed(incident, where), records, make_key, {"after_snooze": len(records)}, where.words)


def _by_channel(told: Sequence[Touched]) -> list[list[Touched]]:
    groups: dict[str, list[Touched]] = {}
    for one in told:
        groups.setdefault(one.incident.channel, []).append(one)
    return list(groups.values())


def _posts(
    group: Sequence[Touched],
    told: Sequence[Touched],
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
    group: Sequence[Touched],
    beside: Sequence[Touched],
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


def _below(later: Sequence[Touched], where: Where, make_key: MakeKey) -> list[Post]:
    """Later records, each in its incident's thread; incidents of one digest share one."""
    threads: dict[str, list[Touched]] = {}
    for one in later:
        threads.setdefault(one.incident.post, []).append(one)
    return [
        post
        for parent, ones in threads.items()
        for post in (
            _lines(ones[0], where, make_key) if len(ones) == 1 else _mixed(ones, parent, where, make_key)
        )
    ]


def _mixed(group: Sequence[Touched], parent: str, where: Where, make_key: MakeKey) -> list[Post]:
    """Replies with the records of many incidents: one for each incident would take Slack a second each."""
    more = {"more": True} if all(one.first is None for one in group) else {}
    records = [record_data(record) for one in group for record in one.records]
    return [
        Post(
            make_key(), PostKind.LINES, parent, where.project, group[0].incident.channel, parent=parent,
            data={"records": records[start : start + MIXED], "mixed": True, **more, **where.words},
        )
        for start in range(0, len(records), MIXED)
    ]  # fmt: skip


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


def _lines(one: Touched, where: Where, make_key: MakeKey, *, buttons: bool = False) -> list[Post]:
    """Replies in the incident's thread: one for each poll, more only where one would be too long.

    `buttons`: it has no alert, so that the first of them names the record that opened it, and carries the buttons.
    """
    more = {"incident": one.incident.key} if buttons else {}
    records = [record_data(record) for record in (one.records if buttons else one.more)]
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


def _summary(one: Touched, *, below: bool) -> dict[str, object]:
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
