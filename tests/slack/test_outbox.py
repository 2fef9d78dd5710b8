"""Each message reaches the workspace once, by the workspace's own journal, whatever becomes of the answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.model import Post, PostKind
from bot.sandbox.slack import Fault, FaultKind, Message, Workspace, demo_seed, running
from bot.slack.client import SlackClient
from bot.slack.outbox import METADATA, Poster
from bot.store import Outgoing, Store
from bot.store.outbox import touch
from bot.views.blocks import Message as Drawn
from tests.store.support import NOW

ALERTS, APPROVALS, ENGINEER, BOT = "C00ALERTS", "C00APPROVALS", "U00ENGINEER", "U00CSMSBOT"
POST = "chat.postMessage"
SETTLE_S = 0.1
PATIENCE_S = 5.0


@dataclass
class Desk:
    """An outbox, the poster that empties it, and the workspace that it empties it into."""

    workspace: Workspace
    store: Store
    poster: Poster
    slack: SlackClient
    token: str
    ahead: timedelta = timedelta(0)
    shows: dict[str, Drawn | None] = field(default_factory=dict)
    """ref → what a message shows, when that is not its ref alone."""
    _task: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def clock(self) -> datetime:
        """The time now, moved ahead by so much."""
        return datetime.now(UTC) + self.ahead

    async def draw(self, job: Outgoing) -> Drawn | None:
        """A message that says its ref."""
        return self.shows.get(job.ref, Drawn(job.ref))

    async def put(self, ref: str, **more: Any) -> str:
        """Puts a message that says `ref` into the outbox; its key."""
        given: dict[str, Any] = {"channel": ALERTS} | more
        await self.store.outbox.put(Post(f"key of {ref}", PostKind.ALERT, ref, "default", **given), NOW)
        self.poster.wake()
        return f"key of {ref}"

    async def edit(self, ref: str, drawn: Drawn) -> None:
        """Lets the message show something else from now on."""
        self.shows[ref] = drawn
        await self.store._engine.run(lambda tx: touch(tx, PostKind.ALERT, ref))
        self.poster.wake()

    def settle(self, seconds: float) -> None:
        """Another settle time, for a test that has to look before it is over."""
        self.poster._settle = timedelta(seconds=seconds)

    def start(self) -> None:
        """Begins to post."""
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.poster.run(self._stop))

    async def stop(self) -> None:
        """Ends posting, as a stop of the bot does."""
        if self._task is not None:
            self._stop.set()
            self.poster.wake()
            await self._task
            self._task = None

    def posted(self, channel: str = "") -> list[str]:
        """What was posted, by the journal, oldest first."""
        return [
            entry.text or ""
            for entry in self.workspace.journal.entries
            if entry.effect == "post" and entry.user == BOT and channel in ("", entry.channel)
        ]

    def shown(self, channel: str = ALERTS) -> list[str]:
        """What stands in a channel."""
        return [message.text for message in self.workspace.messages(channel)]

    def fault(
        self, kind: str, method: str = POST, *, nth: int = 1, times: int | None = 1, **more: Any
    ) -> None:
        """Plans a fault."""
        self.workspace.faults.add(method, Fault(FaultKind(kind), **more), nth=nth, times=times)

    async def settled(self) -> None:
        """Waits until nothing is due any more."""
        await until(self._empty)

    async def _empty(self) -> bool:
        return not any((await self.store.outbox.backlog()).values())

    async def trouble(self) -> tuple[str, str, int]:
        """Waits until the outbox tells of a trouble, and gives the first."""
        found: list[tuple[str, str, int]] = []

        async def told() -> bool:
            found[:] = await self.store.outbox.troubles()
            return bool(found)

        await until(told)
        return found[0]


async def until(true: Callable[[], Any]) -> None:
    """Waits until `true()`, which may be asynchronous, is."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = true()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def working(path: Path, workspace: Workspace) -> AsyncIterator[Desk]:
    """A desk whose poster is not started yet."""
    seed = demo_seed()
    async with running(workspace) as base_url:
        slack = SlackClient(token=seed.app.bot_token, base_url=f"{base_url}/api")
        await slack.open()
        store = Store(path)
        await store.open(NOW)
        desk: Desk
        poster = Poster(
            slack=slack,
            outbox=store.outbox,
            draw=lambda job: desk.draw(job),
            clock=lambda: desk.clock(),
            settle=timedelta(seconds=SETTLE_S),
            idle_s=0.05,
            pace_s=0.0,
        )
        poster.bot_id, poster.bot_user_id = seed.app.bot_id, seed.app.bot_user_id
        desk = Desk(workspace, store, poster, slack, seed.app.bot_token)
        try:
            yield desk
        finally:
            await desk.stop()
            await slack.close()
            await store.close()


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(replace(demo_seed(), rate_limits=False))


