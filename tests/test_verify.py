"""The independent check of the audit log: it agrees with its document, and no tampering escapes it."""

# ruff: noqa: S608 (statements are put together from constants here)

from __future__ import annotations

import ast
import asyncio
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils

import bot.verify
from bot.model import Entry
from bot.store import open_read_only
from bot.store.audit import read
from bot.verify import COLUMNS, GENESIS, GUARDS, Head, Walk, check, check_export, database, digest
from tests.store.support import NOW, entry, opened

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs/audit-format.md").read_text(encoding="utf-8")
VECTORS = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)[0].splitlines()
MANY = 1000
SHARE = 997
"""A prime: every so many-th byte of the file is changed in the test that goes through the whole file."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a thousand rows, as the bot writes it; nobody changes this one."""
    path = tmp_path_factory.mktemp("whole") / "db"

    async def make() -> None:
        async with opened(path) as store:
            for number in range(MANY):
                more = {
                    "event": f"event-{number % 7}",
                    "change": f"CR-{number // 4}",
                    "actor": f"U{number % 5}",
                }
                await store.audit.append(entry(number, **more), NOW + timedelta(seconds=number))

    asyncio.run(make())
    return path


@pytest.fixture
def log(whole: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copy(whole, tmp_path / "db"))


@pytest.fixture
def raw(log: Path) -> Iterator[sqlite3.Connection]:
    """Somebody with the file and no guards in their way."""
    with closing(sqlite3.connect(log, isolation_level=None)) as db:
        db.execute("pragma synchronous=off")
        for guard in GUARDS:
            db.execute(f"drop trigger {guard}")
        yield db


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    """Every row, as the file has it."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(f"select {', '.join(COLUMNS)} from audit order by seq").fetchall()


def guarded_again(db: sqlite3.Connection) -> None:
    """Whoever tampers with care puts the guards back."""
    for sql in GUARDS.values():
        db.execute(sql)


def chained(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows with a chain made anew over them: what an owner of the file can always do."""
    made, prev = [], GENESIS
    for seq, row in enumerate(rows, start=1):
        columns = [seq, *row[1:11], prev, ""]
        columns[12] = prev = digest(tuple(columns))
        made.append(tuple(columns))
    return made


# -- the document ---------------------------------------------------------------------------------------------------


def test_the_checker_imports_nothing_of_the_program():
    modules = sorted(Path(bot.verify.__file__).parent.glob("*.py"))
    imported = {
        name if name.startswith("bot.verify.") else name.split(".")[0]
        for module in modules
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or "."] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
        )
    }
    own = {f"bot.verify.{module.stem}" for module in modules}
    assert len(own) > 3
    assert imported <= sys.stdlib_module_names | own


def test_the_checker_accepts_the_documents_vectors():
    verdict = check_export(VECTORS)
    assert (verdict.doubts, verdict.rows) == ([], 3)
    assert verdict.hash == json.loads(VECTORS[-1])["hash"]


async def test_the_writer_writes_the_documents_vectors(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        for line in VECTORS:
            wanted = json.loads(line)
            given = {
                name: value
                for name, value in wanted.items()
                if name not in ("seq", "at", "prev_hash", "hash")
            }
            row = await store.audit.append(Entry(**given), datetime.fromisoformat(wanted["at"]))
            assert asdict(row) == wanted


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"seq": 4}, "row 3 is missing"),
        ({"outcome": "allowed"}, "row 3 is not what was written"),
        ({"prev_hash": json.loads(VECTORS[1])["prev_hash"]}, "row 3 does not follow from the row before it"),
        ({"reason": None}, "row 3 does not have the columns of the format"),
    ],
)
def test_the_checker_refuses_what_the_document_says_must_be_refused(change: dict[str, Any], doubt: str):
    row = {
        name: value
        for name, value in (json.loads(VECTORS[2]) | change).items()
        if value is not None or name != "reason"
    }
    row |= {"before": None, "after": None}
    assert check_export([*VECTORS[:2], json.dumps(row)]).doubts == [doubt]


