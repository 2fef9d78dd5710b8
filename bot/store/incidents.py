"""Incidents: what opened them, what people said of them, and the records that wait for the end of a snooze."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.model import Change, ChangeState, Entry, Incident, IncidentState, Post
from bot.store import audit, outbox
from bot.store.engine import Engine, Tx

_SELECT = "select i.*, (select count(*) from held h where h.incident = i.key) as held from incidents i "

Meanwhile = Callable[[Incident, Sequence[Mapping[str, Any]]], Sequence[Post]]
"""(an incident whose snooze is over, the records that came in it) → what is posted."""


class Incidents:
    """The incidents of the running bot, after the poll that made them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, key: str) -> Incident | None:
        """By the key that a button carries."""
        return await self._engine.run(lambda tx: _get(tx, key))

    async def some(self, keys: Sequence[str]) -> dict[str, Incident]:
        """Those of the keys that are known, by key."""

        def work(tx: Tx) -> dict[str, Incident]:
            found = [_get(tx, key) for key in keys]
            return {incident.key: incident for incident in found if incident is not None}

        return await self._engine.run(work)

    async def acknowledge(self, key: str, by: str, now: datetime) -> tuple[Incident, bool] | None:
        """(the incident, whether this was the first acknowledgement); None when there is no such incident."""

        def work(tx: Tx) -> tuple[Incident, bool] | None:
            cursor = tx.execute(
                "update incidents set acknowledged_by = ?, acknowledged = ? where key = ? and acknowledged is null",
                [by, now.timestamp(), key],
            )
            incident = _get(tx, key)
            if incident is None:
                return None
            if cursor.rowcount == 1:
                audit.append(tx, _entry(by, "incident.acknowledge", incident), now)
                outbox.touch_incident(tx, key)
            return incident, cursor.rowcount == 1

        return await self._engine.run(work)

    async def snooze(self, key: str, by: str, until: datetime, now: datetime) -> Incident | None:
        """Holds later records back until then; a time that is over ends a snooze. None when there is no such incident."""

        def work(tx: Tx) -> Incident | None:
            incident = _get(tx, key)
            over = until <= now
            if incident is None or (over and not incident.snoozed(now)):
                return incident
            tx.execute(
                "update incidents set snoozed_until = ?, snoozed_by = ? where key = ?",
                [until.timestamp(), by, key],
            )
            action, how = (
                ("incident.wake", "") if over else ("incident.snooze", f"until {until:%Y-%m-%d %H:%M:%S} UTC")
            )
            audit.append(tx, _entry(by, action, incident, how), now)
            outbox.touch_incident(tx, key)
            return _get(tx, key)

        return await self._engine.run(work)

    async def wake(self, project: str, now: datetime, meanwhile: Meanwhile) -> int:
        """Ends the snoozes whose time is over, and posts what came in them. How many ended."""

        def work(tx: Tx) -> int:
            over = [
                _from_row(row)
                for row in tx.query(
                    _SELECT + "where i.project = ? and i.snoozed_until <= ?", [project, now.timestamp()]
                )
            ]
            for incident in over:
                rows = tx.execute("select data from held where incident = ? order by id", [incident.key])
                records = [json.loads(data) for (data,) in rows.fetchall()]
                for post in meanwhile(incident, records) if records else ():
                    outbox.put(tx, post, now)
                tx.execute("delete from held where incident = ?", [incident.key])
                tx.execute(
                    "update incidents set snoozed_until = null, snoozed_by = '' where key = ?", [incident.key]
                )
                outbox.touch_incident(tx, incident.key)
            return len(over)

        return await self._engine.run(work)

    async def link(self, key: str, change: Change) -> None:
        """The change request that *Fix target* led to."""

        def work(tx: Tx) -> None:
            tx.execute("update incidents set fix = ?, fix_target = '' where key = ?", [change.key, key])
            outbox.touch_incident(tx, key)

        await self._engine.run(work)

    async def unexplained(self, project: str, trigger: str, since: datetime) -> list[Incident]:
        """Incidents that a record of type `trigger` opened since then, and of which no cause was asked yet."""

        def work(tx: Tx) -> list[Incident]:
            rows = tx.query(
                _SELECT + "where i.project = ? and i.opened >= ? and i.cause is null "
                "and json_extract(i.first, '$.type') = ? order by i.opened limit 5",
                [project, since.timestamp(), trigger],
            )
            return [_from_row(row) for row in rows]

        return await self._engine.run(work)

    async def explain(self, key: str, cause: str) -> None:
        """Keeps why the rotation failed; empty: nobody can say."""

        def work(tx: Tx) -> None:
            tx.execute("update incidents set cause = ? where key = ?", [cause, key])
            if cause:
                outbox.touch_incident(tx, key)

        await self._engine.run(work)

    async def open(self, project: str, since: datetime) -> int:
        """How many failed since then, or wait for the notice after a fix."""
        return await self._engine.run(
            lambda tx: int(
                tx.execute(
                    "select count(*) from incidents where project = ? and "
                    "(state = 'fixed' or (state = 'failing' and last >= ?))",
                    [project, since.timestamp()],
                ).fetchone()[0]
            )
        )

    async def failing_targets(self, project: str, since: datetime) -> set[str]:
        """Ids of the targets to which notices fail, of incidents that were failing since then."""
        return await self._engine.run(
            lambda tx: {
                row[0]
                for row in tx.execute(
                    "select distinct target_id from incidents where project = ? and state != 'delivering' "
                    "and last >= ?",
                    [project, since.timestamp()],
                ).fetchall()
            }
        )


