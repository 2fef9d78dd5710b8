"""What an app says through a response URL."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bot.sandbox.slack import Message, Workspace
from tests.sandbox.slack.support import (
    ALERTS,
    APPROVER,
    ENGINEER,
    GENERAL,
    Api,
    AppDouble,
    Clock,
    actions,
    button,
)


async def _respond(http: httpx.AsyncClient, url: str, **body: Any) -> httpx.Response:
    return await http.post(urlsplit(url).path, json=body)


async def _command(workspace: Workspace, app: AppDouble, channel: str = ALERTS) -> str:
    await workspace.command(ENGINEER, channel, "/csms list")
    return app.received[-1].form["response_url"]


async def _click(workspace: Workspace, app: AppDouble, message: Message) -> str:
    await workspace.click(ENGINEER, message, text="Go")
    url: str = app.received[-1].payload["response_url"]
    return url


async def test_an_answer_is_for_the_caller_alone_unless_it_says_otherwise(
    workspace: Workspace, app: AppDouble, http: httpx.AsyncClient
) -> None:
    url = await _command(workspace, app)
    assert (await _respond(http, url, text="for you")).json() == {"ok": True}
    assert (await _respond(http, url, text="for all", response_type="in_channel")).json() == {"ok": True}
    assert [message.text for message in workspace.ephemerals(ENGINEER)] == ["for you"]
    assert workspace.ephemerals(APPROVER) == []
    assert [message.text for message in workspace.messages(ALERTS)] == ["for all"]


async def test_it_works_where_the_bot_is_no_member(
    workspace: Workspace, app: AppDouble, http: httpx.AsyncClient
) -> None:
    url = await _command(workspace, app, GENERAL)
    await _respond(http, url, text="hello", response_type="in_channel")
    assert [message.text for message in workspace.messages(GENERAL)] == ["hello"]


async def test_a_sixth_use_is_refused(workspace: Workspace, app: AppDouble, http: httpx.AsyncClient) -> None:
    url = await _command(workspace, app)
    answers = [await _respond(http, url, text=str(number)) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert answers[5].json()["error"] == "used_url"
    assert len(workspace.ephemerals(ENGINEER)) == 5


async def test_after_thirty_minutes_it_is_too_late(
    workspace: Workspace, app: AppDouble, http: httpx.AsyncClient, clock: Clock
) -> None:
    url = await _command(workspace, app)
    clock.pass_(1801)
    answer = await _respond(http, url, text="late")
    assert (answer.status_code, answer.json()["error"]) == (404, "expired_url")


async def test_a_made_up_address_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/response/T00DEMO/made-up", json={"text": "x"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "no_text"),
        ({"text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"text": "x", "replace_original": True}, "message_not_found"),
    ],
)
async def test_a_bad_answer_is_refused(
    workspace: Workspace, app: AppDouble, http: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    url = await _command(workspace, app)
    assert (await _respond(http, url, **body)).json()["error"] == code
    assert workspace.ephemerals(ENGINEER) == []


async def test_a_message_is_replaced_by_the_answer_to_a_click_on_it(
    workspace: Workspace, app: AppDouble, http: httpx.AsyncClient, api: Api
) -> None:
    await api.ok("chat.postMessage", channel=ALERTS, text="card", blocks=[actions(button())])
    (card,) = workspace.messages(ALERTS)
    url = await _click(workspace, app, card)
    await _respond(http, url, text="done", replace_original=True)
    (done,) = workspace.messages(ALERTS)
    assert (done.ts, done.text, done.blocks) == (card.ts, "done", ())


async def test_an_ephemeral_message_is_replaced_and_deleted_by_answers_to_clicks_on_it(
    workspace: Workspace, app: AppDouble, http: httpx.AsyncClient, api: Api
) -> None:
    buttons = [actions(button())]
    await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="page 1", blocks=buttons)
    (first,) = workspace.ephemerals(ENGINEER)
    url = await _click(workspace, app, first)
    await _respond(http, url, text="page 2", replace_original=True, blocks=buttons)
    (second,) = workspace.ephemerals(ENGINEER)
    assert (second.ts, second.text) == (first.ts, "page 2")
    await _respond(http, await _click(workspace, app, second), delete_original=True)
    assert workspace.ephemerals(ENGINEER) == []
