"""Slack's own client libraries work against this workspace: Bolt over HTTP and over Socket Mode, and the Web client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.slack import Workspace
from bot.serving import serving
from tests.sandbox.slack.support import (
    ALERTS,
    APP_TOKEN,
    APPROVER,
    BOT_TOKEN,
    ENGINEER,
    SECRET,
    actions,
    button,
    modal,
    option,
    section,
    text_input,
)

FIND = {"type": "external_select", "action_id": "find", "min_query_length": 1}


def _client(base_url: str) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=f"{base_url}/api/", retry_handlers=[])


def _bolt(base_url: str) -> AsyncApp:
    """A small bot: a list with a card, a card with a form, a form with an error, a select that asks."""
    app = AsyncApp(client=_client(base_url), signing_secret=SECRET)

    @app.command("/csms")
    async def command(ack: Any, respond: Any, client: Any, command: dict[str, str]) -> None:
        await ack()
        await respond(text=f"You said {command['text']}")
        blocks = [section("A card"), actions(button("Approve", value="cr-1"), FIND)]
        await client.chat_postMessage(channel=command["channel_id"], text="A card", blocks=blocks)

    @app.action("go")
    async def approve(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(text_input()))
        text = f"{body['actions'][0]['value']} by {body['user']['id']}"
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text=text, blocks=[]
        )

    @app.view("form")
    async def form(ack: Any, view: dict[str, Any]) -> None:
        if view["state"]["values"]["reason"]["typed"]["value"] == "no":
            await ack(response_action="errors", errors={"reason": "Say more"})
        else:
            await ack()

    @app.options("find")
    async def find(ack: Any, payload: dict[str, str]) -> None:
        await ack(options=[option(payload["value"])])

    @app.event("app_home_opened")
    async def home(event: dict[str, str], client: Any) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [section("Home")]})

    return app


@asynccontextmanager
async def _over_http(workspace: Workspace, base_url: str) -> AsyncIterator[None]:
    handler = AsyncSlackRequestHandler(_bolt(base_url))

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    routes = [Route("/slack/events", events, methods=["POST"])]
    async with serving(Starlette(routes=routes)) as url:
        workspace.set_request_url(f"{url}/slack/events")
        assert await workspace.courier.verify_request_url()
        yield


@asynccontextmanager
async def _over_sockets(workspace: Workspace, base_url: str) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(_bolt(base_url), APP_TOKEN, ping_interval=1)
    handler.client.web_client.base_url = f"{base_url}/api/"
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await workspace.wait_for(lambda: len(workspace.sockets) == 1)
    try:
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("door", [_over_http, _over_sockets])
async def test_a_whole_conversation_with_a_bolt_app(workspace: Workspace, served: str, door: Any) -> None:
    async with door(workspace, served):
        outcome = await workspace.command(ENGINEER, ALERTS, "/csms list")
        assert outcome.ok
        (card,) = await workspace.wait_for(lambda: workspace.messages(ALERTS))
        assert [message.text for message in workspace.ephemerals(ENGINEER)] == ["You said list"]

        offered = await workspace.options(ENGINEER, card, action_id="find", value="topic")
        assert offered["options"][0]["value"] == "topic"

        assert (await workspace.click(APPROVER, card, text="Approve")).ok
        (view,) = await workspace.wait_for(lambda: workspace.views(APPROVER))
        await workspace.wait_for(lambda: workspace.messages(ALERTS)[0].text == f"cr-1 by {APPROVER}")

        refused = await workspace.submit(APPROVER, view.id, {"reason": {"typed": "no"}})
        assert refused.errors == {"reason": "Say more"}
        assert (await workspace.submit(APPROVER, view.id, {"reason": {"typed": "it is right"}})).ok
        assert workspace.views(APPROVER) == ()

        workspace.open_home(ENGINEER)
        home = await workspace.wait_for(lambda: workspace.home(ENGINEER))
        assert home.blocks[0]["text"]["text"] == "Home"


async def test_no_command_is_lost_while_the_socket_is_refreshed(workspace: Workspace, served: str) -> None:
    async with _over_sockets(workspace, served):
        sent = 0
        for _ in range(3):
            await workspace.sockets.disconnect(reason="refresh_requested")
            for _ in range(4):
                outcome = await workspace.command(ENGINEER, ALERTS, f"/csms {sent}")
                assert outcome.ok, (sent, outcome)
                sent += 1
        await workspace.wait_for(lambda: len(workspace.messages(ALERTS)) == sent)
    said = [message.text for message in workspace.ephemerals(ENGINEER)]
    assert sorted(said) == sorted(f"You said {number}" for number in range(sent))


async def test_bolt_comes_back_after_its_socket_was_cut(workspace: Workspace, served: str) -> None:
    async with _over_sockets(workspace, served):
        workspace.sockets.drop()
        await workspace.wait_for(lambda: len(workspace.sockets) == 0)
        await workspace.wait_for(lambda: len(workspace.sockets) == 1, timeout_s=5)
        assert (await workspace.command(ENGINEER, ALERTS, "/csms list")).ok
        await workspace.wait_for(lambda: workspace.messages(ALERTS))
    assert len(workspace.messages(ALERTS)) == 1


async def test_the_web_client_uploads_a_file_in_one_call(workspace: Workspace, served: str) -> None:
    answer = await _client(served).files_upload_v2(
        content="seq,action\n1,created\n", filename="audit.csv", title="Audit", channel=ALERTS,
        initial_comment="Here",
    )  # fmt: skip
    (message,) = workspace.messages(ALERTS)
    assert answer["files"][0]["title"] == "Audit"
    assert (message.text, message.content.files[0].content) == ("Here", b"seq,action\n1,created\n")


async def test_the_web_client_pages_through_history(workspace: Workspace, served: str) -> None:
    client = _client(served)
    for number in range(5):
        payload = {"event_type": "csms_alert", "event_payload": {"k": str(number)}}
        await client.chat_postMessage(channel=ALERTS, text=str(number), metadata=payload)
    keys = []
    async for page in await client.conversations_history(channel=ALERTS, limit=2, include_all_metadata=True):
        keys += [message["metadata"]["event_payload"]["k"] for message in page["messages"]]
    assert keys == ["4", "3", "2", "1", "0"]


async def test_the_web_client_raises_what_slack_says(workspace: Workspace, served: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        await _client(served).chat_postMessage(channel=ALERTS, text="x", blocks=[{"type": "header"}])
    assert refused.value.response["error"] == "invalid_blocks"
    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] missing required field: text [json-pointer:/blocks/0]"
    ]


async def test_concurrent_commands_are_all_acked_each_once(workspace: Workspace, served: str) -> None:
    async with _over_sockets(workspace, served):
        commands = [workspace.command(ENGINEER, ALERTS, f"/csms {number}") for number in range(20)]
        outcomes = await asyncio.gather(*commands)
        assert [outcome.error for outcome in outcomes] == [None] * 20
        await workspace.wait_for(lambda: len(workspace.messages(ALERTS)) == 20)
    said = {message.text for message in workspace.ephemerals(ENGINEER)}
    assert said == {f"You said {number}" for number in range(20)}
