"""The audit log: nobody changes it by mistake, and whoever changes it on purpose is found out."""

# ruff: noqa: S608 (statements are put together from constants here)

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.model import Entry
from bot.store import Store, open_read_only
from bot.store import audit as audit_module
from bot.store.audit import COLUMNS, GENESIS, head, read
from bot.store.schema import AUDIT_GUARDS
from bot.verify import check
from tests.store.support import NOW, entry, opened


def _rehash(row: dict[str, object]) -> str:
    """The hash of an exported row, written from the description of the chain and from nothing else."""

    def spell(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ",".join(f"{spell(k)}:{spell(value[k])}" for k in sorted(value)) + "}"
        if isinstance(value, list):
            return "[" + ",".join(spell(one) for one in value) + "]"
        return json.dumps(value, ensure_ascii=False)

    columns = {name: value for name, value in row.items() if name != "hash"}
    return hashlib.sha256(b"csms-bot/audit/1\n" + spell(columns).encode("utf-8")).hexdigest()


@pytest.fixture
async def log(tmp_path: Path) -> Path:
    """A database with a log of six rows; the file is closed."""
    path = tmp_path / "db"
    async with opened(path) as store:
        for number in range(6):
            await store.audit.append(entry(number), NOW + timedelta(seconds=number))
    return path


@pytest.fixture
def raw(log: Path) -> Iterator[sqlite3.Connection]:
    """A client that knows nothing of us; its recursive_triggers are off, as SQLite's default is."""
    with closing(sqlite3.connect(log, isolation_level=None)) as connection:
        yield connection


ROW = "7, '', 'U', 'a', '', '', '', null, null, 'o', 'r', '', ''"


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set reason = 'nothing happened'",
        "update or ignore audit set reason = 'nothing happened'",
        "update or replace audit set seq = 1 where seq = 2",
        "delete from audit",
        "delete from audit where seq = 6",
        f"insert or replace into audit values ({ROW.replace('7', '3', 1)})",
        f"replace into audit values ({ROW.replace('7', '6', 1)})",
        f"insert or ignore into audit values ({ROW.replace('7', '9', 1)})",
        f"insert into audit values ({ROW.replace('7', '3', 1)}) on conflict (seq) do update set reason = 'x'",
        f"insert into audit values ({ROW.replace('7', '0', 1)})",
        f"insert into audit values ({ROW.replace('7', 'null', 1)})",
    ],
)
def test_no_statement_of_any_client_changes_what_was_written(raw: sqlite3.Connection, statement: str):
    before = raw.execute("select * from audit").fetchall()
    assert raw.execute("pragma recursive_triggers").fetchone() == (0,)

    with pytest.raises(sqlite3.IntegrityError, match="the audit log is append-only"):
        raw.execute(statement)

    assert raw.execute("select * from audit").fetchall() == before


def test_control_without_the_guard_of_inserts_a_replace_walks_past_the_guard_of_deletes(
    raw: sqlite3.Connection,
):
    raw.execute("drop trigger audit_only_grows")
    raw.execute(f"insert or replace into audit values ({ROW.replace('7', '3', 1)})")
    assert raw.execute("select reason from audit where seq = 3").fetchone() == ("r",)


@pytest.mark.parametrize("guard", AUDIT_GUARDS)
async def test_a_guard_that_is_missing_is_noticed_at_the_next_start(
    log: Path, raw: sqlite3.Connection, guard: str
):
    raw.execute(f"drop trigger {guard}")
    with pytest.raises(StoreError, match=f"guard {guard} is missing or altered"):
        await Store(log).open(NOW)


@pytest.mark.parametrize("guard", AUDIT_GUARDS)
async def test_a_guard_that_does_nothing_any_more_is_noticed_at_the_next_start(
    log: Path, raw: sqlite3.Connection, guard: str
):
    raw.execute(f"drop trigger {guard}")
    raw.execute(AUDIT_GUARDS[guard].replace("raise(abort, 'the audit log is append-only')", "1"))
    with pytest.raises(StoreError, match=f"guard {guard} is missing or altered"):
        await Store(log).open(NOW)


