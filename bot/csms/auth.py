"""How a request proves who sends it: one `httpx.Auth` for each kind of credential.

A wrong signature is never tried twice: more than five in a row lock the key for five minutes (APIGW.0301).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.csms import wire
from bot.csms.answers import TOKEN_MUST_BE_RENEWED, accepted, envelope, garbled, reading, translated
from bot.csms.operations import CREATE_TOKEN, METADATA_KEY, Operation
from bot.csms.renewal import Clock, Held, Renewed, utc_now
from bot.csms.signing import authorization, canonical_request, sdk_date
from bot.csms.transport import open_client

SIGNED = ("host", "x-sdk-date", "content-type", "x-project-id", "x-security-token")
"""What is signed where it is present: not the user agent and the like, which proxies may change."""

TOKEN_EARLY = timedelta(minutes=30)
"""A token lives 24 h (IAM). A shorter-lived one is renewed when a tenth of its life is left."""
TOKEN_LIFE = timedelta(hours=1)
"""Assumed when an answer does not say when its token expires."""

METADATA = "http://169.254.169.254"
METADATA_EARLY = timedelta(minutes=40)
METADATA_TTL_S = 21_600
METADATA_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
"""Seconds. It is a neighbour or it is not there."""
NO_METADATA_TOKEN = (404, 405, 503)
"""The token step is not offered on this instance: go on without it."""


class Credential(httpx.Auth):
    """What every kind of credential has in common."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """What it is, for people; never what is in it."""

    @property
    def hidden(self) -> tuple[str, ...]:
        """Values that must not be shown although a server may echo them."""
        return ()


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """An access key; with a security token it is a temporary one."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    security_token: str = field(default="", repr=False)


def sign(request: httpx.Request, keys: AccessKeys, *, project_id: str, now: datetime) -> None:
    """Signs a request whose body was read. The Host that is signed is the one that httpx sends, port included."""
    request.headers["X-Sdk-Date"] = date = sdk_date(now)
    if project_id:
        request.headers["X-Project-Id"] = project_id
    if keys.security_token:
        request.headers["X-Security-Token"] = keys.security_token
    canonical = canonical_request(
        request.method,
        target=request.url.raw_path.decode("ascii"),
        headers={name: request.headers[name] for name in SIGNED if name in request.headers},
        body=request.content,
    )
    request.headers["Authorization"] = authorization(
        access_key=keys.access_key, secret_key=keys.secret_key, date=date, canonical=canonical
    )


class AkSkAuth(Credential):
    """Access key and secret key, permanent or (with a security token) temporary."""

    requires_request_body = True

    def __init__(self, keys: AccessKeys, *, project_id: str = "", clock: Clock = utc_now) -> None:
        self._keys = keys
        self._project_id = project_id
        self._clock = clock

    @property
    def kind(self) -> str:
        return "temporary access key" if self._keys.security_token else "access key"

    @property
    def hidden(self) -> tuple[str, ...]:
        return (self._keys.access_key, self._keys.secret_key, self._keys.security_token)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Signs, and sends once."""
        sign(request, self._keys, project_id=self._project_id, now=self._clock())
        yield request


class TokenAuth(Credential):
    """A token that somebody else got, and nobody renews."""

    def __init__(self, token: str) -> None:
        self._token = token

    @property
    def kind(self) -> str:
        return "ready token"

    @property
    def hidden(self) -> tuple[str, ...]:
        return (self._token,)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Adds the token."""
        request.headers["X-Auth-Token"] = self._token
        yield request


