"""When the head of the audit log is posted: once a day by a clock that is passed in, whatever restarts in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model import PostKind
from bot.rules.access import Policy
from bot.services.projects import Projects, Scope
from bot.services.witness import Witness
from bot.store import Store
from tests.store.support import NOW, entry, opened

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Days:
    """A store, and a clock that a test moves."""

    store: Store
    now: datetime = NOW
    woken: int = 0

    def witness(self, kind: type[Witness] = Witness, channels: tuple[str, ...] = ("CAPPROVALS",)) -> Witness:
        """As a bot that was just started has it."""
        policy = Policy(("*",), (), 1)
        scopes: list[Any] = [
            Scope(f"p{number}", None, policy, "CALERTS", channel, "id", "https://x")  # type: ignore[arg-type]
            for number, channel in enumerate(channels)
        ]
        return kind(store=self.store, projects=Projects(scopes), clock=lambda: self.now, wake=self.wake)

    def wake(self) -> None:
        self.woken += 1

    async def runs_for(
        self, length: timedelta, step: timedelta = HOUR, *, kind: type[Witness] = Witness
    ) -> None:
        """A bot runs so long and is killed; its timer looks every `step`."""
        await self.witness(kind).run(_Stop(self, length, step))  # type: ignore[arg-type]

    async def write(self) -> None:
        """One row more in the log."""
        await self.store.audit.append(entry(), self.now)

    async def heads(self) -> list[tuple[float, int]]:
        """(hours since the beginning, row) of each head that was put out, oldest first."""
        rows = await self.store._engine.run(
            lambda tx: list(
                tx.query("select created, data from outbox where kind = ? order by id", [PostKind.WITNESS])
            )
        )
        return [
            (
                (datetime.fromtimestamp(row["created"], UTC) - NOW) / HOUR,
                json.loads(row["data"])["seq"],
            )
            for row in rows
        ]


class _Stop:
    """In the place of the event that stops a bot: each waiting for it is a step of the clock, and no time at all."""

    def __init__(self, days: Days, length: timedelta, step: timedelta) -> None:
        self._days, self._end, self._step = days, days.now + length, step

    def is_set(self) -> bool:
        over = self._days.now > self._end
        self._days.now = min(self._days.now, self._end)
        return over

    async def wait(self) -> None:
        self._days.now += self._step
        raise TimeoutError


@pytest.fixture
async def days(tmp_path: Path) -> AsyncIterator[Days]:
    async with opened(tmp_path / "csms-bot.db") as store:
        yield Days(store)


async def test_the_head_is_posted_once_a_day_while_rows_are_written(days: Days):
    for _ in range(4 * 24):
        await days.write()
        await days.runs_for(HOUR, 10 * MINUTE)

    times = [hours for hours, _ in await days.heads()]
    assert times == pytest.approx([1 / 6, 24 + 1 / 6, 48 + 1 / 6, 72 + 1 / 6])
    assert days.woken == 4


async def test_a_restart_after_23_hours_posts_one_hour_later(days: Days):
    await days.write()
    await days.runs_for(HOUR, MINUTE)
    await days.write()
    await days.runs_for(23 * HOUR - MINUTE)
    assert [row for _, row in await days.heads()] == [1]

    await days.runs_for(2 * HOUR, MINUTE)

    [first, second] = [hours for hours, _ in await days.heads()]
    assert second - first == pytest.approx(24)


async def test_a_bot_that_is_killed_again_and_again_posts_no_more_often(days: Days):
    for _ in range(200):
        await days.write()
        await days.runs_for(3 * MINUTE, MINUTE)

    assert [row for _, row in await days.heads()] == [1]


async def test_a_bot_that_never_lives_for_a_day_posts_all_the_same(days: Days):
    for _ in range(60):
        await days.write()
        await days.runs_for(HOUR)

    assert len(await days.heads()) == 3


async def test_without_a_new_row_there_is_nothing_to_say_and_the_next_one_is_told_at_once(days: Days):
    await days.runs_for(3 * DAY)
    assert await days.heads() == [], "an empty log has no head"

    await days.write()
    await days.runs_for(5 * DAY)
    assert [row for _, row in await days.heads()] == [1]

    await days.write()
    before = (days.now - NOW) / HOUR
    await days.runs_for(HOUR)
    assert (await days.heads())[1:] == [(before + 1, 2)]


async def test_a_head_that_was_posted_at_the_end_begins_the_day_anew(days: Days):
    await days.write()
    await days.runs_for(HOUR)
    days.now += 20 * HOUR
    await days.write()
    assert await days.witness().post(), "the bot stops"
    await days.write()

    await days.runs_for(30 * HOUR)

    assert [hours for hours, _ in await days.heads()] == [1, 21, 45]


async def test_a_clock_that_was_ahead_for_a_while_silences_nothing(days: Days):
    days.now += 400 * DAY
    await days.write()
    await days.runs_for(HOUR)
    days.now = NOW
    await days.write()

    await days.runs_for(3 * DAY)

    assert [row for _, row in await days.heads()] == [1, 2]


async def test_each_approval_channel_gets_it_once(days: Days):
    await days.write()
    assert await days.witness(channels=("CONE", "CTWO", "CONE")).post()

    assert [row for _, row in await days.heads()] == [1, 1]


class _Forgetful(Witness):
    """Remembers in memory when it posted last."""

    _last: datetime | None = None

    async def _due(self) -> bool:
        due = self._last is None or self._clock() - self._last >= DAY
        self._last = self._clock() if due else self._last
        return due


async def test_control_a_witness_that_remembers_in_memory_posts_at_each_restart(days: Days):
    for _ in range(20):
        await days.write()
        await days.runs_for(3 * MINUTE, MINUTE, kind=_Forgetful)

    assert len(await days.heads()) == 20
