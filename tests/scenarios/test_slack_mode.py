"""Socket Mode: connections that Slack ends, cuts or refuses; the bot comes back and no click is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App
from bot.config import load
from bot.errors import SettingsError
from bot.sandbox.slack import Fault, FaultKind, Outcome, running
from bot.sandbox.slack.state import Standing
from tests.support.stage import Stage, change_of, stage, text_of, until

EVENT = "legacy-ftp-password"


@pytest.fixture
async def socket(tmp_path: Path, unpaced: None) -> AsyncIterator[Stage]:
    """The whole program in Socket Mode."""
    async with stage(tmp_path, socket_mode=True) as bot:
        bot.slack.rate_limits.enabled = False
        yield bot


async def persistent(bot: Stage, text: str) -> Outcome:
    """Types a command again and again, as a person would, until the bot took it; and waits for its answer."""
    before = len(bot.slack.ephemerals(bot.people["engineer"]))
    async with asyncio.timeout(15):
        while True:
            outcome = await bot.slack.command(bot.people["engineer"], bot.alerts, f"/csms {text}")
            if outcome.ok:
                await until(lambda: len(bot.slack.ephemerals(bot.people["engineer"])) > before)
                return outcome
            await asyncio.sleep(0.05)


async def change_is_applied(bot: Stage) -> None:
    """Asks for, approves and awaits a change, over whatever connections there are."""
    change = change_of(await bot.ask("engineer", f"enable {EVENT}"))
    card = await bot.card(change, "pending")
    await bot.press("approver", card, "Approve")
    await bot.card(change, "applied")


async def test_a_refresh_that_slack_asks_for_loses_nothing(socket: Stage):
    socket.slack.sockets.refresh_grace_s = 0.5
    assert await socket.slack.sockets.disconnect(reason="refresh_requested") == 1
    for _ in range(40):
        assert (await socket.slack.command(socket.people["engineer"], socket.alerts, "/csms list")).ok
        assert socket.app.status.slack_connected()
        await asyncio.sleep(0.02)
    await until(lambda: len(socket.slack.ephemerals(socket.people["engineer"])) == 40)

    await change_is_applied(socket)
    assert len(socket.slack.sockets) == 1
    assert socket.puts() == [{"state": "ENABLED"}]


async def test_a_warning_before_a_refresh_is_no_reason_to_go(socket: Stage):
    assert await socket.slack.sockets.disconnect(reason="warning") == 1
    await change_is_applied(socket)

    assert socket.puts() == [{"state": "ENABLED"}]


async def test_connections_that_are_cut_come_back_and_every_command_that_was_taken_is_answered(socket: Stage):
    taken = 0
    for _ in range(3):
        assert socket.slack.sockets.drop() == 1
        await until(lambda: not len(socket.slack.sockets))
        await persistent(socket, "list")
        taken += 1
    await until(lambda: len(socket.slack.ephemerals(socket.people["engineer"])) == taken)

    await change_is_applied(socket)
    assert socket.puts() == [{"state": "ENABLED"}]
    assert socket.app.status.slack_connected()


async def test_a_click_that_was_taken_just_before_the_line_was_cut_still_counts(socket: Stage):
    change = change_of(await socket.ask("engineer", f"enable {EVENT}"))
    card = await socket.card(change, "pending")

    await socket.press("approver", card, "Approve")
    socket.slack.sockets.drop()

    await socket.card(change, "applied")
    assert socket.puts() == [{"state": "ENABLED"}]


async def test_a_slack_that_opens_no_connection_for_a_while_is_asked_again(
    socket: Stage, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="bot")
    for fault in (
        Fault(FaultKind.STATUS, status=502),
        Fault(FaultKind.RATELIMITED),
        Fault(FaultKind.RESET_BEFORE),
    ):
        socket.slack.faults.add("apps.connections.open", fault)
        socket.slack.sockets.drop()
        await until(lambda: not len(socket.slack.sockets))
        await persistent(socket, "list")
        assert not len(socket.slack.faults), fault
    await change_is_applied(socket)

    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert socket.puts() == [{"state": "ENABLED"}]


async def test_a_token_that_slack_refuses_ends_the_program_with_a_sentence_without_the_token(tmp_path: Path):
    async with stage(tmp_path, socket_mode=True, start=False, SLACK_APP_TOKEN="xapp-another") as bot:
        with pytest.raises(
            SettingsError, match=r"SLACK_APP_TOKEN was refused by Slack \(invalid_auth\)"
        ) as refused:
            await App(load(bot.env), {}).run(asyncio.Event())
        assert "xapp-another" not in str(refused.value)
        bot.slack.standing = Standing.TOKEN_REVOKED
        with pytest.raises(SettingsError, match=r"SLACK_BOT_TOKEN was refused by Slack \(token_revoked\)"):
            await App(load(bot.env), {}).run(asyncio.Event())


async def test_frames_that_slack_would_not_send_are_refused_and_the_connection_stays(
    socket: Stage, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="bot")
    line = socket.slack.sockets._sockets[0]
    for text in ("", "{", "[]", "1", '"x"', "{}", "[" * 50_000, '{"type": "no_such"}', '{"type": ["x"]}'):
        await line.websocket.send_text(text)
    for payload in (
        None,
        [],
        {},
        {"type": 1},
        {"type": "block_actions"},
        {"type": "view_submission", "view": []},
    ):
        with pytest.raises(TimeoutError):
            await socket.slack.sockets.deliver("interactive", payload, timeout_s=0.05)

    assert "8 events" in text_of(await socket.ask("engineer", "list"))
    assert socket.slack.sockets._sockets == [line]
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_the_bot_waits_for_a_slack_that_is_not_there_yet(tmp_path: Path):
    async with stage(tmp_path, socket_mode=True, start=False) as bot:
        bot.slack.faults.add("auth.test", Fault(FaultKind.STATUS, status=503))
        bot.slack.faults.add("auth.test", Fault(FaultKind.RESET_BEFORE))
        await bot.start()

        assert "8 events" in text_of(await bot.ask("engineer", "list"))


async def test_a_workspace_that_is_restarted_finds_the_bot_again(tmp_path: Path, unpaced: None):
    async with contextlib.AsyncExitStack() as around:
        bot = await around.enter_async_context(stage(tmp_path, socket_mode=True, start=False))
        bot.slack.rate_limits.enabled = False
        restarted = contextlib.AsyncExitStack()
        await around.enter_async_context(restarted)
        url = await restarted.enter_async_context(running(bot.slack))
        port = int(url.rsplit(":", 1)[1])
        await bot.start(SLACK_API_URL=f"{url}/api/")
        change = change_of(await bot.ask("engineer", f"enable {EVENT}"))
        card = await bot.card(change, "pending")
        bot.slack.sockets.drop()
        await restarted.aclose()
        await until(lambda: not bot.app.status.slack_connected(), 8)
        await restarted.enter_async_context(running(bot.slack, port=port))
        await until(lambda: bot.app.status.slack_connected(), 15)

        await bot.press("approver", card, "Approve")
        await bot.slack.wait_for(lambda: bot.find_card(change, "applied"), 10)
        assert bot.puts() == [{"state": "ENABLED"}]
