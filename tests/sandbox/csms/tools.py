"""What the tests of the embedded CSMS share: a world, a clock, a client that signs with the official SDK's signer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.csms import CsmsWorld, Seed, build_app
from bot.sandbox.csms.model import AccessKey, Event, Secret, Target, Topic, User

PROJECT = "0123456789abcdef0123456789abcdef"
AK, SK = "TESTACCESSKEY0000001", "test-sk-1"
PASSWORD = "right horse"
NOW = 1_700_000_000
MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
TARGET = Target(target_type="SMN", target_id=f"urn:smn:cn-north-4:{PROJECT}:oncall", target_name="oncall")
EVENTS = f"/v1/{PROJECT}/csms/events"
RECORDS = f"/v1/{PROJECT}/csms/notification-records"


class Clock:
    """Seconds since 1970, moved by hand; it starts within a second, so that times must be cut to whole ones."""

    def __init__(self) -> None:
        self.now = NOW + 0.75

    def __call__(self) -> float:
        return self.now


def event(name: str, **fields: Any) -> Event:
    kept: dict[str, Any] = {"event_types": ("SECRET_VERSION_EXPIRED",), "notification": TARGET}
    return Event(name=name, **(kept | fields))


def small_seed(**fields: Any) -> Seed:
    kept: dict[str, Any] = {
        "project_id": PROJECT,
        "region": "cn-north-4",
        "credentials": (AccessKey(ak=AK, sk=SK, user="tester"),),
        "users": (User(name="tester", password=PASSWORD, domain="account"),),
        "topics": (Topic(name="oncall"), Topic(name="broken", failing=True)),
        "events": (event("alpha", create_time=-3 * DAY * 1000), event("beta", create_time=-2 * DAY * 1000)),
        "secrets": (Secret(name="db-password", event_subscriptions=("beta",)),),
    }
    return Seed(**(kept | fields))


@dataclass
class Cloud:
    """The server, its world, and calls to it."""

    base: str
    world: CsmsWorld
    clock: Clock
    http: httpx.AsyncClient

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        ak: str = AK,
        sk: str = SK,
        signed_at: float | None = None,
    ) -> httpx.Request:
        """A signed request, ready to be sent or to be tampered with; `data` is sent as JSON."""
        content = json.dumps(data).encode() if body is None and data is not None else body
        at = datetime.fromtimestamp(self.clock() if signed_at is None else signed_at, UTC)
        sent = SdkRequest(
            method=method,
            schema="http",
            host=self.base.removeprefix("http://"),
            resource_path=path,
            query_params=list((query or {}).items()),
            header_params={"X-Sdk-Date": at.strftime("%Y%m%dT%H%M%SZ"), "Content-Type": "application/json"}
            | (headers or {}),
            body=content,
        )
        Signer(SimpleNamespace(ak=ak, sk=sk)).sign(sent)
        url = self.base + path + (f"?{urlencode(query)}" if query else "")
        return httpx.Request(method, url, headers=sent.header_params, content=content)

    async def call(self, method: str, path: str, **how: Any) -> httpx.Response:
        return await self.http.send(self.request(method, path, **how))

    async def control(self, path: str, data: Any = None, *, method: str = "POST") -> httpx.Response:
        return await self.http.request(method, f"{self.base}/_control/{path}", json=data)

    async def login(self, password: str = PASSWORD, **scope: Any) -> httpx.Response:
        user = {"name": "tester", "password": password, "domain": {"name": "account"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        wanted = scope or {"project": {"id": PROJECT}}
        return await self.http.post(
            f"{self.base}/v3/auth/tokens?nocatalog=true",
            json={"auth": {"identity": identity, "scope": wanted}},
        )

    async def with_token(self, token: str, path: str = EVENTS) -> httpx.Response:
        return await self.http.get(self.base + path, headers={"X-Auth-Token": token})


class Stage:
    """A running server; which world it serves is up to the test."""

    base: str
    http: httpx.AsyncClient
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def cloud_on(stage: Stage, **fields: Any) -> Cloud:
    """A fresh world, made of `small_seed` with other `fields`, behind the running server."""
    clock = Clock()
    world = CsmsWorld(small_seed(**fields), clock=clock)
    stage.app = build_app(world)
    return Cloud(stage.base, world, clock, stage.http)


CloudOf = Callable[..., Cloud]  # the fixture `cloud_of`
