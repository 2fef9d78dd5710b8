"""Old rows in files: no row is ever in neither the table nor a file that the log vouches for."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ArchiveError, StoreError
from bot.model import Entry
from bot.store import archive as steps
from bot.store import open_read_only
from bot.store.archive import Archived, archive
from bot.verify import GUARDS, check, check_export
from tests.store.support import NOW, entry, opened
from tests.support.killed_archive import NAIVE, NEVER, POINTS, ROWS
from tests.support.segments import Log, appended, exported, rows_of, unguarded

MANY = 30
LATE = NOW + timedelta(days=1)


def second(number: float) -> datetime:
    """The time of row number + 1."""
    return NOW + timedelta(seconds=number)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """A log of thirty rows, one a second, and an empty folder; nobody changes this one."""
    folder = tmp_path_factory.mktemp("written")
    log = Log(folder / "db", folder / "segments")
    log.folder.mkdir()
    appended(
        log.path,
        *(entry(number, project="default", event="nightly", action="change.apply") for number in range(MANY)),
    )
    return log


@pytest.fixture
def log(written: Log, tmp_path: Path) -> Log:
    """A copy to archive rows of."""
    return written.copied(tmp_path)


@pytest.fixture(autouse=True)
def _few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ROWS", ROWS)
    monkeypatch.setattr(steps, "PAUSE_S", 0)


def whole(log: Log) -> list[str]:
    """Each row there is, once: those of the files that the log vouches for, then those of the table."""
    # As each command does first: SQLite takes back what was killed in the middle of a commit.
    open_read_only(log.path).close()
    verdict = check(log.path, folder=log.folder)
    assert verdict.doubts == []
    found: dict[int, str] = {}
    for one in verdict.segments:
        for line in (log.folder / one.file).read_text("utf-8").splitlines(keepends=True):
            found[json.loads(line)["seq"]] = line
    for line in exported(log.path):
        seq = json.loads(line)["seq"]
        assert found.setdefault(seq, line) == line, f"row {seq} is told in two ways"
    return [found[seq] for seq in sorted(found)]


def made(done: Archived) -> tuple[int, int]:
    """The rows that were archived."""
    assert done.made is not None
    return done.made.first, done.made.last


# -- what goes, and where to -----------------------------------------------------------------------------------------


def test_the_oldest_rows_move_to_a_file_and_a_row_of_the_log_vouches_for_it(log: Log):
    before = exported(log.path)

    done = archive(log.path, log.folder, second(25), LATE)

    assert made(done) == (1, 25)
    [file] = log.files
    assert file.name == "audit-0000000001-0000000025.jsonl"
    assert file.read_text("utf-8") == "".join(before[:25])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert exported(log.path)[:-1] == before[25:]
    row = json.loads(exported(log.path)[-1])
    assert (row["seq"], row["actor"], row["action"], row["outcome"]) == (
        MANY + 1,
        "system",
        "audit.archive",
        "done",
    )
    assert (row["after"]["first"], row["after"]["last"], row["after"]["file"]) == (1, 25, file.name)
    assert row["after"]["hash"] == json.loads(before[24])["hash"]
    assert check_export(whole(log)).doubts == []
    assert sorted(one.name for one in log.folder.iterdir()) == [file.name]


def test_the_next_archiving_begins_where_the_last_one_ended(log: Log):
    archive(log.path, log.folder, second(10), second(40))
    appended(log.path, *(entry(number) for number in range(20)), first=50)

    done = archive(log.path, log.folder, second(45), LATE)

    assert made(done) == (11, MANY + 1)
    assert [file.name for file in log.files] == [
        "audit-0000000001-0000000010.jsonl", "audit-0000000011-0000000031.jsonl",
    ]  # fmt: skip
    assert len(whole(log)) == MANY + 1 + 20 + 1


@pytest.mark.parametrize("before", [NOW, NOW - timedelta(days=400)])
def test_nothing_old_enough_changes_nothing(log: Log, before: datetime):
    rows = rows_of(log.path)

    assert archive(log.path, log.folder, before, LATE) == Archived(None, None, "")

    assert (rows_of(log.path), log.files) == (rows, [])


def test_an_empty_log_has_nothing_to_archive(tmp_path: Path):
    log = Log(tmp_path / "db", tmp_path)
    appended(log.path)

    assert archive(log.path, tmp_path, LATE, LATE).made is None


def test_the_newest_row_stays_however_old_it_is(log: Log):
    assert made(archive(log.path, log.folder, LATE, LATE)) == (1, MANY - 1)

    appended(log.path, entry(99))
    assert rows_of(log.path)[-1][0] == MANY + 2, "no number is given twice"
    assert len(whole(log)) == MANY + 2


def test_a_clock_that_went_back_does_not_let_young_rows_go(log: Log):
    appended(log.path, entry(30), first=-1000)
    appended(log.path, entry(31), first=2000)

    assert made(archive(log.path, log.folder, second(20), LATE)) == (1, 20)


async def test_rows_that_tell_the_bots_own_writes_from_changes_from_elsewhere_stay(log: Log):
    image = {"name": "nightly", "state": "ENABLED", "types": [], "target": None, "event_id": "1"}

    async def compared(head: int) -> None:
        async with opened(log.path) as store:
            look = store.sidedoors.look
            await look("default", {"nightly": image}, head=head, leave=set(), channel="C1", now=LATE)

    await compared(12)
    done = archive(log.path, log.folder, second(25), LATE)
    assert (made(done), done.held_by) == ((1, 12), "default")

    await compared(MANY)
    done = archive(log.path, log.folder, second(25), LATE)
    assert (made(done), done.held_by) == ((13, 25), "")


@pytest.mark.parametrize(
    "statement", ["delete from audit", "delete from audit where seq = 26", "update audit set reason = ''"]
)
def test_no_statement_can_remove_or_change_a_row_afterwards_either(log: Log, statement: str):
    archive(log.path, log.folder, second(25), LATE)
    rows = rows_of(log.path)

    with closing(sqlite3.connect(log.path)) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)

    assert rows_of(log.path) == rows


def test_control_rows_that_are_simply_deleted_by_their_age_are_missed(log: Log):
    with unguarded(log.path) as db:
        db.execute("delete from audit where at < ?", [f"{second(25):%Y-%m-%dT%H:%M:%S}"])

    assert check(log.path, folder=log.folder).doubts == ["row 1 is missing"]


async def test_the_bot_starts_and_writes_on_after_an_archiving(log: Log):
    archive(log.path, log.folder, second(25), LATE)

    async with opened(log.path) as store:
        row = await store.audit.append(entry(99), LATE)
        begins = await store.audit.begins()
        assert [one.seq for one in await store.audit.read(event="nightly", limit=99)] == [26, 27, 28, 29, 30]

    assert (row.seq, begins) == (MANY + 2, second(25))
    assert len(whole(log)) == MANY + 2


async def test_the_row_that_ended_a_change_is_stood_in_for_by_the_one_that_archived_it(tmp_path: Path):
    log = Log(tmp_path / "db", tmp_path)
    async with opened(log.path) as store:
        ended = await store.audit.append(
            entry(action="change.apply", outcome="applied", event="e", change="CR-1"), NOW
        )
        await store.audit.append(entry(), NOW)
        assert await store.audit.ending("e", "CR-1") == (1, ended.hash)
        assert await store.audit.ending("e", "CR-2") is None
        assert made(archive(log.path, log.folder, LATE, LATE)) == (1, 1)

        assert await store.audit.ending("e", "CR-1") == await store.audit.head()
        assert (await store.audit.head())[0] == 3


# -- what stands in its way ------------------------------------------------------------------------------------------


def _write_fails(patch: pytest.MonkeyPatch, code: int) -> None:
    def full(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    patch.setattr(steps, "write", full)


def _sync_fails(patch: pytest.MonkeyPatch, code: int) -> None:
    def full(_: int) -> None:
        raise OSError(code, os.strerror(code))

    patch.setattr(os, "fsync", full)


@pytest.mark.parametrize("fails", [_write_fails, _sync_fails])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_is_full_or_broken_leaves_all_as_it_was(
    log: Log, monkeypatch: pytest.MonkeyPatch, fails: Callable[[pytest.MonkeyPatch, int], None], code: int
):
    rows = rows_of(log.path)
    with monkeypatch.context() as patch:
        fails(patch, code)
        with pytest.raises(ArchiveError, match=f"^{log.folder} cannot be written to .{os.strerror(code)}.$"):
            archive(log.path, log.folder, second(25), LATE)

    assert (rows_of(log.path), list(log.folder.iterdir())) == (rows, [])
    assert made(archive(log.path, log.folder, second(25), LATE)) == (1, 25)


def test_a_file_that_does_not_come_back_from_the_disk_as_it_was_written_is_not_vouched_for(
    log: Log, monkeypatch: pytest.MonkeyPatch
):
    rows, write = rows_of(log.path), steps.write

    def bad(part: Path, lines: Any) -> None:
        write(part, lines)
        lines = part.read_bytes().splitlines(keepends=True)
        part.write_bytes(b"".join([*lines[:6], lines[6].replace(b"reason 6", b"reason 7"), *lines[7:]]))

    monkeypatch.setattr(steps, "write", bad)
    with pytest.raises(
        ArchiveError, match="the rows do not hold as they were read back: row 7 is not what was written"
    ):
        archive(log.path, log.folder, second(25), LATE)

    assert (rows_of(log.path), list(log.folder.iterdir())) == (rows, [])


@pytest.fixture
def ordinary_user(tmp_path: Path) -> Iterator[None]:
    """Not root, whom no file mode stops."""
    root = os.geteuid() == 0
    for folder in (tmp_path, *tmp_path.parents):
        if root and folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_a_folder_without_the_right_to_write_is_one_sentence(log: Log, request: pytest.FixtureRequest):
    for path in (log.path, log.path.parent):
        path.chmod(0o777)
    log.folder.chmod(0o555)
    request.getfixturevalue("ordinary_user")

    with pytest.raises(ArchiveError, match=f"^{log.folder} cannot be written to .Permission denied.$"):
        archive(log.path, log.folder, second(25), LATE)


@pytest.mark.parametrize("row", [1, 7, 25])
def test_rows_that_were_tampered_with_are_not_archived(log: Log, row: int):
    with unguarded(log.path) as db:
        db.execute("update audit set actor = 'U9' where seq = ?", [row])

    with pytest.raises(
        ArchiveError, match=f"read back: row {row} is not what was written; nothing was archived"
    ):
        archive(log.path, log.folder, second(25), LATE)

    assert (len(rows_of(log.path)), list(log.folder.iterdir())) == (MANY, [])


@pytest.mark.parametrize("guard", GUARDS)
def test_a_log_without_its_guards_is_left_alone(log: Log, guard: str):
    with closing(sqlite3.connect(log.path)) as db:
        db.execute(f"drop trigger {guard}")

    with pytest.raises(StoreError, match=f"guard {guard} is missing or altered"):
        archive(log.path, log.folder, second(25), LATE)

    assert (len(rows_of(log.path)), list(log.folder.iterdir())) == (MANY, [])


def test_another_file_of_that_name_is_never_written_over(log: Log):
    file = log.folder / "audit-0000000001-0000000025.jsonl"
    file.write_text("something else\n")

    with pytest.raises(
        ArchiveError, match=f"^{file} is there already, with another content; move it away first$"
    ):
        archive(log.path, log.folder, second(25), LATE)

    assert file.read_text() == "something else\n"
    assert (len(rows_of(log.path)), list(log.folder.iterdir())) == (MANY, [file])


@pytest.mark.parametrize("after", [None, {}, {"first": 1}])
def test_an_archive_row_that_nobody_here_wrote_is_one_sentence(log: Log, after: Any):
    appended(log.path, Entry("system", "audit.archive", "done", after=after))

    with pytest.raises(StoreError, match=f"^row {MANY + 1} of the audit log does not say what was archived$"):
        archive(log.path, log.folder, second(25), LATE)


def test_two_archivings_at_once_do_not_meet(log: Log):
    with steps.alone(log.path), pytest.raises(StoreError, match="are being archived; let that end first"):
        archive(log.path, log.folder, second(25), LATE)


# -- killed ----------------------------------------------------------------------------------------------------------


def killed(log: Log, point: str) -> None:
    """A real process that archives the first 25 rows and dies at the point."""
    words = [str(log.path), str(log.folder), second(25).isoformat(), point]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_archive", *words], capture_output=True, text=True
    )
    assert ended.returncode == -signal.SIGKILL, f"{point} was not reached: {ended.stderr}"


@pytest.mark.parametrize("point", POINTS)
def test_an_archiving_killed_at_any_step_loses_no_row_and_goes_on_when_it_is_run_again(log: Log, point: str):
    before = exported(log.path)

    killed(log, point)

    assert whole(log)[:MANY] == before
    archive(log.path, log.folder, second(25), second(40))
    assert rows_of(log.path)[0][0] == 26
    assert whole(log)[:MANY] == before
    assert len(whole(log)) == MANY + 1, "one row vouches for the segment, not two"
    assert [one.name for one in log.folder.iterdir()] == ["audit-0000000001-0000000025.jsonl"]


def test_control_an_archiving_that_removes_before_it_writes_loses_rows_when_it_is_killed(log: Log):
    before = exported(log.path)

    killed(log, NAIVE)

    assert check(log.path, folder=log.folder).doubts == ["row 1 is missing"]
    assert exported(log.path) == before[25:]


@pytest.mark.proof
def test_archivings_killed_at_random_instants_lose_no_row(log: Log):
    chance, known, took, half = random.Random(5), whole(log), 0.0, 0
    left: set[str] = set()
    for round_ in range(80):
        at = MANY + 40 * round_
        appended(log.path, *(entry(at + number) for number in range(40)), first=at)
        words = [str(log.path), str(log.folder), second(at + 20).isoformat(), NEVER]
        command = [sys.executable, "-m", "tests.support.killed_archive", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begins\n"
            began = time.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                # The first one ends by itself, and says how long there is to be killed in.
                process.wait(chance.uniform(0, took) if took else None)
            process.kill()
        took = took or time.monotonic() - began
        now = whole(log)
        named = {one.file for one in check(log.path, folder=log.folder).segments}
        was, left = left, {file.name for file in log.folder.iterdir()} - named
        half += bool(left - was) or half_removed(log)
        assert now[: len(known)] == known
        assert [json.loads(line)["seq"] for line in now] == list(range(1, len(now) + 1))
        known = now
    assert half > 5, "some of them died half-way"


def half_removed(log: Log) -> bool:
    """Rows that the log vouches for are in the table, too."""
    verdict = check(log.path)
    return bool(verdict.segments) and verdict.segments[-1].last >= verdict.begins


@pytest.mark.parametrize("tamper", [Path.unlink, lambda file: file.write_bytes(file.read_bytes() + b"\n")])
def test_rows_still_in_the_table_stay_when_their_file_is_not_what_was_archived(
    log: Log, tamper: Callable[[Path], None]
):
    killed(log, "unit:2:after")
    tamper(log.files[0])
    rows = rows_of(log.path)
    assert rows[0][0] == ROWS + 1

    with pytest.raises(ArchiveError, match="audit-0000000001-0000000025"):
        archive(log.path, log.folder, second(28), LATE)

    assert rows_of(log.path) == rows


def test_what_is_left_is_removed_and_more_is_archived_in_one_go(log: Log):
    killed(log, "unit:2:after")

    done = archive(log.path, log.folder, second(28), LATE)

    assert done.finished is not None
    assert ((done.finished.first, done.finished.last), made(done)) == ((1, 25), (26, 28))
    assert len(whole(log)) == MANY + 2


# -- beside a bot ----------------------------------------------------------------------------------------------------


async def test_rows_that_a_bot_writes_meanwhile_are_all_there(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steps, "ROWS", 3)
    monkeypatch.setattr(steps, "PAUSE_S", 0.02)
    written: list[str] = []
    async with opened(log.path) as store:

        async def bot() -> None:
            while not archiving.done():
                written.append((await store.audit.append(entry(len(written)), LATE)).hash)
                await asyncio.sleep(0.01)

        archiving = asyncio.create_task(asyncio.to_thread(archive, log.path, log.folder, second(28), LATE))
        await asyncio.gather(archiving, bot())

    rows = [json.loads(line) for line in whole(log)]
    assert made(archiving.result()) == (1, 28)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["hash"] for row in rows[MANY:]} > set(written)
    assert len(rows) == MANY + len(written) + 1
    assert len(written) > 5


def test_checks_beside_an_archiving_never_doubt(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steps, "ROWS", 1)
    found: list[tuple[int, list[str]]] = []
    unit = steps.unit

    def looked_after(db: Any, work: Any) -> Any:
        made = unit(db, work)
        verdict = check(log.path, folder=log.folder)
        found.append((verdict.begins, verdict.doubts))
        return made

    monkeypatch.setattr(steps, "unit", looked_after)
    archive(log.path, log.folder, second(25), LATE)

    assert found == [(begins, []) for begins in range(1, 27)]


@pytest.mark.parametrize("point", ["append:1:after", "unit:1:after", "check_guards:2:after", "unit:3:after"])
async def test_a_running_bot_goes_on_when_an_archiving_beside_it_is_killed(log: Log, point: str):
    async with opened(log.path) as store:
        await asyncio.to_thread(killed, log, point)

        written = [await store.audit.append(entry(number), LATE) for number in range(3)]
        assert (await store.audit.head())[1] == written[-1].hash

    rows = [json.loads(line)["hash"] for line in whole(log)]
    assert rows[-3:] == [row.hash for row in written]


def test_a_segment_that_another_archiving_made_meanwhile_is_not_vouched_for_twice(
    log: Log, monkeypatch: pytest.MonkeyPatch
):
    """As with two names of one database, by which the lock cannot tell that it is one."""
    monkeypatch.setattr(steps, "alone", contextlib.nullcontext)
    put = steps.put

    def other_first(part: Path, path: Path, sha256: str) -> None:
        put(part, path, sha256)
        monkeypatch.setattr(steps, "put", put)
        archive(log.path, log.folder, second(20), LATE)

    monkeypatch.setattr(steps, "put", other_first)
    with pytest.raises(StoreError, match="row 1 was archived by somebody else meanwhile; run it again"):
        archive(log.path, log.folder, second(25), LATE)

    assert check(log.path).begins == 21
    assert len(whole(log)) == MANY + 1
