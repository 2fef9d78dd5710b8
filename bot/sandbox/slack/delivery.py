"""From the workspace to the app: signed HTTP to its request URL, or an envelope on a Socket Mode connection."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import json
import ssl
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.sandbox.slack.model import JsonDict
from bot.sandbox.slack.state import State

ACK_TIMEOUT_S = 3.0
"""Slack: docs of slash commands and interactions, "within 3 seconds"."""

EVENT_RETRY_DELAYS_S = (0.0, 60.0, 300.0)
"""Slack: docs of the Events API, three retries: nearly at once, after a minute, after five minutes."""


class Kind(StrEnum):
    """What is delivered, by the names of Socket Mode envelopes."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True)
class Ack:
    """What came back: `body` is the app's answer, empty for a bare ack; `error` is Slack's word for a failure."""

    error: str | None = None
    body: JsonDict | None = None
    retry_reason: str | None = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        """Whether the app took the payload."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload that was sent to the app, and how that went."""

    kind: Kind
    payload: JsonDict
    ack: Ack


TIMEOUT = "operation_timeout"
FAILED = "dispatch_failed"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's request signature, version 0 (Slack: docs of verifying requests)."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Courier:
    """Delivers to the one app of a workspace, and keeps what it delivered."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.ack_timeout_s = ACK_TIMEOUT_S
        self.event_retry_delays_s = EVENT_RETRY_DELAYS_S
        self.delivered: list[Delivery] = []
        self.transport: httpx.AsyncBaseTransport | None = None
        """Takes the place of the network, for an app in the same process."""

    async def deliver(self, kind: Kind, payload: JsonDict) -> Ack:
        """Sends a payload once and waits for the ack: by Socket Mode if the app is connected, else over HTTP."""
        if self._state.sockets:
            ack = await self._by_socket(kind, payload)
        elif self._state.app.request_url is not None:
            ack = await self._by_http(kind, payload)
        else:
            ack = Ack(FAILED, retry_reason="connection_failed")
        self.delivered.append(Delivery(kind, payload, ack))
        return ack

    async def deliver_event(self, payload: JsonDict) -> Ack:
        """Sends an event, and again up to three times while the app does not take it; returns the last outcome."""
        ack = await self.deliver(Kind.EVENT, payload)
        for number, delay_s in enumerate(self.event_retry_delays_s, start=1):
            if ack.ok or ack.no_retry:
                break
            await asyncio.sleep(delay_s)
            if self._state.sockets:
                ack = await self._by_socket(
                    Kind.EVENT, payload, retry_attempt=number, retry_reason=ack.retry_reason
                )
            else:
                headers = {
                    "X-Slack-Retry-Num": str(number),
                    "X-Slack-Retry-Reason": ack.retry_reason or "unknown_error",
                }
                ack = await self._by_http(Kind.EVENT, payload, headers)
            self.delivered.append(Delivery(Kind.EVENT, payload, ack))
        return ack

    async def verify_request_url(self) -> bool:
        """Asks the request URL for the challenge, as Slack does when an URL is set; whether it passed."""
        challenge = self._state.next_id("CH")
        ack = await self._by_http(Kind.EVENT, {"type": "url_verification", "challenge": challenge})
        return ack.ok and challenge in (ack.body or {}).values()

    async def _by_socket(self, kind: Kind, payload: JsonDict, **extra: Any) -> Ack:
        if kind is Kind.EVENT:
            extra = {"retry_attempt": 0, "retry_reason": ""} | extra
        try:
            frame = await self._state.sockets.deliver(kind, payload, timeout_s=self.ack_timeout_s, **extra)
        except TimeoutError:
            return Ack(TIMEOUT, retry_reason="timeout")
        except ConnectionError:
            return Ack(FAILED, retry_reason="connection_failed")
        answer = frame.get("payload")
        return Ack(body=_answer(answer))

    async def _by_http(self, kind: Kind, payload: JsonDict, headers: dict[str, str] | None = None) -> Ack:
        app = self._state.app
        if app.request_url is None:
            return Ack(FAILED, retry_reason="connection_failed")
        body, content_type = _encode(kind, payload)
        timestamp = str(int(time.time()))  # the app compares it with its own clock, not with the workspace's
        signed = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(app.signing_secret, timestamp, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        try:
            async with asyncio.timeout(self.ack_timeout_s), self._client() as client:
                response = await client.post(app.request_url, content=body, headers=signed | (headers or {}))
        except TimeoutError:
            return Ack(TIMEOUT, retry_reason="http_timeout")
        except (httpx.HTTPError, httpx.InvalidURL):
            return Ack(FAILED, retry_reason="connection_failed")
        no_retry = response.headers.get("X-Slack-No-Retry") == "1"
        if not 200 <= response.status_code < 300:
            return Ack(FAILED, retry_reason="http_error", no_retry=no_retry)
        if "json" not in response.headers.get("Content-Type", ""):
            return Ack(body=_answer(response.text))
        try:
            return Ack(body=_answer(response.json()))
        except ValueError:
            return Ack(FAILED, retry_reason="http_error")

    def _client(self) -> httpx.AsyncClient:
        # The whole delivery has one time limit, so that the client needs none of its own.
        return httpx.AsyncClient(verify=_tls(), timeout=None, trust_env=False, transport=self.transport)  # noqa: S113


def _answer(answer: Any) -> JsonDict | None:
    if isinstance(answer, dict):
        return answer or None
    return {"text": answer} if isinstance(answer, str) and answer else None


def _encode(kind: Kind, payload: JsonDict) -> tuple[bytes, str]:
    form = "application/x-www-form-urlencoded"
    if kind is Kind.COMMAND:
        return urlencode(payload).encode(), form
    if kind is Kind.INTERACTIVE:
        return urlencode({"payload": json.dumps(payload)}).encode(), form
    return json.dumps(payload).encode(), "application/json"


@functools.cache
def _tls() -> ssl.SSLContext:
    # Made once: building it costs more than a whole delivery on one machine.
    return ssl.create_default_context()
