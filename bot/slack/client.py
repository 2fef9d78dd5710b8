"""Slack's Web API with every failure told apart: surely not done, refused, later, or unknown.

slack_sdk's default retries a call whose answer was lost, and so posts twice; here nothing is repeated. Each request has
a connection of its own, because a pooled one that Slack has just closed looks like a lost answer.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.addresses import is_safe
from bot.errors import Sent, SlackError

SLACK = "https://slack.com/api/"
TIMEOUT_S = 15
UPLOAD_S = 60
PARSE = "none"
"""Slack makes links of addresses in the text of a message unless it is told not to; an edit without it falls back to `client`,
whatever the message was posted with (chat.postMessage and chat.update, `parse`)."""
MAYBE_DONE = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
"""Slack's errors after which "some aspect of the operation" may have succeeded (chat.postMessage, errors)."""

log = logging.getLogger(__name__)
# Its own words hold whole payloads; ours are enough.
quiet = logging.getLogger("bot.slack.sdk")
quiet.setLevel(logging.CRITICAL)


class SlackClient:
    """`call("chat.postMessage", …)` gives Slack's answer or raises SlackError."""

    def __init__(self, *, token: str, base_url: str = "") -> None:
        self._token = token
        self._base_url = f"{base_url}/" if base_url else SLACK
        self._session: aiohttp.ClientSession | None = None
        self._web: AsyncWebClient | None = None
        self.calls: Counter[tuple[str, str]] = Counter()
        """(method, `ok` or why not: see `Sent`) → how many calls ended so."""

    async def open(self) -> None:
        """Makes the HTTP session; inside the running loop."""
        # slack_sdk leaves the time to a session that it is given, and aiohttp's own is five minutes.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        )
        self._web = AsyncWebClient(
            token=self._token,
            base_url=self._base_url,
            session=self._session,
            retry_handlers=[],
            logger=quiet,
        )

    async def close(self) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()

    @property
    def web(self) -> AsyncWebClient:
        """slack_sdk's own client, for Bolt and Socket Mode."""
        assert self._web is not None, "open() comes first"  # noqa: S101
        return self._web

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Calls a Web API method once. SlackError."""
        try:
            answer = await self._call(method, arguments)
        except SlackError as error:
            self.calls[method, error.sent] += 1
            raise
        self.calls[method, "ok"] += 1
        return answer

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        function = getattr(self.web, method.replace(".", "_"))
        try:
            response = await function(**arguments)
        except SlackApiError as error:
            raise _translated(method, error.response) from None
        except aiohttp.ClientConnectorError:
            raise SlackError(method, sent=Sent.NO, code="Slack cannot be reached") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise SlackError(method, sent=Sent.UNKNOWN, code=f"no answer ({type(error).__name__})") from None
        except (SlackClientError, ValueError, AttributeError, TypeError) as error:
            # slack_sdk stumbles over bodies that are not what Slack sends (text, HTML).
            raise SlackError(
                method, sent=Sent.UNKNOWN, code=f"unreadable answer ({type(error).__name__})"
            ) from None
        data = response.data
        return dict(data) if isinstance(data, dict) else {}

    async def scopes(self) -> tuple[dict[str, Any], frozenset[str], str]:
        """auth.test's answer, the scopes that the token has (X-OAuth-Scopes), and Slack's Date. SlackError."""
        try:
            response = await self.web.auth_test()
        except SlackApiError as error:
            raise _translated("auth.test", error.response) from None
        except (TimeoutError, aiohttp.ClientError, OSError, SlackClientError, ValueError) as error:
            raise SlackError("auth.test", sent=Sent.NO, code=f"no answer ({type(error).__name__})") from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        scopes = (part.strip() for part in headers.get("x-oauth-scopes", "").split(","))
        identity = response.data if isinstance(response.data, dict) else {}
        return dict(identity), frozenset(part for part in scopes if part), headers.get("date", "")

    async def respond(self, response_url: str, body: dict[str, Any]) -> None:
        """Posts to a `response_url` once. SlackError; the address is in no message, it is a capability."""
        status, text = await self._post("response_url", response_url, TIMEOUT_S, json=body)
        if status >= 500:
            raise SlackError("response_url", sent=Sent.UNKNOWN, code=f"HTTP {status}")
        if status != 200 or '"ok":false' in text.replace(" ", ""):
            raise SlackError("response_url", sent=Sent.REFUSED, code=f"HTTP {status}")

    async def upload(self, upload_url: str, content: bytes) -> None:
        """Puts a file's bytes where files.getUploadURLExternal said. SlackError; the address is in no message."""
        binary = {"Content-Type": "application/octet-stream"}
        status, _ = await self._post("upload_url", upload_url, UPLOAD_S, data=content, headers=binary)
        if status != 200:
            # An upload that nobody completes is shown to nobody.
            raise SlackError("upload_url", sent=Sent.REFUSED, code=f"HTTP {status}")

    async def _post(self, what: str, address: str, within_s: float, **request: Any) -> tuple[int, str]:
        """(status, the first 2,000 bytes) of what an address that Slack gave us answers."""
        assert self._session is not None, "open() comes first"  # noqa: S101
        if not is_safe(address):
            raise SlackError(what, sent=Sent.NO, code="not an address of Slack's")
        timeout = aiohttp.ClientTimeout(total=within_s)
        try:
            async with self._session.post(
                address, allow_redirects=False, timeout=timeout, **request
            ) as response:
                return response.status, (await response.content.read(2000)).decode("utf-8", "replace")
        except aiohttp.ClientConnectorError:
            raise SlackError(what, sent=Sent.NO, code="Slack cannot be reached") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise SlackError(what, sent=Sent.UNKNOWN, code=f"no answer ({type(error).__name__})") from None


def _translated(method: str, response: Any) -> SlackError:
    data = getattr(response, "data", None)
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = data if isinstance(data, dict) else {}
    code = str(data.get("error") or "")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        wait = getattr(response, "headers", {}).get("Retry-After", "1")
        return SlackError(
            method,
            sent=Sent.LIMITED,
            code="ratelimited",
            retry_after_s=float(wait) if str(wait).isdigit() else 1.0,
        )
    if status >= 500 or not code or code in MAYBE_DONE:
        return SlackError(method, sent=Sent.UNKNOWN, code=code or f"HTTP {status}")
    details = data.get("response_metadata")
    messages = details.get("messages") if isinstance(details, dict) else None
    if messages:
        log.warning(
            "Slack refused a call", extra={"action": "slack_refused", "error": f"{code}: {messages}"[:500]}
        )
    return SlackError(method, sent=Sent.REFUSED, code=code, needed=str(data.get("needed") or ""))
