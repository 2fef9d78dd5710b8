"""What stands in front of Bolt in HTTP mode. Bolt answers 500, with a traceback in the log, to several malformed requests
before it has checked who sent them; here each is a 401 or a 400 and one line."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20
"""Slack's largest payloads, forms of 100 blocks, stay far below."""
WINDOW_S = 300
"""How old a signed request may be (Slack: verifying requests)."""


class Guard:
    """Checks size, signature and form, in that order, and hands what is good to Bolt."""

    def __init__(self, app: AsyncApp, signing_secret: str, *, clock: Callable[[], float] = time.time) -> None:
        self._handler = AsyncSlackRequestHandler(app)
        self._verifier = SignatureVerifier(signing_secret)
        self._clock = clock

    async def take(self, request: Request) -> Response:
        """The endpoint `POST /slack/events`."""
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY:
            return self._refuse(413, "too large")
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return self._refuse(413, "too large")
        except ClientDisconnect:
            return self._refuse(400, "the request broke off")
        raw = bytes(body)
        if problem := self._unsigned(request, raw):
            return self._refuse(401, problem)
        if problem := _malformed(request.headers.get("content-type", ""), raw):
            return self._refuse(400, problem)
        request._body = raw  # Starlette keeps a body that was read here; streaming it left that empty.
        try:
            return await self._handler.handle(request)
        except Exception:
            # A signed request that Bolt or the store cannot take: Slack is told, so that it delivers an event again.
            log.exception("delivery failed", extra={"action": "delivery_failed"})
            return JSONResponse({"error": "unavailable"}, status_code=503)

    def _unsigned(self, request: Request, body: bytes) -> str:
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        if not timestamp or not signature:
            return "no signature"
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            return "the timestamp is not a number"
        if abs(self._clock() - int(timestamp)) > WINDOW_S:
            return "the timestamp is not of now"
        if not signature.isascii() or not self._verifier.is_valid(body, timestamp, signature):
            return "the signature is wrong"
        return ""

    def _refuse(self, status: int, why: str) -> Response:
        log.warning("request refused", extra={"action": "request_refused", "status": status, "why": why})
        return JSONResponse({"error": why}, status_code=status)


def _malformed(content_type: str, body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "the body is not UTF-8"
    if content_type.startswith("application/json"):
        return "" if isinstance(_json(text), dict) else "the body is not a JSON object"
    form = parse_qs(text, keep_blank_values=True)
    if "payload" in form:
        return _bad_payload(_json(form["payload"][0]))
    if "command" in form or "ssl_check" in form:
        return ""
    return "the body is neither a command nor an interaction"


def _bad_payload(payload: Any) -> str:
    if not isinstance(payload, dict):
        return "the payload is not a JSON object"
    if not isinstance(payload.get("type"), str):
        return "the payload has no type"
    for name in ("user", "team", "view", "container", "channel"):
        if not isinstance(payload.get(name, {}), dict | None.__class__):
            return f"the payload's {name} is not an object"
    actions = payload.get("actions", [])
    if not isinstance(actions, list) or not all(isinstance(action, dict) for action in actions):
        return "the payload's actions are not objects"
    if payload["type"] == "block_actions" and not actions:
        return "the payload has no action"
    return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
