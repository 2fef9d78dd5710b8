"""Socket Mode: the app's open web sockets, and envelopes to one of them at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from enum import Enum
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.faults import drop_connection
from bot.sandbox.slack.model import JsonDict

MAX_SOCKETS = 10
"""Slack: docs of Socket Mode, "up to 10 open WebSocket connections"."""

REFRESH_GRACE_S = 10.0
"""How long a socket that was told to go still works: the app opens its next one meanwhile."""


class Ending(Enum):
    """How this side ends a connection: with a close frame, or by cutting the line."""

    CLOSE = "close"
    CUT = "cut"


class _Socket:
    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.leaving = False
        self.ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(self, how: Ending) -> None:
        """Ends the connection, unless it is ending already."""
        if not self.ending.done():
            self.ending.set_result(how)

    async def send(self, frame: JsonDict) -> bool:
        """Whether the frame left; False when the peer has gone."""
        try:
            await self.websocket.send_text(json.dumps(frame))
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: Starlette's, after a close
            return False
        return True


class SocketHub:
    """The Socket Mode connections of the app. `on_change` is called when one comes or goes."""

    def __init__(self, *, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._tickets: set[str] = set()
        self._sockets: list[_Socket] = []
        self._acks: dict[str, asyncio.Future[JsonDict]] = {}
        self._turn = 0
        self.refresh_grace_s = REFRESH_GRACE_S

    def __len__(self) -> int:
        return len(self._sockets)

    def issue_ticket(self) -> str:
        """A ticket that opens one socket, once."""
        ticket = secrets.token_urlsafe(18)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, websocket: WebSocket, *, app_id: str, ticket: str) -> None:
        """Runs one socket until either side ends it. A used or unknown ticket is refused with close code 4001."""
        if ticket not in self._tickets or len(self._sockets) >= MAX_SOCKETS:
            await websocket.close(4001)
            return
        self._tickets.discard(ticket)
        await websocket.accept()
        socket = _Socket(websocket)
        hello = {
            "type": "hello", "num_connections": len(self._sockets) + 1, "connection_info": {"app_id": app_id},
            "debug_info": {"host": "embedded", "approximate_connection_time": 3600},
        }  # fmt: skip
        if not await socket.send(hello):
            return
        self._sockets.append(socket)
        self._on_change()
        reading = asyncio.create_task(self._read(websocket))
        try:
            ends: set[asyncio.Future[Any]] = {reading, socket.ending}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sockets.remove(socket)
            self._on_change()
            reading.cancel()
        # The reader must be gone first: whoever ends the connection waits for the peer's last words itself.
        await asyncio.gather(reading, return_exceptions=True)
        if socket.ending.done():
            if socket.ending.result() is Ending.CUT:
                await drop_connection(websocket)
            else:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await websocket.close(1000)

    async def _read(self, websocket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                try:
                    frame = json.loads(await websocket.receive_text())
                except (json.JSONDecodeError, KeyError):  # KeyError: Starlette's, for a binary frame
                    continue
                if isinstance(frame, dict):
                    self._acked(frame)

    def _acked(self, frame: JsonDict) -> None:
        waiting = self._acks.get(str(frame.get("envelope_id")))
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)

    async def deliver(self, kind: str, payload: Any, *, timeout_s: float, **extra: Any) -> JsonDict:
        """Sends one envelope to one socket, in turn, and waits for its ack.

        Returns the ack frame (`payload` in it is the app's answer). ConnectionError when no socket takes it;
        TimeoutError when no ack comes in `timeout_s` seconds.
        """
        envelope_id = secrets.token_hex(16)
        envelope = {
            "envelope_id": envelope_id, "type": kind, "payload": payload,
            "accepts_response_payload": kind != "events_api", **extra,
        }  # fmt: skip
        acked: asyncio.Future[JsonDict] = asyncio.get_running_loop().create_future()
        self._acks[envelope_id] = acked
        try:
            while (socket := self._next()) is not None:
                if await socket.send(envelope):
                    async with asyncio.timeout(timeout_s):
                        return await acked
                socket.leaving = True
                if all(other.leaving for other in self._sockets):
                    break
            raise ConnectionError("the app has no open Socket Mode connection")
        finally:
            del self._acks[envelope_id]

    def _next(self) -> _Socket | None:
        # A socket that is leaving still works, but only until the app has opened its next one.
        candidates = [socket for socket in self._sockets if not socket.leaving] or self._sockets
        if not candidates:
            return None
        self._turn += 1
        return candidates[self._turn % len(candidates)]

    async def disconnect(self, *, reason: str) -> int:
        """Tells every socket to go (`warning`, `refresh_requested`, `link_disabled`); returns how many were told."""
        told = [socket for socket in self._sockets if not socket.leaving]
        for socket in told:
            await socket.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "embedded"}})
            if reason != "warning":
                socket.leaving = True
                asyncio.get_running_loop().call_later(self.refresh_grace_s, socket.end, Ending.CLOSE)
        return len(told)

    def drop(self) -> int:
        """Cuts every socket without a word; returns how many."""
        for socket in self._sockets:
            socket.end(Ending.CUT)
        return len(self._sockets)
