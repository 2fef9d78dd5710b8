"""The JSON behind the web page."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from bot.sandbox.slack import Workspace
from tests.sandbox.slack.support import (
    ALERTS,
    APPROVER,
    ENGINEER,
    GENERAL,
    GUEST,
    Api,
    AppDouble,
    actions,
    button,
    modal,
    option,
    section,
)


async def _act(http: httpx.AsyncClient, act: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await http.post(f"/_page/{act}", json={"as": ENGINEER} | body)).json()
    return answer


def _live(base_url: str, user: str) -> AbstractAsyncContextManager[ClientConnection]:
    return websockets.connect(f"ws{base_url.removeprefix('http')}/_page/live?as={user}")


async def _frame(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 2))
        if frame["type"] == kind:
            return frame


async def test_the_page_itself_is_served_and_never_from_a_cache(http: httpx.AsyncClient) -> None:
    page = await http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    script = await http.get("/static/app.js")
    assert (script.status_code, script.headers["cache-control"]) == (200, "no-cache")
    assert (await http.get("/static/../page.py")).status_code == 404


async def test_boot_shows_what_this_person_may_see(http: httpx.AsyncClient) -> None:
    boot = (await http.get(f"/_page/boot?as={GUEST}")).json()
    assert boot["me"] == GUEST
    assert {channel["name"] for channel in boot["channels"]} == {"secrets-alerts", "general", "csms-bot"}
    assert [command["command"] for command in boot["commands"]] == ["/csms"]
    assert "/csms list" in boot["suggestions"]
    assert boot["app"]["connected"] is False
    assert (await http.get("/_page/boot?as=U0NOBODY")).json()["me"] == ENGINEER


async def test_boot_gives_no_secret_away(http: httpx.AsyncClient, workspace: Workspace) -> None:
    boot = (await http.get("/_page/boot")).text
    app = workspace.app
    assert [secret for secret in (app.bot_token, app.app_token, app.signing_secret) if secret in boot] == []


async def test_history_has_replies_and_what_only_this_person_sees(http: httpx.AsyncClient, api: Api) -> None:
    parent = (await api.ok("chat.postMessage", channel=ALERTS, text="parent"))["ts"]
    await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="for you")
    await api.ok("chat.postMessage", channel=ALERTS, text="reply", thread_ts=parent)
    mine = (await http.get(f"/_page/history?as={ENGINEER}&channel={ALERTS}")).json()["messages"]
    yours = (await http.get(f"/_page/history?as={APPROVER}&channel={ALERTS}")).json()["messages"]
    assert [message["text"] for message in mine] == ["parent", "for you", "reply"]
    assert [message["text"] for message in yours] == ["parent", "reply"]
    assert (mine[0]["reply_count"], mine[0]["latest_reply"]) == (1, mine[2]["ts"])
    assert (mine[1]["is_ephemeral"], mine[2]["thread_ts"]) == (True, parent)


async def test_nobody_reads_what_they_may_not_see(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/_page/history?as={GUEST}&channel=C00APPROVALS")
    assert (answer.status_code, answer.json()["error"]) == (404, "channel_not_found")


async def test_a_text_is_a_message_and_a_slash_is_a_command(
    http: httpx.AsyncClient, workspace: Workspace, app: AppDouble
) -> None:
    assert await _act(http, "post", channel=ALERTS, text="hello") == {"ok": True}
    assert await _act(http, "post", channel=ALERTS, text="/csms list") == {"ok": True}
    assert [message.text for message in workspace.messages(ALERTS)] == ["hello"]
    assert [received.form["text"] for received in app.received] == ["list"]
    refused = await _act(http, "post", channel=ALERTS, text="/nope")
    assert refused["error"].startswith("/nope is not a valid command")


async def test_a_command_without_an_app_fails_as_in_slack(http: httpx.AsyncClient) -> None:
    assert await _act(http, "post", channel=ALERTS, text="/csms list") == {
        "ok": False, "error": '/csms failed with the error "dispatch_failed"',
    }  # fmt: skip


async def test_a_click_on_the_page_takes_the_buttons_own_value(
    http: httpx.AsyncClient, workspace: Workspace, app: AppDouble, api: Api
) -> None:
    await api.ok("chat.postMessage", channel=ALERTS, text="x", blocks=[actions(button(value="cr-12"))])
    (card,) = workspace.messages(ALERTS)
    container = {"type": "message", "channel": ALERTS, "ts": card.ts}
    forged = {"type": "button", "action_id": "go", "block_id": "buttons", "value": "cr-13"}
    assert await _act(http, "action", container=container, action=forged) == {"ok": True}
    assert app.received[0].payload["actions"][0]["value"] == "cr-12"
    unknown = forged | {"action_id": "steal"}
    assert (await _act(http, "action", container=container, action=unknown))["error"] == "invalid_action"


async def test_a_choice_on_the_page_comes_in_slacks_shape(
    http: httpx.AsyncClient, workspace: Workspace, app: AppDouble, api: Api
) -> None:
    elements: list[dict[str, Any]] = [
        {"type": "static_select", "action_id": "pick", "options": [option("one"), option("two")]},
        {"type": "overflow", "action_id": "more", "options": [option("one"), option("two")]},
        {"type": "datepicker", "action_id": "day"},
        {"type": "multi_users_select", "action_id": "who"},
    ]
    await api.ok("chat.postMessage", channel=ALERTS, text="x", blocks=[actions(*elements)])
    (card,) = workspace.messages(ALERTS)
    container = {"type": "message", "channel": ALERTS, "ts": card.ts}
    chosen: dict[str, dict[str, Any]] = {
        "pick": {"type": "static_select", "selected_option": option("two")},
        "more": {"type": "overflow", "selected_option": option("two")},
        "day": {"type": "datepicker", "selected_date": "2026-02-28"},
        "who": {"type": "multi_users_select", "selected_users": [APPROVER]},
    }
    for action_id, choice in chosen.items():
        action = choice | {"action_id": action_id, "block_id": "buttons"}
        assert await _act(http, "action", container=container, action=action) == {"ok": True}
    picked, more, day, who = (received.payload["actions"][0] for received in app.received)
    assert (picked["selected_option"]["value"], more["selected_option"]["value"]) == ("two", "two")
    assert (day["selected_date"], who["selected_users"]) == ("2026-02-28", [APPROVER])


async def test_a_form_is_sent_off_closed_and_refused_on_the_page(
    http: httpx.AsyncClient, workspace: Workspace, app: AppDouble, api: Api
) -> None:
    view_id = (await api.ok("views.open", trigger_id=workspace.triggers.issue(ENGINEER), view=modal()))[
        "view"
    ]["id"]
    empty = await _act(http, "view_submit", view_id=view_id, values={})
    assert empty == {"ok": False, "errors": {"reason": "Please complete this required field."}}
    values = {"reason": {"typed": {"type": "plain_text_input", "value": "because"}}}
    assert await _act(http, "view_submit", view_id=view_id, values=values) == {"ok": True}
    assert app.received[0].payload["view"]["state"]["values"] == values
    assert (await _act(http, "view_close", view_id=view_id))["error"] == "not_found"


async def test_options_home_and_dismissal_on_the_page(
    http: httpx.AsyncClient, workspace: Workspace, app: AppDouble, api: Api
) -> None:
    find = actions({"type": "external_select", "action_id": "find", "min_query_length": 0})
    await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="x", blocks=[find])
    (message,) = workspace.ephemerals(ENGINEER)
    container = {"type": "message", "channel": ALERTS, "ts": message.ts, "is_ephemeral": True}
    app.answer = lambda received: {"options": [option("topic")]}
    asked = {"container": container, "action_id": "find", "block_id": "buttons", "value": ""}
    assert await _act(http, "options", **asked) == {"options": [option("topic")]}
    assert await _act(http, "dismiss", channel=ALERTS, ts=message.ts) == {"ok": True}
    assert workspace.ephemerals(ENGINEER) == []
    assert await _act(http, "home") == {"ok": True}
    await api.ok("views.publish", user_id=ENGINEER, view={"type": "home", "blocks": [section()]})
    assert (await _act(http, "home"))["view"]["type"] == "home"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"as": "U00ENGINEER"}'])
async def test_a_request_that_makes_no_sense_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/_page/post", content=body)
    assert answer.json()["ok"] is False


async def test_an_open_page_hears_of_everything_its_person_sees(workspace: Workspace, served: str) -> None:
    async with (
        httpx.AsyncClient(base_url=served) as http,
        _live(served, ENGINEER) as mine,
        _live(served, GUEST) as guests,
    ):
        api = Api(http, workspace.app.bot_token)
        assert (await _frame(mine, "views"))["stack"] == []
        assert (await _frame(guests, "app"))["connected"] is False
        await api.ok("chat.postMessage", channel="C00APPROVALS", text="not for guests")
        parent = (await api.ok("chat.postMessage", channel=ALERTS, text="parent"))["ts"]
        assert (await _frame(mine, "message"))["message"]["text"] == "not for guests"
        assert (await _frame(mine, "message"))["message"]["text"] == "parent"
        assert (await _frame(guests, "message"))["message"]["text"] == "parent"

        reply = (await api.ok("chat.postMessage", channel=ALERTS, text="reply", thread_ts=parent))["ts"]
        assert (await _frame(mine, "message"))["message"]["thread_ts"] == parent
        assert (await _frame(mine, "message_changed"))["message"]["reply_count"] == 1

        await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="for you")
        assert (await _frame(mine, "message"))["message"]["is_ephemeral"] is True
        await api.ok("chat.delete", channel=ALERTS, ts=parent)
        assert (await _frame(mine, "message_changed"))["message"]["text"] == "This message was deleted."
        await api.ok("chat.delete", channel=ALERTS, ts=reply)
        for ts in (reply, parent):
            assert await _frame(mine, "message_deleted") == {
                "type": "message_deleted", "channel": ALERTS, "ts": ts,
            }  # fmt: skip

        await api.ok("views.open", trigger_id=workspace.triggers.issue(ENGINEER), view=modal())
        stack = (await _frame(mine, "views"))["stack"]
        assert [view["callback_id"] for view in stack] == ["form"]
        await workspace.close(ENGINEER, stack[0]["id"])
        assert (await _frame(mine, "views"))["stack"] == []

        await api.ok("views.publish", user_id=ENGINEER, view={"type": "home", "blocks": [section()]})
        assert (await _frame(mine, "home"))["view"]["type"] == "home"
        workspace.toast(ENGINEER, "Something went wrong")
        assert (await _frame(mine, "toast"))["text"] == "Something went wrong"
        await http.post("/_control/channel", json={"id": GENERAL, "archived": True})
        channels = (await _frame(mine, "channels"))["channels"]
        assert [channel["id"] for channel in channels if channel["is_archived"]] == [GENERAL]