def test_the_guards_are_those_of_the_document():
    listed = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)[0]
    found = [" ".join(one.split()) for one in listed.split("end;")]
    assert [f"{one} end" for one in found if one] == list(GUARDS.values())


def test_an_export_holds_by_itself_and_after_the_row_it_follows(whole: Path):
    with closing(open_read_only(whole)) as db:
        lines = [json.dumps(asdict(row)) for row in read(db)]
    assert check_export(lines).rows == MANY
    before = json.loads(lines[599])
    rest = check_export(lines[600:], after=Head(600, before["hash"], ""))
    assert (rest.doubts, rest.rows) == ([], MANY)
    assert check_export(lines[601:], after=Head(600, before["hash"], "")).doubts == ["row 601 is missing"]
    assert check_export(["{"]).doubts == ["row 1 does not have the columns of the format"]


# -- tampering -------------------------------------------------------------------------------------------------------


def test_a_log_that_nobody_touched_is_whole(whole: Path):
    verdict = check(whole)
    assert (verdict.doubts, verdict.rows) == ([], MANY)
    assert verdict.hash == rows_of(whole)[-1][-1]


def test_each_byte_of_a_thousand_rows_when_changed_is_found_in_its_own_row(whole: Path):
    """The walk is resumed before each row, so that every byte can be tried: what holds before a row still holds."""
    walk, tried = Walk(), 0
    for row in rows_of(whole):
        seq, prev = walk.seq, walk.prev
        for place, value in enumerate(row):
            text = str(value).encode()
            for at in range(len(text)):
                other = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
                changed: Any = other.decode("latin-1")
                if place == 0:
                    changed = int(changed) if changed.isdigit() else -1
                assert Walk(seq, prev).take((*row[:place], changed, *row[place + 1 :])), (row[0], place, at)
                tried += 1
        assert walk.take(row) == ""
    assert tried > 200_000


def test_a_changed_byte_of_the_file_is_found_or_changes_no_row(whole: Path, tmp_path: Path):
    content, untouched = whole.read_bytes(), rows_of(whole)
    path = tmp_path / "db"
    found = 0
    for at in range(100, len(content), SHARE):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :])
        if check(path).doubts:
            found += 1
        else:
            assert rows_of(path) == untouched, at
    assert found > 200


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("before", "null"),
        ("after", "null"),
        ("after", ""),
        ("before", "[1"),
        ("reason", ""),
        ("actor", "system"),
    ],
)
def test_a_row_whose_column_reads_almost_the_same_is_found(
    log: Path, raw: sqlite3.Connection, column: str, value: str
):
    raw.execute(f"update audit set {column} = ? where seq = 500", [value])
    guarded_again(raw)
    assert check(log).doubts[0] == "row 500 is not what was written"


