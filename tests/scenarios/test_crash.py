"""The bot as a real process, killed at random instants while answers are lost: nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.csms import CsmsWorld, build_app
from bot.sandbox.csms import demo_seed as csms_seed
from bot.sandbox.csms.faults import Effect as Happens
from bot.sandbox.csms.faults import Fault as CsmsFault
from bot.sandbox.csms.model import Event, EventType, State, Target
from bot.sandbox.csms.world import Effect
from bot.sandbox.demo import demo_env
from bot.sandbox.slack import Fault, FaultKind, SlackError, Workspace
from bot.sandbox.slack import build_app as build_slack
from bot.sandbox.slack import demo_seed as slack_seed
from bot.sandbox.slack.model import JournalEntry
from bot.sandbox.slack.model import Message as SlackMessage
from bot.serving import serving
from bot.verify import check as check_log
from tests.scenarios.ledger import Verdict, cards, compare
from tests.support.stage import until

ROOT = Path(__file__).parents[2]
ENGINEER, APPROVER, BOT = "U00ENGINEER", "U00APPROVER", "U00CSMSBOT"
ALERTS, APPROVALS = "C00ALERTS", "C00APPROVALS"
SETTLE_S = 1.5
LOST_ANSWERS = 0.2
FAILING = {
    "checkout-db-rotation": EventType.ROTATED,
    "mail-gateway-credentials": EventType.VERSION_EXPIRED,
    "prod-db-password-expiry": EventType.ROTATED,
}


@dataclass
class BlackHole:
    """Stands before the workspace and now and then swallows a post: no effect, and for a while no answer either.

    Only a kill in that while shows whether the bot, when it comes back, takes what it was sending for sent.
    """

    app: Any
    dice: random.Random
    chance: float = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == "/api/chat.postMessage" and self.dice.random() < self.chance:
            await asyncio.sleep(self.dice.uniform(0.2, 0.8))
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)


@dataclass
class Night:
    """Both servers, in this process, and the bot in one that dies."""

    world: CsmsWorld
    workspace: Workspace
    env: dict[str, str]
    database: Path
    log: Path
    dice: random.Random
    hole: BlackHole
    process: asyncio.subprocess.Process | None = None
    secrets: int = 0
    changes: int = 0
    _log: Any = field(default=None, repr=False)

    async def spawn(self) -> asyncio.subprocess.Process:
        """Starts the bot, as an operator would."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", env=self.env, cwd=ROOT, stdout=log, stderr=log
            )
        return self.process

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Ends the bot; its exit code."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        if process.returncode is None:
            process.send_signal(number)
        return await process.wait()

    async def close(self) -> None:
        """Ends what is still running."""
        await self.kill()

    def trouble(self) -> None:
        """A fifth of the answers to posts and edits are lost, before or after their effect; most others are slow, and
        so are those to a change, so that the kills fall into the middle of them."""
        self.hole.chance = 0.2
        cut = (FaultKind.RESET_AFTER, FaultKind.RESET_AFTER, FaultKind.RESET_BEFORE)
        for method in ("chat.postMessage", "chat.update"):
            for nth in range(1, 2000):
                chance = self.dice.random()
                if chance < LOST_ANSWERS:
                    self.workspace.faults.add(method, Fault(self.dice.choice(cut)), nth=nth)
                elif chance < 0.7:
                    slow = Fault(FaultKind.DELAY, delay_s=self.dice.uniform(0.1, 0.6))
                    self.workspace.faults.add(method, slow, nth=nth)
        for nth in range(1, 500):
            effect = self.dice.choice([Happens.NONE, Happens.AFTER])
            slow_put = CsmsFault(delay_s=self.dice.uniform(0.1, 0.5), effect=effect)
            self.world.faults.add("update_event", slow_put, nth=nth)

    def burst(self, size: int = 0) -> None:
        """Some records of one event: failures for secrets of their own, twins among them, and now and then a success."""
        event = self.dice.choice(list(FAILING))
        status = self.dice.choice(["FAIL", "INVALID"])
        for _ in range(size or self.dice.randrange(1, 5)):
            self.secrets += self.dice.random() < 0.8 or self.secrets == 0
            made = "SUCCESS" if self.dice.random() < 0.1 else status
            self.world.trigger(event, FAILING[event], secret=f"s-{self.secrets:05d}", status=made)

    async def records(self) -> None:
        """Records without end."""
        while True:
            self.burst()
            await asyncio.sleep(self.dice.uniform(1.0, 2.0))

    async def people(self) -> None:
        """An engineer who asks for one change after the other, and an approver who approves each."""
        while True:
            self.changes += 1
            name = f"night-{self.changes:04d}"
            target = Target(target_type="SMN", target_id="urn:smn:night", target_name="night")
            self.world.put_event(
                Event(name=name, event_types=(EventType.ROTATED,), notification=target, state=State.DISABLED)
            )
            while not (await self.workspace.command(ENGINEER, APPROVALS, f"/csms enable {name}")).ok:
                await asyncio.sleep(0.05)
            while not (card := self.card(name)):
                await asyncio.sleep(0.05)
            while "pending" in card.text:
                with contextlib.suppress(SlackError):
                    await self.workspace.click(APPROVER, card, text="Approve")
                await asyncio.sleep(0.1)
                card = self.card(name) or card

    def card(self, name: str) -> SlackMessage | None:
        """The first card of an event's changes, as it is now."""
        return next((one for one in self.workspace.messages(APPROVALS) if f"`{name}`" in one.text), None)

    def verdict(self) -> Verdict:
        """What the checker says now."""
        return compare(self.world.journal, self.workspace.journal.entries, bot=BOT, alerts=ALERTS)

    async def ready(self) -> None:
        """Waits until the bot has looked at the records for the first time and is connected."""
        await until(lambda: any("watches project" in one.text for one in self.workspace.messages(ALERTS)), 15)
        await until(lambda: self.workspace.sockets, 15)

    async def quiet(self, patience_s: float) -> None:
        """Waits until all is named and decided, and then as long as something late could still come twice."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: self.verdict().fine and not self._undecided(), patience_s)
        await asyncio.sleep(SETTLE_S + 0.5)

    def _undecided(self) -> list[str]:
        found = cards(self.workspace.journal.entries, BOT)
        return [change for change, (_, state) in found.items() if state in ("approved", "applying")]


@contextlib.asynccontextmanager
async def night(folder: Path, seed: int, kind: type[Night] = Night) -> AsyncIterator[Night]:
    """Both servers, and a bot that is not started yet."""
    world = CsmsWorld(csms_seed())
    people = slack_seed()
    workspace = Workspace(people)
    workspace.courier.ack_timeout_s = 1.0
    dice = random.Random(seed)
    hole = BlackHole(build_slack(workspace), dice)
    async with serving(build_app(world)) as csms_url, serving(hole) as slack_url:
        workspace.base_url = slack_url
        database = folder / "csms-bot.db"
        env = demo_env(world, people, csms_url, slack_url, database)
        env |= {"CSMS_BOT_POLL_INTERVAL": "0.3s", "CSMS_BOT_SETTLE": f"{SETTLE_S:g}s"}
        env |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        one = kind(world, workspace, env, database, folder / "log", dice, hole)
        try:
            yield one
        finally:
            await one.close()


async def killed_again_and_again(
    folder: Path,
    *,
    kills: int,
    seed: int,
    kind: type[Night] = Night,
    pause_s: tuple[float, float] = (0.4, 2.2),
) -> Night:
    """A night with so many kills, `pause_s` apart, and then peace until all is quiet."""
    async with night(folder, seed, kind) as one:
        await one.spawn()
        await one.ready()
        one.trouble()
        doing = [asyncio.create_task(one.records()), asyncio.create_task(one.people())]
        try:
            for _ in range(kills):
                await asyncio.sleep(one.dice.uniform(*pause_s))
                await one.kill()
                await one.spawn()
        finally:
            doing[0].cancel()
            await asyncio.sleep(1.0)
            doing[1].cancel()
            await asyncio.gather(*doing, return_exceptions=True)
        one.hole.chance = 0.0
        one.workspace.faults.clear()
        one.world.faults.clear()
        # Slack takes about one message a second and channel, so many kills leave many to post.
        await one.quiet(20.0 + kills)
        assert await one.kill(signal.SIGTERM) == 0
        return one


def check(one: Night) -> None:
    """Nothing lost, nothing doubled, the database whole, and no traceback in the log."""
    verdict = one.verdict()
    failed = [effect for effect in one.world.journal if effect.operation == "record"]
    changed = [effect for effect in one.world.journal if effect.operation == "update_event"]
    print(f"{len(failed)} records, {len(changed)} changes, {verdict}")  # shown when it fails
    assert verdict.fine
    assert failed, "the night was too quiet to say anything"
    assert changed, "nobody changed anything"
    assert check_log(one.database).doubts == []
    with closing(sqlite3.connect(one.database)) as raw:
        assert raw.execute("pragma integrity_check").fetchone() == ("ok",)
    text = one.log.read_text()
    assert "Traceback" not in text, text


async def test_after_ten_kills_each_failure_is_named_once_and_each_change_is_put_once(tmp_path: Path):
    check(await killed_again_and_again(tmp_path, kills=10, seed=1))


@pytest.mark.proof
@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_after_fifty_kills_each_failure_is_named_once_and_each_change_is_put_once(
    tmp_path: Path, seed: int
):
    check(await killed_again_and_again(tmp_path, kills=50, seed=seed))


async def test_a_stop_by_sigterm_is_quick_and_clean_and_loses_nothing(tmp_path: Path):
    async with night(tmp_path, 5) as one:
        await one.spawn()
        await one.ready()
        for _ in range(3):
            one.burst(3)
        await until(lambda: one.verdict().lost.total() < len(one.world.journal), 10)

        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await one.kill(signal.SIGTERM) == 0
        assert loop.time() - began < 3.0

        left = one.verdict().lost
        await one.spawn()
        await until(lambda: not one.verdict().lost, 15)
        assert left, "it was stopped in the middle"
        assert one.verdict().fine


# The checker is tried on journals that are wrong, or its word is worth nothing.


def _record(seq: int, secret: str, status: str = "FAIL") -> Effect:
    body = {"secret_name": secret, "notification_status": status}
    return Effect(seq=seq, at_ms=0, operation="record", event="e", body=body, after=None, caller="control")


def _put(seq: int, event: str) -> Effect:
    return Effect(seq=seq, at_ms=0, operation="update_event", event=event, body={}, after=None, caller="ak")


def _post(seq: int, text: str, key: str, effect: str = "post", channel: str = ALERTS) -> JournalEntry:
    from bot.sandbox.slack.model import Effect as Shown

    return JournalEntry(
        seq=seq, at=0.0, effect=Shown(effect), method="chat.postMessage", user=BOT, channel=channel, ts=f"{seq}",
        text=text, metadata={"event_type": "csms_bot_post", "event_payload": {"k": key}},
    )  # fmt: skip


CSMS = [_record(1, "a"), _record(2, "b"), _record(3, "b"), _record(4, "c", "SUCCESS"), _put(5, "night")]
SLACK = [
    _post(1, "Notice not delivered: FAIL, secret `a`, target `t`", "k1"),
    _post(2, "2 more\n• FAIL · secret `b` · now\n• FAIL · secret `b` · now", "k2"),
    _post(3, "CR-1 pending: `night`", "k3", channel=APPROVALS),
    _post(3, "CR-1 applied: `night`", "k3", "edit", APPROVALS),
]


def _judge(csms: list[Effect], slack: list[JournalEntry]) -> Verdict:
    return compare(csms, slack, bot=BOT, alerts=ALERTS)


def test_the_checker_finds_nothing_in_journals_that_match():
    assert _judge(CSMS, SLACK).fine


WRONG: dict[str, tuple[Callable[[], Verdict], Callable[[Verdict], object], Any]] = {
    "a lost alert": (lambda: _judge(CSMS, SLACK[1:]), lambda v: v.lost, Counter(a=1)),
    "a lost twin": (lambda: _judge([*CSMS, _record(6, "b")], SLACK), lambda v: v.lost, Counter(b=1)),
    "an alert posted twice": (lambda: _judge(CSMS, [SLACK[0], *SLACK]), lambda v: v.doubled, Counter(a=1)),
    "a success that is named": (
        lambda: _judge(CSMS, [*SLACK, _post(9, "secret `c`", "k9")]),
        lambda v: v.doubled,
        Counter(c=1),
    ),
    "a card posted twice": (
        lambda: _judge(CSMS, [SLACK[2], *SLACK]),
        lambda v: v.posted_again,
        Counter(k3=2),
    ),
    "a change put twice": (
        lambda: _judge([*CSMS, _put(6, "night")], SLACK),
        lambda v: v.not_put_once,
        Counter(night=1),
    ),
    "a change never put": (lambda: _judge(CSMS[:-1], SLACK), lambda v: v.not_put_once, Counter(night=1)),
    "a put that nobody approved": (
        lambda: _judge(CSMS, SLACK[:3]),
        lambda v: v.not_put_once,
        Counter(night=1),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_control_the_checker_reports(wrong: str):
    judge, part, expected = WRONG[wrong]
    assert part(judge()) == expected
    assert not judge().fine
