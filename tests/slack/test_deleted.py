"""Somebody deletes a message in Slack: what was to go below it is posted all the same, once, where people see it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.slack import Message
from bot.views.blocks import Message as Drawn
from tests.slack.test_outbox import ALERTS, POST, Desk, desk, until, working, workspace
from tests.store.support import NOW

__all__ = ["desk", "workspace"]

REFUSED = ["thread_not_found", "message_not_found", "cannot_reply_to_message"]


def delete(desk: Desk, text: str) -> None:
    """Somebody deletes the message that says so."""
    (message,) = [one for one in desk.workspace.messages(ALERTS) if one.text == text]
    desk.workspace.remove(message, method="person")


def standing(desk: Desk) -> list[tuple[str, str]]:
    """(text, that of the message above it) of what stands in the channel, oldest first."""
    messages: dict[str, Message] = {one.ts: one for one in desk.workspace.messages(ALERTS)}
    return [
        (one.text, messages[one.thread_ts].text if one.is_reply and one.thread_ts else "")
        for one in messages.values()
    ]


async def posted(desk: Desk) -> str:
    """An alert stands in Slack; its key."""
    parent = await desk.put("alert")
    desk.start()
    await desk.settled()
    return parent


async def test_a_reply_below_a_deleted_alert_takes_its_place_and_later_ones_go_below_that(desk: Desk):
    parent = await posted(desk)
    delete(desk, "alert")
    for number in range(3):
        await desk.put(f"reply {number}", parent=parent)
        await desk.settled()

    assert standing(desk) == [("reply 0", ""), ("reply 1", "reply 0"), ("reply 2", "reply 0")]
    assert desk.workspace.journal.calls[POST] == 4


@pytest.mark.parametrize("code", REFUSED)
async def test_where_slack_refuses_a_reply_it_is_posted_in_the_channel_after_one_refusal(
    desk: Desk, code: str
):
    parent = await posted(desk)
    desk.fault("error", error=code)
    for number in range(3):
        await desk.put(f"reply {number}", parent=parent)
    await desk.settled()

    assert standing(desk)[1:] == [("reply 0", ""), ("reply 1", "reply 0"), ("reply 2", "reply 0")]
    assert desk.workspace.journal.calls[POST] == 5


async def test_an_edit_that_finds_the_alert_deleted_spares_the_replies_their_refusal(desk: Desk):
    parent = await posted(desk)
    await desk.put("reply 0", parent=parent)
    await desk.settled()
    delete(desk, "alert")
    await desk.edit("alert", Drawn("alert, edited"))
    await desk.settled()
    await desk.put("reply 1", parent=parent)
    await desk.put("reply 2", parent=parent)
    await desk.settled()

    assert standing(desk) == [
        ("This message was deleted.", ""),
        ("reply 0", "This message was deleted."),
        ("reply 1", ""),
        ("reply 2", "reply 1"),
    ]
    assert desk.workspace.journal.calls[POST] == 4
    assert desk.workspace.journal.calls["chat.update"] == 1


async def test_what_took_the_place_can_be_deleted_too(desk: Desk):
    parent = await posted(desk)
    for gone, reply in (("alert", "reply 0"), ("reply 0", "reply 1"), ("reply 1", "reply 2")):
        delete(desk, gone)
        await desk.put(reply, parent=parent)
        await desk.settled()

    assert standing(desk) == [("reply 2", "")]
    assert desk.posted() == ["alert", "reply 0", "reply 1", "reply 2"]


LOST = ["reset_after", "reset_before", "late", "error_after"]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("when", ["before it was sent", "before it is looked for"])
@pytest.mark.parametrize("answered", [False, True], ids=["no thread yet", "a thread"])
async def test_a_reply_whose_answer_is_lost_is_posted_once_around_a_deletion(
    desk: Desk, kind: str, when: str, answered: bool
):
    parent = await posted(desk)
    if answered:
        await desk.put("reply 0", parent=parent)
        await desk.settled()
    if when == "before it was sent":
        delete(desk, "alert")
    desk.settle(0.4)
    calls = desk.workspace.journal.calls[POST]
    desk.fault(kind, **{"late": {"delay_s": 0.1}, "error_after": {"error": "internal_error"}}.get(kind, {}))
    await desk.put("reply 1", parent=parent)
    await desk.put("reply 2", parent=parent)
    await until(lambda: desk.workspace.journal.calls[POST] > calls)
    if when == "before it is looked for":
        delete(desk, "alert")
    await desk.settled()

    wanted = ["reply 0", "reply 1", "reply 2"] if answered else ["reply 1", "reply 2"]
    assert sorted(desk.posted()[1:]) == wanted
    await desk.put("reply 3", parent=parent)
    await desk.settled()
    assert sorted(desk.posted()[1:]) == [*wanted, "reply 3"]


async def test_control_who_looks_only_in_the_thread_posts_a_reply_twice(desk: Desk, monkeypatch):
    async def thread_only(job, method, **where):
        return await among(job, method, **where) if method == "conversations.replies" else {}

    among = desk.poster._among
    monkeypatch.setattr(desk.poster, "_among", thread_only)
    parent = await posted(desk)
    delete(desk, "alert")
    desk.fault("reset_after")
    await desk.put("reply", parent=parent)
    await until(lambda: len(desk.posted()) == 3)

    assert desk.posted() == ["alert", "reply", "reply"]


async def test_after_a_crash_it_is_known_in_which_thread_a_reply_was_sent(tmp_path: Path, workspace):
    async with working(tmp_path / "db", workspace) as first:
        parent = await posted(first)
        await first.put("reply 0", parent=parent)
        await first.settled()
        key = await first.put("reply 1", parent=parent)
        await first.stop()
        await until(lambda: _send_and_die(first, key))
        delete(first, "alert")
        (reply,) = [one for one in workspace.messages(ALERTS) if one.text == "reply 0"]
        await first.store.outbox.gone(ALERTS, str(reply.thread_ts))
    async with working(tmp_path / "db", workspace) as second:
        second.start()
        await second.settled()
        assert second.posted() == ["alert", "reply 0", "reply 1"]


async def _send_and_die(desk: Desk, key: str) -> bool:
    due = await desk.store.outbox.due(NOW + timedelta(days=9), settle_s=0)
    (job,) = [one for one in due if one.key == key]
    assert await desk.store.outbox.claim(key, desk.clock(), thread_ts=job.parent_ts)
    message = await desk.draw(job)
    assert message is not None
    await desk.slack.call(POST, **desk.poster._arguments(job, message))
    return True


async def test_an_answer_that_says_little_is_not_taken_for_a_deleted_alert(desk: Desk):
    parent = await posted(desk)
    call = desk.slack.call

    async def terse(method, **arguments):
        answer = await call(method, **arguments)
        return answer | {"message": {"text": "as some proxies shorten it"}} if method == POST else answer

    desk.slack.call = terse
    for number in range(2):
        await desk.put(f"reply {number}", parent=parent)
        await desk.settled()

    assert standing(desk) == [("alert", ""), ("reply 0", "alert"), ("reply 1", "alert")]
