"""Socket Mode: one connection that is watched, and made anew when it is gone.

aiohttp's client, because after its server was killed it came back in seconds; Bolt's default took most of a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import SettingsError

log = logging.getLogger(__name__)

PING_S = 3.0
WATCH_S = 1.0
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


class Sockets:
    """Keeps the bot connected."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._app = app
        self._app_token = app_token
        self._handler: AsyncSocketModeHandler | None = None
        self._up = False

    @property
    def connected(self) -> bool:
        """Whether there is a live connection."""
        return self._up

    async def run(self, stop: asyncio.Event) -> None:
        """Connects and watches until `stop`. SettingsError for an app token that Slack refuses."""
        wait = 0.5
        while not stop.is_set():
            try:
                if self._handler is None:
                    self._handler = AsyncSocketModeHandler(
                        self._app, self._app_token, logger=_quiet(), ping_interval=PING_S
                    )
                    await self._handler.connect_async()  # type: ignore[no-untyped-call]
                up = await self._handler.client.is_connected()
                wait = 0.5
            except SlackApiError as error:
                code = error.response.get("error", "")
                if code in BAD_TOKEN:
                    raise SettingsError(
                        f"SLACK_APP_TOKEN was refused by Slack ({code}); it needs an app-level token with the scope "
                        "connections:write"
                    ) from None
                up = await self._again(stop, f"Slack says {code}", wait)
                wait = min(wait * 2, 15.0)
            except (TimeoutError, aiohttp.ClientError, OSError, SlackClientError) as error:
                up = await self._again(stop, type(error).__name__, wait)
                wait = min(wait * 2, 15.0)
            if up != self._up:
                self._up = up
                log.info("Socket Mode", extra={"action": "socket_up" if up else "socket_down"})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_S):
                    await stop.wait()

    async def _again(self, stop: asyncio.Event, why: str, wait: float) -> bool:
        log.warning("Socket Mode is not connected", extra={"action": "socket_failed", "error": why})
        await self._drop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await stop.wait()
        return False

    async def _drop(self) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            with contextlib.suppress(Exception):
                await handler.close_async()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Disconnects: Slack sends to other connections from now on."""
        self._up = False
        await self._drop()


def _quiet() -> logging.Logger:
    logger = logging.getLogger("bot.slack.socket_sdk")
    logger.setLevel(logging.CRITICAL)  # Its own words hold tickets of the connection; ours are enough.
    return logger
