"""One episode: records come, the bot looks and posts, everything goes wrong, and then nothing does any more."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.model import Post, PostKind, RecordPage
from bot.poller import Poller
from bot.rules.access import Policy
from bot.services.projects import Projects, Scope
from bot.slack.outbox import Poster
from bot.store import Outgoing
from bot.views.blocks import Message
from bot.views.posts import draw_data, draw_digest, draw_incident, draw_lines
from tests.simulation.machine import Crash, Kept, Machine, Memory, drive
from tests.simulation.services import ALERTS, APPROVALS, BOT, SETTLE_S, Csms, Slack

INTERVAL = timedelta(seconds=10)
PATIENCE = 3000
"""Seconds without faults, after which what is not posted is stuck; longer than the clock ever jumps back and forth."""
JUMPS = (-900.0, -30.0, 30.0, 900.0, 1500.0)


_LEFT = "select exists (select 1 from held) or exists (select 1 from outbox where state != 'posted' or rev > shown)"


@dataclass(frozen=True)
class Verdict:
    """What an episode came to."""

    seed: int
    lost: Counter[str]
    doubled: Counter[str]
    stuck: bool
    injected: int
    """Faults that were made."""
    records: int

    @property
    def fine(self) -> bool:
        """Nothing lost, doubled or stuck."""
        return not (self.lost or self.doubled or self.stuck)


@dataclass(frozen=True)
class Bot:
    """The bot, or something naive in the place of a part of it."""

    poster: type[Poster] = Poster
    csms: Callable[[Csms], Any] = lambda csms: csms


class _Notes:
    """The part of `Status` that the poller writes to."""

    def __init__(self) -> None:
        self.poll_errors: dict[str, str] = {}


class _Poller(Poller):
    """The bot's own, without the timer of a look: that needs a running loop, and here CSMS answers at once or never."""

    async def _look(self, scope: Scope) -> RecordPage:
        return await scope.csms.notification_records()


