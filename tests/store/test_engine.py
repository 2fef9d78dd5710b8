"""One writer, one transaction for each unit of work, one process, and one sentence for a file that is no good."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import StoreError, StoreFailed
from bot.store import Store, open_read_only
from bot.store.engine import Engine, Tx, journal_for
from tests.store.support import NOW, entry, opened


def _tally(tx: Tx) -> None:
    tx.execute("create table tally (n integer not null) strict")
    tx.execute("insert into tally values (0)")


async def _engine(path: Path) -> Engine:
    engine = Engine(path)
    await engine.open(_tally)
    return engine


async def test_a_unit_of_work_that_fails_leaves_nothing_behind(tmp_path: Path):
    engine = await _engine(tmp_path / "db")

    def half(tx: Tx) -> None:
        tx.execute("update tally set n = 5")
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        await engine.run(half)

    assert await engine.run(lambda tx: tx.execute("select n from tally").fetchone()[0]) == 0
    await engine.close()


async def test_a_commit_that_fails_does_not_block_the_next_unit_of_work(tmp_path: Path):
    engine = await _engine(tmp_path / "db")

    def deferred_breach(tx: Tx) -> None:
        tx.execute("create table parent (id integer primary key)")
        tx.execute("create table child (p integer references parent deferrable initially deferred)")
        tx.execute("insert into child values (1)")

    with pytest.raises(StoreFailed):
        await engine.run(deferred_breach)

    await engine.run(lambda tx: tx.execute("update tally set n = 1"))
    assert await engine.run(lambda tx: tx.execute("select n from tally").fetchone()[0]) == 1
    await engine.close()


async def test_reading_and_writing_from_many_tasks_at_once_loses_no_update(tmp_path: Path):
    engine = await _engine(tmp_path / "db")

    def add_one(tx: Tx) -> None:
        n = tx.execute("select n from tally").fetchone()[0]
        tx.execute("update tally set n = ?", [n + 1])

    await asyncio.gather(*(engine.run(add_one) for _ in range(200)))

    assert await engine.run(lambda tx: tx.execute("select n from tally").fetchone()[0]) == 200
    await engine.close()


async def test_control_connections_that_read_and_write_apart_lose_updates(tmp_path: Path):
    engine = await _engine(tmp_path / "db")
    seen: list[int] = []

    async def add_one() -> None:
        seen.append(await engine.run(lambda tx: tx.execute("select n from tally").fetchone()[0]))
        await engine.run(lambda tx: tx.execute("update tally set n = ?", [seen[-1] + 1]))

    await asyncio.gather(*(add_one() for _ in range(200)))

    assert await engine.run(lambda tx: tx.execute("select n from tally").fetchone()[0]) < 200
    await engine.close()


async def test_nobody_else_can_write_between_a_units_first_look_and_its_step(tmp_path: Path):
    engine = await _engine(tmp_path / "db")
    other = sqlite3.connect(tmp_path / "db", timeout=0, isolation_level=None, check_same_thread=False)

    def look_then_step(tx: Tx) -> int:
        n = tx.execute("select n from tally").fetchone()[0]
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("begin immediate")
        tx.execute("update tally set n = ?", [n + 1])
        return int(n)

    assert await engine.run(look_then_step) == 0
    assert other.execute("select n from tally").fetchone() == (1,)
    other.close()
    await engine.close()


async def test_a_unit_of_work_whose_caller_gave_up_is_whole_or_absent(tmp_path: Path):
    engine = await _engine(tmp_path / "db")

    def two_steps(tx: Tx) -> None:
        tx.execute("update tally set n = n + 1")
        tx.execute("update tally set n = n + 1")

    tasks = [asyncio.create_task(engine.run(two_steps)) for _ in range(50)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert await engine.run(lambda tx: tx.execute("select n from tally").fetchone()[0]) % 2 == 0
    await engine.close()


HOLD = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.store import Store

async def main():
    store = Store(Path(sys.argv[1]))
    await store.open(datetime.now(UTC))
    print("open", flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""


async def test_a_second_process_is_refused_in_one_sentence_until_the_first_is_dead(tmp_path: Path):
    path = tmp_path / "db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == "open\n"

        with pytest.raises(StoreError, match="is in use by another csms-bot; stop that one"):
            await Store(path).open(NOW)
        assert Path(f"{path}.lock").read_text() == f"{other.pid}\n"

        other.kill()
        other.wait()
    async with opened(path) as store:
        assert await store.audit.head() == (0, "0" * 64)


async def test_a_reader_beside_the_running_bot_sees_what_is_committed_and_cannot_write(tmp_path: Path):
    async with opened(tmp_path / "with ? and # in it.db") as store:
        await store.audit.append(entry(), NOW)
        reader = open_read_only(tmp_path / "with ? and # in it.db")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("insert into meta values ('a', 'b')")
        assert reader.execute("select count(*) from audit").fetchone() == (1,)
        reader.close()


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"This is a shopping list, and no database at all." * 40)


def _a_directory(path: Path) -> None:
    path.mkdir()


def _someone_elses(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("create table shopping (thing text)")
    connection.close()


@pytest.mark.parametrize("make", [_not_a_database, _a_directory])
async def test_a_file_that_is_no_database_is_one_sentence_that_names_it(tmp_path: Path, make):
    path = tmp_path / "db"
    make(path)

    with pytest.raises(StoreError) as refused:
        await Store(path).open(NOW)

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path):
    path = tmp_path / "db"
    _someone_elses(path)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="the database is another program's"):
        await Store(path).open(NOW)

    assert path.read_bytes() == before


async def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path):
    with pytest.raises(StoreError, match="cannot be opened: No such file or directory"):
        await Store(tmp_path / "absent" / "db").open(NOW)


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Not root, whom no file mode stops."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.usefixtures("ordinary_user")
async def test_a_folder_that_may_not_be_written_is_one_sentence():
    with pytest.raises(StoreError, match="cannot be opened: Permission denied"):
        await Store(Path("/csms-bot-test.db")).open(NOW)


@pytest.mark.parametrize("make", [_not_a_database, _a_directory, _someone_elses])
def test_a_reader_is_told_in_one_sentence_that_this_is_not_ours(tmp_path: Path, make):
    path = tmp_path / "db"
    make(path)
    with pytest.raises(StoreError, match="is not a database of csms-bot"):
        open_read_only(path)


def test_a_reader_is_told_that_there_is_no_database(tmp_path: Path):
    with pytest.raises(StoreError, match="there is no database at"):
        open_read_only(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


async def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path):
    path = tmp_path / "db"
    async with opened(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute(
        "insert into _sqlite_migrations (migration_set, name, applied_at) values ('csms-bot', 'm999_later', '')"
    )
    connection.commit()
    connection.close()

    with pytest.raises(StoreError, match=r"made by a newer csms-bot .*m999_later.*; use that version"):
        await Store(path).open(NOW)


async def test_a_refused_file_can_be_opened_once_it_is_mended(tmp_path: Path):
    path = tmp_path / "db"
    _a_directory(path)
    store = Store(path)
    with pytest.raises(StoreError):
        await store.open(NOW)
    path.rmdir()

    await store.open(NOW)

    assert await store.audit.head() == (0, "0" * 64)
    await store.close()


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False), ((3, 50, 6), False),
        ((3, 50, 7), True), ((3, 51, 0), False), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 0), True),
    ],
)  # fmt: skip
def test_wal_is_used_only_where_sqlite_has_mended_its_reset(version: tuple[int, ...], safe: bool):
    assert journal_for(version) == (("WAL", "FULL") if safe else ("PERSIST", "EXTRA"))


async def test_the_opened_file_is_kept_as_chosen_for_this_sqlite(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        mode = await store._engine.run(lambda tx: tx.execute("pragma journal_mode").fetchone()[0])
        sync = await store._engine.run(lambda tx: tx.execute("pragma synchronous").fetchone()[0])
    journal, synchronous = journal_for(sqlite3.sqlite_version_info)
    assert mode.upper() == journal
    assert sync == {"FULL": 2, "EXTRA": 3}[synchronous]
