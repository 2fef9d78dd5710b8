"""What Slack never takes, never answers, or what cannot be written down, is in nobody else's way."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import bot.slack.client as client_module
from bot.errors import Sent, SlackError
from bot.slack.client import SlackClient
from bot.store.places import NEVER
from bot.views.blocks import Message as Drawn
from tests.slack.test_outbox import ALERTS, APPROVALS, ENGINEER, POST, Desk, desk, until, workspace
from tests.store.support import NOW

__all__ = ["desk", "workspace"]

UPDATE = "chat.update"


async def test_what_waits_for_a_closed_channel_that_was_replaced_goes_to_the_new_one(desk: Desk):
    parent = await desk.put("alert")
    desk.start()
    await desk.settled()
    desk.workspace.put_channel(replace(desk.workspace.channels[ALERTS], is_archived=True))
    for number in range(3):
        await desk.put(f"reply {number}", parent=parent)
    await desk.trouble()
    await desk.stop()
    outbox = desk.store.outbox

    assert await outbox.readdress({ALERTS, APPROVALS}, {"default": (ALERTS, APPROVALS)}) == 0, (
        "it is still in use"
    )
    assert await outbox.readdress({"C00GENERAL"}, {"default": (APPROVALS, APPROVALS)}) == 3
    assert await outbox.closed() == []
    desk.ahead = timedelta(minutes=2)
    desk.start()
    await desk.settled()

    first, *later = desk.workspace.messages(APPROVALS)
    assert (first.text, first.is_reply) == ("reply 0", False), (
        "it takes the place of the alert that stayed behind"
    )
    assert [(one.text, one.thread_ts) for one in later] == [("reply 1", first.ts), ("reply 2", first.ts)]


async def test_what_was_refused_waits_behind_what_was_never_tried(desk: Desk):
    refused, fresh = await desk.put("refused"), await desk.put("fresh")
    outbox = desk.store.outbox
    assert await outbox.claim(refused, NOW)
    await outbox.release(refused, error="restricted_action_thread_locked", until=NOW)

    assert [job.key for job in await outbox.due(NOW, settle_s=0)] == [fresh]
    await outbox.claim(fresh, NOW)
    await outbox.posted(fresh, channel=ALERTS, ts="1.0", rev=NEVER)
    assert [job.key for job in await outbox.due(NOW, settle_s=0)] == [refused]


async def test_what_may_have_been_posted_is_looked_for_before_anything_new_is_sent(desk: Desk):
    doubtful, _ = await desk.put("doubtful"), await desk.put("fresh")
    outbox = desk.store.outbox
    await outbox.claim(doubtful, NOW)
    await outbox.unknown(doubtful, "the answer was lost")

    assert [job.key for job in await outbox.due(NOW + timedelta(seconds=1), settle_s=0)] == [doubtful]


async def test_a_hundred_refused_messages_do_not_keep_a_new_one_waiting(desk: Desk):
    for number in range(100):
        await desk.put(f"refused {number}")
    desk.fault("error", error="restricted_action_thread_locked", times=100)
    desk.start()
    await until(lambda: desk.workspace.journal.calls[POST] == 100)

    await desk.put("new")
    await until(lambda: desk.posted() == ["new"] or len(desk.posted()) > 1)
    assert desk.posted()[0] == "new"


async def test_the_channel_that_opens_again_gets_its_messages_in_their_order(desk: Desk):
    channel = desk.workspace.channels[ALERTS]
    desk.workspace.put_channel(replace(channel, is_archived=True))
    for number in range(3):
        await desk.put(f"message {number}")
    desk.start()
    await desk.trouble()
    desk.workspace.put_channel(channel)
    desk.ahead = timedelta(minutes=2)
    desk.poster._free_at.clear()
    desk.poster.wake()
    await desk.settled()

    assert desk.posted() == ["message 0", "message 1", "message 2"]


@contextlib.asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes a request and never answers."""
    taken: list[asyncio.StreamWriter] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in taken:
            writer.close()


