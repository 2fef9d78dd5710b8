"""A copy put in the database's place: whatever stands beside, and killed at whatever step, it is the one or the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store.backup import BESIDE, copy
from bot.store.restore import put_back
from bot.store.schema import migrations
from bot.verify import check
from tests.store.support import NOW, entry, opened
from tests.support.console import ROOT, csms_bot

OLD, NEW = 400, 250
"""Rows of the database, and of the copy that is put in its place."""
MOST_STEPS = 200


def made(path: Path, rows: int) -> None:
    """A database with so many audit rows."""

    async def make() -> None:
        async with opened(path) as store:
            for number in range(rows):
                await store.audit.append(entry(number), NOW)

    asyncio.run(make())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`live.db`, and `copy.db` to put in its place. Nobody changes these."""
    folder = tmp_path_factory.mktemp("written")
    made(folder / "live.db", OLD)
    made(folder / "other.db", NEW)
    copy(folder / "other.db", folder / "copy.db")
    return folder


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written / "copy.db", tmp_path / "copy.db"))


@pytest.fixture
def live(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written / "live.db", tmp_path / "live.db"))


def in_the_middle(live: Path, journal: str, target: Path) -> None:
    """What a bot leaves that is killed in the middle of a commit: the file half written, and what mends it beside."""
    with closing(sqlite3.connect(live, isolation_level=None)) as db:
        db.execute(f"pragma journal_mode={journal}")
        db.execute("pragma cache_size=1")
        db.execute("pragma cache_spill=1")
        if journal == "wal":
            db.execute("pragma wal_autocheckpoint=0")
            db.execute("create table spilled (text)")
            db.execute("insert into spilled values (zeroblob(1000000))")
        db.execute("begin immediate")
        db.execute("drop trigger audit_never_changes")
        db.execute("update audit set reason = reason || 'of a transaction that never ended'")
        for ending in ("", *BESIDE):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(f"{live}{ending}", f"{target}{ending}")
        db.execute("rollback")