@pytest.fixture
async def desk(tmp_path: Path, workspace: Workspace) -> AsyncIterator[Desk]:
    async with working(tmp_path / "db", workspace) as desk:
        yield desk


LOST = {
    "an answer cut off after the effect": ("reset_after", {}),
    "a connection cut before the effect": ("reset_before", {}),
    "internal_error after the effect": ("error_after", {"error": "internal_error"}),
    "fatal_error after the effect": ("error_after", {"error": "fatal_error"}),
    "internal_error without the effect": ("error", {"error": "internal_error"}),
    "a 503 without the effect": ("status", {"status": 503}),
    "an effect that comes late": ("late", {"delay_s": SETTLE_S / 3}),
    "a slow answer": ("delay", {"delay_s": 0.1}),
    "a rate limit by error": ("error", {"error": "ratelimited"}),
}


@pytest.mark.parametrize("lost", LOST)
async def test_a_message_is_posted_once_in_spite_of(desk: Desk, lost: str):
    kind, more = LOST[lost]
    desk.fault(kind, **more)
    await desk.put("one")
    desk.start()
    await desk.settled()
    await asyncio.sleep(SETTLE_S)
    assert desk.posted() == ["one"]


@pytest.mark.parametrize("lost", list(LOST)[:4])
async def test_a_reply_is_posted_once_and_in_its_thread_in_spite_of(desk: Desk, lost: str):
    kind, more = LOST[lost]
    desk.fault(kind, nth=2, **more)
    parent = await desk.put("one")
    await desk.put("reply", parent=parent)
    desk.start()
    await desk.settled()
    await asyncio.sleep(SETTLE_S)
    assert desk.posted() == ["one", "reply"]
    (first,) = (message for message in desk.workspace.messages(ALERTS) if not message.is_reply)
    assert [message.text for message in desk.workspace.replies(ALERTS, first.ts)] == ["reply"]


async def test_control_slack_sdk_as_it_comes_posts_twice_where_the_outbox_posts_once(desk: Desk):
    as_it_comes = AsyncWebClient(token=desk.token, base_url=f"{desk.workspace.base_url}/api/")
    desk.fault("reset_after")
    await as_it_comes.chat_postMessage(channel=ALERTS, text="by slack_sdk")
    assert desk.posted() == ["by slack_sdk", "by slack_sdk"]

    desk.fault("reset_after")
    await desk.put("by the outbox")
    desk.start()
    await desk.settled()
    assert desk.posted()[2:] == ["by the outbox"]


