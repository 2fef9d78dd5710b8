"""Faults that both embedded servers can be told to make: which call is hit, and how a connection is cut.

A server keeps one `FaultPlan` and asks it at every call; what a hit means (an error, a delay, a cut connection, with
or without the effect of the call) is the server's own fault type. `drop_connection` is the one place that knows how
to make the client see a reset.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

ANY = "*"

FaultT = TypeVar("FaultT")


class NoResponse(Response):
    """What a handler returns when the connection is gone: it sends nothing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Does nothing, so that no byte follows the reset."""


async def drop_connection(connection: Request | WebSocket) -> Response:
    """Cuts the TCP connection of a request or web socket now, with a reset (RST) and without another byte.

    The client sees a transport error (`httpx.ReadError`, `aiohttp.ServerDisconnectedError`, ...), never a status.
    Returns a response that sends nothing: `return await drop_connection(request)`. A handler may also go on after
    it, for an effect that lands when nobody waits for the answer any more.

    Works under `bot.serving.serving`, whose server (uvicorn) gives `receive` as a method of the object that holds
    the transport. RuntimeError under a server, or behind a middleware, where the transport is out of reach.
    """
    receive = connection._receive
    transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError(
            "the connection's transport is out of reach: serve the app with bot.serving.serving"
        )
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # A linger time of zero makes close() send RST instead of an orderly FIN.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # Only when the server itself knows that the client is gone will it stay silent about the missing response.
    while not (await receive())["type"].endswith(".disconnect"):
        pass
    return NoResponse()


@dataclass(slots=True)
class _Planned(Generic[FaultT]):
    matches: Callable[[str], bool]
    skip: int
    left: int | None
    fault: FaultT


class FaultPlan(Generic[FaultT]):
    """Which of the next calls fail, and how. Empty at first: nothing fails."""

    def __init__(self) -> None:
        self._planned: list[_Planned[FaultT]] = []

    def add(self, name: str, fault: FaultT, *, nth: int = 1, times: int | None = 1) -> None:
        """Plans `fault` for `times` calls (None: all) of operation `name` (`*`: any), from the `nth` one from now."""
        if nth < 1 or (times is not None and times < 1):
            raise ValueError("nth and times count from 1")
        wanted = (lambda _name: True) if name == ANY else name.__eq__
        self._planned.append(_Planned(wanted, nth - 1, times, fault))

    def take(self, name: str) -> FaultT | None:
        """Counts one call of `name`; returns the fault that hits it, if any (the one planned first wins)."""
        hit: _Planned[FaultT] | None = None
        for planned in self._planned:
            if not planned.matches(name):
                continue
            if planned.skip:
                planned.skip -= 1
            elif hit is None:
                hit = planned
        if hit is None:
            return None
        if hit.left is not None:
            hit.left -= 1
            if not hit.left:
                self._planned.remove(hit)
        return hit.fault

    def clear(self) -> None:
        """Forgets every planned fault."""
        self._planned.clear()

    def __len__(self) -> int:
        """How many planned faults are not used up."""
        return len(self._planned)
