"""Copies and bots that are killed with SIGKILL: a copy is whole or not there, and going back to it loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.model import Entry
from bot.store import audit
from bot.store.backup import BESIDE, PAGES, PAUSE_S
from bot.verify import check
from tests.scenarios.ledger import cards
from tests.scenarios.test_crash import BOT, ROOT, Night, night
from tests.scenarios.test_crash import check as check_night
from tests.support.console import csms_bot, environment
from tests.support.stage import Stage, until

ROWS, REASON = 12_000, "x" * 3000
"""Some 50 MB, several steps of the copying."""


def doubts(file: Path) -> list[str]:
    """What is wrong with a database, by its own check, the chain and its guards."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db:
        integrity = db.execute("pragma integrity_check").fetchone()[0]
    return [*([] if integrity == "ok" else [integrity]), *check(file).doubts]


@dataclass
class Killed:
    """What became of the copies of one series of kills."""

    file: Path
    found: Counter[str] = field(default_factory=Counter)

    def look(self) -> None:
        """At what a killed copy left under the name that was asked for."""
        if not self.file.exists():
            self.found["absent"] += 1
            return
        try:
            wrong = doubts(self.file)
        except sqlite3.Error as error:
            wrong = [str(error)]
        self.found["half" if wrong else "whole"] += 1
        self.file.unlink()

    def beside(self) -> set[str]:
        """Endings of the other files that begin with its name."""
        return {one.name.removeprefix(self.file.name) for one in self.file.parent.glob(f"{self.file.name}?*")}


