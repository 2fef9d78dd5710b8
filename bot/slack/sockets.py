"""Socket Mode: one connection, the next one opened before Slack takes it away, and a new one at once when it breaks.

Our own, because slack_sdk's client closes the old connection before it has the next one, notices a cut one by its
ping only, and retries with a ticket that is used up; each of these loses clicks for seconds. What comes in goes to
Bolt as over HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.addresses import is_safe
from bot.errors import SettingsError
from bot.slack.shapes import Misshapen, check_payload

log = logging.getLogger(__name__)

PING_S = 5.0
"""A connection whose peer does not answer a ping within half of this is given up."""
FIRST_WAIT_S, MOST_WAIT_S = 0.2, 15.0
MOST_WAIT_AFTER_HELLO_S = 1.0
"""Slack was there a moment ago: when a connection breaks, the next is tried without much waiting."""
LINGER_S = 30.0
"""How long a connection that Slack has announced to end is still listened to; Slack ends it sooner."""
FINISH_S = 2.0
"""How long what has come in is waited for at the end."""

BAD_TOKEN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "not_allowed_token_type",
        "missing_scope",
    }
)


class _Failed(Exception):
    """No connection could be opened; the text says why, without the address, which is a capability."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class _Line:
    """One connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.opened = asyncio.get_running_loop().time()
        self.said_hello = False
        self.leaving = asyncio.Event()
        """Slack has announced that it will end it."""
        self.answering: set[asyncio.Task[None]] = set()

    @property
    def greeted(self) -> bool:
        """Slack has said hello, or has had a second for it: deliveries come on such a connection too."""
        return self.said_hello or asyncio.get_running_loop().time() - self.opened > 1


class Sockets:
    """Keeps the bot connected."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._app = app
        self._app_token = app_token
        self._lines: dict[asyncio.Task[None], _Line] = {}

    @property
    def connected(self) -> bool:
        """Whether there is a live connection on which Slack has said hello, or at least nothing else for a second."""
        return any(not line.socket.closed and line.greeted for line in self._lines.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps a connection until `stop`. SettingsError for an app token that Slack refuses."""
        wait = FIRST_WAIT_S
        async with aiohttp.ClientSession() as session:
            try:
                while not stop.is_set():
                    try:
                        line, ended = await self._open(session)
                    except _Failed as error:
                        log.warning(
                            "Socket Mode is not connected",
                            extra={"action": "socket_failed", "error": str(error)},
                        )
                        await _first(stop.wait(), timeout_s=max(wait, error.wait_s))
                        wait = min(wait * 2, MOST_WAIT_S)
                        continue
                    await _first(stop.wait(), line.leaving.wait(), asyncio.shield(ended))
                    if line.said_hello:
                        wait = min(wait, MOST_WAIT_AFTER_HELLO_S)
                    if line.leaving.is_set():
                        wait = FIRST_WAIT_S
                    if ended.done() and not stop.is_set():
                        log.info("disconnected from Slack", extra={"action": "socket_down"})
                        await _first(stop.wait(), timeout_s=wait)
                        wait = min(wait * 2, MOST_WAIT_S)
            finally:
                await self.close()

    async def close(self) -> None:
        """Disconnects, when what has come in is answered: Slack sends to other connections from now on."""
        lines = dict(self._lines)
        answering = [task for line in lines.values() for task in line.answering]
        if answering:
            await asyncio.wait(answering, timeout=FINISH_S)
        for line in lines.values():
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(FINISH_S):
                    await line.socket.close()
        for task in lines:
            task.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _open(self, session: aiohttp.ClientSession) -> tuple[_Line, asyncio.Task[None]]:
        url = await self._address()
        web = self._app.client
        try:
            socket = await session.ws_connect(url, heartbeat=PING_S, proxy=web.proxy, ssl=web.ssl or True)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _Failed(type(error).__name__) from None
        line = _Line(socket)
        task = asyncio.create_task(self._serve(line), name="socket")
        self._lines[task] = line
        task.add_done_callback(lambda done: self._lines.pop(done, None))
        return line, task

    async def _address(self) -> str:
        """A fresh address, which opens one connection once."""
        try:
            answer = await self._app.client.apps_connections_open(app_token=self._app_token)
            url = str(answer["url"])
        except SlackApiError as error:
            raise self._refused(error) from None
        except (TimeoutError, aiohttp.ClientError, OSError, SlackClientError) as error:
            raise _Failed(type(error).__name__) from None
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            # slack_sdk stumbles over bodies that are not what Slack sends (text, HTML).
            raise _Failed(f"unreadable answer ({type(error).__name__})") from None
        if not url.startswith(("wss://", "ws://")) or not is_safe(url):
            raise _Failed("Slack gave an address that is not wss://")
        return url

    def _refused(self, error: SlackApiError) -> Exception:
        data = error.response.data if isinstance(error.response.data, dict) else {}
        code = str(data.get("error") or f"HTTP {error.response.status_code}")
        if code in BAD_TOKEN:
            return SettingsError(
                f"SLACK_APP_TOKEN was refused by Slack ({code}); it needs an app-level token with the scope "
                "connections:write"
            )
        after = str(error.response.headers.get("Retry-After", "0"))
        return _Failed(f"Slack says {code}", wait_s=float(after) if after.isdecimal() else 0.0)

    async def _serve(self, line: _Line) -> None:
        """Takes what comes until the connection is over, at the latest `LINGER_S` after it was announced to end."""
        lingering = asyncio.get_running_loop().create_task(_linger(line))
        try:
            async for message in line.socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(line, message.data)
        except (aiohttp.ClientError, OSError) as error:
            log.debug("connection broke", extra={"action": "socket_broke", "error": type(error).__name__})
        finally:
            lingering.cancel()
            if line.answering:
                await asyncio.wait(line.answering, timeout=FINISH_S)

    def _take(self, line: _Line, text: str) -> None:
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            frame = None
        if not isinstance(frame, dict):
            log.warning("not an envelope", extra={"action": "request_refused", "why": "not a JSON object"})
        elif frame.get("type") == "hello":
            line.said_hello = True
            log.info("connected to Slack", extra={"action": "socket_up"})
        elif frame.get("type") == "disconnect":
            log.info(
                "Slack will end this connection",
                extra={"action": "socket_leaving", "reason": str(frame.get("reason", ""))[:40]},
            )
            line.leaving.set()
        elif frame.get("envelope_id"):
            task = asyncio.create_task(self._answer(line, frame))
            line.answering.add(task)
            task.add_done_callback(line.answering.discard)

    async def _answer(self, line: _Line, frame: dict[str, Any]) -> None:
        try:
            payload = check_payload(frame.get("payload"), "payload")
            answer = await self._app.async_dispatch(AsyncBoltRequest(body=payload, mode="socket_mode"))
        except Misshapen as error:
            log.warning("envelope refused", extra={"action": "request_refused", "why": str(error)})
            return
        if answer.status != 200:
            # Not acked, so that the person sees that it failed; the door has logged why.
            log.warning("not acked", extra={"action": "not_acked", "status": answer.status})
            return
        ack: dict[str, Any] = {"envelope_id": frame["envelope_id"]}
        if answer.body:
            ack["payload"] = json.loads(answer.body)
        try:
            await line.socket.send_json(ack)
        except (aiohttp.ClientError, OSError):
            # It is kept all the same, and will be worked on; Slack may deliver it again, which is noticed.
            log.info("the ack was not sent", extra={"action": "ack_lost"})


async def _linger(line: _Line) -> None:
    await line.leaving.wait()
    await asyncio.sleep(LINGER_S)
    await line.socket.close()


async def _first(*waits: Any, timeout_s: float | None = None) -> None:
    """Waits for the first of them, or so long."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
