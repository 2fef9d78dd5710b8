"""The worker: every kept delivery is handled, none holds another up, and every error becomes one sentence."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app import utc_now
from bot.errors import Refused
from bot.sandbox.slack import Workspace, demo_seed, running
from bot.services.projects import Projects
from bot.slack import worker as worker_module
from bot.slack.actors import Actors
from bot.slack.client import SlackClient
from bot.slack.handling import ButtonPress, Command, Services, SlashCommand
from bot.slack.worker import AT_ONCE, Worker
from bot.store import Store
from tests.support.stage import until

ENGINEER, ALERTS, TEAM = "U00ENGINEER", "C00ALERTS", "T00DEMO"

Handle = Callable[[SlashCommand], Awaitable[None]]


@dataclass
class Shop:
    """A worker with one verb, `do`, and one button, `do.it`, that call `handle`."""

    workspace: Workspace
    store: Store
    worker: Worker
    handled: list[str] = field(default_factory=list)
    handle: Callable[[str], Awaitable[None]] | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    numbers: int = 0

    async def do(self, what: str) -> None:
        self.handled.append(what)
        if self.handle is not None:
            await self.handle(what)

    async def typed(self, text: str, *, received: datetime | None = None) -> None:
        """A command that the door kept."""
        self.numbers += 1
        payload = {"user_id": ENGINEER, "team_id": TEAM, "channel_id": ALERTS, "text": text}
        await self.store.inbox.receive(f"command:{self.numbers}", "command", payload, received or utc_now())
        self.worker.wake()

    async def clicked(self, value: str, *, received: datetime | None = None) -> None:
        """A click that the door kept."""
        self.numbers += 1
        payload = {
            "user": {"id": ENGINEER}, "team": {"id": TEAM}, "channel": {"id": ALERTS},
            "actions": [{"action_id": "do.it", "value": value}],
        }  # fmt: skip
        await self.store.inbox.receive(f"action:{self.numbers}", "action", payload, received or utc_now())
        self.worker.wake()

    def start(self) -> None:
        """Begins to work."""
        self.task = asyncio.create_task(self.worker.run(self.stop, idle_s=0.05, grace_s=0.2))

    async def end(self) -> None:
        """Ends the work as a stop of the bot does."""
        if self.task is not None:
            self.stop.set()
            self.worker.wake()
            await self.task
            self.task = None

    async def finished(self) -> None:
        """Waits until nothing waits in the inbox."""
        async with asyncio.timeout(5):
            while await self.store.inbox.waiting():
                await asyncio.sleep(0.01)

    def told(self) -> list[str]:
        """What the engineer alone was told."""
        return [message.text for message in self.workspace.ephemerals(ENGINEER)]


@contextlib.asynccontextmanager
async def opened(path: Path, workspace: Workspace) -> AsyncIterator[Shop]:
    """A shop whose worker is not started yet."""
    seed = demo_seed()
    async with running(workspace) as base_url:
        slack = SlackClient(token=seed.app.bot_token, base_url=f"{base_url}/api")
        await slack.open()
        store = Store(path)
        await store.open(utc_now())
        actors = Actors(slack, groups=())
        actors.team_id = TEAM
        shop: Shop

        async def by_command(call: SlashCommand) -> None:
            await shop.do(" ".join(call.words.words))

        async def by_click(press: ButtonPress) -> None:
            await shop.do(press.key)

        async def home(*_given: Any) -> None:
            await shop.do("home")

        nobody: Any = None
        worker = Worker(
            inbox=store.inbox,
            slack=slack,
            services=Services(
                Projects([]), store, nobody, nobody, nobody, nobody, nobody, actors, utc_now, "/csms"
            ),
            commands=[Command("do", handle=by_command, buttons={"do.it": by_click})],
            home=home,
            clock=utc_now,
            after=lambda: None,
        )
        shop = Shop(workspace, store, worker)
        try:
            yield shop
        finally:
            await shop.end()
            left = list(worker._running)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await slack.close()
            await store.close()


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(demo_seed())


@pytest.fixture
async def shop(tmp_path: Path, workspace: Workspace) -> AsyncIterator[Shop]:
    async with opened(tmp_path / "db", workspace) as shop:
        yield shop


async def test_what_was_kept_is_handled_in_its_order_and_each_once(shop: Shop):
    for number in range(30):
        await shop.typed(f"do {number}")
    shop.start()
    await shop.finished()
    assert shop.handled == [str(number) for number in range(30)]
    assert shop.told() == []


async def test_a_slow_handler_holds_no_other_up(shop: Shop):
    release = asyncio.Event()

    async def handle(what: str) -> None:
        if what == "slow":
            await release.wait()

    shop.handle = handle
    shop.start()
    await shop.typed("do slow")
    for number in range(5):
        await shop.clicked(f"quick {number}")
    await until(lambda: len(shop.handled) == 6)
    async with asyncio.timeout(2):
        while await shop.store.inbox.waiting() > 1:
            await asyncio.sleep(0.01)
    release.set()
    await shop.finished()


async def test_no_more_than_so_many_are_worked_on_at_once_and_none_is_forgotten(shop: Shop):
    now = most = 0

    async def handle(_what: str) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1

    shop.handle = handle
    for number in range(3 * AT_ONCE):
        await shop.typed(f"do {number}")
    shop.start()
    await shop.finished()
    assert most == AT_ONCE
    assert len(shop.handled) == 3 * AT_ONCE


async def test_an_unexpected_error_is_one_sentence_with_a_reference_that_the_log_has(
    shop: Shop, caplog: pytest.LogCaptureFixture
):
    async def handle(_what: str) -> None:
        raise KeyError("a detail that is nobody's business")

    shop.handle = handle
    shop.start()
    await shop.typed("do it")
    (told,) = await until(shop.told)

    found = re.fullmatch(
        r"Something went wrong inside csms-bot, and nothing more was done\. "
        r"The log has the details under `([0-9a-f]{8})`\.",
        told,
    )
    assert found
    logged = [record for record in caplog.records if vars(record).get("reference") == found[1]]
    assert [record.levelno for record in logged] == [logging.ERROR]
    assert logged[0].exc_info is not None
    await shop.finished()


async def test_an_error_of_ours_is_its_sentence_and_no_traceback(
    shop: Shop, caplog: pytest.LogCaptureFixture
):
    async def handle(_what: str) -> None:
        raise Refused("There is no event of that name.")

    shop.handle = handle
    shop.start()
    await shop.typed("do it")
    (told,) = await until(shop.told)
    assert "There is no event of that name." in told
    assert [record for record in caplog.records if record.exc_info] == []


async def test_after_an_error_the_next_one_is_handled(shop: Shop):
    async def handle(what: str) -> None:
        if what == "bad":
            raise ValueError(what)

    shop.handle = handle
    shop.start()
    await shop.typed("do bad")
    await shop.typed("do good")
    await shop.finished()
    assert shop.handled == ["bad", "good"]


async def test_a_row_that_a_dead_process_had_taken_is_taken_again(tmp_path: Path, workspace: Workspace):
    path = tmp_path / "db"
    async with opened(path, workspace) as first:
        await first.clicked("approve")
        assert len(await first.store.inbox.take(10)) == 1
        assert await first.store.inbox.take(10) == [], "nobody else gets it while this process lives"
    async with opened(path, workspace) as second:
        second.start()
        await second.finished()
        assert second.handled == ["approve"]


async def _die(path: Path, workspace: Workspace, times: int) -> None:
    """So many processes take the row and die."""
    for attempt in range(1, times + 1):
        async with opened(path, workspace) as dying:
            if attempt == 1:
                await dying.clicked("poison")
            (taken,) = await dying.store.inbox.take(10)
            assert taken.attempts == attempt


async def test_a_row_that_was_in_work_at_two_deaths_is_tried_once_more(tmp_path: Path, workspace: Workspace):
    await _die(tmp_path / "db", workspace, 2)
    async with opened(tmp_path / "db", workspace) as shop:
        shop.start()
        await shop.finished()
        assert shop.handled == ["poison"]


@pytest.mark.parametrize("readable", [True, False])
async def test_a_row_that_was_in_work_at_three_deaths_is_put_aside_and_logged(
    tmp_path: Path,
    workspace: Workspace,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    readable: bool,
):
    def stumble(*_given: Any, **_more: Any) -> None:
        raise TypeError("this payload kills whoever reads it")

    await _die(tmp_path / "db", workspace, 3)
    async with opened(tmp_path / "db", workspace) as shop:
        if not readable:
            monkeypatch.setattr(worker_module, "read", stumble)
        shop.start()
        await shop.finished()
        assert shop.handled == []
    assert [vars(record).get("action") for record in caplog.records if record.levelno >= logging.ERROR] == [
        "poison"
    ]


async def test_a_command_found_too_late_to_answer_is_dropped_and_a_click_is_not(shop: Shop):
    long_ago = utc_now() - timedelta(minutes=31)
    await shop.typed("do late", received=long_ago)
    await shop.clicked("late click", received=long_ago)
    shop.start()
    await shop.finished()
    assert shop.handled == ["late click"]


async def test_a_stop_lets_what_is_under_way_finish(shop: Shop):
    async def handle(_what: str) -> None:
        await asyncio.sleep(0.1)

    shop.handle = handle
    shop.start()
    await shop.typed("do it")
    await until(lambda: shop.handled)
    await shop.end()
    assert await shop.store.inbox.waiting() == 0


async def test_what_does_not_finish_before_the_stop_is_handled_at_the_next_start(
    tmp_path: Path, workspace: Workspace
):
    async def forever(_what: str) -> None:
        await asyncio.Event().wait()

    path = tmp_path / "db"
    async with opened(path, workspace) as first:
        first.handle = forever
        first.start()
        await first.typed("do it")
        await until(lambda: first.handled)
        await first.end()
    async with opened(path, workspace) as second:
        second.start()
        await second.finished()
        assert second.handled == ["it"]


async def test_a_button_that_nobody_knows_and_a_verb_that_nobody_knows_are_sentences(shop: Shop):
    shop.start()
    payload = {
        "user": {"id": ENGINEER}, "team": {"id": TEAM}, "channel": {"id": ALERTS},
        "actions": [{"action_id": "from.an.older.version", "value": "k"}],
    }  # fmt: skip
    await shop.store.inbox.receive("k", "action", payload, utc_now())
    await shop.typed("doo it")
    told = await until(lambda: shop.told() if len(shop.told()) == 2 else None)
    assert any("This button is not known" in text for text in told)
    assert any("There is no command `doo`. Did you mean `do`?" in text for text in told)
    assert shop.handled == []


async def test_a_payload_that_is_nothing_we_know_is_dropped(shop: Shop):
    for kind, payload in (("action", {}), ("event", {"event": {"type": "message"}}), ("view", {}), ("?", {})):
        await shop.store.inbox.receive(f"{kind}", kind, payload, utc_now())
    shop.start()
    await shop.finished()
    assert shop.handled == []


async def test_text_that_sqlite_cannot_hold_as_it_came_is_kept_all_the_same(shop: Shop):
    payload = {"text": "half of a pair: \ud800", "whole": "é 🔑"}
    assert await shop.store.inbox.receive("k", "command", payload, utc_now())
    (taken,) = await shop.store.inbox.take(1)
    assert taken.payload == payload


async def test_the_key_of_a_finished_row_is_kept_a_day_to_know_its_redelivery(tmp_path: Path):
    store = Store(tmp_path / "db")
    now = utc_now()
    await store.open(now)
    assert await store.inbox.receive("k", "command", {}, now)
    (taken,) = await store.inbox.take(1)
    await store.inbox.done(taken.id)
    assert not await store.inbox.receive("k", "command", {}, now)
    await store.inbox.recover(now + timedelta(hours=23))
    assert not await store.inbox.receive("k", "command", {}, now)
    await store.inbox.recover(now + timedelta(hours=25))
    assert await store.inbox.receive("k", "command", {}, now)
    await store.close()
