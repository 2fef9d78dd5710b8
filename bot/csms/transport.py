"""What every answer passes on its way in: a cap on its size, and no encoding that could hide a larger one."""

from __future__ import annotations

import httpx

from bot import __version__

BODY_CAP = 128 * 1024 * 1024
"""Bytes. A page of 1,000 records is about 0.7 MB; one with 100 kB of content in each is read, too."""

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
"""Seconds: 5 to connect, 20 for each read or write (DEW best practices: 5 to 8 s and more for 502/504)."""

DEADLINE_S = 60.0
"""Seconds for one whole exchange, so that a server that drips a byte at a time cannot hold a poll for ever."""


_FRAMING = (b"content-length", b"transfer-encoding", b"content-encoding")
"""Headers about how the body came, which is over when it was read."""


class Unacceptable(httpx.TransportError):
    """The answer is refused as it stands: too large, or encoded though nothing was asked for."""


class Guarded(httpx.AsyncBaseTransport):
    """Wraps a transport. A body above the cap stops the reading at once and closes the connection.

    It reads the whole body itself, so that every answer, those to `httpx.Auth` classes too, comes through here,
    and only once through Python for each chunk.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, cap: int = BODY_CAP) -> None:
        self._inner = inner
        self._cap = cap

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body read. Unacceptable when it is refused."""
        response = await self._inner.handle_async_request(request)
        try:
            body = await self._body(response)
        finally:
            await response.aclose()
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _FRAMING]
        return httpx.Response(
            response.status_code, headers=headers, content=body, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Closes the wrapped transport."""
        await self._inner.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise Unacceptable("the answer is compressed, which was not asked for")
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._cap:
            raise Unacceptable(_too_large(self._cap))
        chunks, read = [], 0
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 (what the base class promises)
        async for chunk in response.stream:
            read += len(chunk)
            if read > self._cap:
                raise Unacceptable(_too_large(self._cap))
            chunks.append(chunk)
        return b"".join(chunks)


def open_client(
    *, auth: httpx.Auth | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """The only way that this package opens connections: guarded, no redirects, no proxy from the environment."""
    return httpx.AsyncClient(
        auth=auth,
        transport=Guarded(transport or httpx.AsyncHTTPTransport(trust_env=False)),
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        headers={
            "User-Agent": f"csms-bot/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        },
    )


def _too_large(cap: int) -> str:
    return f"the answer is larger than {cap // (1024 * 1024)} MiB"
