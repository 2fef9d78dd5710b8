"""One HTTP listener on a real socket, inside whatever event loop already runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, because who runs the loop decides what SIGTERM means, and without its ten
    looks a second at whether it shall stop: it is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Stops taking connections, finishes what is under way, and ends."""
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """uvicorn: until it is told to stop; the Date header is made anew each second."""
        while not self.should_exit:
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._leaving.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, because asyncio turns Nagle's delay (40 ms a call on a kept connection) off only where it is.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.listen(512)
    return sock


def _polite_websockets() -> Any:
    """uvicorn's WebSocket protocol, which at the end says goodbye to those too who are leaving, and fails at that.

    Imported here, because the bot itself serves no WebSockets and need not carry them.
    """
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
    from websockets.exceptions import InvalidState

    class Polite(WebSocketsSansIOProtocol):
        def shutdown(self) -> None:
            try:
                super().shutdown()
            except InvalidState:
                self.transport.close()

    return Polite


@contextlib.asynccontextmanager
async def serving(
    app: Any, host: str = "127.0.0.1", port: int = 0, *, grace_s: int = 3, websockets: bool = True
) -> AsyncIterator[str]:
    """Serves the ASGI `app` while the block runs; yields its base address, `http://host:port`."""
    sock = bind(host, port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=grace_s, ws=_polite_websockets() if websockets else "none", timeout_keep_alive=30,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]), name=f"http:{port}")
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the HTTP server stopped while it started")
            await asyncio.sleep(0.002)
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{sock.getsockname()[1]}"
    finally:
        server.leave()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        sock.close()
