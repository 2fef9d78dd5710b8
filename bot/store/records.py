"""Counting notification records. They have no id and no cursor, identical twins exist and late ones arrive; so per
fingerprint of all fields the store keeps how many were ever seen at once, and what exceeds that is new."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.model import Incident, Plan, Post, PostKind, Record
from bot.store import outbox
from bot.store.engine import Engine, Tx

FORGET_AFTER = timedelta(days=100)
"""CSMS keeps records for three months; a count is dropped a margin later, when it is not seen any more."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What one look at the records gave."""

    first: bool
    new: tuple[Record, ...]
    coverage_lost: bool
    """The page was not whole this time, and was the time before."""


@dataclass(frozen=True, slots=True)
class PollState:
    """What is known of the polls of one project."""

    first: datetime
    last_ok: datetime
    incomplete: bool
    records: int
    failures: int


Decide = Callable[[Sequence[Record], Sequence[Incident], bool], Plan]
"""(new records oldest first, incidents that may go on, is this the first poll) → what to do."""


class Records:
    """Record counts, polls and incidents of the running bot."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def count(
        self,
        project: str,
        records: Sequence[Record],
        *,
        incomplete: bool,
        now: datetime,
        incidents_since: datetime,
        decide: Decide,
        warning: Post | None = None,
    ) -> Counted:
        """Finds the new records, asks `decide`, and keeps counts, incidents and posts in one transaction.

        `warning` is posted when coverage is lost, in that transaction too, so that a crash cannot swallow it.
        """
        seen = Counter(record.fingerprint for record in records)

        def work(tx: Tx) -> Counted:
            poll = _poll(tx, project)
            known: dict[str, int] = dict(
                tx.execute("select fingerprint, count from counts where project = ?", [project]).fetchall()
            )
            fresh = {
                key: number - known.get(key, 0) for key, number in seen.items() if number > known.get(key, 0)
            }
            new: list[Record] = []
            if fresh:
                left = dict(fresh)
                # CSMS lists the newest first; those of one second keep that order, turned round.
                turned = records[::-1]
                for record in sorted(turned, key=_age):
                    if left.get(record.fingerprint, 0) > 0:
                        left[record.fingerprint] -= 1
                        new.append(record)
                # Dated by our clock: a record whose own time is absurd must not be forgotten while CSMS has it.
                tx.conn.executemany(
                    "insert into counts (project, fingerprint, count, created) values (?, ?, ?, ?) "
                    "on conflict do update set count = excluded.count",
                    [(project, key, seen[key], now.timestamp()) for key in fresh],
                )
            if new or poll is None:
                plan = decide(new, _incidents(tx, project, incidents_since), poll is None)
                for incident in plan.incidents:
                    _keep(tx, incident)
                for post in plan.posts:
                    outbox.put(tx, post, now)
            tx.execute(
                "insert into polls (project, first, last_ok, incomplete, records) values (:p, :now, :now, :i, :n) "
                "on conflict do update set last_ok = :now, incomplete = :i, records = :n, failures = 0",
                {"p": project, "now": now.timestamp(), "i": int(incomplete), "n": len(records)},
            )
            gone = [
                (project, key)
                for (key,) in tx.execute(
                    "select fingerprint from counts where project = ? and created < ?",
                    [project, (now - FORGET_AFTER).timestamp()],
                ).fetchall()
                if key not in seen
            ]
            if gone:
                tx.conn.executemany("delete from counts where project = ? and fingerprint = ?", gone)
            lost = incomplete and not (poll is not None and poll.incomplete)
            if lost and warning is not None:
                outbox.put(tx, warning, now)
            return Counted(first=poll is None, new=tuple(new), coverage_lost=lost)

        return await self._engine.run(work)

    async def poll_failed(self, project: str) -> int:
        """Counts a poll that failed; how many in a row."""

        def work(tx: Tx) -> int:
            tx.execute("update polls set failures = failures + 1 where project = ?", [project])
            row = tx.execute("select failures from polls where project = ?", [project]).fetchone()
            return int(row[0]) if row else 0

        return await self._engine.run(work)

    async def poll(self, project: str) -> PollState | None:
        """What is known of the polls; None before the first."""
        return await self._engine.run(lambda tx: _poll(tx, project))

    async def incident(self, key: str) -> Incident | None:
        """By the key that a button carries."""
        return await self._engine.run(lambda tx: _incident(tx, key))

    async def acknowledge(self, key: str, by: str, now: datetime) -> tuple[Incident, bool] | None:
        """(the incident, whether this was the first acknowledgement); None when there is no such incident."""

        def work(tx: Tx) -> tuple[Incident, bool] | None:
            cursor = tx.execute(
                "update incidents set acknowledged_by = ?, acknowledged = ? where key = ? and acknowledged is null",
                [by, now.timestamp(), key],
            )
            incident = _incident(tx, key)
            if incident is None:
                return None
            if cursor.rowcount == 1:
                outbox.touch(tx, PostKind.ALERT, key)
            return incident, cursor.rowcount == 1

        return await self._engine.run(work)


def _age(record: Record) -> float:
    return record.created.timestamp() if record.created is not None else 0.0


def _poll(tx: Tx, project: str) -> PollState | None:
    for row in tx.query("select * from polls where project = ?", [project]):
        return PollState(
            first=datetime.fromtimestamp(row["first"], UTC),
            last_ok=datetime.fromtimestamp(row["last_ok"], UTC),
            incomplete=bool(row["incomplete"]),
            records=row["records"],
            failures=row["failures"],
        )
    return None


def _incident(tx: Tx, key: str) -> Incident | None:
    for row in tx.query("select * from incidents where key = ?", [key]):
        return _from_row(row)
    return None


def _incidents(tx: Tx, project: str, since: datetime) -> list[Incident]:
    rows = tx.query(
        "select * from incidents where project = ? and last >= ? order by opened",
        [project, since.timestamp()],
    )
    return [_from_row(row) for row in rows]


def _from_row(row: dict[str, Any]) -> Incident:
    return Incident(
        key=row["key"],
        project=row["project"],
        event=row["event"],
        target_id=row["target_id"],
        status=row["status"],
        first=json.loads(row["first"]),
        count=row["count"],
        opened=datetime.fromtimestamp(row["opened"], UTC),
        last=datetime.fromtimestamp(row["last"], UTC),
        state=row["state"],
        post=row["post"],
        digest=bool(row["digest"]),
        acknowledged_by=row["acknowledged_by"],
        acknowledged=None
        if row["acknowledged"] is None
        else datetime.fromtimestamp(row["acknowledged"], UTC),
    )


def _keep(tx: Tx, incident: Incident) -> None:
    tx.execute(
        "insert into incidents (key, project, event, target_id, status, first, count, opened, last, state, post, "
        "digest) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict do update set count = excluded.count, last = excluded.last, state = excluded.state",
        [
            incident.key,
            incident.project,
            incident.event,
            incident.target_id,
            incident.status,
            json.dumps(dict(incident.first), ensure_ascii=False),
            incident.count,
            incident.opened.timestamp(),
            incident.last.timestamp(),
            incident.state,
            incident.post,
            int(incident.digest),
        ],
    )
    outbox.touch(tx, PostKind.ALERT, incident.key)