async def test_a_call_that_slack_never_answers_ends_and_may_have_been_done(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client_module, "TIMEOUT_S", 0.1)
    async with silent() as address:
        slack = SlackClient(token="xoxb-1", base_url=address)
        await slack.open()
        try:
            with pytest.raises(SlackError) as caught:
                async with asyncio.timeout(2):
                    await slack.call(POST, channel=ALERTS, text="x")
        finally:
            await slack.close()

    assert caught.value.sent is Sent.UNKNOWN


async def test_a_post_whose_outcome_could_not_be_written_is_settled_when_it_can_be(
    desk: Desk, tmp_path: Path
):
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as db:
        db.execute(
            "create trigger full before update on outbox when old.state = 'sending' "
            "begin select raise(abort, 'database or disk is full'); end"
        )
        await desk.put("one")
        desk.start()
        await until(lambda: desk.posted() == ["one"])
        await desk.put("two", channel=APPROVALS)
        await asyncio.sleep(0.2)
        assert desk.posted() == ["one"], "nothing more is sent while nothing can be written"
        db.execute("drop trigger full")
        await desk.settled()

    assert desk.posted() == ["one", "two"], "the first was looked for, and found"


async def test_edits_of_a_closed_channel_leave_room_for_the_others(desk: Desk):
    for number in range(20):
        await desk.put(f"there {number}")
    await desk.put("here", channel=APPROVALS)
    desk.start()
    await desk.settled()
    await desk.stop()
    desk.workspace.put_channel(replace(desk.workspace.channels[ALERTS], is_archived=True))
    for number in range(20):
        await desk.edit(f"there {number}", Drawn("changed"))
    await desk.edit("here", Drawn("changed here"))
    desk.start()

    await until(lambda: desk.shown(APPROVALS) == ["changed here"])
    assert desk.workspace.journal.calls[UPDATE] <= 3, "one refusal speaks for the channel"


async def test_messages_keep_their_order_while_slack_cannot_be_reached(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    call, away = desk.slack.call, [3]

    async def calling(method: str, **arguments: Any) -> dict[str, Any]:
        if away[0]:
            away[0] -= 1
            raise SlackError(method, sent=Sent.NO, code="Slack cannot be reached")
        return await call(method, **arguments)

    monkeypatch.setattr(desk.slack, "call", calling)
    for number in range(3):
        await desk.put(f"message {number}")
    desk.start()
    for _ in range(4):
        desk.ahead += timedelta(minutes=1)
        desk.poster._free_at.clear()
        desk.poster.wake()
        await asyncio.sleep(0.1)
    await desk.settled()

    assert desk.posted() == ["message 0", "message 1", "message 2"]


async def test_a_person_who_cannot_be_written_to_closes_no_channel(desk: Desk):
    desk.fault("error", error="channel_not_found")
    await desk.put("for you", channel="", user=ENGINEER)
    desk.start()
    await desk.trouble()

    assert await desk.store.outbox.closed() == []
    assert await desk.store.outbox.readdress({ALERTS}, {"default": (ALERTS, APPROVALS)}) == 0
    desk.ahead = timedelta(minutes=20)
    desk.poster._free_at.clear()
    await desk.settled()
    assert desk.posted(ALERTS) == [], "what is for a person goes nowhere else"
    assert desk.posted() == ["for you"]


async def test_a_reply_whose_alert_stayed_in_another_channel_stands_alone(desk: Desk):
    parent = await desk.put("alert")
    desk.start()
    await desk.settled()
    reply = await desk.put("reply", parent=parent, channel=APPROVALS)
    await desk.settled()

    assert desk.shown(APPROVALS) == ["reply"]
    assert desk.workspace.journal.calls[POST] == 2, "and it was not tried in a thread of the other channel"
    assert reply
