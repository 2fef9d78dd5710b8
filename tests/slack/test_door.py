"""The door: whatever arrives is kept once, before it is acknowledged, and without what must not be kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bot.app import utc_now
from bot.sandbox.slack import Workspace, demo_seed, running
from bot.sandbox.slack.delivery import Kind
from bot.serving import serving
from bot.slack.client import SlackClient
from bot.slack.door import Door
from bot.slack.guard import Guard
from bot.slack.interactions import Submission
from bot.slack.sockets import Sockets
from bot.store import Store
from tests.support.stage import Stage, change_of, until

ENGINEER, ALERTS = "U00ENGINEER", "C00ALERTS"
IDENTITY = {"team_id": "T00DEMO", "bot_id": "B00CSMSBOT", "user_id": "U00CSMSBOT"}


@dataclass
class Threshold:
    """A door on a real socket, and nobody behind it who would take what it keeps."""

    workspace: Workspace
    store: Store
    path: Path
    woken: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Any] | None = None
    checked: list[Submission] = field(default_factory=list)

    def wake(self) -> None:
        self.woken += 1

    async def check(self, sent: Submission) -> tuple[dict[str, str], dict[str, Any] | None]:
        self.checked.append(sent)
        return self.errors, self.waiting

    async def suggest(self, _action: str, typed: str, _form: str) -> list[dict[str, Any]]:
        return [{"text": {"type": "plain_text", "text": f"{typed}-event"}, "value": "v"}]

    async def kept(self) -> list[tuple[str, dict[str, Any]]]:
        """(kind, payload) of every row."""
        rows = await self.store.inbox._engine.run(
            lambda tx: tx.execute("select kind, payload from inbox order by id").fetchall()
        )
        return [(kind, json.loads(payload)) for kind, payload in rows]


@contextlib.asynccontextmanager
async def threshold(folder: Path, *, socket_mode: bool) -> AsyncIterator[Threshold]:
    """A workspace, and a door that it delivers to."""
    seed = demo_seed()
    workspace = Workspace(seed)
    store = Store(folder / "db")
    await store.open(utc_now())
    async with running(workspace) as slack_url, contextlib.AsyncExitStack() as stack:
        slack = SlackClient(token=seed.app.bot_token, base_url=f"{slack_url}/api")
        await slack.open()
        one = Threshold(workspace, store, folder / "db")
        door = Door(
            inbox=store.inbox, clock=utc_now, wake=one.wake, check_form=one.check, suggest=one.suggest
        )
        door.identity = IDENTITY
        stop = asyncio.Event()
        task = None
        sockets = None
        if socket_mode:
            sockets = Sockets(door.app(slack, ""), seed.app.app_token)
            task = asyncio.create_task(sockets.run(stop))
            await until(lambda: workspace.sockets)
        else:
            secret = seed.app.signing_secret
            guard = Guard(door.app(slack, secret), secret)
            app = Starlette(routes=[Route("/slack/events", guard.take, methods=["POST"])])
            url = await stack.enter_async_context(serving(app))
            workspace.set_request_url(f"{url}/slack/events")
        try:
            yield one
        finally:
            stop.set()
            if sockets is not None and task is not None:
                await sockets.close()
                await asyncio.wait_for(task, 5)
            await slack.close()
            await store.close()


@pytest.fixture(params=["http", "socket"])
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Threshold]:
    async with threshold(tmp_path, socket_mode=request.param == "socket") as one:
        yield one


CLICK: dict[str, Any] = {
    "type": "block_actions",
    "token": "the-old-shared-token",
    "user": {"id": ENGINEER, "team_id": "T00DEMO"},
    "team": {"id": "T00DEMO"},
    "channel": {"id": ALERTS},
    "trigger_id": "13.37.same",
    "response_url": "http://127.0.0.1:9/response/capability",
    "actions": [{"type": "button", "action_id": "incident.view", "block_id": "b", "value": "k", "action_ts": "1.0"}],
}  # fmt: skip


async def test_a_command_is_kept_with_a_bare_ack_and_the_worker_is_woken(door: Threshold):
    outcome = await door.workspace.command(ENGINEER, ALERTS, "/csms list --limit 3")

    assert outcome.ok
    assert outcome.ack is not None
    assert not outcome.ack.body
    assert [(kind, payload["text"]) for kind, payload in await door.kept()] == [("command", "list --limit 3")]
    assert door.woken == 1


async def test_a_redelivered_command_is_kept_once_and_acknowledged_again(door: Threshold):
    await door.workspace.command(ENGINEER, ALERTS, "/csms list")
    ack = await door.workspace.redeliver(door.workspace.courier.delivered[-1])

    assert ack.ok
    assert len(await door.kept()) == 1
    assert door.woken == 1


async def test_the_same_command_typed_twice_is_kept_twice(door: Threshold):
    for _ in range(2):
        await door.workspace.command(ENGINEER, ALERTS, "/csms list")
    assert len(await door.kept()) == 2


async def test_a_redelivered_event_is_known_by_its_id_though_the_rest_differs(door: Threshold):
    event = {
        "type": "event_callback", "event_id": "Ev1", "event_time": 1, "team_id": "T00DEMO", "api_app_id": "A00CSMSBOT",
        "event": {"type": "app_home_opened", "user": ENGINEER, "tab": "home", "channel": "D1", "event_ts": "1.0"},
    }  # fmt: skip
    for payload in (event, event | {"event_time": 2}, event | {"event_id": "Ev2"}):
        assert (await door.workspace.courier.deliver(Kind.EVENT, payload)).ok
    assert [payload["event_id"] for _, payload in await door.kept()] == ["Ev1", "Ev2"]


async def test_a_redelivered_click_is_kept_once(door: Threshold):
    for _ in range(3):
        assert (await door.workspace.courier.deliver(Kind.INTERACTIVE, CLICK)).ok
    assert len(await door.kept()) == 1


@pytest.mark.parametrize("other", [{"value": "another key"}, {"action_ts": "2.0"}, {"action_id": "incident.acknowledge"}])  # fmt: skip
async def test_two_different_clicks_with_the_same_trigger_id_are_both_kept(
    door: Threshold, other: dict[str, str]
):
    second = CLICK | {"actions": [CLICK["actions"][0] | other]}
    for click in (CLICK, second):
        assert (await door.workspace.courier.deliver(Kind.INTERACTIVE, click)).ok
    assert len(await door.kept()) == 2


async def test_slacks_old_token_never_reaches_the_database(door: Threshold):
    await door.workspace.command(ENGINEER, ALERTS, "/csms list")
    await door.workspace.courier.deliver(Kind.INTERACTIVE, CLICK)
    tokens = [delivery.payload["token"] for delivery in door.workspace.courier.delivered]

    assert len(await door.kept()) == 2
    assert len(tokens) == 2
    assert all("token" not in payload for _, payload in await door.kept())
    everything = b"".join(path.read_bytes() for path in door.path.parent.iterdir())
    assert b"incident.view" in everything, "this is where it would be"
    assert [token for token in tokens if token.encode() in everything] == []


async def test_what_cannot_be_kept_is_not_acknowledged(tmp_path: Path):
    async with threshold(tmp_path, socket_mode=False) as door:

        def full(_tx: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        door.store.inbox.receive = lambda *_given: door.store.inbox._engine.run(full)  # type: ignore[assignment,method-assign]
        outcome = await door.workspace.command(ENGINEER, ALERTS, "/csms list")

        assert not outcome.ok
        assert door.woken == 0


VIEW: dict[str, Any] = {
    "type": "view_submission",
    "user": {"id": ENGINEER, "team_id": "T00DEMO"},
    "team": {"id": "T00DEMO"},
    "view": {
        "id": "V1", "type": "modal", "callback_id": "update", "private_metadata": "key",
        "state": {"values": {"why": {"reason": {"type": "plain_text_input", "value": "because"}}}},
    },
}  # fmt: skip


async def test_a_form_with_mistakes_is_answered_with_them_and_not_kept(door: Threshold):
    door.errors = {"why": "say more"}
    ack = await door.workspace.courier.deliver(Kind.INTERACTIVE, VIEW)
    assert ack.body == {"response_action": "errors", "errors": {"why": "say more"}}
    assert await door.kept() == []


async def test_a_form_without_mistakes_is_kept_and_its_place_taken_by_what_waits(door: Threshold):
    door.waiting = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "One moment"},
        "blocks": [],
    }
    ack = await door.workspace.courier.deliver(Kind.INTERACTIVE, VIEW)
    assert ack.body == {"response_action": "update", "view": door.waiting}
    assert [kind for kind, _ in await door.kept()] == ["view"]
    assert [(sent.form, sent.key, sent.values.texts) for sent in door.checked] == [
        ("update", "key", {"reason": "because"})
    ]


async def test_suggestions_come_in_the_answer_and_nothing_is_kept(door: Threshold):
    asked = {"type": "block_suggestion", "user": {"id": ENGINEER}, "team": {"id": "T00DEMO"},
             "action_id": "event", "block_id": "b", "value": "night", "view": VIEW["view"]}  # fmt: skip
    ack = await door.workspace.courier.deliver(Kind.INTERACTIVE, asked)
    assert ack.body is not None
    assert [option["text"]["text"] for option in ack.body["options"]] == ["night-event"]
    assert await door.kept() == []


async def test_many_deliveries_at_once_are_each_kept_once(door: Threshold):
    clicks = [CLICK | {"actions": [CLICK["actions"][0] | {"value": f"k{n % 10}"}]} for n in range(30)]
    acks = await asyncio.gather(*(door.workspace.courier.deliver(Kind.INTERACTIVE, one) for one in clicks))
    assert all(ack.ok for ack in acks)
    assert sorted(payload["actions"][0]["value"] for _, payload in await door.kept()) == [
        f"k{n}" for n in range(10)
    ]


async def test_a_redelivered_request_makes_one_change_in_the_whole_program(both: Stage):
    answer = await both.ask("engineer", "enable legacy-ftp-password --reason 'back in use'")
    change = change_of(answer)
    asked = next(one for one in both.slack.courier.delivered if one.kind is Kind.COMMAND)
    for _ in range(3):
        assert (await both.slack.redeliver(asked)).ok
    await both.card(change, "pending")

    assert [row[1:] for row in both.audit(action="change.request")] == [("change.request", "pending")]


async def test_a_finished_row_leaves_no_trace_of_its_payload_in_the_file(tmp_path: Path):
    async with threshold(tmp_path, socket_mode=False) as door:
        for number in range(50):
            click = CLICK | {"response_url": f"capability-{number}" * 40}
            assert (await door.workspace.courier.deliver(Kind.INTERACTIVE, click)).ok
        for envelope in await door.store.inbox.take(100):
            await door.store.inbox.done(envelope.id)
        assert await door.store.inbox.waiting() == 0
        path = door.path
    assert b"capability-" not in path.read_bytes()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("select distinct state, payload from inbox").fetchall() == [("done", "{}")]
