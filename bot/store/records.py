"""Counting notification records. They have no id and no cursor, identical twins exist and late ones arrive; so per
fingerprint of all fields the store keeps how many were ever seen at once, and what exceeds that is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.model import Incident, Plan, Post, Record
from bot.store import incidents, outbox
from bot.store.engine import Engine, Tx

WHOLE_FOR = timedelta(days=1)
"""So long no answer must have been incomplete before that is news again: beside the limit they take turns."""
FORGET_AFTER = timedelta(days=100)
"""CSMS keeps records for three months; a count is dropped a margin later, when it is not seen any more."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What one look at the records gave."""

    new: tuple[Record, ...]
    coverage_lost: bool
    """The page was not whole this time, and all were for a day before."""


@dataclass(frozen=True, slots=True)
class PollState:
    """What is known of the polls of one project."""

    last_ok: datetime
    incomplete: bool
    records: int
    incomplete_at: datetime | None
    """The last look at which it was."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Polls of one project that failed in a row."""

    failures: int
    since: datetime
    reason: str
    told: bool
    """The channel was told."""


Decide = Callable[[Sequence[Record], Sequence[Incident], PollState | None], Plan]
"""(new records oldest first, incidents that may go on, the last poll or None at the first) → what to do."""


class Records:
    """Record counts and polls of the running bot."""

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
        back: Callable[[Outage], Post] | None = None,
    ) -> Counted:
        """Finds the new records, asks `decide`, and keeps counts, incidents and posts in one transaction.

        `warning` is posted when coverage is lost, and `back` when an outage is over that the channel was told of; both
        in that transaction too, so that a crash cannot swallow them.
        """

        def work(tx: Tx) -> Counted:
            poll = _poll(tx, project)
            new = _new(tx, project, records, now)
            if new or poll is None:
                _keep(tx, project, decide(new, incidents.recent(tx, project, incidents_since), poll), now)
            tx.execute(
                "insert into polls (project, first, last_ok, incomplete, records, incomplete_at) "
                "values (:p, :now, :now, :i, :n, :at) on conflict do update set "
                "last_ok = :now, incomplete = :i, records = :n, incomplete_at = coalesce(:at, incomplete_at)",
                {
                    "p": project,
                    "now": now.timestamp(),
                    "i": int(incomplete),
                    "n": len(records),
                    "at": now.timestamp() if incomplete else None,
                },
            )
            before = None if poll is None else poll.incomplete_at
            lost = incomplete and (before is None or now - before >= WHOLE_FOR)
            if lost and warning is not None:
                outbox.put(tx, warning, now)
            outage = _outage(tx, project)
            tx.execute("delete from outages where project = ?", [project])
            if outage is not None and outage.told and back is not None:
                outbox.put(tx, back(outage), now)
            return Counted(new=tuple(new), coverage_lost=lost)

        return await self._engine.run(work)

    async def poll_failed(
        self, project: str, *, reason: str, now: datetime, tell_at: int = 0, warning: Post | None = None
    ) -> Outage:
        """Counts a poll that failed, also before the first good one. At `tell_at` in a row `warning` is posted, once."""

        def work(tx: Tx) -> Outage:
            tx.execute(
                "insert into outages (project, failures, since, reason) values (?, 1, ?, ?) "
                "on conflict do update set failures = failures + 1, reason = excluded.reason",
                [project, now.timestamp(), reason],
            )
            outage = _outage(tx, project)
            assert outage is not None  # noqa: S101 (written just above)
            if warning is not None and not outage.told and outage.failures >= tell_at:
                tx.execute("update outages set told = 1 where project = ?", [project])
                outbox.put(tx, warning, now)
            return outage

        return await self._engine.run(work)

    async def outage(self, project: str) -> Outage | None:
        """The polls that failed since the last good one; None when that was the last."""
        return await self._engine.run(lambda tx: _outage(tx, project))

    async def dropped(self, project: str) -> list[tuple[str, int]]:
        """(a route's reason, how many failing records it dropped), most first."""
        return await self._engine.run(
            lambda tx: [
                (row[0], row[1])
                for row in tx.execute(
                    "select reason, count from dropped where project = ? order by count desc, reason limit 10",
                    [project],
                ).fetchall()
            ]
        )

    async def poll(self, project: str) -> PollState | None:
        """What is known of the polls; None before the first."""
        return await self._engine.run(lambda tx: _poll(tx, project))


def _new(tx: Tx, project: str, records: Sequence[Record], now: datetime) -> list[Record]:
    """The records that were not counted before, oldest first; they are counted now."""
    seen = Counter(record.fingerprint for record in records)
    known: dict[str, int] = dict(
        tx.execute("select fingerprint, count from counts where project = ?", [project]).fetchall()
    )
    _forget(tx, project, known.keys() - seen.keys(), now)
    fresh = {key: number - known.get(key, 0) for key, number in seen.items() if number > known.get(key, 0)}
    if not fresh:
        return []
    # Dated by our clock: a record whose own time is absurd must not be forgotten while CSMS has it.
    tx.conn.executemany(
        "insert into counts (project, fingerprint, count, created) values (?, ?, ?, ?) "
        "on conflict do update set count = excluded.count",
        [(project, key, seen[key], now.timestamp()) for key in fresh],
    )
    new: list[Record] = []
    # CSMS lists the newest first; those of one second keep that order, turned round.
    turned = records[::-1]
    for record in sorted(turned, key=_age):
        if fresh.get(record.fingerprint, 0) > 0:
            fresh[record.fingerprint] -= 1
            new.append(record)
    return new


def _forget(tx: Tx, project: str, gone: AbstractSet[str], now: datetime) -> None:
    """Drops the counts of records that CSMS has stopped showing, once they are old."""
    if gone:
        tx.conn.executemany(
            "delete from counts where project = ? and fingerprint = ? and created < ?",
            [(project, key, (now - FORGET_AFTER).timestamp()) for key in gone],
        )


def _age(record: Record) -> float:
    return record.created.timestamp() if record.created is not None else 0.0


def _keep(tx: Tx, project: str, plan: Plan, now: datetime) -> None:
    """Writes what a look led to."""
    for incident in plan.incidents:
        incidents.keep(tx, incident)
    for key, data in plan.held:
        incidents.hold(tx, key, data, now)
    for reason, number in plan.dropped.items():
        tx.execute(
            "insert into dropped values (?, ?, ?, ?) on conflict do update set "
            "count = count + excluded.count, last = excluded.last",
            [project, reason, number, now.timestamp()],
        )
    for post in plan.posts:
        outbox.put(tx, post, now)


def _poll(tx: Tx, project: str) -> PollState | None:
    for row in tx.query("select * from polls where project = ?", [project]):
        return PollState(
            last_ok=datetime.fromtimestamp(row["last_ok"], UTC),
            incomplete=bool(row["incomplete"]),
            records=row["records"],
            incomplete_at=None
            if row["incomplete_at"] is None
            else datetime.fromtimestamp(row["incomplete_at"], UTC),
        )
    return None


def _outage(tx: Tx, project: str) -> Outage | None:
    for row in tx.query("select * from outages where project = ?", [project]):
        since = datetime.fromtimestamp(row["since"], UTC)
        return Outage(row["failures"], since, row["reason"], bool(row["told"]))
    return None