@dataclass
class Nursery:
    """Starts `csms-bot` in milliseconds, so that a kill can fall anywhere."""

    process: asyncio.subprocess.Process

    async def start(self, *words: str) -> int:
        """The pid."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(("\t".join(words) + "\n").encode())
        return int(await self.process.stdout.readline())


@contextlib.asynccontextmanager
async def nursery(env: dict[str, str], log: Path) -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.nursery", str(log), env=environment(env), cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Nursery(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def gone(pid: int) -> None:
    """Waits until a process is no more."""
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(pid, 0)
            await asyncio.sleep(0.002)


async def traffic(on: Stage) -> None:
    """Rows without end: the copying has to begin anew whenever one comes in its middle."""
    while True:
        entry = Entry("U1", "test.row", "noted", "default", reason="beside")
        await on.app.store.audit.append(entry, on.app.services.clock())
        await asyncio.sleep(0.05)


async def fill(on: Stage, rows: int = ROWS) -> None:
    """A log that takes a moment to copy."""
    entry = Entry("U1", "test.row", "noted", "default", reason=REASON)
    now = on.app.services.clock()
    for _ in range(rows // 1000):
        await on.app.store._engine.run(lambda tx: [audit.append(tx, entry, now) for _ in range(1000)])


async def killed_copies(on: Stage, file: Path, *, kills: int, seed: int) -> Killed:
    """Begins so many copies beside a working bot, and kills each at a random instant."""
    dice = random.Random(seed)
    result = Killed(file)
    async with nursery(on.env, file.parent / "log") as quickly:
        began = time.monotonic()
        await gone(await quickly.start("backup", str(file)))
        whole_s = time.monotonic() - began
        result.look()
        assert result.found == {"whole": 1}
        for _ in range(kills):
            pid = await quickly.start("backup", str(file))
            await asyncio.sleep(dice.uniform(0.0, 1.3 * whole_s))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            await gone(pid)
            result.look()
            for name in result.beside():
                assert name.startswith(".part"), "nobody takes it for a copy"
        await gone(await quickly.start("backup", str(file)))
        result.look()
        assert result.beside() == set(), "the next copy that is left alone takes away what was left"
    return result


async def tried(on: Stage, folder: Path, *, kills: int, seed: int) -> None:
    folder.mkdir()
    await fill(on)
    beside = asyncio.create_task(traffic(on))
    try:
        result = await killed_copies(on, folder / "copy.db", kills=kills, seed=seed)
    finally:
        beside.cancel()
    assert result.found["half"] == 0
    assert result.found["absent"] >= kills // 4, "some were killed in the middle"
    assert result.found["whole"] >= 2, "those that were left alone"
    assert doubts(on.database) == []


async def test_a_copy_that_is_killed_at_any_instant_is_whole_or_not_there(quick: Stage, tmp_path: Path):
    await tried(quick, tmp_path / "copies", kills=8, seed=31)


@pytest.mark.proof
@pytest.mark.parametrize("seed", [32, 33, 34])
async def test_each_of_a_hundred_copies_that_are_killed_is_whole_or_not_there(
    quick: Stage, tmp_path: Path, seed: int
):
    await tried(quick, tmp_path / "copies", kills=100, seed=seed)


async def test_control_a_plain_copy_that_is_killed_is_half(quick: Stage, tmp_path: Path):
    await fill(quick)
    result = Killed(tmp_path / "plain.db")
    script = (
        "import sys, time\nwith open(sys.argv[1], 'rb') as a, open(sys.argv[2], 'wb', 0) as b:\n"
        f"  while piece := a.read({PAGES} * 4096):\n    b.write(piece); time.sleep({PAUSE_S})\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(quick.database), str(result.file)
    )
    await until(lambda: result.file.exists() and result.file.stat().st_size > 10_000_000)
    process.kill()
    await process.wait()
    result.look()

    assert result.found == {"half": 1}


async def test_two_copies_to_one_file_do_not_get_in_each_others_way(quick: Stage, tmp_path: Path):
    await fill(quick)
    file = tmp_path / "copy.db"

    ended = await asyncio.gather(*(csms_bot("backup", str(file), env=quick.env) for _ in range(3)))

    assert sorted(one.code for one in ended) == [0, 2, 2]
    assert all("under way" in one.err or "there already" in one.err for one in ended if one.code)
    assert doubts(file) == []


async def test_a_restore_that_is_killed_at_any_instant_leaves_the_one_database_or_the_other(
    quick: Stage, tmp_path: Path
):
    file = tmp_path / "copy.db"
    await fill(quick, 1000)
    assert (await csms_bot("backup", str(file), env=quick.env)).code == 0
    await fill(quick, 1000)
    quick.stop.set()
    await quick.task
    old, new = check(quick.database).rows, check(file).rows
    later = tmp_path / "later.db"
    shutil.copyfile(quick.database, later)
    dice, found = random.Random(35), Counter[int]()
    async with nursery(quick.env, tmp_path / "log") as quickly:
        began = time.monotonic()
        await gone(await quickly.start("restore", str(file)))
        whole_s = time.monotonic() - began
        for _ in range(20):
            shutil.copyfile(later, quick.database)
            pid = await quickly.start("restore", str(file))
            await asyncio.sleep(dice.uniform(0.0, 0.9) * whole_s)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            await gone(pid)
            assert doubts(quick.database) == []
            found[check(quick.database).rows] += 1
    assert set(found) == {old, new}, "some were killed too early, some too late"
    kept = [one for one in tmp_path.glob("csms-bot.db.before-*") if not one.name.endswith(BESIDE)]
    assert len(kept) >= 1 + found[new]
    assert {check(one).rows for one in kept} == {old}
    await quick.start()
    assert doubts(quick.database) == []


# A bot that is killed, and the way back.


async def to_and_fro(folder: Path, seed: int, *, by_hand: bool = False) -> Night:
    """A bot at work is copied, works on, is killed at a random instant; the copy is put back and a bot started on it."""
    file = folder / "copy.db"
    async with night(folder, seed) as one:
        await one.spawn()
        await one.ready()
        doing = [asyncio.create_task(one.records()), asyncio.create_task(one.people())]
        try:
            await until(lambda: _applied(one) >= 1, 20)
            ended = await csms_bot("backup", str(file), env=one.env)
            assert (ended.code, ended.err) == (0, "")
            copied = check(file).rows
            await until(lambda: _applied(one) >= 3, 30)
            # What a person was in the middle of is another test's; here it is known what was applied.
            doing[1].cancel()
            await until(lambda: not one._undecided() and not one.verdict().not_put_once, 10)
            one.burst(6)
            await asyncio.sleep(one.dice.uniform(0.0, 1.2))
            assert await one.kill() == -signal.SIGKILL
        finally:
            for task in doing:
                task.cancel()
            await asyncio.gather(*doing, return_exceptions=True)
        assert check(one.database).rows > copied
        one.burst(2)
        if by_hand:
            for ending in ("-wal", "-shm", "-journal"):
                Path(f"{one.database}{ending}").unlink(missing_ok=True)
            shutil.copyfile(file, one.database)
        else:
            ended = await csms_bot("restore", str(file), env=one.env)
            assert (ended.code, ended.err) == (0, "")
        await one.spawn()
        if by_hand:
            await until(lambda: one.verdict().doubled, 25)
        else:
            await one.quiet(25.0)
            one.burst(2)
            await one.quiet(15.0)
        assert await one.kill(signal.SIGTERM) == 0
        return one


def _applied(one: Night) -> int:
    return sum(state == "applied" for _, state in cards(one.workspace.journal.entries, BOT).values())


async def test_backup_traffic_sigkill_restore_loses_nothing_and_doubles_nothing(tmp_path: Path):
    check_night(await to_and_fro(tmp_path, 41))


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(42, 52))
async def test_ten_times_backup_traffic_sigkill_restore_loses_nothing_and_doubles_nothing(
    tmp_path: Path, seed: int
):
    check_night(await to_and_fro(tmp_path, seed))


async def test_control_the_old_file_copied_back_by_hand_alerts_again(tmp_path: Path):
    assert (await to_and_fro(tmp_path, 41, by_hand=True)).verdict().doubled
