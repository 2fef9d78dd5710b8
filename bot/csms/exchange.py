"""One request, sent as often as it may be, until there is an answer or an error."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import httpx

from bot.csms.answers import accepted, translated
from bot.csms.auth import Credential
from bot.csms.operations import Operation
from bot.csms.renewal import Clock
from bot.csms.retry import pause, retry_after
from bot.csms.transport import DEADLINE_S, open_client
from bot.errors import CsmsDown

Sleep = Callable[[float], Awaitable[None]]

JSON = "application/json;charset=UTF-8"


class Exchange:
    """A pool of connections with one credential, and the rule for what is sent again."""

    def __init__(
        self, *, auth: httpx.Auth, transport: httpx.AsyncBaseTransport | None, clock: Clock, sleep: Sleep
    ) -> None:
        self._auth = auth
        self._client = open_client(auth=auth, transport=transport)
        self._clock = clock
        self._sleep = sleep
        self.requests: Counter[tuple[str, str]] = Counter()
        """(operation, HTTP status or `none`) → how many requests ended so."""

    async def get(self, operation: Operation, url: str) -> bytes:
        """The body that a GET gives. CsmsError."""
        return await self._ask(operation, "GET", url, b"")

    async def put(self, operation: Operation, url: str, body: bytes) -> bytes:
        """The body that a PUT of a JSON text gives. CsmsError; its `landed` says what is known."""
        return await self._ask(operation, "PUT", url, body)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _ask(self, operation: Operation, method: str, url: str, body: bytes) -> bytes:
        tried = 0
        while True:
            response: httpx.Response | None = None
            try:
                response = await self._send(operation, method, url, body)
                return accepted(operation, response, known=self._hidden())
            except CsmsDown as error:
                wanted = response.headers.get("retry-after") if response is not None else None
                wait = pause(error, tried=tried, retry_after=retry_after(wanted, self._clock()))
                if wait is None:
                    raise
            tried += 1
            await self._sleep(wait)

    async def _send(self, operation: Operation, method: str, url: str, body: bytes) -> httpx.Response:
        """A fresh request each time: its signature holds the time."""
        request = self._client.build_request(
            method, url, content=body or None, headers={"Content-Type": JSON} if body else None
        )
        status = "none"
        try:
            with translated(operation):
                async with asyncio.timeout(DEADLINE_S):
                    response = await self._client.send(request)
                    status = str(response.status_code)
                    return response
        finally:
            self.requests[operation.name, status] += 1

    def _hidden(self) -> tuple[str, ...]:
        return self._auth.hidden if isinstance(self._auth, Credential) else ()