def whole(path: Path) -> int:
    """The rows of a database that holds when it is opened as the bot opens it; what stands beside is applied."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("select count(*) from audit").fetchone()
    verdict = check(path)
    assert verdict.doubts == []
    return verdict.rows


def restored(copied: Path, live: Path) -> list[Path]:
    """Puts it back; where what was there is now."""
    done = put_back(copied, live, NOW, lambda path: check(path).doubts)
    assert done.doubts == ()
    return list(done.kept)


@pytest.mark.parametrize("journal", ["delete", "persist", "wal"])
@pytest.mark.parametrize("gone", [False, True])
def test_what_stands_beside_the_database_is_never_applied_to_the_copy(
    live: Path, copied: Path, tmp_path: Path, journal: str, gone: bool
):
    target = tmp_path / "killed.db"
    in_the_middle(live, journal, target)
    assert any(Path(f"{target}{ending}").stat().st_size > 1000 for ending in ("-journal", "-wal") if Path(f"{target}{ending}").exists())  # fmt: skip
    if gone:
        target.unlink()

    [kept] = restored(copied, target)

    assert whole(target) == NEW
    if gone:
        assert not target.with_name(kept.name.removesuffix("-journal").removesuffix("-wal")).exists()
    else:
        assert whole(kept) == OLD, "what was there is kept whole"


@pytest.mark.parametrize("gone", [False, True])
def test_control_a_copy_that_is_only_given_the_name_is_destroyed_by_what_stands_beside(
    live: Path, copied: Path, tmp_path: Path, gone: bool
):
    target = tmp_path / "killed.db"
    in_the_middle(live, "delete", target)
    if gone:
        target.unlink()
    copied.replace(target)

    with pytest.raises((AssertionError, sqlite3.DatabaseError)):
        assert whole(target) == NEW


class Killer:
    """Restores in processes of their own, each killed at its nth step."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def at(self, nth: int) -> str:
        """How it ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{nth}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def killer(*words: str) -> Iterator[Killer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.killed_restore", *words], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        yield Killer(process)


def every_step(written: Path, folder: Path, *, how: str, naive: bool = False) -> Counter[str]:
    """What a restore leaves that is killed at its first step, its second, and so on; `how` the database is before it."""
    before, target = folder / "before.db", folder / "killed.db"
    shutil.copy(written / "live.db", folder / "live.db")
    if how == "settled":
        shutil.copy(written / "live.db", before)
    else:
        in_the_middle(folder / "live.db", "delete", before)
    if how == "gone":
        before.unlink()
    found = Counter[str]()
    with killer(str(written / "copy.db"), str(target), *(["naive"] if naive else [])) as restoring:
        for nth in range(1, MOST_STEPS):
            for one in folder.glob("killed.db*"):
                one.unlink()
            for ending in ("", *BESIDE):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(f"{before}{ending}", f"{target}{ending}")
            ended = restoring.at(nth)
            assert ended in ("killed", "ended")
            found[left(target)] += 1
            if ended == "ended":
                return found
            # The next one that is left alone brings it to its end.
            if not naive:
                restored(written / "copy.db", target)
                assert whole(target) == NEW
                assert not [one for one in folder.iterdir() if ".part" in one.name]
    raise AssertionError("it has more steps than that")


def left(target: Path) -> str:
    """Which database a killed restore left."""
    if not target.exists():
        return "none"
    try:
        return {OLD: "old", NEW: "new"}[whole(target)]
    except (AssertionError, sqlite3.DatabaseError):
        return "broken"


@pytest.mark.parametrize("how", ["settled", "in the middle of a commit", "gone"])
def test_a_restore_that_is_killed_at_any_step_leaves_the_one_database_or_the_other(
    written: Path, tmp_path: Path, how: str
):
    found = every_step(written, tmp_path, how=how)

    assert set(found) == {"none" if how == "gone" else "old", "new"}
    assert found.total() > 15, "there were steps to be killed at"


@pytest.mark.parametrize("how", ["in the middle of a commit", "gone"])
def test_control_a_naive_restore_that_is_killed_leaves_neither(written: Path, tmp_path: Path, how: str):
    assert every_step(written, tmp_path, how=how, naive=True)["broken"] >= 1


def test_two_restores_in_one_second_keep_both_databases_that_were_there(
    live: Path, copied: Path, tmp_path: Path
):
    [first] = restored(copied, live)
    made(tmp_path / "third.db", 7)
    copy(tmp_path / "third.db", tmp_path / "third-copy.db")

    [second] = restored(tmp_path / "third-copy.db", live)

    assert (whole(first), whole(second), whole(live)) == (OLD, NEW, 7)


def test_what_is_beside_a_replaced_file_is_never_replaced_either(live: Path, copied: Path, tmp_path: Path):
    live.unlink()
    for content in (b"first", b"second"):
        Path(f"{live}-journal").write_bytes(content)
        restored(copied, live)
        live.unlink()

    assert sorted(one.read_bytes() for one in tmp_path.glob("*-journal")) == [b"first", b"second"]


def test_a_link_to_the_database_stays_one(live: Path, copied: Path, tmp_path: Path):
    (tmp_path / "link.db").symlink_to(live)

    restored(copied, tmp_path / "link.db")

    assert (tmp_path / "link.db").readlink() == live
    assert whole(live) == NEW


def test_a_journal_that_a_killed_restore_left_beside_its_own_file_is_not_applied(
    live: Path, copied: Path, tmp_path: Path
):
    in_the_middle(live, "delete", tmp_path / "killed.db")
    for name in ("live.db.part", "live.db.part.part"):
        shutil.copy(tmp_path / "killed.db-journal", f"{tmp_path / name}-journal")

    restored(copied, live)

    assert whole(live) == NEW


async def test_a_copy_of_a_newer_version_is_refused_before_anything_is_replaced(
    live: Path, copied: Path, tmp_path: Path
):
    with closing(sqlite3.connect(copied)) as db:
        db.execute(
            f"insert into {migrations.migrations_table} (migration_set, name, applied_at) values (?, ?, ?)",  # noqa: S608 (constant)
            [migrations.name, "m099_future", "2027-01-01"],
        )
        db.commit()
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}

    ended = await csms_bot("restore", str(copied), "--database", str(live))

    assert ended.code == 2
    assert "newer csms-bot (it has m099_future)" in ended.err
    assert "nothing was changed" in ended.err
    after = {one.name: one.read_bytes() for one in tmp_path.iterdir() if "lock" not in one.name}
    assert after == before


@pytest.mark.parametrize("name", ["live.db", "live.db.part", "live.db.part.part"])
async def test_a_copy_under_a_name_that_a_restore_uses_itself_is_refused_and_kept(
    live: Path, copied: Path, tmp_path: Path, name: str
):
    if name != "live.db":
        copied.rename(tmp_path / name)

    ended = await csms_bot("restore", str(tmp_path / name), "--database", str(live))

    assert (ended.code, ended.out) == (2, "")
    assert "put the copy elsewhere" in ended.err
    assert whole(live) == OLD
    assert (tmp_path / name).exists()


async def test_a_copy_that_is_not_there_is_said_to_be_that(live: Path, tmp_path: Path):
    ended = await csms_bot("restore", str(tmp_path / "nothing.db"), "--database", str(live))

    assert (ended.code, ended.err) == (2, f"csms-bot: there is no copy at {tmp_path / 'nothing.db'}\n")


def limited(folder: Path, blocks: int, *words: str) -> subprocess.CompletedProcess[str]:
    """csms-bot where no file can grow beyond so many KiB, as on a disk that is full."""
    script = f"trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""
    return subprocess.run(
        ["bash", "-c", script, "bash", sys.executable, "-m", "bot", *words], cwd=ROOT, text=True,
        capture_output=True, check=False, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_backup_and_a_restore_without_room_ran_and_failed_and_leave_everything_as_it_was(
    live: Path, copied: Path, tmp_path: Path
):
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}

    backup = limited(tmp_path, 64, "backup", str(tmp_path / "new.db"), "--database", str(live))
    restore = limited(tmp_path, 64, "restore", str(copied), "--database", str(live))

    for ended in (backup, restore):
        assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1), ended
    after = {one.name: one.read_bytes() for one in tmp_path.iterdir() if "lock" not in one.name}
    assert after == before


def test_a_copy_with_doubts_is_not_put_back(live: Path, copied: Path, tmp_path: Path):
    done = put_back(copied, live, NOW, lambda _: ["row 1 is odd"])

    assert (done.doubts, done.kept) == (["row 1 is odd"], ())
    assert whole(live) == OLD
    assert not [one for one in tmp_path.iterdir() if ".part" in one.name]


async def test_a_database_that_does_not_hold_after_it_was_put_back_is_told(
    live: Path, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from click.testing import CliRunner

    from bot.cli import cli
    from bot.store import restore as steps

    torn = steps.durable

    def durable(path: Path) -> None:
        torn(path)
        if path == tmp_path and whole(live) == NEW:
            live.write_bytes(live.read_bytes()[:-4096])

    monkeypatch.setattr(steps, "durable", durable)
    ended = CliRunner().invoke(cli, ["restore", str(copied), "--database", str(live)])

    assert ended.exit_code == 1
    assert "was put back" in ended.stderr
    assert "does not hold" in ended.stderr
    assert "what was there is now" in ended.stderr


def test_a_database_that_a_bot_uses_is_not_replaced(live: Path, copied: Path):
    async def beside() -> None:
        async with opened(live):
            with pytest.raises(StoreError, match="stop it first"):
                restored(copied, live)

    asyncio.run(beside())
    assert whole(live) == OLD