def _entry(by: str, action: str, incident: Incident, how: str = "") -> Entry:
    which = f"{incident.status} at {incident.first.get('target_name') or incident.target_id}"
    reason = f"{how}; {which}" if how else which
    return Entry(by, action, "done", incident.project, incident.event, reason=reason)


def recent(tx: Tx, project: str, since: datetime) -> list[Incident]:
    """Those that failed since then, are snoozed, or wait for the notice after a fix; oldest first."""
    rows = tx.query(
        _SELECT + "where i.project = ? and (i.last >= ? or i.snoozed_until is not null or i.state = 'fixed') "
        "order by i.opened",
        [project, since.timestamp()],
    )
    return [_from_row(row) for row in rows]


def keep(tx: Tx, incident: Incident) -> None:
    """Writes what a poll changes; what people said of it stays."""
    tx.execute(
        "insert into incidents (key, project, event, target_id, status, first, count, opened, last, state, post, "
        "digest, channel, mention, history, as_of) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict do update set count = excluded.count, last = excluded.last, state = excluded.state, "
        "history = excluded.history, as_of = excluded.as_of",
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
            incident.channel,
            incident.mention,
            json.dumps(incident.history),
            None if incident.as_of is None else incident.as_of.timestamp(),
        ],
    )
    outbox.touch_incident(tx, incident.key)


def hold(tx: Tx, key: str, data: Mapping[str, Any], now: datetime) -> None:
    """Keeps a record of a snoozed incident until that is over."""
    tx.execute(
        "insert into held (incident, data, at) values (?, ?, ?)",
        [key, json.dumps(dict(data), ensure_ascii=False), now.timestamp()],
    )


def fix_moved(tx: Tx, change: Change, at: datetime) -> None:
    """A change request has moved: the alerts that led to it show that, and an applied one waits for the next notice.

    `at`: when it was applied, by CSMS's clock; a notice that is older speaks of the time before.
    """
    if change.state is ChangeState.APPLIED:
        target = change.after["target"]
        tx.execute(
            "update incidents set fix_target = ?, state = case state when 'failing' then 'fixed' else state end, "
            "as_of = max(coalesce(as_of, 0), ?) where fix = ?",
            ["" if target is None else target["id"], at.timestamp(), change.key],
        )
    for (key,) in tx.execute("select key from incidents where fix = ?", [change.key]).fetchall():
        outbox.touch_incident(tx, key)


def _get(tx: Tx, key: str) -> Incident | None:
    for row in tx.query(_SELECT + "where i.key = ?", [key]):
        return _from_row(row)
    return None


def _at(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


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
        state=IncidentState(row["state"]),
        post=row["post"],
        digest=bool(row["digest"]),
        acknowledged_by=row["acknowledged_by"],
        acknowledged=_at(row["acknowledged"]),
        channel=row["channel"],
        mention=row["mention"],
        history=tuple((at, number) for at, number in json.loads(row["history"])),
        snoozed_until=_at(row["snoozed_until"]),
        snoozed_by=row["snoozed_by"],
        held=row["held"],
        fix=row["fix"],
        fix_target=row["fix_target"],
        cause=row["cause"],
        as_of=_at(row["as_of"]),
    )