class Run:
    """A simulated bot, over all its lives."""

    def __init__(self, machine: Machine, memory: Memory, policy: Bot) -> None:
        self.machine = machine
        self.policy = policy
        self.csms, self.slack = Csms(machine), Slack(machine)
        self.looked_at = policy.csms(self.csms)
        self.store: Any = Kept(memory)
        self.snoozed = False
        """Somebody did once; until then there is nothing to wake."""
        self._keys = 0
        self.start()

    def key(self) -> str:
        """Unique in the episode."""
        self._keys += 1
        return f"k{self._keys}"

    def start(self) -> None:
        """Another process on the same database."""
        self.scope = Scope("p", self.looked_at, Policy((), (), 1), ALERTS, APPROVALS, "p", "")
        notes: Any = _Notes()
        self.poller = _Poller(
            store=self.store, projects=Projects([self.scope]), status=notes, clock=self.machine.now,
            interval=INTERVAL, mode="none", wake=lambda: None, make_key=self.key,
        )  # fmt: skip
        slack: Any = self.slack
        self.poster = self.policy.poster(
            slack=slack, outbox=self.store.outbox, draw=self.draw, clock=self.machine.now,
            settle=timedelta(seconds=SETTLE_S), notice=self.notice, monotonic=self.machine.monotonic,
        )  # fmt: skip
        self.poster.bot_id = BOT

    def notice(self, job: Outgoing, why: str) -> Post:
        """What is told of a closed channel, in the other one."""
        return Post(
            self.key(),
            PostKind.CLOSED,
            job.channel,
            "p",
            APPROVALS,
            data={"channel": job.channel, "error": why},
        )

    async def draw(self, job: Outgoing) -> Message | None:
        """As the composition root does it."""
        if job.kind == PostKind.ALERT:
            incident = await self.store.incidents.get(job.ref)
            return None if incident is None else draw_incident(incident)
        if job.kind == PostKind.LINES:
            incident = await self.store.incidents.get(job.ref) if job.stands_for_alert else None
            return draw_lines(job.data, incident, digest="" if job.parent_ts else job.ref)
        if job.kind == PostKind.DIGEST:
            return draw_digest(job.ref, job.data, {})
        return draw_data(job.kind, job.project, job.data)

    def live(self, act: Callable[[], Any]) -> None:
        """Does something; when the process dies of it, another one starts (and may die of that)."""
        while True:
            try:
                act()
            except Crash:
                act = self._again
            else:
                return

    def _again(self) -> None:
        self.start()
        drive(self.store.outbox.recover())

    def look(self) -> None:
        """A poll, and what the keeper does beside it."""
        drive(self.poller.tick(self.scope))
        self.wake()

    def post(self) -> bool:
        """One turn of the poster: at most one thing a lane. False when there was nothing to do."""
        now = self.machine.passed
        busy = [lane for lane, free in self.poster._free_at.items() if free > now]
        due = drive(self.store.outbox.due(self.machine.now(), settle_s=SETTLE_S, busy=busy))
        for job in due:
            drive(self.poster._do(job))
        return bool(due)

    def snooze(self) -> None:
        """Somebody snoozes an alert, or wakes it."""
        memory = self.store.incidents._engine
        keys = [key for (key,) in memory.db.conn.execute("select key from incidents order by key").fetchall()]
        if keys:
            self.snoozed = True
            now = self.machine.now()
            until = now + timedelta(seconds=self.machine.dice.choice((0, 15, 60)))
            drive(self.store.incidents.snooze(self.machine.dice.choice(keys), "U0", until, now))

    def delete(self) -> None:
        """Somebody deletes a message, of those that the bot does not look for: such a one it would post again."""
        db = self.store.incidents._engine.db.conn
        sent = "select ts from outbox where state = 'posted' and ts != '' order by ts"
        here = {one.ts for one in self.slack.messages}
        if found := [ts for (ts,) in db.execute(sent).fetchall() if ts in here]:
            self.slack.delete(self.machine.dice.choice(found))

    def wake(self) -> None:
        """What the keeper does every second."""
        if self.snoozed:
            drive(self.poller.wake_snoozed())

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.machine.passed += seconds
        self.slack.land_due()

    def waiting(self) -> bool:
        """Whether anything is still to be done."""
        db = self.store.incidents._engine.db.conn
        return bool(self.slack.flying or db.execute(_LEFT).fetchone()[0])


def play(
    seed: int, memory: Memory, policy: Bot = Bot(), tell: Callable[[str], None] | None = None
) -> Verdict:
    """One episode, from its seed."""
    logging.disable(logging.CRITICAL)
    machine = Machine(seed, tell or (lambda _words: None))
    memory.begin(machine)
    machine.faults = False
    run = Run(machine, memory, policy)
    run.look()
    machine.faults = True
    for _ in range(machine.dice.randrange(2, 5)):
        run.csms.make()
        if machine.happens(0.1):
            machine.off += machine.dice.choice(JUMPS)
            machine.tell(f"the clock is off by {machine.off:.0f} s")
        run.live(run.look)
        if machine.dice.random() < 0.15:
            run.live(run.snooze)
        if machine.dice.random() < 0.1:
            run.delete()
        for _ in range(machine.dice.randrange(1, 5)):
            run.live(run.post)
            run.wait(machine.dice.choice((1.1, 1.1, 4.0, 40.0)))
    machine.tell("no more faults")
    machine.faults = False
    return _settle(run, seed)


def _settle(run: Run, seed: int) -> Verdict:
    machine = run.machine
    end = machine.passed + PATIENCE
    run.look()
    pause = 1.1
    while run.waiting() and machine.passed < end:
        # In longer and longer turns while there is nothing to do: a lane that waits costs no time of ours.
        pause = 1.1 if run.post() else min(2 * pause, 60.0)
        run.wait(pause)
        run.wake()
    stuck = run.waiting()
    run.wait(2 * SETTLE_S)
    truth, named = run.csms.failed(), run.slack.named()
    return Verdict(seed, truth - named, named - truth, stuck, machine.injected, len(run.csms.made))
