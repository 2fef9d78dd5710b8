"""Refusals, and the envelope that each part of the cloud puts them in.

```
Refusal            a service says no, in the envelope of its route (CSMS, IAM, SMN)
└── GatewayRefusal the gateway in front of all of them says no, in its own envelope
```
"""

from __future__ import annotations

import json
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from starlette.responses import Response


class Envelope(StrEnum):
    """The shapes of an error body."""

    GATEWAY = "gateway"  # {"error_msg", "error_code", "request_id"} and a newline
    CSMS = "csms"  # {"error": {"error_code", "error_msg"}}: the event calls
    CSMS_FLAT = "csms_flat"  # {"error_code", "error_msg"}: secrets and tasks
    IAM = "iam"  # {"error": {"code": 401, "message", "title"}}
    SMN = "smn"  # {"request_id", "code", "message"}


class Refusal(Exception):
    """A call that is answered with an error. `code` is the service's, such as CSMS.0002; IAM v3 shows none."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """`message` goes to the caller as it is."""
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message


class GatewayRefusal(Refusal):
    """The gateway refuses, before the service is reached."""


def invalid(message: str) -> Refusal:
    """CSMS.0002: a parameter has a wrong value."""
    return Refusal(400, "CSMS.0002", message)


def render(refusal: Refusal, *, envelope: Envelope, request_id: str) -> Response:
    """The refusal as an HTTP answer."""
    by = Envelope.GATEWAY if isinstance(refusal, GatewayRefusal) else envelope
    headers = {"X-Request-Id": request_id}
    text = json.dumps(_body(refusal, by, request_id))
    if by is Envelope.GATEWAY:
        headers["Server"] = "api-gateway"
        text += "\n"
    return Response(text, refusal.status, headers, media_type="application/json")


def _body(refusal: Refusal, by: Envelope, request_id: str) -> dict[str, Any]:
    match by:
        case Envelope.GATEWAY:
            return {"error_msg": refusal.message, "error_code": refusal.code, "request_id": request_id}
        case Envelope.CSMS:
            return {"error": {"error_code": refusal.code, "error_msg": refusal.message}}
        case Envelope.CSMS_FLAT:
            return {"error_code": refusal.code, "error_msg": refusal.message}
        case Envelope.IAM:
            title = HTTPStatus(refusal.status).phrase
            return {"error": {"code": refusal.status, "message": refusal.message, "title": title}}
        case Envelope.SMN:
            return {"request_id": request_id, "code": refusal.code, "message": refusal.message}
