"""`python -m tests.bench.peers async|sync PORT`: slack_bolt as its own documentation begins with it.

Default settings and one listener that acks. The only thing set besides is where Slack is: the embedded workspace, which
Bolt asks once who it is.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.serving import serving

PATH = "/slack/events"


async def serve_async(token: str, secret: str, slack: str, port: int) -> None:
    """AsyncApp behind Bolt's Starlette adapter, served just as the bot is."""
    app = AsyncApp(client=AsyncWebClient(token=token, base_url=slack), signing_secret=secret)

    @app.command("/csms")
    async def csms(ack: Any) -> None:
        await ack()

    handler = AsyncSlackRequestHandler(app)

    async def endpoint(request: Request) -> Response:
        return await handler.handle(request)

    web = Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])
    async with serving(web, port=port):
        await asyncio.Event().wait()


def serve_sync(token: str, secret: str, slack: str, port: int) -> None:
    """App behind Bolt's own development server, which keeps no connection open."""
    app = App(client=WebClient(token=token, base_url=slack), signing_secret=secret)

    @app.command("/csms")
    def csms(ack: Any) -> None:
        ack()

    app.start(port=port, path=PATH, http_server_logger_enabled=False)


def main(kind: str, port: str) -> None:
    """Serves until it is ended."""
    token, secret = os.environ["SLACK_BOT_TOKEN"], os.environ["SLACK_SIGNING_SECRET"]
    slack = os.environ["SLACK_API_URL"]
    if kind == "sync":
        serve_sync(token, secret, slack, int(port))
    else:
        asyncio.run(serve_async(token, secret, slack, int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
