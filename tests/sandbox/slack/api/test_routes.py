"""Tokens, scopes and limits in front of the Web API."""

from dataclasses import replace

import httpx
import pytest

from bot.sandbox.slack import Workspace, build_app, demo_seed
from tests.sandbox.slack.support import ALERTS, APP_TOKEN, BOT_TOKEN, ENGINEER, Api, Clock


async def test_an_unknown_method_is_named(api: Api) -> None:
    answer = await api("chat.meMessage", channel=ALERTS)
    assert answer == {"ok": False, "error": "unknown_method", "req_method": "chat.meMessage"}


async def test_a_call_without_a_token_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/auth.test")).json() == {"ok": False, "error": "not_authed"}


async def test_a_wrong_token_is_refused(http: httpx.AsyncClient) -> None:
    assert await Api(http, "xoxb-other").error("auth.test") == "invalid_auth"


@pytest.mark.parametrize("state", ["account_inactive", "token_revoked", "invalid_auth"])
async def test_a_token_that_was_taken_back_is_refused(api: Api, http: httpx.AsyncClient, state: str) -> None:
    await http.post("/_control/app", json={"token": state})
    assert await api.error("auth.test") == state


async def test_each_method_takes_its_own_kind_of_token(api: Api, http: httpx.AsyncClient) -> None:
    assert await api.error("apps.connections.open") == "not_allowed_token_type"
    assert await Api(http, APP_TOKEN).error("auth.test") == "not_allowed_token_type"


async def test_a_token_is_taken_from_a_form_too(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/auth.test", data={"token": BOT_TOKEN})
    assert answer.json()["user_id"] == "U00CSMSBOT"


async def test_auth_test_names_the_scopes_in_a_header(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/auth.test", headers={"Authorization": f"Bearer {BOT_TOKEN}"})
    assert set(answer.headers["x-oauth-scopes"].split(",")) == set(demo_seed().app.scopes)
    assert answer.json()["bot_id"] == "B00CSMSBOT"


SCOPED = [
    ("chat.postMessage", "chat:write"),
    ("chat.update", "chat:write"),
    ("chat.postEphemeral", "chat:write"),
    ("chat.delete", "chat:write"),
    ("conversations.history", "channels:history"),
    ("conversations.replies", "channels:history"),
    ("conversations.info", "channels:read"),
    ("conversations.open", "im:write"),
    ("users.info", "users:read"),
    ("usergroups.users.list", "usergroups:read"),
    ("files.getUploadURLExternal", "files:write"),
    ("files.completeUploadExternal", "files:write"),
]


@pytest.mark.parametrize(("method", "scope"), SCOPED)
async def test_a_method_without_its_scope_says_which_one(
    workspace: Workspace, api: Api, method: str, scope: str
) -> None:
    kept = tuple(other for other in workspace.app.scopes if other != scope)
    workspace.app = replace(workspace.app, scopes=kept)
    answer = await api(method, channel=ALERTS, ts="1.1")
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
    assert answer["provided"].split(",") == list(kept)


async def test_a_tier_that_is_used_up_answers_429(clock: Clock) -> None:
    workspace = Workspace(demo_seed(), clock=clock)
    transport = httpx.ASGITransport(build_app(workspace))
    async with httpx.AsyncClient(transport=transport, base_url="http://slack.test") as http:
        call = Api(http, BOT_TOKEN)
        for _ in range(20):
            await call.ok("usergroups.users.list", usergroup="S00APPROVERS")
        clock.pass_(20)
        refused = await http.post(
            "/api/usergroups.users.list", data={"token": BOT_TOKEN, "usergroup": "S00APPROVERS"}
        )
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "40")
    assert refused.json() == {"ok": False, "error": "ratelimited"}


async def test_posts_come_one_a_second_after_a_short_burst(clock: Clock) -> None:
    workspace = Workspace(demo_seed(), clock=clock)
    transport = httpx.ASGITransport(build_app(workspace))
    async with httpx.AsyncClient(transport=transport, base_url="http://slack.test") as http:
        call = Api(http, BOT_TOKEN)
        answers = [await call("chat.postMessage", channel=ALERTS, text=str(n)) for n in range(4)]
    assert [answer["ok"] for answer in answers] == [True, True, True, False]
    assert [message.text for message in workspace.messages(ALERTS)] == ["0", "1", "2"]


async def test_every_call_is_counted_whatever_becomes_of_it(api: Api, workspace: Workspace) -> None:
    await api.ok("users.info", user=ENGINEER)
    await api.error("users.info", user="U0NOBODY")
    assert workspace.journal.calls["users.info"] == 2
