"""The workspace as a web server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from bot.sandbox.slack import control, page
from bot.sandbox.slack.api import routes as api
from bot.sandbox.slack.workspace import Workspace
from bot.serving import serving


def build_app(workspace: Workspace) -> Starlette:
    """Everything the workspace serves, as one ASGI app. Serve it with `bot.serving.serving`."""

    async def link(websocket: WebSocket) -> None:
        ticket = websocket.query_params.get("ticket", "")
        await workspace.sockets.serve(websocket, app_id=workspace.app.app_id, ticket=ticket)

    return Starlette(
        routes=[
            *api.routes(workspace),
            WebSocketRoute("/link", link),
            *control.routes(workspace),
            *page.routes(workspace),
        ]
    )


@contextlib.asynccontextmanager
async def running(workspace: Workspace, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves the workspace while the block runs; yields its base address, and ends what it began on its own."""
    async with serving(build_app(workspace), host, port) as base_url:
        workspace.base_url = base_url
        try:
            yield base_url
        finally:
            for task in workspace.background:
                task.cancel()
            await asyncio.gather(*workspace.background, return_exceptions=True)
