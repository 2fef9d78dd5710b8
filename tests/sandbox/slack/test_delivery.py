"""Signed HTTP deliveries, their acks, and the retries of events."""

import asyncio
import time
from dataclasses import replace

import pytest
from slack_sdk.signature import SignatureVerifier
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.slack import Workspace
from bot.sandbox.slack.delivery import signature
from tests.sandbox.slack.support import ALERTS, ENGINEER, SECRET, Answer, AppDouble, Received

EVENT = {"type": "app_home_opened", "user": ENGINEER}


def test_the_signature_is_that_of_slacks_own_verifier() -> None:
    timestamp = str(int(time.time()))
    verifier = SignatureVerifier(SECRET)
    signed = signature(SECRET, timestamp, b"text=hello")
    assert verifier.is_valid("text=hello", timestamp, signed)
    assert not verifier.is_valid("text=hullo", timestamp, signed)


async def test_a_command_is_a_signed_form(workspace: Workspace, app: AppDouble) -> None:
    outcome = await workspace.command(ENGINEER, ALERTS, "/csms list x --state enabled")
    (received,) = app.received
    assert outcome.ok
    assert received.headers["content-type"] == "application/x-www-form-urlencoded"
    assert SignatureVerifier(SECRET).is_valid_request(received.raw, received.headers)
    form = received.form
    expected = {
        "team_id": "T00DEMO", "team_domain": "demo-workspace", "channel_id": ALERTS,
        "channel_name": "secrets-alerts", "user_id": ENGINEER, "user_name": "engineer", "command": "/csms",
        "text": "list x --state enabled", "api_app_id": "A00CSMSBOT", "is_enterprise_install": "false",
    }  # fmt: skip
    assert {key: form[key] for key in expected} == expected
    assert form["response_url"].startswith("http://slack.test/response/T00DEMO/")
    assert workspace.triggers.look(form["trigger_id"]).user == ENGINEER


async def test_a_late_ack_is_an_operation_timeout(workspace: Workspace, app: AppDouble) -> None:
    workspace.courier.ack_timeout_s = 0.05

    async def late(received: Received) -> Answer:
        await asyncio.sleep(0.2)
        return None

    app.answer = late
    outcome = await workspace.command(ENGINEER, ALERTS, "/csms list")
    assert outcome.error == '/csms failed with the error "operation_timeout"'


@pytest.mark.parametrize("status", [404, 500, 302])
async def test_an_ack_that_is_not_200_is_a_failed_dispatch(
    workspace: Workspace, app: AppDouble, status: int
) -> None:
    app.answer = lambda received: Response(status_code=status)
    outcome = await workspace.command(ENGINEER, ALERTS, "/csms list")
    assert outcome.error == '/csms failed with the error "dispatch_failed"'


async def test_an_app_that_is_not_there_is_a_failed_dispatch(workspace: Workspace) -> None:
    workspace.base_url = "http://slack.test"
    nowhere = await workspace.command(ENGINEER, ALERTS, "/csms list")
    workspace.set_request_url("http://127.0.0.1:9/slack")
    refused = await workspace.command(ENGINEER, ALERTS, "/csms list")
    assert nowhere.error == refused.error == '/csms failed with the error "dispatch_failed"'


async def test_a_plain_text_ack_is_a_text(workspace: Workspace, app: AppDouble) -> None:
    app.answer = lambda received: PlainTextResponse("done")
    outcome = await workspace.command(ENGINEER, ALERTS, "/csms list")
    assert outcome.ack is not None
    assert outcome.ack.body == {"text": "done"}


async def test_an_event_is_sent_again_until_the_app_takes_it(workspace: Workspace, app: AppDouble) -> None:
    workspace.courier.event_retry_delays_s = (0, 0, 0)
    app.answer = lambda received: Response(status_code=500 if len(app.received) < 3 else 200)
    ack = await workspace.send_event(EVENT)
    assert ack.ok
    numbers = [received.headers.get("x-slack-retry-num") for received in app.received]
    reasons = [received.headers.get("x-slack-retry-reason") for received in app.received]
    assert numbers == [None, "1", "2"]
    assert reasons == [None, "http_error", "http_error"]
    assert len({received.payload["event_id"] for received in app.received}) == 1


async def test_an_event_is_given_up_after_three_retries(workspace: Workspace, app: AppDouble) -> None:
    workspace.courier.event_retry_delays_s = (0, 0, 0)
    app.answer = lambda received: Response(status_code=500)
    ack = await workspace.send_event(EVENT)
    assert not ack.ok
    assert len(app.received) == 4


async def test_an_app_can_ask_for_no_retry(workspace: Workspace, app: AppDouble) -> None:
    app.answer = lambda received: Response(status_code=500, headers={"X-Slack-No-Retry": "1"})
    await workspace.send_event(EVENT)
    assert len(app.received) == 1


async def test_an_event_names_who_it_is_for(workspace: Workspace, app: AppDouble) -> None:
    await workspace.send_event(EVENT)
    payload = app.received[0].payload
    assert (payload["type"], payload["event"], payload["team_id"]) == ("event_callback", EVENT, "T00DEMO")
    assert payload["authorizations"][0]["user_id"] == "U00CSMSBOT"


async def test_a_request_url_is_verified_by_a_challenge(workspace: Workspace, app: AppDouble) -> None:
    app.answer = lambda received: JSONResponse({"challenge": received.payload["challenge"]})
    assert await workspace.courier.verify_request_url()
    app.answer = lambda received: JSONResponse({"challenge": "another"})
    assert not await workspace.courier.verify_request_url()


async def test_a_payload_can_be_delivered_once_more_as_it_was(workspace: Workspace, app: AppDouble) -> None:
    await workspace.command(ENGINEER, ALERTS, "/csms list")
    await workspace.redeliver(workspace.courier.delivered[-1])
    assert app.received[0].raw == app.received[1].raw


async def test_names_and_links_become_ids_where_the_command_asks_for_it(
    workspace: Workspace, app: AppDouble
) -> None:
    typed = "/csms audit --user @approver in #general & <b> https://example.com @nobody a@b.c"
    await workspace.command(ENGINEER, ALERTS, typed)
    (command,) = workspace.app.commands
    workspace.app = replace(workspace.app, commands=(replace(command, should_escape=False),))
    await workspace.command(ENGINEER, ALERTS, typed)
    escaped, raw = (received.form["text"] for received in app.received)
    assert escaped == (
        "audit --user <@U00APPROVER|approver> in <#C00GENERAL|general> &amp; &lt;b&gt; <https://example.com>"
        " @nobody a@b.c"
    )
    assert raw == typed.removeprefix("/csms ")
