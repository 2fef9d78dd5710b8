"""Who is calling: signatures, tokens, temporary keys, locks and permissions, as gateway and IAM treat them."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.sandbox.csms.errors import GatewayRefusal, Refusal
from bot.sandbox.csms.model import AccessKey, Behaviour, User
from bot.sandbox.csms.signature import Authorization, RawRequest, canonical_request, sign

MAX_SKEW_MS = 15 * 60 * 1000
MAX_FAILURES = 5  # consecutive wrong signatures that are still forgiven
LOCK_MS = 5 * 60 * 1000
METADATA_KEY_LIFETIME_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a call was made by. `project_id` is what a token is for; None with an access key."""

    name: str
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An issued X-Subject-Token. Times in ms."""

    value: str = field(repr=False)
    user: User
    project_id: str | None
    issued_at: int
    expires_at: int


@dataclass(slots=True)
class _Failures:
    count: int = 0
    locked_until: int = 0


class Access:
    """The keys, users and tokens of the sandbox, and the checks of a call against them."""

    def __init__(
        self,
        *,
        keys: Iterable[AccessKey],
        users: Iterable[User],
        behaviour: Callable[[], Behaviour],
        now_ms: Callable[[], int],
    ) -> None:
        """`behaviour` and `now_ms` are asked at each call, since both can be changed while the server runs."""
        self.denied: frozenset[str] = frozenset()
        self._keys = {key.ak: key for key in keys}
        self._users = {(user.domain, user.name): user for user in users}
        self._tokens: dict[str, Token] = {}
        self._metadata_tokens: dict[str, int] = {}
        self._failures: dict[str, _Failures] = {}
        self._behaviour = behaviour
        self._now_ms = now_ms

    def authenticate(self, request: RawRequest) -> Caller:
        """The caller of a signed request or of one with X-Auth-Token. GatewayRefusal 401 for anyone else."""
        header = request.headers.get("authorization")
        if header is not None:
            return self._by_signature(request, header)
        token = request.headers.get("x-auth-token")
        if token is None:
            raise _unauthenticated("x-auth-token not found")
        return self._by_token(token)

    def permit(self, action: str, *, code: str) -> None:
        """Refusal 403 when `action` (such as csms:event:update) is denied."""
        if action in self.denied:
            raise Refusal(403, code, f"Policy doesn't allow {action} to be performed.")

    def issue_token(self, *, domain: str, name: str, password: str, project_id: str | None) -> Token:
        """IAM: a new token, which revokes no older one. Refusal 401 when the password is not the user's."""
        user = self._users.get((domain, name))
        if user is None or not hmac.compare_digest(user.password.encode(), password.encode()):
            raise Refusal(401, "IAM.0001", "The username or password is wrong.")
        now = self._now_ms()
        expires_at = now + self._behaviour().token_lifetime_s * 1000
        token = Token("MIIS" + secrets.token_urlsafe(768), user, project_id, now, expires_at)
        self._tokens[token.value] = token
        return token

    def expire_tokens(self) -> int:
        """Ends every token that is out; returns how many."""
        ended = len(self._tokens)
        now = self._now_ms()
        for value, token in self._tokens.items():
            self._tokens[value] = Token(value, token.user, token.project_id, token.issued_at, now)
        return ended

    def issue_metadata_token(self, ttl_s: int) -> str:
        """ECS metadata: a token for the next `ttl_s` seconds."""
        value = secrets.token_urlsafe(32)
        self._metadata_tokens[value] = self._now_ms() + ttl_s * 1000
        return value

    def metadata_token_is_valid(self, value: str) -> bool:
        """Whether it was issued here and has not ended."""
        return self._metadata_tokens.get(value, 0) > self._now_ms()

    def issue_temporary_key(self) -> AccessKey:
        """ECS metadata: an access key with a security token, good for a day."""
        key = AccessKey(
            ak="HST" + secrets.token_hex(9).upper()[:17],
            sk=secrets.token_urlsafe(30),
            user="ecs-agency",
            security_token=secrets.token_urlsafe(300),
            expires_at=self._now_ms() + METADATA_KEY_LIFETIME_S * 1000,
        )
        self._keys[key.ak] = key
        return key

    def _by_token(self, value: str) -> Caller:
        token = self._tokens.get(value)
        if token is None:
            raise _unauthenticated("decrypt token fail")
        if token.expires_at <= self._now_ms():
            raise GatewayRefusal(401, "APIGW.0307", "The token must be updated.")
        return Caller(token.user.name, token.project_id or "")

    def _by_signature(self, request: RawRequest, header: str) -> Caller:
        claim = Authorization.parse(header)
        if claim is None:
            raise _unauthenticated("Authorization format error")
        key = self._keys.get(claim.access)
        if key is None:
            raise _unauthenticated(f"Get secretKey failed,ak:{claim.access},err:ak not exist")
        now = self._now_ms()
        failures = self._failures.setdefault(key.ak, _Failures())
        if now < failures.locked_until:
            raise _unauthenticated("AK access failed to reach the limit,forbidden")
        date = request.headers.get("x-sdk-date", "")
        self._check_date(date, now)
        self._check_security_token(key, request, now)
        try:
            canonical = canonical_request(request, claim.signed_headers)
        except KeyError as missing:
            raise _unauthenticated(f"signed header {missing} not found") from None
        if hmac.compare_digest(sign(canonical, date=date, secret_key=key.sk), claim.signature):
            failures.count = 0
            return Caller(key.user)
        failures.count += 1
        if failures.count > MAX_FAILURES:
            self._failures[key.ak] = _Failures(locked_until=now + LOCK_MS)
        raise _unauthenticated("verify aksk signature fail" + self._echo(canonical, header))

    def _check_date(self, date: str, now: int) -> None:
        try:
            sent = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise _unauthenticated("X-Sdk-Date not found or of a wrong format") from None
        if abs(sent.timestamp() * 1000 - now) > MAX_SKEW_MS:
            raise _unauthenticated("signature expired: X-Sdk-Date is more than 15 minutes off")

    def _check_security_token(self, key: AccessKey, request: RawRequest, now: int) -> None:
        if key.security_token is None:
            return
        sent = request.headers.get("x-security-token", "")
        if not hmac.compare_digest(sent.encode(), key.security_token.encode()):
            raise _unauthenticated("verify security token fail")
        if key.expires_at is not None and key.expires_at <= now:
            raise _unauthenticated("security token expired")

    def _echo(self, canonical: str, header: str) -> str:
        if not self._behaviour().echo_signed_request:
            return ""
        return f", canonicalRequest:{canonical.replace(chr(10), '|')}, Authorization:{header}"


def _unauthenticated(why: str) -> GatewayRefusal:
    return GatewayRefusal(401, "APIGW.0301", f"Incorrect IAM authentication information: {why}")
