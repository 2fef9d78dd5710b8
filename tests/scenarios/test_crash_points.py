"""The bot dies at each step of an approved change, just before it and just after it; the next start makes it good.

One click on Approve, one death by SIGKILL at a named step (`tests/support/killable.py`), one plain restart. Whatever the
step, CSMS is written to exactly once, the audit log has the intent and the outcome once each, and the card and the
requester's message say how it went, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.csms import CsmsWorld, build_app
from bot.sandbox.csms import demo_seed as csms_seed
from bot.sandbox.csms.faults import Effect, Fault
from bot.sandbox.demo import demo_env
from bot.sandbox.slack import Message, Outcome, Workspace, running
from bot.sandbox.slack import demo_seed as slack_seed
from bot.serving import serving
from bot.store import open_read_only
from bot.store.audit import read
from bot.verify import check as check_log
from tests.support.console import ROOT
from tests.support.killable import LOST, NEVER, POINTS, REACHED, STEPS
from tests.support.stage import text_of, until

ENGINEER, APPROVER, BOT = "U00ENGINEER", "U00APPROVER", "U00CSMSBOT"
ALERTS, APPROVALS = "C00ALERTS", "C00APPROVALS"
EVENT = "legacy-ftp-password"
PATIENCE_S = 15.0
QUICK = (
    "receive:before", "take:after", "vote:before", "vote:after", "begin:after", "put:before", LOST, "finish:before",
    "claim:after", "post:after",
)  # fmt: skip
"""Those that are tried each time; `make proof` tries all."""
AT_ONCE = [
    "take:after", "begin:before", "begin:after", "put:before", LOST, "put:after", "finish:before", "finish:after",
    "answer:before", "done:before",
]  # fmt: skip
"""The points of a change that is applied at once: nobody clicks, and the rest is the same."""
UNKEPT = "receive:before"
"""The one point where the click is lost with the process, and the person sees that it failed."""


@dataclass
class House:
    """Both servers, in this process, and the bot in one that dies."""

    world: CsmsWorld
    slack: Workspace
    env: dict[str, str]
    database: Path
    folder: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self, point: str) -> None:
        """Starts the bot, and waits until Slack and CSMS know it."""
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.killable", point,
                env=self.env, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        await until(lambda: self.slack.sockets and not self._died(), PATIENCE_S)

    def _died(self) -> bool:
        return self.process is None or self.process.returncode is not None

    async def ended(self, how: signal.Signals | None = None) -> int:
        """The exit code of the bot, once it has ended by itself or by a signal."""
        assert self.process is not None
        if how is not None and self.process.returncode is None:
            self.process.send_signal(how)
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
        self.process = None
        await until(lambda: not self.slack.sockets, PATIENCE_S)
        return code

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the database of a running bot."""
        with closing(sqlite3.connect(f"{self.database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def left(self, query: str) -> list[tuple[Any, ...]]:
        """Rows that a dead bot left: of a copy, since reading them rolls back what it was in the middle of."""
        copied = self.folder / "copy.db"
        for end in ("", "-journal", "-wal"):
            if Path(f"{self.database}{end}").exists():
                shutil.copy(f"{self.database}{end}", f"{copied}{end}")
        with closing(sqlite3.connect(copied)) as db:
            return db.execute(query).fetchall()

    def quiet(self) -> bool:
        """Whether nothing is left to do: no delivery, no change in the middle, no message."""
        return not (
            self.ask("select 1 from inbox where state != 'done'")
            or self.ask("select 1 from changes where state in ('pending', 'approved', 'applying')")
            or self.ask("select 1 from outbox where state != 'posted' or rev > shown")
        )

    def cards(self) -> list[Message]:
        """The cards in the channel of the approvals."""
        posted = (one for one in self.slack.messages(APPROVALS) if not one.is_reply)
        return [one for one in posted if text_of(one).startswith("CR-1 ")]

    def told(self) -> list[str]:
        """What the requester was told of the end."""
        messages = self.slack.messages(self.slack.open_im(ENGINEER).id)
        return [text_of(one) for one in messages if "Your change CR-1" in text_of(one)]

    async def approve(self) -> Outcome:
        """A click on Approve."""
        return await self.slack.click(APPROVER, self.cards()[0], text="Approve")


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Both servers, and a bot that is not started yet."""
    world, people = CsmsWorld(csms_seed()), slack_seed()
    slack = Workspace(people)
    slack.courier.ack_timeout_s = 1.0
    slack.rate_limits.enabled = False
    async with serving(build_app(world)) as csms_url, running(slack) as slack_url:
        database = folder / "csms-bot.db"
        env = demo_env(world, people, csms_url, slack_url, database)
        env |= {"CSMS_BOT_POLL_INTERVAL": "1h", "CSMS_BOT_SETTLE": "0.3s", REACHED: str(folder / "reached")}
        env |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        one = House(world, slack, env, database, folder)
        try:
            yield one
        finally:
            if one.process is not None:
                await one.ended(signal.SIGKILL)


async def _approved_by_a_click(folder: Path, point: str) -> None:
    async with house(folder) as one:
        await one.start(point)
        assert (await one.slack.command(ENGINEER, APPROVALS, f"/csms enable {EVENT}")).ok
        await until(one.cards, PATIENCE_S)
        clicked = await _dies_of(one, point, one.approve)
        kept = bool(one.left("select 1 from inbox where kind = 'action'"))
        assert kept == (point != UNKEPT)

        await one.start(NEVER)
        if not kept:
            assert not clicked.ok, "a click that is gone is one that the person saw fail"
            assert one.ask("select 1 from votes") == []
            assert (await one.approve()).ok
        await _is_made_good(one, decided=[("change.request", "pending"), ("change.approve", "approved")])


async def _applied_at_once(folder: Path, point: str) -> None:
    async with house(folder) as one:
        one.env["CSMS_BOT_BREAK_GLASS"] = ENGINEER
        await one.start(point)
        typed = f'/csms enable {EVENT} --break-glass "nobody is told"'
        await _dies_of(one, point, lambda: one.slack.command(ENGINEER, APPROVALS, typed))
        await one.start(NEVER)
        await _is_made_good(one, decided=[("change.break_glass", "approved")])


async def _dies_of(one: House, point: str, act: Callable[[], Awaitable[Outcome]]) -> Outcome:
    if point == LOST:
        one.world.faults.add("update_event", Fault(effect=Effect.AFTER, reset=True))
    outcome = await act()
    assert await one.ended() == -signal.SIGKILL
    assert (one.folder / "reached").read_text() == point
    return outcome


async def _is_made_good(one: House, *, decided: list[tuple[str, str]]) -> None:
    await until(one.quiet, PATIENCE_S)
    assert await one.ended(signal.SIGTERM) == 0
    puts = [effect.body for effect in one.world.journal if effect.operation == "update_event"]
    assert puts == [{"state": "ENABLED"}]
    assert one.world.event(EVENT).state == "ENABLED"
    assert [text_of(card).split(":")[0] for card in one.cards()] == ["CR-1 applied"]
    assert len(one.told()) == 1
    assert one.told()[0].startswith(f"Your change CR-1 of `{EVENT}`: applied.")
    with closing(open_read_only(one.database)) as db:
        rows = [(row.action, row.outcome) for row in read(db, change="CR-1")]
    assert check_log(one.database).doubts == []
    # A note about the restart may stand beside them.
    assert [row for row in rows if row[1] != "noted"] == [
        *decided, ("change.apply", "intent"), ("change.apply", "applied"),
    ]  # fmt: skip
    log = (one.folder / "log").read_text()
    assert "Traceback" not in log, log


@pytest.mark.parametrize("point", QUICK)
async def test_a_death_at_a_step_of_a_change_is_made_good(tmp_path: Path, point: str):
    await _approved_by_a_click(tmp_path, point)


@pytest.mark.proof
@pytest.mark.parametrize("point", POINTS)
async def test_a_death_at_any_step_of_a_change_is_made_good(tmp_path: Path, point: str):
    await _approved_by_a_click(tmp_path, point)


@pytest.mark.parametrize("point", AT_ONCE[2::4])
async def test_a_death_at_a_step_of_a_break_glass_change_is_made_good(tmp_path: Path, point: str):
    await _applied_at_once(tmp_path, point)


@pytest.mark.proof
@pytest.mark.parametrize("point", AT_ONCE)
async def test_a_death_at_any_step_of_a_break_glass_change_is_made_good(tmp_path: Path, point: str):
    await _applied_at_once(tmp_path, point)


def test_every_point_is_a_step_that_the_bot_has():
    gone = [name for name, step in STEPS.items() if not hasattr(step.owner, step.method)]

    assert gone == []
    assert {*QUICK, *AT_ONCE} <= set(POINTS)
