"""Races of clicks on the running program: many change requests at once, each with people who act at the same time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from bot.sandbox.csms.faults import Fault
from bot.sandbox.csms.model import Event, EventType, State, Target
from bot.sandbox.slack import Message
from bot.sandbox.slack.seed import User
from tests.support.race_ledger import Kind, Race, gather, violations
from tests.support.stage import Stage, text_of, until

ENGINEER, FIRST, SECOND, THIRD, BOT = (
    "U00ENGINEER",
    "U00APPROVER",
    "U00SUBSCRIBER",
    "U00APPROVER2",
    "U00CSMSBOT",
)
APPROVERS = ",".join((FIRST, SECOND, THIRD))
AT_ONCE = 14
"""Races at the same time; below the number of deliveries that the bot works on at once."""
APART_S = 0.015
"""How far apart two clicks of a race may be: about as long as the bot needs from a click to its vote."""
CONSOLE_S = 0.8
"""How long after the clicks somebody may change the event in the console: as long as an approval takes."""
EARLY_S = 0.7
"""How long before its time is over somebody may still click; the clicks of other races are in the way then."""
SLOW_S = 0.08
"""How long CSMS takes for some updates."""
WISH = {"state": "ENABLED"}


@dataclass(frozen=True, slots=True)
class Runner:
    """A change request before its race."""

    kind: Kind
    event: str
    change: str
    card: Message
    expires: datetime


class Course:
    """Runs races on a stage and keeps what has to be known of each for the checker."""

    def __init__(self, bot: Stage, dice: random.Random, *, required: int) -> None:
        self.bot = bot
        self.dice = dice
        self.required = required
        self.races: list[Race] = []
        self._made = 0
        target = Target(target_type="SMN", target_id="urn:smn:races", target_name="races")
        self._event = Event(
            name="race", event_types=(EventType.ROTATED,), notification=target, state=State.DISABLED
        )

    async def run(self, kinds: list[Kind]) -> None:
        """All the races, some at a time."""
        waiting = iter(kinds)
        while batch := list(islice(waiting, AT_ONCE)):
            # Some answers of CSMS are slow, so that what others do falls between its look and its PUT.
            for nth in range(1, AT_ONCE, 2):
                slow = Fault(delay_s=self.dice.uniform(0, SLOW_S))
                self.bot.world.faults.add("update_event", slow, nth=nth)
            runners = await asyncio.gather(*(self._asked(kind) for kind in batch))
            await asyncio.gather(*(self._race(runner) for runner in runners))
            await self.quiet()
            self.bot.world.faults.clear()

    def wrong(self) -> list[str]:
        """What the checker says."""
        seen = gather(
            self.races, csms=self.bot.world.journal, slack=self.bot.slack.journal.entries,
            database=self.bot.database, bot=BOT, approvals=self.bot.approvals,
        )  # fmt: skip
        return [one for race in self.races for one in violations(race, seen[race.change])]

    def ends(self) -> dict[Kind, set[str]]:
        """Every end that races of a kind came to."""
        seen = gather(
            self.races, csms=(), slack=(), database=self.bot.database, bot=BOT, approvals=self.bot.approvals
        )
        found: dict[Kind, set[str]] = {}
        for race in self.races:
            found.setdefault(race.kind, set()).update(seen[race.change].ends)
        return found

    async def quiet(self) -> None:
        """Waits until nothing is under way: no delivery, no change in the middle, no message behind."""

        async def busy() -> bool:
            store = self.bot.app.store
            return bool(
                await store.inbox.waiting()
                or any(change.state != "pending" for change in await store.changes.open())
                or any((await store.outbox.backlog()).values())
            )

        async with asyncio.timeout(20):
            while await busy():
                await asyncio.sleep(0.02)

    async def _asked(self, kind: Kind) -> Runner:
        self._made += 1
        name = f"race-{self.required}-{self._made:04d}"
        self.bot.world.put_event(replace(self._event, name=name))
        await self.bot.command("engineer", f"enable {name}")
        card = await until(lambda: self._card(name), 20)
        change = text_of(card).split()[0]
        known = await self.bot.app.store.changes.by_number(int(change.removeprefix("CR-")))
        assert known is not None
        return Runner(kind, name, change, card, known.expires)

    def _card(self, event: str) -> Message | None:
        # The newest are looked at first, and no further than the races that are run at once.
        newest = reversed(self.bot.slack.messages(self.bot.approvals)[-4 * AT_ONCE :])
        return next((one for one in newest if f"`{event}`" in text_of(one)), None)

    async def _race(self, runner: Runner) -> None:
        voters = [FIRST, SECOND][: self.required]
        approve = [self._soon(runner, "Approve", who) for who in voters]
        match runner.kind:
            case Kind.TWO_APPROVERS:
                acts, approvals, others = (
                    [self._soon(runner, "Approve", who) for who in (FIRST, SECOND)],
                    2,
                    0,
                )
            case Kind.SAME_TWICE:
                acts, approvals, others = [self._soon(runner, "Approve", FIRST) for _ in range(2)], 2, 0
            case Kind.REDELIVERED:
                acts, approvals, others = [self._again_and_again(runner)], 1, 0
            case Kind.CANCEL:
                acts, approvals, others = [*approve, self._soon(runner, "Cancel", ENGINEER)], self.required, 1
            case Kind.REJECT:
                acts, approvals, others = [*approve, self._soon(runner, "Reject", THIRD)], self.required, 1
            case Kind.OUTSIDE:
                acts, approvals, others = [*approve, self._in_the_console(runner)], self.required, 0
            case Kind.EXPIRE:
                acts = [self._at_its_end(runner, who) for who in voters]
                approvals, others = self.required, 0
        self.races.append(
            Race(
                runner.kind,
                self.required,
                runner.change,
                runner.event,
                WISH,
                approvals,
                others,
                runner.expires.timestamp(),
            )
        )
        order = [act() for act in acts]
        self.dice.shuffle(order)
        await asyncio.gather(*order)

    def _soon(self, runner: Runner, button: str, who: str) -> Callable[[], Awaitable[None]]:
        wait_s = self.dice.uniform(0, APART_S)

        async def act() -> None:
            await asyncio.sleep(wait_s)
            await self._click(runner, button, who)

        return act

    async def _click(self, runner: Runner, button: str, who: str) -> None:
        outcome = await self.bot.slack.click(who, runner.card, text=button)
        assert outcome.ok, outcome.error

    def _again_and_again(self, runner: Runner) -> Callable[[], Awaitable[None]]:
        waits = [0.0, *(self.dice.uniform(0, APART_S) for _ in range(2))]

        async def act() -> None:
            await self._click(runner, "Approve", FIRST)
            sent = next(
                one
                for one in reversed(self.bot.slack.courier.delivered)
                if runner.card.ts == (one.payload.get("container") or {}).get("message_ts")
            )

            async def again(wait_s: float) -> None:
                await asyncio.sleep(wait_s)
                assert (await self.bot.slack.redeliver(sent)).ok

            await asyncio.gather(*(again(wait_s) for wait_s in waits))

        return act

    def _in_the_console(self, runner: Runner) -> Callable[[], Awaitable[None]]:
        wait_s = self.dice.uniform(0, CONSOLE_S)

        async def act() -> None:
            await asyncio.sleep(wait_s)
            event = self.bot.world.event(runner.event)
            moved = replace(event.notification, target_name="moved")
            self.bot.world.put_event(replace(event, notification=moved, update_time=0))

        return act

    def _at_its_end(self, runner: Runner, who: str) -> Callable[[], Awaitable[None]]:
        early_s = self.dice.uniform(0, EARLY_S * self.required)

        async def act() -> None:
            left = runner.expires.timestamp() - self.bot.slack.clock() - early_s
            await asyncio.sleep(max(0.0, left))
            await self._click(runner, "Approve", who)

        return act


def mixed(dice: random.Random, number: int, kinds: list[Kind]) -> list[Kind]:
    """So many races, of every kind about as many, in a seeded order."""
    chosen = [kinds[at % len(kinds)] for at in range(number)]
    dice.shuffle(chosen)
    return chosen


def put_third_approver(bot: Stage) -> None:
    """Somebody who can reject what two others approve."""
    bot.slack.put_user(User(THIRD, "approver-2", "Second approver", role="approver 2"))


__all__ = ["APPROVERS", "AT_ONCE", "Course", "mixed", "put_third_approver"]