async def test_an_absent_image_is_not_the_text_null(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await store.audit.append(Entry("U1", "test", "ok"), NOW)
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as db:
        db.execute("drop trigger audit_never_changes")
        db.execute("update audit set before = 'null'")
        db.execute(GUARDS["audit_never_changes"])
    assert check(tmp_path / "db").doubts == ["row 1 is not what was written"]


def test_a_dropped_a_swapped_and_an_inserted_row_are_found_and_named(whole: Path, tmp_path: Path):
    rows = rows_of(whole)
    forged = (501, *rows[499][1:11], rows[499][12], "0" * 64)
    cases = {
        "dropped": ([*rows[:499], *rows[500:]], "row 500 is missing"),
        "dropped, the rest renumbered": (
            [*rows[:499], *((row[0] - 1, *row[1:]) for row in rows[500:])],
            "row 500 does not follow from the row before it",
        ),
        "swapped": (
            [*rows[:499], (500, *rows[500][1:]), (501, *rows[499][1:]), *rows[501:]],
            "row 500 does not follow from the row before it",
        ),
        "inserted": (
            [*rows[:500], forged, *((row[0] + 1, *row[1:]) for row in rows[500:])],
            "row 501 is not what was written",
        ),
        "inserted with its right hash": (
            [*rows[:500], (*forged[:12], digest(forged)), *((row[0] + 1, *row[1:]) for row in rows[500:])],
            "row 502 does not follow from the row before it",
        ),
        "a row before the first": ([(0, *rows[0][1:]), *rows], "row 1 is missing"),
        "the first rows dropped": (rows[10:], "row 1 is missing"),
    }
    for name, (left, doubt) in cases.items():
        path = Path(shutil.copy(whole, tmp_path / "db"))
        with closing(sqlite3.connect(path)) as db:
            for guard in GUARDS:
                db.execute(f"drop trigger {guard}")
            db.execute("delete from audit")
            db.executemany(f"insert into audit values ({', '.join('?' * 13)})", left)
            guarded_again(db)
            db.commit()
        assert check(path).doubts == [doubt], name


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_that_is_gone_weakened_or_joined_by_another_is_found(log: Path, guard: str):
    with closing(sqlite3.connect(log, isolation_level=None)) as db:
        db.execute(f"drop trigger {guard}")
        assert check(log).doubts == [f"the guard {guard} is missing"]
        db.execute(GUARDS[guard].replace("begin", "begin select 1;"))
        assert check(log).doubts == [f"the guard {guard} is not what it must be"]
        db.execute(f"drop trigger {guard}")
        db.execute(GUARDS[guard])
        db.execute("create trigger more after insert on audit begin select 1; end")
        assert check(log).doubts == ["the trigger more does not belong there"]


def test_a_view_in_the_place_of_the_log_is_found(log: Path, raw: sqlite3.Connection):
    raw.execute("alter table audit rename to audit_was")
    raw.execute("create view audit as select * from audit_was")
    assert check(log).doubts == ["`audit` is not the table that it must be"]


@pytest.mark.parametrize(
    "statements",
    [
        ["drop table audit"],
        ["alter table audit drop column reason"],
        ["alter table audit add column more text"],
        ["alter table audit rename column reason to why"],
        ["drop trigger audit_never_changes", "update audit set reason = '' where seq = 7"],
        ["pragma writable_schema=on", "delete from sqlite_master where type = 'trigger'"],
    ],
)
def test_what_changes_the_table_itself_is_not_held_back_by_its_guards_but_found(
    log: Path, statements: list[str]
):
    with closing(sqlite3.connect(log, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)
    assert check(log).doubts


@pytest.mark.parametrize(
    "change", [{"drop": {"reason"}}, {"rename": {"reason": "why"}}, {"column_order": ["hash", "seq"]}]
)
def test_a_table_that_sqlite_utils_made_anew_is_found(log: Path, change: dict[str, Any]):
    db = sqlite_utils.Database(log)
    db["audit"].transform(**change)
    db.close()
    assert check(log).doubts


def test_rows_that_an_index_hides_are_found(log: Path, raw: sqlite3.Connection):
    raw.execute("pragma writable_schema=on")
    raw.execute(
        "update sqlite_master set sql = 'create index audit_actor on audit (event, seq)' where name = 'audit_actor'"
    )
    raw.execute("pragma writable_schema=off")
    guarded_again(raw)
    assert any("the database file is damaged" in doubt for doubt in check(log).doubts)


def test_a_file_that_is_cut_off_is_a_doubt_and_no_crash(log: Path):
    content = log.read_bytes()
    for size in (len(content) // 2, 5000, 300, 0):
        log.write_bytes(content[:size])
        assert check(log).doubts


# -- the witness -----------------------------------------------------------------------------------------------------


def held(rows: list[tuple[Any, ...]], *seqs: int) -> list[Head]:
    """What somebody outside wrote down of the log."""
    return [Head(seq, rows[seq - 1][12], f"was posted as head {seq}") for seq in seqs]


def test_heads_held_outside_agree_with_a_log_that_nobody_touched(whole: Path):
    verdict = check(whole, held(rows_of(whole), 1, 400, 400, 1000))
    assert (verdict.doubts, verdict.agreed) == ([], 4)


def test_a_cut_tail_is_found_by_a_head_that_was_posted(log: Path, raw: sqlite3.Connection):
    heads = held(rows_of(log), 400, 900)
    raw.execute("delete from audit where seq > 850")
    guarded_again(raw)
    assert check(log).doubts == [], "the chain alone cannot know of rows after its end"
    assert check(log, heads).doubts == [
        "row 851 is missing: the log ends before row 900, which was posted as head 900"
    ]


def test_a_chain_that_was_rewritten_whole_is_found_by_a_head_that_was_posted(
    log: Path, raw: sqlite3.Connection
):
    rows = rows_of(log)
    heads = held(rows, 400, 900)
    for forged in random.Random(5).sample(range(400, 900), 20):
        left = chained([*rows[:forged], (*rows[forged][:2], "U9", *rows[forged][3:]), *rows[forged + 1 :]])
        raw.execute("begin")
        raw.execute("delete from audit")
        raw.executemany(f"insert into audit values ({', '.join('?' * 13)})", left)
        raw.execute("commit")
        if not forged % 2:
            # Twice a guard would be in the way of the next turn, so it is put back only for the look.
            guarded_again(raw)
            assert check(log).doubts == [], "control: the chain by itself holds"
            for guard in GUARDS:
                raw.execute(f"drop trigger {guard}")
        assert check(log, heads).doubts[0] == (
            "one of the rows 401 to 900 was written anew: row 900 is not the one that was posted as head 900"
        )


# -- beside a bot ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alone", [False, True])
def test_the_bot_can_write_while_sqlite_checks_the_file_but_in_the_naive_way(
    log: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
):
    """`alone` is the control: the file itself is checked, and locked for as long as that takes."""
    written = []

    def looking(db: sqlite3.Connection) -> list[str]:
        db.execute("begin")
        db.execute("select count(*) from audit").fetchone()
        with closing(sqlite3.connect(log, timeout=1)) as bot:
            try:
                bot.execute("insert into meta values ('written', 'meanwhile')")
                bot.commit()
            except sqlite3.OperationalError as error:
                written.append(str(error))
            else:
                written.append("yes")
        db.execute("rollback")
        return found(db)

    found = database._found_in_file
    monkeypatch.setattr(database, "_found_in_file", looking)

    assert check(log, alone=alone).doubts == []
    assert written == ["database is locked" if alone else "yes"]


async def test_the_check_ends_though_the_bot_writes_all_the_time_and_no_write_waits_long(
    log: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "PAGES", 5)
    async with opened(log) as store:
        checking = asyncio.create_task(asyncio.to_thread(check, log))
        waited, rows = 0.0, 0
        while not checking.done():
            began = time.monotonic()
            await store.audit.append(entry(0), NOW)
            waited, rows = max(waited, time.monotonic() - began), rows + 1
        verdict = await checking
    assert verdict.doubts == []
    assert rows > database.MOST_BEGUN, "the copy was begun anew each time"
    assert waited < 1


def test_without_room_for_a_private_copy_the_file_itself_is_checked(log: Path, raw: sqlite3.Connection):
    raw.execute("create table large (content)")
    raw.execute("insert into large values (zeroblob(8000000))")
    guarded_again(raw)
    script = f"import sys; from pathlib import Path; from bot.verify import check; print(check(Path({str(log)!r})).doubts)"

    ended = subprocess.run(
        ["bash", "-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "bash", sys.executable, "-c", script],
        cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[]\n", "")
