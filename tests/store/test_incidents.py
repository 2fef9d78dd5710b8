"""Incidents, as far as the store goes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils

from bot.errors import StoreFailed
from bot.model import ChangeState, Incident, IncidentState, Plan, Post, PostKind, Record
from bot.store import PollState, Store
from bot.store.schema import m001_first_tables, m003_decisions, m004_alerts, m005_audit, migrations
from tests.store.support import NOW, opened, proposal, record

MINUTE = timedelta(minutes=1)


def _incident(key: str = "i1", count: int = 1, state: IncidentState = IncidentState.FAILING) -> Incident:
    return Incident(key, "a", "nightly", "urn:ops", "FAIL", {"secret": "s"}, count, NOW, NOW, state, key)


async def _keep(store: Store, incident: Incident, secret: str) -> list[Incident]:
    given: list[Incident] = []

    def decide(_new: Sequence[Record], going_on: Sequence[Incident], _last: PollState | None) -> Plan:
        given.extend(going_on)
        return Plan(incidents=(incident,))

    await store.records.count(
        "a", [record(secret)], incomplete=False, now=NOW, incidents_since=NOW - MINUTE, decide=decide
    )  # fmt: skip
    return given


async def test_an_incident_is_given_to_the_next_decision_and_updated(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        assert await _keep(store, _incident(), "one") == []
        assert await _keep(store, _incident(count=2, state=IncidentState.DELIVERING), "two") == [_incident()]
        assert await store.incidents.get("i1") == _incident(count=2, state=IncidentState.DELIVERING)
        assert await store.incidents.get("i2") is None


async def test_an_acknowledgement_counts_once_and_is_not_lost_by_later_records(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await _keep(store, _incident(), "one")
        first = await store.incidents.acknowledge("i1", "U1", NOW)
        again = await store.incidents.acknowledge("i1", "U2", NOW + MINUTE)
        await _keep(store, _incident(count=2), "two")
        kept = await store.incidents.get("i1")
        assert await store.incidents.acknowledge("nothing", "U1", NOW) is None
    assert first is not None
    assert again is not None
    assert (first[1], again[1]) == (True, False)
    assert kept is not None
    assert (kept.acknowledged_by, kept.acknowledged, kept.count) == ("U1", NOW, 2)


async def _hold(store: Store, secret: str, now: Any = NOW) -> None:
    def decide(new: Sequence[Record], known: Sequence[Incident], _last: PollState | None) -> Plan:
        return Plan(incidents=tuple(known), held=tuple(("i1", {"secret": one.secret_name}) for one in new))

    await store.records.count(
        "a", [record(secret)], incomplete=False, now=now, incidents_since=NOW, decide=decide
    )


async def test_what_was_held_back_comes_once_when_the_snooze_is_over_and_survives_a_restart(tmp_path: Path):
    told: list[list[str]] = []

    def meanwhile(incident: Incident, records: Sequence[Mapping[str, Any]]) -> list[Post]:
        told.append([one["secret"] for one in records])
        return [Post(f"k{len(told)}", PostKind.LINES, incident.key, "a", "C1", parent=incident.post)]

    async with opened(tmp_path / "db") as store:
        await _keep(store, _incident(), "one")
        assert await store.incidents.snooze("nothing", "U1", NOW + MINUTE, NOW) is None
        await store.incidents.snooze("i1", "U1", NOW + 10 * MINUTE, NOW)
        await _hold(store, "two")
        await _hold(store, "three", NOW + 9 * MINUTE)
        assert await store.incidents.wake("a", NOW + 9 * MINUTE, meanwhile) == 0
    async with opened(tmp_path / "db") as store:
        kept = await store.incidents.get("i1")
        assert kept is not None
        assert (kept.held, kept.snoozed_by, kept.snoozed(NOW)) == (2, "U1", True)
        assert await store.incidents.wake("another", NOW + 10 * MINUTE, meanwhile) == 0
        assert await store.incidents.wake("a", NOW + 10 * MINUTE, meanwhile) == 1
        assert await store.incidents.wake("a", NOW + 10 * MINUTE, meanwhile) == 0
        kept = await store.incidents.get("i1")
        assert kept is not None
        assert (kept.held, kept.snoozed_until) == (0, None)
        assert (await store.outbox.backlog())["pending"] == 1
    assert told == [["two", "three"]]


async def _rows(store: Store) -> list[tuple[str, str, str, str, str, str]]:
    rows = await store.audit.read(limit=100)
    return [(one.actor, one.action, one.outcome, one.project, one.event, one.reason) for one in rows]


async def test_what_people_say_of_an_alert_is_in_the_audit_log_once(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await _keep(store, _incident(), "one")
        for who in ("U1", "U2"):
            await store.incidents.acknowledge("i1", who, NOW)
        await store.incidents.snooze("i1", "U1", NOW, NOW)
        await store.incidents.snooze("i1", "U1", NOW + 90 * MINUTE, NOW)
        for who in ("U3", "U4"):
            await store.incidents.snooze("i1", who, NOW + MINUTE, NOW + MINUTE)
        rows = await _rows(store)

    until = f"{NOW + 90 * MINUTE:%Y-%m-%d %H:%M:%S} UTC"
    assert rows == [
        ("U1", "incident.acknowledge", "done", "a", "nightly", "FAIL at urn:ops"),
        ("U1", "incident.snooze", "done", "a", "nightly", f"until {until}; FAIL at urn:ops"),
        ("U3", "incident.wake", "done", "a", "nightly", "FAIL at urn:ops"),
    ]


async def test_without_its_row_in_the_audit_log_an_alert_is_neither_acknowledged_nor_snoozed(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await _keep(store, _incident(), "one")
        await store._engine.run(
            lambda tx: tx.execute(
                "create trigger full before insert on audit begin select raise(abort, 'disk full'); end"
            )
        )
        with pytest.raises(StoreFailed, match="disk full"):
            await store.incidents.acknowledge("i1", "U1", NOW)
        with pytest.raises(StoreFailed, match="disk full"):
            await store.incidents.snooze("i1", "U1", NOW + MINUTE, NOW)
        assert await store.incidents.get("i1") == _incident()
        await store._engine.run(lambda tx: tx.execute("drop trigger full"))


async def test_an_applied_fix_is_waited_for_and_another_end_is_not(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        for key, end in (("i1", ChangeState.APPLIED), ("i2", ChangeState.STALE)):
            await _keep(store, _incident(key), key)
            change = await store.changes.propose(proposal(key))
            await store.incidents.link(key, change)
            await store.changes.vote(change.key, "U2", NOW)
            await store.changes.begin_apply(change.key, NOW)
            await store.changes.finish_apply(change.key, to=end, note="", found=None, now=NOW)
        first, second = await store.incidents.get("i1"), await store.incidents.get("i2")
    assert first is not None
    assert second is not None
    assert (first.state, second.state) == (IncidentState.FIXED, IncidentState.FAILING)


async def test_a_fix_is_as_of_when_csms_wrote_it_unless_something_newer_is_known(tmp_path: Path):
    newer = NOW + 9 * MINUTE
    async with opened(tmp_path / "db") as store:
        for key, as_of in (("i1", NOW), ("i2", newer), ("i3", None)):
            await _keep(store, replace(_incident(key), as_of=as_of), key)
            change = await store.changes.propose(proposal(key))
            await store.incidents.link(key, change)
            await store.changes.vote(change.key, "U2", NOW)
            await store.changes.begin_apply(change.key, NOW)
            await store.changes.finish_apply(
                change.key, to=ChangeState.APPLIED, note="", found=None, now=NOW, written=NOW + MINUTE
            )
        kept = await store.incidents.some(["i1", "i2", "i3"])
    assert [one.as_of for one in kept.values()] == [NOW + MINUTE, newer, NOW + MINUTE]


async def test_targets_fail_until_a_notice_is_delivered(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await _keep(store, _incident(), "one")
        await _keep(store, replace(_incident("i2"), target_id="urn:fine"), "two")
        await _keep(
            store, replace(_incident("i2", state=IncidentState.DELIVERING), target_id="urn:fine"), "three"
        )
        assert await store.incidents.failing_targets("a", NOW - MINUTE) == {"urn:ops"}
        assert await store.incidents.failing_targets("a", NOW + MINUTE) == set()


async def test_a_cause_is_asked_for_once(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        for key, kind in (("i1", "SECRET_ROTATED_FAILED"), ("i2", "SECRET_ROTATED")):
            await _keep(store, replace(_incident(key), first={"secret": "s", "type": kind}), key)

        async def unexplained() -> list[str]:
            found = await store.incidents.unexplained("a", "SECRET_ROTATED_FAILED", NOW - MINUTE)
            return [one.key for one in found]

        assert await unexplained() == ["i1"]
        await store.incidents.explain("i1", "")
        assert await unexplained() == []


async def test_a_database_of_the_first_version_is_brought_up_to_date_and_its_alerts_go_on(tmp_path: Path):
    path = tmp_path / "db"
    with sqlite3.connect(path) as connection:
        db = sqlite_utils.Database(connection)
        m001_first_tables(db)
        migrations.ensure_migrations_table(db)
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values ('csms-bot', 'm001_first_tables', '')"
        )
        connection.execute(
            "insert into incidents (key, project, event, target_id, status, first, count, opened, last, state, post) "
            "values ('i1', 'a', 'nightly', 'urn:ops', 'FAIL', ?, 1, ?, ?, 'failing', 'i1')",
            [json.dumps({"secret": "s", "at": NOW.timestamp() - 1}), NOW.timestamp(), NOW.timestamp()],
        )
        connection.execute(
            "insert into polls (project, first, last_ok, incomplete) values ('a', 0, ?, 1), ('b', 0, ?, 0)",
            [NOW.timestamp(), NOW.timestamp()],
        )
    connection.close()

    async with opened(path) as store:
        second = timedelta(seconds=1)
        first = {"secret": "s", "at": NOW.timestamp() - 1}
        assert await store.incidents.get("i1") == replace(_incident(), first=first, as_of=NOW - second)
        polls = [await store.records.poll(name) for name in ("a", "b")]
    assert [None if one is None else one.incomplete_at for one in polls] == [NOW, None]


async def test_what_an_older_version_does_not_know_of_is_looked_for_in_its_thread(tmp_path: Path):
    path = tmp_path / "db"
    with sqlite3.connect(path) as connection:
        db = sqlite_utils.Database(connection)
        migrations.ensure_migrations_table(db)
        for earlier in (m001_first_tables, m003_decisions, m004_alerts, m005_audit):
            earlier(db)
            connection.execute(
                "insert into _sqlite_migrations (migration_set, name, applied_at) values ('csms-bot', ?, '')",
                [earlier.__name__],
            )
        for key, parent, state, ts in (("i1", "", "posted", "1.5"), ("k2", "i1", "unknown", "")):
            connection.execute(
                "insert into outbox (key, project, kind, ref, channel, user, parent, data, state, ts, created) "
                "values (?, 'a', 'alert_lines', 'i1', 'C1', '', ?, '{}', ?, ?, 0)",
                [key, parent, state, ts],
            )
    connection.close()

    async with opened(path) as store:
        found = [(one.key, one.step, one.thread_ts) for one in await store.outbox.due(NOW, settle_s=0)]
    assert ("k2", "find", "1.5") in found