async def test_of_many_messages_under_many_faults_each_is_posted_once(desk: Desk):
    for nth in range(1, 60, 4):
        desk.fault(["reset_after", "reset_before", "error_after", "status"][nth // 4 % 4], nth=nth)
    for number in range(40):
        await desk.put(f"m{number}", channel=ALERTS if number % 2 else APPROVALS)
    desk.start()
    await until(lambda: len(desk.posted()) >= 40)
    await desk.settled()
    assert sorted(desk.posted()) == sorted(f"m{number}" for number in range(40))


async def test_the_messages_of_a_channel_keep_their_order(desk: Desk):
    desk.fault("ratelimited", nth=3, retry_after=1)
    for number in range(8):
        await desk.put(f"m{number}")
    desk.start()
    await desk.settled()
    assert desk.shown() == [f"m{number}" for number in range(8)]


async def test_a_channel_that_hangs_holds_no_other_up(desk: Desk):
    desk.fault("delay", delay_s=0.6)
    await desk.put("slow")
    desk.start()
    await until(lambda: desk.workspace.journal.calls[POST] == 1)
    for number in range(3):
        await desk.put(f"m{number}", channel=APPROVALS)
    async with asyncio.timeout(0.5):
        await until(lambda: desk.shown(APPROVALS) == ["m0", "m1", "m2"])
    assert desk.shown() == []


async def test_a_reply_waits_for_the_message_above_it(desk: Desk):
    desk.settle(0.6)
    desk.fault("reset_before")
    parent = await desk.put("one")
    await desk.put("reply", parent=parent)
    await desk.put("other")
    desk.start()
    await until(lambda: desk.posted() == ["other"])
    assert (await desk.store.outbox.backlog())["unknown"] == 1
    await desk.settled()
    assert desk.posted() == ["other", "one", "reply"]


async def test_it_is_not_looked_for_before_the_settle_time_and_only_once_when_it_is_found(desk: Desk):
    desk.settle(0.6)
    desk.fault("reset_after")
    await desk.put("one")
    desk.start()
    await until(lambda: desk.posted())
    await asyncio.sleep(0.2)
    assert desk.workspace.journal.calls["conversations.history"] == 0
    await desk.settled()
    assert desk.workspace.journal.calls["conversations.history"] == 1
    assert desk.workspace.journal.calls[POST] == 1


async def test_while_history_cannot_be_read_it_is_held_and_shown_and_never_sent_again(desk: Desk):
    desk.fault("reset_after")
    desk.fault("error", "conversations.history", times=None, error="missing_scope")
    await desk.put("one")
    desk.start()
    where, _, number = await desk.trouble()
    assert (where, number) == (ALERTS, 1)
    for _ in range(5):
        calls = desk.workspace.journal.calls["conversations.history"]
        desk.ahead += timedelta(minutes=2)
        await until(lambda calls=calls: desk.workspace.journal.calls["conversations.history"] > calls)
    assert (await desk.trouble())[1].startswith("missing_scope: reinstall the app")
    assert desk.workspace.journal.calls[POST] == 1
    assert (await desk.store.outbox.backlog())["unknown"] == 1

    desk.workspace.faults.clear()
    desk.ahead += timedelta(minutes=2)
    await desk.settled()
    assert desk.posted() == ["one"]
    assert await desk.store.outbox.troubles() == []


async def test_what_lies_deep_in_history_is_found(desk: Desk):
    desk.fault("reset_after")
    await desk.put("one")
    desk.start()
    await until(lambda: desk.posted())
    for number in range(450):
        desk.workspace.say(ENGINEER, ALERTS, f"talk {number}")
    await desk.settled()
    assert desk.posted() == ["one"]
    assert desk.workspace.journal.calls["conversations.history"] == 3


async def test_a_message_of_somebody_else_with_our_key_is_not_taken_for_ours(desk: Desk):
    desk.fault("reset_before")
    key = await desk.put("one")
    forged = desk.workspace.say(ENGINEER, ALERTS, "look, it is there already")
    metadata = {"event_type": METADATA, "event_payload": {"k": key}}
    desk.workspace._put(replace(forged, content=replace(forged.content, metadata=metadata)))
    desk.start()
    await desk.settled()
    assert desk.posted() == ["one"]


async def test_control_the_same_message_by_the_bot_itself_is_taken_for_it(desk: Desk):
    metadata = {"event_type": METADATA, "event_payload": {"k": "key of one"}}
    await desk.slack.call(POST, channel=ALERTS, text="there already", metadata=metadata)
    desk.fault("reset_before")
    await desk.put("one")
    desk.start()
    await desk.settled()
    assert desk.posted() == ["there already"]


async def test_retry_after_is_waited_for(desk: Desk):
    desk.fault("ratelimited", retry_after=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await desk.put("one")
    desk.start()
    await desk.settled()
    assert loop.time() - began >= 1.0
    assert desk.workspace.journal.calls[POST] == 2


def _bot_in(workspace: Workspace, channel: str, *, member: bool) -> None:
    place = workspace.channels[channel]
    others = tuple(one for one in place.members if one != BOT)
    workspace.put_channel(replace(place, members=(*others, BOT) if member else others))


async def test_a_channel_without_the_bot_keeps_its_messages_until_it_is_invited_and_says_how(desk: Desk):
    _bot_in(desk.workspace, ALERTS, member=False)
    for number in range(3):
        await desk.put(f"m{number}")
    await desk.put("elsewhere", channel=APPROVALS)
    desk.start()
    assert await desk.trouble() == (
        ALERTS,
        "not_in_channel: type `/invite @csms-bot` in that channel, or correct the setting",
        3,
    )
    await until(lambda: desk.posted() == ["elsewhere"])
    await desk.put("m3")

    _bot_in(desk.workspace, ALERTS, member=True)
    desk.ahead += timedelta(minutes=2)
    desk.poster._free_at.clear()
    await desk.settled()

    assert desk.shown() == ["m0", "m1", "m2", "m3"]
    assert await desk.store.outbox.troubles() == []


async def test_an_archived_channel_is_shown_with_what_to_do(desk: Desk):
    desk.workspace.put_channel(replace(desk.workspace.channels[ALERTS], is_archived=True))
    await desk.put("one")
    desk.start()
    assert (await desk.trouble())[1].startswith("is_archived: unarchive the channel")
    assert desk.posted() == []


async def test_a_message_that_slack_refuses_holds_no_other_up(desk: Desk):
    desk.fault("error", error="restricted_action")
    for number in range(3):
        await desk.put(f"m{number}")
    desk.start()
    await until(lambda: desk.shown() == ["m1", "m2"])
    assert await desk.store.outbox.troubles() == [(ALERTS, "restricted_action", 1)]
    desk.ahead += timedelta(minutes=2)
    await desk.settled()
    assert desk.shown() == ["m1", "m2", "m0"]


async def test_blocks_that_slack_refuses_are_left_out_and_the_text_is_posted(desk: Desk):
    desk.shows["one"] = Drawn("one", ({"type": "no such block"},))
    await desk.put("one")
    desk.start()
    await desk.settled()
    (message,) = desk.workspace.messages(ALERTS)
    assert message.text == "one"
    assert desk.workspace.journal.calls[POST] == 2


async def test_an_answer_lost_on_the_way_of_the_plain_text_is_looked_for_too(desk: Desk):
    desk.shows["one"] = Drawn("one", ({"type": "no such block"},))
    desk.fault("reset_after", nth=2)
    await desk.put("one")
    desk.start()
    await desk.settled()
    assert desk.posted() == ["one"]


async def test_an_edit_catches_up_and_many_at_once_become_one(desk: Desk):
    await desk.put("one")
    desk.start()
    await desk.settled()
    await desk.stop()
    for number in range(5):
        await desk.edit("one", Drawn(f"one, edited {number}"))
    desk.start()
    await desk.settled()
    assert desk.shown() == ["one, edited 4"]
    assert desk.workspace.journal.calls["chat.update"] == 1
    assert desk.posted() == ["one"]


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "status"])
async def test_an_edit_whose_answer_is_lost_is_done_again(desk: Desk, kind: str):
    await desk.put("one")
    desk.start()
    await desk.settled()
    desk.fault(kind, "chat.update")
    await desk.edit("one", Drawn("two"))
    await until(lambda: desk.workspace.journal.calls["chat.update"] == 1)
    desk.ahead += timedelta(minutes=2)
    await desk.settled()
    assert desk.shown() == ["two"]


async def test_a_change_during_the_sending_is_edited_in_afterwards(desk: Desk):
    desk.fault("delay", delay_s=0.2)
    await desk.put("one")
    desk.start()
    await until(lambda: desk.workspace.journal.calls[POST] == 1)
    await desk.edit("one", Drawn("two"))
    await desk.settled()
    assert desk.shown() == ["two"]


async def test_what_was_found_again_is_drawn_anew(desk: Desk):
    desk.fault("reset_after")
    await desk.put("one")
    desk.start()
    await until(lambda: desk.posted())
    await desk.edit("one", Drawn("two"))
    await desk.settled()
    assert desk.shown() == ["two"]
    assert len(desk.posted()) == 1


async def test_an_edit_of_a_message_that_somebody_deleted_is_given_up(desk: Desk):
    await desk.put("one")
    desk.start()
    await desk.settled()
    (message,) = desk.workspace.messages(ALERTS)
    desk.workspace.remove(message, method="person")
    await desk.edit("one", Drawn("two"))
    await desk.settled()
    assert desk.shown() == []
    assert len(desk.posted()) == 1


async def test_a_direct_message_is_opened_once_for_all_that_wait_for_the_person(desk: Desk):
    desk.fault("reset_before")
    for number in range(3):
        await desk.put(f"m{number}", channel="", user=ENGINEER)
    desk.start()
    await desk.settled()
    direct = desk.workspace.open_im(ENGINEER).id
    assert sorted(desk.shown(direct)) == ["m0", "m1", "m2"]
    assert desk.workspace.journal.calls["conversations.open"] == 1


async def test_a_direct_message_that_cannot_be_opened_waits(desk: Desk):
    desk.fault("status", "conversations.open", status=500)
    await desk.put("one", channel="", user=ENGINEER)
    desk.start()
    where, _, number = await desk.trouble()
    assert (where, number) == (ENGINEER, 1)
    desk.ahead += timedelta(minutes=2)
    await desk.settled()
    assert desk.posted(desk.workspace.open_im(ENGINEER).id) == ["one"]
    assert await desk.store.outbox.troubles() == []


async def test_a_message_that_shows_nothing_any_more_is_not_posted(desk: Desk):
    desk.shows["gone"] = None
    await desk.put("gone")
    await desk.put("here")
    desk.start()
    await desk.settled()
    assert desk.posted() == ["here"]


async def test_a_message_that_cannot_be_drawn_is_shown_and_holds_no_other_up(desk: Desk):
    class Broken(dict[str, Any]):
        def get(self, ref: str, default: Any = None) -> Any:
            if ref == "odd":
                raise ValueError("cannot be drawn")
            return default

    desk.shows = Broken()
    await desk.put("odd")
    await desk.put("fine")
    desk.start()
    await until(lambda: desk.posted() == ["fine"])
    assert await desk.trouble() == (ALERTS, "an error inside csms-bot; see its log", 1)
    desk.shows = {}
    desk.ahead += timedelta(minutes=2)
    await desk.settled()
    assert desk.posted() == ["fine", "odd"]


async def test_a_stop_in_the_middle_of_a_sending_finishes_it_first(desk: Desk):
    desk.fault("delay", delay_s=0.3)
    await desk.put("one")
    desk.start()
    await until(lambda: desk.workspace.journal.calls[POST] == 1)
    await desk.stop()
    assert desk.posted() == ["one"]
    assert await desk._empty()


@pytest.mark.parametrize("landed", [True, False])
async def test_what_a_dead_process_was_sending_is_looked_for_first(
    tmp_path: Path, workspace: Workspace, landed: bool
):
    path = tmp_path / "db"
    async with working(path, workspace) as first:
        key = await first.put("one")
        assert await first.store.outbox.claim(key, first.clock())
        if landed:
            metadata = {"event_type": METADATA, "event_payload": {"k": key}}
            await first.slack.call(POST, channel=ALERTS, text="one", metadata=metadata)
    async with working(path, workspace) as second:
        assert (await second.store.outbox.backlog())["unknown"] == 1
        second.start()
        await second.settled()
        assert second.posted() == ["one"]
        # Absent at once says nothing yet: what a dead process sent may still land.
        assert workspace.journal.calls["conversations.history"] == (1 if landed else 2)


async def test_nobody_can_claim_what_is_claimed(desk: Desk):
    key = await desk.put("one")
    claims = await asyncio.gather(*(desk.store.outbox.claim(key, NOW) for _ in range(20)))
    assert claims.count(True) == 1


async def test_the_same_key_again_is_no_second_message(desk: Desk):
    await desk.put("one")
    await desk.put("one")
    desk.start()
    await desk.settled()
    assert desk.posted() == ["one"]


async def test_only_the_opaque_key_is_told_to_everybody_who_can_read_metadata(desk: Desk):
    key = await desk.put("one", data={"secret": "name"})
    desk.start()
    await desk.settled()
    found: list[Message] = desk.workspace.messages(ALERTS)
    assert [one.metadata for one in found] == [{"event_type": METADATA, "event_payload": {"k": key}}]


async def test_a_clock_that_jumps_ahead_does_not_send_twice_what_lands_late(desk: Desk):
    desk.settle(0.6)
    desk.fault("late", delay_s=0.3)
    await desk.put("one")
    desk.start()
    await until(lambda: desk.workspace.journal.calls[POST] == 1)
    desk.ahead += timedelta(hours=3)
    desk.poster.wake()
    await desk.settled()
    await asyncio.sleep(0.4)
    assert desk.posted() == ["one"]


@pytest.mark.parametrize("off", [timedelta(hours=5), -timedelta(hours=5)])
async def test_a_clock_that_is_hours_off_still_finds_what_was_posted(desk: Desk, off: timedelta):
    await desk.put("zero")
    desk.start()
    await desk.settled()
    await desk.stop()
    desk.ahead = off
    desk.fault("reset_after")
    await desk.put("one")
    desk.start()
    await desk.settled()
    assert desk.posted() == ["zero", "one"]


async def test_a_message_that_is_to_wait_waits(desk: Desk):
    await desk.put("later", wait_until=desk.clock() + timedelta(hours=1))
    await desk.put("now")
    desk.start()
    await until(lambda: desk.posted() == ["now"])
    desk.ahead += timedelta(hours=1)
    await desk.settled()
    assert desk.posted() == ["now", "later"]


async def test_a_closed_channel_is_told_elsewhere_once_for_each_time(desk: Desk):
    desk.poster._notice = lambda job, why: Post(
        f"notice {len(desk.posted())}", PostKind.CLOSED, f"closed: {why[:11]}", "default", APPROVALS
    )
    channel = desk.workspace.channels[ALERTS]
    desk.start()
    for time in (1, 2):
        desk.workspace.put_channel(replace(channel, is_archived=True))
        await desk.put(f"a{time}")
        await desk.put(f"b{time}")
        await until(lambda time=time: len(desk.posted(APPROVALS)) == time)
        assert [one for one, _ in await desk.store.outbox.closed()] == [ALERTS]
        desk.workspace.put_channel(channel)
        desk.ahead += timedelta(minutes=2)
        await desk.settled()
        assert await desk.store.outbox.closed() == []
    assert desk.posted(ALERTS) == ["a1", "b1", "a2", "b2"]
    assert desk.posted(APPROVALS) == ["closed: is_archived"] * 2


async def test_slack_makes_no_links_out_of_a_text_neither_at_once_nor_by_an_edit(desk: Desk):
    call, sent = desk.slack.call, []

    async def noted(method: str, **arguments: Any) -> dict[str, Any]:
        sent.append((method, arguments.get("parse"), arguments.get("blocks")))
        return await call(method, **arguments)

    desk.slack.call = noted
    await desk.put("see https://evil.example")
    desk.start()
    await desk.settled()
    await desk.edit("see https://evil.example", Drawn("or www.evil.example"))
    await desk.settled()

    def alone(text: str) -> list[dict[str, Any]]:
        return [{"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}]

    assert sent == [
        (POST, "none", alone("see https://evil.example")),
        ("chat.update", "none", alone("or www.evil.example")),
    ]


async def test_an_edit_that_is_too_long_in_any_form_is_given_up(desk: Desk):
    await desk.put("one")
    desk.start()
    await desk.settled()
    await desk.edit("one", Drawn("x" * 4001))
    await desk.settled()
    assert desk.shown() == ["one"]


async def test_a_reply_whose_answer_is_lost_holds_no_other_of_its_thread_up(desk: Desk):
    """Their order is lost, and they say when each was; should history stay shut, only the one is held."""
    parent = await desk.put("one")
    desk.start()
    await desk.settled()
    desk.fault("reset_after")
    desk.fault("error", "conversations.replies", times=None, error="missing_scope")
    for number in range(3):
        await desk.put(f"reply {number}", parent=parent)
    await until(lambda: len(desk.posted()) == 4)
    assert (await desk.store.outbox.backlog())["unknown"] == 1
