"""Changes from outside, and the workspace's own records."""

import httpx
import pytest

from bot.sandbox.slack import Workspace
from tests.sandbox.slack.support import ALERTS, APPROVER, ENGINEER, GUEST, Api, AppDouble


async def _change(http: httpx.AsyncClient, what: str, **body: object) -> httpx.Response:
    return await http.post(f"/_control/{what}", json=body)


async def test_the_journal_tells_every_effect_in_order(
    http: httpx.AsyncClient, workspace: Workspace, api: Api
) -> None:
    metadata = {"event_type": "csms_alert", "event_payload": {"k": "one"}}
    parent = (await api.ok("chat.postMessage", channel=ALERTS, text="a", metadata=metadata))["ts"]
    await api.ok("chat.postMessage", channel=ALERTS, text="b", thread_ts=parent)
    await api.ok("chat.update", channel=ALERTS, ts=parent, text="c")
    await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="d")
    workspace.say(APPROVER, ALERTS, "e")
    journal = (await http.get("/_control/journal")).json()
    assert [entry["seq"] for entry in journal] == [1, 2, 3, 4, 5]
    assert [(entry["effect"], entry["method"], entry["text"]) for entry in journal] == [
        ("post", "chat.postMessage", "a"),
        ("post", "chat.postMessage", "b"),
        ("edit", "chat.update", "c"),
        ("ephemeral", "chat.postEphemeral", "d"),
        ("post", "person", "e"),
    ]
    assert journal[0]["metadata"] == metadata
    assert (journal[1]["thread_ts"], journal[3]["user"]) == (parent, ENGINEER)
    calls = (await http.get("/_control/calls")).json()
    assert calls == {"chat.postMessage": 2, "chat.update": 1, "chat.postEphemeral": 1}


async def test_scopes_are_taken_away_and_given_back(http: httpx.AsyncClient, api: Api) -> None:
    await _change(http, "app", scopes=["users:read"])
    assert await api.error("chat.postMessage", channel=ALERTS, text="x") == "missing_scope"
    await _change(http, "app", scopes=["chat:write"])
    await api.ok("chat.postMessage", channel=ALERTS, text="x")


async def test_a_request_url_is_verified_when_it_is_set(
    http: httpx.AsyncClient, app: AppDouble, workspace: Workspace
) -> None:
    app.answer = lambda received: {"challenge": received.payload["challenge"]}
    answer = await _change(http, "app", request_url="http://app.test/slack")
    assert answer.json() == {"ok": True, "verified": True}
    answer = await _change(http, "app", request_url=None)
    assert answer.json() == {"ok": True, "verified": False}
    assert not workspace.app_connected


async def test_the_bot_leaves_and_joins_a_channel(http: httpx.AsyncClient, api: Api) -> None:
    await _change(http, "channel", id=ALERTS, bot_member=False)
    assert await api.error("chat.postMessage", channel=ALERTS, text="x") == "not_in_channel"
    await _change(http, "channel", id=ALERTS, bot_member=True)
    await api.ok("chat.postMessage", channel=ALERTS, text="x")
    await _change(http, "channel", id=ALERTS, archived=True)
    assert await api.error("chat.postMessage", channel=ALERTS, text="x") == "is_archived"


async def test_a_person_and_a_group_are_changed(http: httpx.AsyncClient, api: Api) -> None:
    await _change(http, "user", id=ENGINEER, is_restricted=True)
    await _change(http, "usergroup", id="S00APPROVERS", users=[ENGINEER, GUEST])
    assert (await api.ok("users.info", user=ENGINEER))["user"]["is_restricted"] is True
    listed = await api.ok("usergroups.users.list", usergroup="S00APPROVERS")
    assert listed["users"] == [ENGINEER, GUEST]


async def test_the_last_payload_is_delivered_once_more(
    http: httpx.AsyncClient, workspace: Workspace, app: AppDouble
) -> None:
    assert (await _change(http, "redeliver")).json()["error"] == "nothing_delivered"
    await workspace.command(ENGINEER, ALERTS, "/csms list")
    assert (await _change(http, "redeliver")).json() == {"ok": True, "acked": True}
    assert len(app.received) == 2


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("app", {"colour": "red"}),
        ("app", {"token": "sad"}),
        ("channel", {"id": "C0NOWHERE"}),
        ("channel", {}),
        ("user", {"id": "U0NOBODY"}),
        ("user", {"id": ENGINEER, "colour": "red"}),
        ("usergroup", {"id": "S0NONE", "users": []}),
        ("socket", {"action": "dance"}),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, what: str, body: dict[str, object]
) -> None:
    answer = await _change(http, what, **body)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
