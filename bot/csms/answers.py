"""HTTP answers and failures → one error type each, with status, code, message and request id, all redacted.

The envelopes (who sends them):

    {"error": {"error_code", "error_msg"}}            CSMS and KMS, events
    {"error_code", "error_msg"}                       CSMS, secrets and tasks
    {"error_msg", "error_code", "request_id"}         the gateway, APIGW.*
    {"error": {"code": 401, "message", "title"}}      IAM v3
    {"code", "message", "request_id"}                 SMN
    {"errorCode", "errorMsg"}                         others behind the same gateway
    HTML, or nothing                                  whatever stands before the gateway
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bot.csms.operations import Operation
from bot.csms.redact import redact
from bot.csms.transport import Unacceptable
from bot.csms.wire import Malformed, parse_json
from bot.errors import (
    CsmsDown,
    CsmsError,
    CsmsForbidden,
    CsmsGarbled,
    CsmsNotFound,
    CsmsRefused,
    CsmsUnauthorized,
    Landed,
)

TOKEN_MUST_BE_RENEWED = "0307"  # noqa: S105 (the gateway's code for it, not a token)
_WRONG_ADDRESS = ("0101", "0103")
_CODE_KEYS = ("error_code", "errorCode", "code")
_MESSAGE_KEYS = ("error_msg", "errorMsg", "message", "title")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an error answer says. Empty where it says nothing; already redacted."""

    code: str = ""
    message: str = ""
    request_id: str = ""

    @property
    def gateway_code(self) -> str:
        """The four digits of an APIGW (or APIG) code, "" when it is no code of the gateway."""
        found = re.fullmatch(r"APIGW?\.([0-9]{4})", self.code)
        return found[1] if found else ""


def envelope(response: httpx.Response, *, known: Sequence[str] = ()) -> Envelope:
    """Reads whichever envelope the answer has. Never raises."""
    try:
        body = parse_json(response.content)
    except ValueError:
        body = None
    outer = body if isinstance(body, dict) else {}
    inner = outer.get("error")
    layers = (inner, outer) if isinstance(inner, dict) else (outer,)
    code, message = _first(layers, _CODE_KEYS), _first(layers, _MESSAGE_KEYS)
    if not outer and response.content:
        message = f"the answer is not JSON but {response.headers.get('content-type', 'unnamed')}"
    request_id = _first(layers, ("request_id",)) or response.headers.get("x-request-id", "")
    return Envelope(
        redact(code, known=known)[:64], redact(message, known=known), redact(request_id, known=known)[:64]
    )


def _first(layers: Sequence[dict[str, Any]], keys: Sequence[str]) -> str:
    for layer in layers:
        for key in keys:
            value = layer.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                return str(value)
    return ""


def accepted(operation: Operation, response: httpx.Response, *, known: Sequence[str] = ()) -> bytes:
    """The body of a good answer; the error that fits any other. `known` values are redacted."""
    if not response.is_success:
        raise refusal(operation, response, known=known)
    return response.content


def refusal(operation: Operation, response: httpx.Response, *, known: Sequence[str] = ()) -> CsmsError:
    """The error that an answer means which is not a success."""
    status, said = response.status_code, envelope(response, known=known)
    facts: dict[str, Any] = {
        "status": status, "code": said.code, "message": said.message, "request_id": said.request_id,
    }  # fmt: skip
    if status == 429:
        return CsmsDown(operation.name, **facts)  # refused at the gate: surely not processed
    if status >= 500:
        return CsmsDown(operation.name, **facts, landed=_after(operation))
    if status < 400:
        return garbled(operation, "a redirect, which is never followed", status)
    if status == 401:
        return CsmsUnauthorized(operation.name, **facts)
    if status == 403:
        return CsmsForbidden(operation.name, **facts, permission=operation.permission)
    if said.gateway_code in _WRONG_ADDRESS:
        facts["message"] = f"no such API at this address: is the endpoint or the region wrong? {said.message}"
        return CsmsRefused(operation.name, **facts)
    if operation.names_event and (status == 404 or said.code == "CSMS.0005"):
        return CsmsNotFound(operation.name, **facts)
    return CsmsRefused(operation.name, **facts)


def garbled(operation: Operation, message: str, status: int = 0) -> CsmsGarbled:
    """An answer that cannot be believed; a write that it answers may well have happened."""
    return CsmsGarbled(operation.name, status=status, message=message, landed=_after(operation))


@contextmanager
def reading(operation: Operation) -> Iterator[None]:
    """A good answer with something wrong inside becomes CsmsGarbled."""
    try:
        yield
    except Malformed as error:
        raise garbled(operation, str(error), 200) from None


@contextmanager
def translated(operation: Operation) -> Iterator[None]:
    """Failures to exchange anything, most specific first. Above this nobody imports httpx's errors.

    Texts of httpx are left out: one about an illegal header holds the header.
    """
    try:
        yield
    except Unacceptable as error:
        raise garbled(operation, str(error)) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise CsmsDown(operation.name, message=_kind(error)) from None  # nothing was sent
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
        raise CsmsRefused(operation.name, message=_kind(error)) from None
    except (httpx.TransportError, TimeoutError) as error:
        raise CsmsDown(operation.name, message=_kind(error), landed=_after(operation)) from None


def _kind(error: Exception) -> str:
    """`ConnectTimeout` → "connect timeout"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()


def _after(operation: Operation) -> Landed:
    return Landed.UNKNOWN if operation.writes else Landed.NO
