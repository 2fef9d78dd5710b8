"""The HTTP endpoint of the running program, as Slack and as somebody else reaches it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest

from bot.sandbox.csms.faults import Fault as CsmsFault
from tests.support import forging
from tests.support.stage import Stage, text_of

ACK_S = 0.5


@pytest.fixture
async def http(quick: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the bot's own address."""
    async with httpx.AsyncClient(base_url=quick.app.base_url, trust_env=False) as client:
        yield client


def headers(bot: Stage, body: bytes, content_type: str = forging.FORM) -> dict[str, str]:
    """The headers that Slack would send with `body`."""
    at = str(int(time.time()))
    secret = bot.slack.app.signing_secret.encode()
    digest = hmac.new(secret, f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
    }


def lines(caplog: pytest.LogCaptureFixture) -> list[int]:
    """The statuses of the refusals in the log so far; then the log is emptied."""
    found = [record.__dict__["status"] for record in caplog.records if hasattr(record, "status")]
    assert all(record.exc_info is None for record in caplog.records)
    caplog.clear()
    return found


async def test_what_slack_did_not_sign_is_refused_over_the_wire_with_one_line_each(
    quick: Stage, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    body = urlencode(forging.COMMAND).encode()
    good = headers(quick, body)
    lines(caplog)
    for bad, status in (
        ({"Content-Type": forging.FORM}, 401),
        (good | {"X-Slack-Signature": "v0=" + "0" * 64}, 401),
        (good | {"X-Slack-Request-Timestamp": "abc"}, 401),
        (good | {"X-Slack-Request-Timestamp": str(int(time.time()) - 600)}, 401),
        (good | {"Content-Type": "multipart/form-data"}, 200),
        (good | {"Content-Type": forging.JSON}, 400),
    ):
        answer = await http.post("/slack/events", content=body, headers=bad)
        assert answer.status_code == status
        assert lines(caplog) == [status][: status != 200]
    latin = [(name.encode(), value.encode()) for name, value in good.items() if name != "X-Slack-Signature"]
    answer = await http.post(
        "/slack/events", content=body, headers=[*latin, (b"X-Slack-Signature", b"v0=\xe9\xff")]
    )
    assert (answer.status_code, lines(caplog)) == (401, [401])
    huge = b"payload=" + b"x" * (2 << 20)
    answer = await http.post("/slack/events", content=huge, headers=headers(quick, huge))
    assert (answer.status_code, lines(caplog)) == (413, [413])
    unsigned = await http.post("/slack/events", content=b"\xff\xfe", headers=good)
    assert (unsigned.status_code, lines(caplog)) == (401, [401])
    for raw in (b"payload=[]", b"payload=1", b"payload={bad", b"\xff\xfe", b""):
        answer = await http.post("/slack/events", content=raw, headers=headers(quick, raw))
        assert (answer.status_code, lines(caplog)) == (400, [400]), raw


async def test_only_post_is_taken_there_and_nothing_is_elsewhere(quick: Stage, http: httpx.AsyncClient):
    assert [
        (await http.request(method, "/slack/events")).status_code for method in ("GET", "PUT", "DELETE")
    ] == [405] * 3
    assert (await http.post("/slack/other")).status_code == 404
    assert (await http.get("/")).status_code == 404


async def test_slacks_own_checks_of_the_address_are_answered(quick: Stage, http: httpx.AsyncClient):
    assert await quick.slack.courier.verify_request_url()
    raw = b"ssl_check=1&token=x"
    assert (await http.post("/slack/events", content=raw, headers=headers(quick, raw))).status_code == 200
    assert quick.slack.ephemerals("U00ENGINEER") == []


async def test_an_ack_does_not_wait_for_csms(quick: Stage, http: httpx.AsyncClient):
    await quick.ask("engineer", "list")
    for operation in ("list_events", "show_event"):
        quick.world.faults.add(operation, CsmsFault(delay_s=1), times=None)
    took = []
    for number in range(20):
        body = urlencode(forging.COMMAND | {"text": "list", "trigger_id": str(number)}).encode()
        started = time.perf_counter()
        answer = await http.post("/slack/events", content=body, headers=headers(quick, body))
        took.append(time.perf_counter() - started)
        assert answer.status_code == 200
    quick.world.faults.clear()

    # One of twenty may meet a pause of a busy machine; a bot that waited for CSMS would miss all of them.
    assert sorted(took)[-2] < ACK_S


async def test_mutated_deliveries_with_a_good_signature_harm_nothing(
    quick: Stage, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="bot")
    dice = random.Random(7)
    statuses = []

    async def some(number: int) -> None:
        payload = forging.MUTATED[number % len(forging.MUTATED)]
        for _ in range(60):
            content_type, body = next(forging.mutations(payload, dice))
            answer = await http.post(
                "/slack/events", content=body, headers=headers(quick, body, content_type)
            )
            statuses.append(answer.status_code)

    await asyncio.gather(*(some(number) for number in range(10)))
    async with asyncio.timeout(20):
        while await quick.app.store.inbox.waiting():
            await asyncio.sleep(0.05)

    assert set(statuses) <= {200, 400, 404}
    assert len(statuses) == 600
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    refused = [record for record in caplog.records if record.__dict__.get("action") == "request_refused"]
    assert len(refused) == len([status for status in statuses if status != 200])
    assert quick.puts() == []
    assert {outcome for _, _, outcome in quick.audit()} <= {"refused"}
    assert "8 events" in text_of(await quick.ask("engineer", "list"))


async def test_an_event_that_slack_delivers_again_is_taken_once(quick: Stage, http: httpx.AsyncClient):
    body = json.dumps(forging.EVENT).encode()
    for number in range(3):
        sent = headers(quick, body, forging.JSON) | {"X-Slack-Retry-Num": str(number)}
        assert (await http.post("/slack/events", content=body, headers=sent)).status_code == 200

    await quick.slack.wait_for(lambda: quick.slack.home("U00ENGINEER"))
    await asyncio.sleep(0.1)
    assert quick.slack.journal.calls["views.publish"] == 1