def test_each_row_has_the_hash_that_a_hasher_written_apart_computes(log: Path):
    with closing(open_read_only(log)) as db:
        rows = [asdict(row) for row in read(db)]
    assert [row["hash"] for row in rows] == [_rehash(row) for row in rows]
    assert [row["prev_hash"] for row in rows] == [GENESIS, *(row["hash"] for row in rows[:-1])]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5, 6]


async def test_the_canonical_text_of_a_row_is_what_the_documentation_says(tmp_path: Path):
    given = Entry("U1", "change.request", "pending", "default", "naïve <e>", "CR-1", {"b": 1, "a": [None, "é"]}, None, "why\n")  # fmt: skip
    async with opened(tmp_path / "db") as store:
        row = await store.audit.append(given, datetime(2026, 11, 23, 4, 5, 6, 7, tzinfo=UTC))
    text = (
        '{"action":"change.request","actor":"U1","after":null,"at":"2026-11-23T04:05:06.000007Z",'
        '"before":{"a":[null,"é"],"b":1},"change":"CR-1","event":"naïve <e>","outcome":"pending",'
        f'"prev_hash":"{"0" * 64}","project":"default","reason":"why\\n","seq":1}}'
    )
    assert row.hash == hashlib.sha256(f"csms-bot/audit/1\n{text}".encode()).hexdigest()


def _broken(path: Path) -> tuple[int, str] | None:
    """(the row after the last one that holds, the first doubt), or None."""
    verdict = check(path)
    return (verdict.rows + 1, verdict.doubts[0]) if verdict.doubts else None


def _unguard(raw: sqlite3.Connection) -> None:
    for guard in AUDIT_GUARDS:
        raw.execute(f"drop trigger {guard}")


def test_an_untouched_log_is_whole(log: Path):
    assert _broken(log) is None


TAMPERED = {
    "at": "'2020-01-01T00:00:00.000000Z'", "actor": "'U2'", "action": "'change.reject'", "project": "'other'",
    "event": "'other'", "change": "'CR-9'", "before": "'{\"state\":\"ENABLED\"}'", "after": "null",
    "outcome": "'approved'", "reason": "''", "prev_hash": f"'{'1' * 64}'", "hash": f"'{'1' * 64}'",
}  # fmt: skip


def test_there_is_a_case_for_each_column():
    assert {*TAMPERED, "seq"} == set(COLUMNS)


@pytest.mark.parametrize("column", TAMPERED)
def test_a_changed_column_is_found(log: Path, raw: sqlite3.Connection, column: str):
    _unguard(raw)
    raw.execute(f"update audit set {column} = {TAMPERED[column]} where seq = 4")
    found = _broken(log)
    assert found is not None
    assert found[0] == 4


@pytest.mark.parametrize(
    "text", ["{", '{"state": "DISABLED"}', '{"state":"DISABLED","state":"DISABLED"}', "NaN"]
)
def test_an_image_that_is_not_the_very_text_that_was_written_is_found(
    log: Path, raw: sqlite3.Connection, text: str
):
    _unguard(raw)
    raw.execute("update audit set before = ? where seq = 4", [text])
    assert _broken(log) == (4, "row 4 is not what was written")


def test_a_dropped_row_is_found(log: Path, raw: sqlite3.Connection):
    _unguard(raw)
    raw.execute("delete from audit where seq = 3")
    assert _broken(log) == (3, "row 3 is missing")


def test_a_dropped_row_is_found_when_the_others_close_ranks(log: Path, raw: sqlite3.Connection):
    _unguard(raw)
    raw.execute("delete from audit where seq = 3")
    for seq in (4, 5, 6):
        raw.execute("update audit set seq = ? where seq = ?", [seq - 1, seq])
    assert _broken(log) == (3, "row 3 does not follow from the row before it")


def test_rows_that_changed_places_are_found(log: Path, raw: sqlite3.Connection):
    _unguard(raw)
    for old, new in ((3, 99), (4, 3), (99, 4)):
        raw.execute("update audit set seq = ? where seq = ?", [new, old])
    found = _broken(log)
    assert found is not None
    assert found[0] == 3


