"""The guard in front of Bolt: what it refuses, how often it says so, and that nothing signed can make it stumble."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bot.app import utc_now
from bot.slack.client import SlackClient
from bot.slack.door import Door
from bot.slack.guard import MAX_BODY, Guard
from bot.slack.interactions import read
from bot.store import Store
from tests.support.forging import MUTATED, mutations

SECRET = "a-signing-secret-of-this-test"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def signed(body: bytes, *, secret: str = SECRET, at: str = "", content_type: str = FORM) -> dict[str, str]:
    """The headers of a request as Slack signs it (Slack: verifying requests from Slack)."""
    at = at or str(int(time.time()))
    digest = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
    }


def interaction(payload: Any) -> bytes:
    """The form body that carries an interaction."""
    return urlencode({"payload": json.dumps(payload)}).encode()


class Post:
    """Where a test sends requests to, and what was kept of them."""

    def __init__(self, client: httpx.AsyncClient, store: Store) -> None:
        self.client = client
        self.store = store
        self.closed = False

    async def close(self) -> None:
        """Closes the store, once."""
        if not self.closed:
            self.closed = True
            await self.store.close()

    async def __call__(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self.client.post("http://bot/slack/events", content=body, headers=headers)

    async def kept(self) -> list[tuple[str, dict[str, Any]]]:
        """(kind, payload) of each delivery in the inbox that was not asked for yet."""
        return [(one.kind, dict(one.payload)) for one in await self.store.inbox.take(100_000)]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    store = Store(tmp_path / "guard.db")
    await store.open(utc_now())
    slack = SlackClient(token="xoxb-none", base_url="http://127.0.0.1:9/api")
    await slack.open()

    async def check(_sent: Any) -> tuple[dict[str, str], None]:
        return {}, None

    async def suggest(_action: str, _typed: str, _form: str) -> list[dict[str, Any]]:
        return []

    door = Door(inbox=store.inbox, clock=utc_now, wake=lambda: None, check_form=check, suggest=suggest)
    door.identity = {"team_id": "T00DEMO", "bot_id": "B00CSMSBOT", "user_id": "U00CSMSBOT"}
    guard = Guard(door.app(slack, SECRET), SECRET)
    app = Starlette(routes=[Route("/slack/events", guard.take, methods=["POST"])])
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport) as client:
        sender = Post(client, store)
        yield sender
    await slack.close()
    await sender.close()


COMMAND = urlencode(
    {
        "command": "/csms",
        "text": "list",
        "user_id": "U1",
        "team_id": "T00DEMO",
        "channel_id": "C1",
        "trigger_id": "1.2",
    }
).encode()
CLICK = {
    "type": "block_actions", "user": {"id": "U1", "team_id": "T00DEMO"}, "team": {"id": "T00DEMO"},
    "trigger_id": "1.2", "actions": [{"type": "button", "action_id": "list.next", "block_id": "b", "value": "k"}],
}  # fmt: skip


def now(offset_s: int = 0) -> str:
    return str(int(time.time()) + offset_s)


async def test_a_signed_command_is_taken_and_kept(post: Post):
    answer = await post(COMMAND, signed(COMMAND))

    assert (answer.status_code, answer.content) == (200, b"")
    assert [(kind, payload["text"]) for kind, payload in await post.kept()] == [("command", "list")]


@pytest.mark.parametrize("text", ["get payload", "payload", 'x --reason "payload={}"', "{}", "ssl_check=1"])
async def test_a_command_that_holds_a_word_of_the_protocol_is_still_a_command(post: Post, text: str):
    body = COMMAND.replace(b"text=list", urlencode({"text": text}).encode())

    answer = await post(body, signed(body))

    assert answer.status_code == 200
    assert [payload["text"] for _, payload in await post.kept()] == [text]


async def test_what_slack_did_not_sign_just_now_is_refused_with_one_line(
    post: Post, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, logger="bot")
    for headers, why in (
        ({"Content-Type": FORM}, "no signature"),
        (signed(COMMAND) | {"X-Slack-Signature": ""}, "no signature"),
        (signed(COMMAND) | {"X-Slack-Request-Timestamp": ""}, "no signature"),
        (signed(COMMAND, secret="another"), "the signature is wrong"),
        (signed(COMMAND + b"x"), "the signature is wrong"),
        (signed(COMMAND) | {"X-Slack-Signature": "v0="}, "the signature is wrong"),
        (signed(COMMAND, at=now(-301)), "the timestamp is not of now"),
        (signed(COMMAND, at=now(310)), "the timestamp is not of now"),
        (signed(COMMAND, at="abc"), "the timestamp is not a number"),
        (signed(COMMAND, at="-1"), "the timestamp is not a number"),
        (signed(COMMAND, at="1e9"), "the timestamp is not a number"),
        (signed(COMMAND, at="9" * 5000), "the timestamp is not a number"),
    ):
        caplog.clear()
        answer = await post(COMMAND, headers)
        assert (answer.status_code, answer.json()) == (401, {"error": why})
        assert [(record.levelname, record.__dict__["why"]) for record in caplog.records] == [("WARNING", why)]
    assert await post.kept() == []


async def test_a_signature_that_is_not_ascii_is_refused(post: Post, caplog: pytest.LogCaptureFixture):
    headers = [(name.encode(), value.encode()) for name, value in signed(COMMAND).items()]
    headers = [(name, "v0=é¹".encode() if name == b"X-Slack-Signature" else value) for name, value in headers]

    answer = await post.client.post("http://bot/slack/events", content=COMMAND, headers=headers)

    assert answer.status_code == 401
    assert [record.__dict__["why"] for record in caplog.records] == ["the signature is wrong"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", FORM, 400),
        (b"", JSON, 400),
        (b"hello", FORM, 400),
        (b"command=", FORM, 400),
        (b"payload=[]", FORM, 400),
        (b"payload=1", FORM, 400),
        (b"payload=null", FORM, 400),
        (b"payload=", FORM, 400),
        (b"payload={bad", FORM, 400),
        (b"payload=NaN", FORM, 400),
        (b"payload=" + b"[" * 100_000, FORM, 400),
        (b'payload={"type":"block_actions","actions":' + b"[" * 900 + b"]" * 900 + b"}", FORM, 400),
        (b"payload=" + b"9" * 5000, FORM, 400),
        (b"payload={}&payload=[]", FORM, 400),
        (interaction(CLICK) + b"&payload=[]", FORM, 400),
        (b"\xff\xfe", FORM, 400),
        (b"\xff\xfe", JSON, 400),
        (b"{}", JSON, 400),
        (b"[]", JSON, 400),
        (b'{"type": 1}', JSON, 400),
        (b'{"type": "event_callback"}', JSON, 400),
        (b'{"type": "event_callback", "event": []}', JSON, 400),
        (b'{"type": "event_callback", "event": {"type": "\\ud800"}}', JSON, 400),
        (b'{"type": "url_verification"}', JSON, 400),
        (COMMAND, JSON, 400),
        (COMMAND, "text/plain", 200),
        (interaction({**CLICK, "type": "no_such_type"}), FORM, 404),
        (b"command=" + b"x" * MAX_BODY, FORM, 413),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
async def test_a_signed_body_that_is_not_slacks_is_refused_with_one_line(
    post: Post, caplog: pytest.LogCaptureFixture, body: bytes, content_type: str, status: int
):
    answer = await post(body, signed(body, content_type=content_type))

    assert answer.status_code == status
    assert len(caplog.records) == (status != 200)
    assert all(record.exc_info is None for record in caplog.records)


async def test_a_body_that_hides_its_length_is_cut_off_at_the_limit(post: Post):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BODY:
            sent += 65536
            yield b"x" * 65536

    answer = await post.client.post("http://bot/slack/events", content=endless(), headers=signed(b""))

    assert answer.status_code == 413
    assert sent < 3 * MAX_BODY


async def test_the_address_can_be_verified_by_slack(post: Post):
    body = json.dumps({"type": "url_verification", "challenge": "c-123", "token": "old"}).encode()

    answer = await post(body, signed(body, content_type="application/json; charset=utf-8"))

    assert (answer.status_code, answer.json()) == (200, {"challenge": "c-123"})


async def test_the_certificate_can_be_checked_by_slack_and_nothing_comes_of_it(post: Post):
    unsigned = await post(b"ssl_check=1&token=old&command=%2Fcsms&text=list", {"Content-Type": FORM})
    with_signature = await post(b"ssl_check=1", signed(b"ssl_check=1"))

    assert (unsigned.status_code, with_signature.status_code) == (200, 200)
    assert await post.kept() == []


async def test_no_secret_and_no_signature_is_in_a_refusal_or_its_line(
    post: Post, caplog: pytest.LogCaptureFixture
):
    headers = signed(COMMAND, secret="another")

    answer = await post(COMMAND, headers)

    said = answer.text + "".join(str(record.__dict__) for record in caplog.records)
    assert headers["X-Slack-Signature"] not in said
    assert SECRET not in said


async def test_when_nothing_can_be_kept_slack_is_told_to_come_again(
    post: Post, caplog: pytest.LogCaptureFixture
):
    await post.close()

    answer = await post(COMMAND, signed(COMMAND))

    assert (answer.status_code, answer.json()) == (503, {"error": "unavailable"})
    assert [record.__dict__["action"] for record in caplog.records] == ["inbox_failed"]


async def test_thousands_of_mutated_payloads_are_taken_or_refused_and_nothing_stumbles(
    post: Post, caplog: pytest.LogCaptureFixture
):
    dice = random.Random(20260)
    refused = 0
    for number in range(2000):
        content_type, body = next(mutations(MUTATED[number % len(MUTATED)], dice))
        caplog.clear()
        answer = await post(body, signed(body, content_type=content_type))

        assert answer.status_code in (200, 400, 404), body
        assert len(caplog.records) == (answer.status_code != 200) or "redelivered" in caplog.text, body
        assert all(record.exc_info is None for record in caplog.records), body
        refused += answer.status_code != 200
    kept = await post.kept()
    read_well = [read(kind, payload, inbox_id=1, received=utc_now()) for kind, payload in kept]

    assert refused > 200
    assert len(read_well) > 700
