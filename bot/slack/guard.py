"""What stands in front of Bolt in HTTP mode: it checks size, signature and shape, and answers 413, 401 or 400 with one line
in the log.

Bolt would answer 500, with a traceback, to several malformed requests, some of them before it has checked who sent
them, and it takes any body that holds the word "payload" for an interaction, a slash command's text too. So the body is
read here, once, and handed to Bolt the way it gets one from a socket: as a value, verified.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from typing import Any

from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot.slack.shapes import Misshapen, is_ssl_check, read_body

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20
"""Slack's largest payloads, forms of 100 blocks, stay far below."""
WINDOW_S = 300
"""How old a signed request may be (Slack: verifying requests)."""


class _Refusal(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Guard:
    """Checks size, signature and shape, in that order, and hands what is good to Bolt."""

    def __init__(self, app: AsyncApp, signing_secret: str, *, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._secret = signing_secret.encode()
        self._clock = clock

    async def take(self, request: Request) -> Response:
        """The endpoint `POST /slack/events`."""
        content_type = request.headers.get("content-type", "")
        try:
            raw = await _read(request)
            if is_ssl_check(content_type, raw):
                # Slack tries the address's certificate; it may do so unsigned, and nothing comes of it.
                return Response()
            self._verify(request, raw)
            body = read_body(content_type, raw)
        except _Refusal as refusal:
            return _refuse(refusal.status, str(refusal))
        except Misshapen as error:
            return _refuse(400, str(error))
        return await self._hand_over(body)

    def _verify(self, request: Request, body: bytes) -> None:
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        if not timestamp or not signature:
            raise _Refusal(401, "no signature")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise _Refusal(401, "the timestamp is not a number")
        if abs(self._clock() - int(timestamp)) > WINDOW_S:
            raise _Refusal(401, "the timestamp is not of now")
        # Over the bytes: slack_sdk's verifier decodes them first, and raises for those that are no UTF-8.
        wanted = hmac.new(self._secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(f"v0={wanted}".encode(), signature.encode()):
            raise _Refusal(401, "the signature is wrong")

    async def _hand_over(self, body: dict[str, Any]) -> Response:
        try:
            answer = await self._app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
        except Exception:
            log.exception("delivery failed", extra={"action": "delivery_failed"})
            return JSONResponse({"error": "unavailable"}, status_code=503)
        if answer.status == 404:
            return _refuse(404, "nothing here takes this type of request")
        if answer.status >= 500:
            # The store could not keep it (the door has logged why): Slack is told, and delivers an event again.
            return JSONResponse({"error": "unavailable"}, status_code=503)
        return to_starlette_response(answer)


async def _read(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) <= 12) or int(length) > MAX_BODY:
        raise _Refusal(413, "too large")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise _Refusal(413, "too large")
    except ClientDisconnect:
        raise _Refusal(400, "the request broke off") from None
    return bytes(body)


def _refuse(status: int, why: str) -> Response:
    log.warning("request refused", extra={"action": "request_refused", "status": status, "why": why})
    return JSONResponse({"error": why}, status_code=status)