def test_a_row_that_was_written_anew_with_its_hash_breaks_the_next_one(log: Path, raw: sqlite3.Connection):
    _unguard(raw)
    with closing(open_read_only(log)) as db:
        row = [asdict(row) for row in read(db)][3] | {"actor": "U2"}
    raw.execute("update audit set actor = 'U2', hash = ? where seq = 4", [_rehash(row)])
    assert _broken(log) == (5, "row 5 does not follow from the row before it")


def test_a_cut_tail_is_found_by_whoever_noted_the_head(log: Path, raw: sqlite3.Connection):
    with closing(open_read_only(log)) as db:
        noted = head(db)
    _unguard(raw)
    raw.execute("delete from audit where seq > 4")
    with closing(open_read_only(log)) as db:
        # The chain alone cannot know of rows after its end: that is what a noted head is for.
        assert not [doubt for doubt in check(log).doubts if doubt.startswith("row")]
        assert head(db) != noted
        assert noted[0] == 6


def test_a_log_without_its_first_rows_is_found(log: Path, raw: sqlite3.Connection):
    _unguard(raw)
    raw.execute("delete from audit where seq < 3")
    assert _broken(log) == (1, "row 1 is missing")


async def test_the_action_and_its_audit_row_happen_together_or_not_at_all(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        fine = await store.audit.append(entry(1), NOW)
        with pytest.raises(TypeError):
            await store.audit.append(Entry("U1", "x", "y", after={1, 2}), NOW)
        with pytest.raises(UnicodeEncodeError):
            await store.audit.append(Entry("U1", "x", "y", reason="\ud800"), NOW)
        assert await store.audit.head() == (1, fine.hash)


async def test_each_filter_keeps_what_it_names(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        for number, given in enumerate(
            [
                {"action": "change.request", "actor": "U1", "project": "a", "event": "x", "change": "CR-1"},
                {"action": "change.approve", "actor": "U2", "project": "a", "event": "x", "change": "CR-1"},
                {"action": "changes.of.mind", "actor": "U1", "project": "b", "event": "y"},
                {"action": "change", "actor": "U3", "project": "b", "event": "y", "change": "CR-2"},
                {"action": "change_request", "actor": "U3", "project": "b"},
            ]
        ):
            await store.audit.append(entry(number, **given), NOW + timedelta(minutes=number))

        async def found(**filters: object) -> list[int]:
            return [row.seq for row in await store.audit.read(**filters)]

        assert await found(project="a") == [1, 2]
        assert await found(event="y") == [3, 4]
        assert await found(actor="U1") == [1, 3]
        assert await found(change="CR-1") == [1, 2]
        assert await found(action="change.approve") == [2]
        assert await found(action="change") == [1, 2, 4], "a prefix ends at a dot"
        assert await found(action="change_request") == [5], "an underscore is no wildcard"
        assert await found(action="%") == []
        assert await found(since=NOW + timedelta(minutes=3)) == [4, 5]
        assert await found(actor="U1", project="b") == [3]
        assert await found(newest_first=True, limit=2) == [5, 4]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [None, 3, 5, 7, 10, 30])
async def test_pages_that_are_read_in_chunks_are_the_same_as_those_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest_first: bool, limit: int | None
):
    monkeypatch.setattr(audit_module, "CHUNK", 5)
    async with opened(tmp_path / "db") as store:
        for number in range(23):
            await store.audit.append(entry(number, actor=f"U{number % 2}"), NOW)
        rows = await store.audit.read(actor="U0", newest_first=newest_first, limit=limit)
    whole = [seq for seq in range(1, 24) if seq % 2]
    whole = whole[::-1] if newest_first else whole
    assert [row.seq for row in rows] == whole[:limit]


async def test_rows_that_are_written_during_an_export_do_not_disturb_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_module, "CHUNK", 2)
    path = tmp_path / "db"
    async with opened(path) as store:
        for number in range(5):
            await store.audit.append(entry(number), NOW)
        with closing(open_read_only(path)) as db:
            rows = read(db)
            seen = [next(rows).seq]
            await store.audit.append(entry(9), NOW)
            seen += [row.seq for row in rows]
    assert seen == [1, 2, 3, 4, 5, 6]
