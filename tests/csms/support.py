"""What the tests of the client share: a scripted server behind httpx, and a sleep that only notes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.csms import CsmsClient, TokenAuth

HOST = "https://kms.example-1.myhuaweicloud.com"
PROJECT = "0123456789abcdef0123456789abcdef"
BASE = f"{HOST}/v1/{PROJECT}"
NOON = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)

EVENT = {
    "name": "event-test",
    "event_id": "bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e",
    "state": "ENABLED",
    "event_types": ["SECRET_VERSION_EXPIRED"],
    "create_time": 1581507580000,
    "update_time": 1581507580000,
    "notification": {"target_type": "SMN", "target_id": "urn:smn:cn-north-4:topic", "target_name": "topic"},
}

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Script:
    """A server that gives its answers in order, the last one again and again, and keeps what it was asked."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)

    @property
    def targets(self) -> list[str]:
        """Path and query of each request, as sent."""
        return [request.url.raw_path.decode() for request in self.requests]


@dataclass
class Nap:
    """Stands for asyncio.sleep: returns at once and keeps the seconds."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """As timedelta: `minutes=5`."""
        self.now += timedelta(**by)


def script(*answers: Answer) -> Script:
    """A server with these answers."""
    return Script(list(answers))


def ok(body: Any) -> httpx.Response:
    """200 with JSON."""
    return httpx.Response(
        200, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )


def said(status: int, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    """A status with JSON."""
    return httpx.Response(status, content=json.dumps(body).encode(), headers=headers)


def client(server: Any, *, auth: httpx.Auth | None = None, nap: Nap | None = None, **more: Any) -> CsmsClient:
    """A client whose far end is `server`."""
    return CsmsClient(
        endpoint=HOST,
        project_id=PROJECT,
        auth=auth or TokenAuth("a-ready-token"),
        transport=httpx.MockTransport(server),
        sleep=nap or Nap(),
        **{"clock": Clock(), "smn_endpoint": "https://smn.example-1.myhuaweicloud.com", **more},
    )


def events(names: Iterable[str]) -> list[dict[str, Any]]:
    """Events of these names, each with an id of its own."""
    return [{**EVENT, "name": name, "event_id": f"id-of-{name}"} for name in names]
