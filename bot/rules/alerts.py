"""What new notification records lead to: which incidents open or go on, and what is posted.

Every failing record is named once: in the alert that it opens, or as a line in its incident's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.model import FAILURES, SUCCESS, Incident, Plan, Post, PostKind, Record, record_data

QUIET = timedelta(hours=24)
"""An incident without a new failure for this long is over; the next failure opens another."""
MOST_ALERTS = 10
"""A poll that would open more incidents than this posts one digest instead."""
LINES = 30
"""Records in one reply."""

FAILING, DELIVERING = "failing", "delivering"


@dataclass(frozen=True, slots=True)
class Where:
    """Where the alerts of a project go."""

    project: str
    channel: str


@dataclass(slots=True)
class _Open:
    incident: Incident
    first: Record | None
    """The record that opened it in this poll."""
    more: list[Record]
    """Later ones of this poll."""


def plan(
    new: Sequence[Record],
    going_on: Iterable[Incident],
    *,
    where: Where,
    now: datetime,
    make_key: Callable[[], str],
) -> Plan:
    """`new` oldest first, SUCCESS ones too: they say that a target delivers again."""
    ours = {
        _key(i.event, i.target_id, i.status): _Open(i, None, []) for i in going_on if i.last + QUIET >= now
    }
    changed: dict[tuple[str, str, str], None] = {}
    for record in new:
        if record.status == SUCCESS:
            for status in FAILURES:
                key = _key(record.event_name, record.target_id, status)
                if key in ours and ours[key].incident.state != DELIVERING:
                    ours[key].incident = replace(ours[key].incident, state=DELIVERING)
                    changed[key] = None
        elif record.failed:
            key = _key(record.event_name, record.target_id, record.status)
            changed[key] = None
            if key in ours:
                known = ours[key]
                known.more.append(record)
                known.incident = replace(
                    known.incident, count=known.incident.count + 1, last=now, state=FAILING
                )
            else:
                ours[key] = _Open(_opened(record, where.project, now, make_key()), record, [])
    touched = [ours[key] for key in changed]
    opened = [one for one in touched if one.first is not None]
    posts: list[Post] = []
    if len(opened) > MOST_ALERTS:
        digest = make_key()
        posts.append(
            Post(
                digest,
                PostKind.DIGEST,
                digest,
                where.project,
                where.channel,
                data={"incidents": _summary(opened)},
            )
        )
        for one in opened:
            one.incident = replace(one.incident, post=digest, digest=True)
            assert one.first is not None  # noqa: S101 (that is what `opened` means)
            posts += _lines(where, one.incident, [one.first, *one.more], make_key)
    else:
        posts += [
            Post(one.incident.post, PostKind.ALERT, one.incident.key, where.project, where.channel)
            for one in opened
        ]
        for one in opened:
            posts += _lines(where, one.incident, one.more, make_key)
    for one in touched:
        if one.first is None:
            posts += _lines(where, one.incident, one.more, make_key)
    return Plan(tuple(one.incident for one in touched), tuple(posts))


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


def _key(event: str, target: str, status: str) -> tuple[str, str, str]:
    return event, target, status


def _opened(record: Record, project: str, now: datetime, key: str) -> Incident:
    return Incident(
        key=key,
        project=project,
        event=record.event_name,
        target_id=record.target_id,
        status=record.status,
        first=record_data(record),
        count=1,
        opened=now,
        last=now,
        state=FAILING,
        post=key,
    )


def _lines(
    where: Where, incident: Incident, records: list[Record], make_key: Callable[[], str]
) -> list[Post]:
    """Replies in the incident's thread: one for each poll, more only where one would be too long."""
    return [
        Post(
            make_key(),
            PostKind.LINES,
            incident.key,
            where.project,
            where.channel,
            parent=incident.post,
            data={"records": [record_data(record) for record in records[start : start + LINES]]},
        )
        for start in range(0, len(records), LINES)
    ]


def _summary(opened: list[_Open]) -> list[dict[str, object]]:
    return [
        {
            "event": one.incident.event,
            "status": one.incident.status,
            "target": one.incident.first["target_name"] or one.incident.target_id,
            "count": one.incident.count,
        }
        for one in opened
    ]