class PasswordAuth(Credential):
    """An IAM user: gets a token, keeps it, renews it before it expires, and once when the gateway says so.

    IAM: docs of KeystoneCreateUserTokenByPassword. Only IAM users can do this, without MFA. A regional endpoint's
    token is good in that region.
    """

    def __init__(
        self,
        *,
        user: str,
        password: str,
        domain: str,
        project_id: str,
        iam_endpoint: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """`iam_endpoint` was checked by `endpoints.address`. `transport` is for tests."""
        self._url = f"{iam_endpoint}/v3/auth/tokens?nocatalog=true"
        who = {"name": user, "password": password, "domain": {"name": domain}}
        self._body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": who}},
                "scope": {"project": {"id": project_id}},
            }
        }
        self._password = password
        self._transport = transport
        self._clock = clock
        self._token: Renewed[str] = Renewed(self._fetch, clock=clock)

    @property
    def kind(self) -> str:
        return "IAM user and password"

    @property
    def hidden(self) -> tuple[str, ...]:
        return (self._password, self._token.current or "")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sends with the token at hand; after 401 APIGW.0307 once more, with a new one."""
        token = await self._token.get()
        request.headers["X-Auth-Token"] = token
        response = yield request
        if response.status_code != 401:
            return
        await response.aread()
        if envelope(response).gateway_code == TOKEN_MUST_BE_RENEWED:
            request.headers["X-Auth-Token"] = await self._token.get(refused=token)
            yield request

    async def _fetch(self) -> Held[str]:
        async with open_client(transport=self._transport) as client:
            with translated(CREATE_TOKEN):
                response = await client.post(self._url, json=self._body)
        content = accepted(CREATE_TOKEN, response, known=self.hidden)
        with reading(CREATE_TOKEN):
            about = wire.body(content).get("token")
        token = response.headers.get("x-subject-token", "")
        if not token:
            raise garbled(CREATE_TOKEN, "no X-Subject-Token in the answer", response.status_code)
        now = self._clock()
        expires = _time(about.get("expires_at")) if isinstance(about, dict) else None
        expires = expires or now + TOKEN_LIFE
        return Held(token, expires, renew=expires - min(TOKEN_EARLY, (expires - now) / 10))


class MetadataAuth(Credential):
    """The temporary keys of the agency of an ECS instance, from its metadata service; renewed 40 min early."""

    def __init__(
        self,
        *,
        project_id: str = "",
        base: str = METADATA,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._base = base
        self._project_id = project_id
        self._transport = transport
        self._clock = clock
        self._keys: Renewed[AccessKeys] = Renewed(self._fetch, clock=clock)

    @property
    def kind(self) -> str:
        return "ECS metadata"

    @property
    def hidden(self) -> tuple[str, ...]:
        keys = self._keys.current
        return (keys.access_key, keys.secret_key, keys.security_token) if keys else ()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Signs with the keys at hand."""
        await request.aread()
        keys = await self._keys.get()
        sign(request, keys, project_id=self._project_id, now=self._clock())
        yield request

    async def _fetch(self) -> Held[AccessKeys]:
        async with open_client(transport=self._transport) as client:
            client.timeout = METADATA_TIMEOUT
            headers = await self._session(client)
            with translated(METADATA_KEY):
                response = await client.get(f"{self._base}/openstack/latest/securitykey", headers=headers)
        content = accepted(METADATA_KEY, response)
        with reading(METADATA_KEY):
            found = wire.body(content).get("credential")
        raw: dict[str, Any] = found if isinstance(found, dict) else {}
        keys = AccessKeys(
            *(_required(METADATA_KEY, raw, key) for key in ("access", "secret", "securitytoken"))
        )
        expires = _time(raw.get("expires_at"))
        if expires is None:
            raise garbled(METADATA_KEY, "no expires_at in the answer", response.status_code)
        return Held(keys, expires, renew=expires - METADATA_EARLY)

    async def _session(self, client: httpx.AsyncClient) -> dict[str, str]:
        with translated(METADATA_KEY):
            response = await client.put(
                f"{self._base}/meta-data/latest/api/token",
                headers={"X-Metadata-Token-Ttl-Seconds": str(METADATA_TTL_S)},
            )
        if response.status_code in NO_METADATA_TOKEN:
            return {}
        accepted(METADATA_KEY, response)
        return {"X-Metadata-Token": response.text.strip()}


def _required(operation: Operation, raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise garbled(operation, f"no {key} in the answer", 200)
    return value


def _time(value: object) -> datetime | None:
    """`2020-01-04T09:05:22.701000Z` (IAM); without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
