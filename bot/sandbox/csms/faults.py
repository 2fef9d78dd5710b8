"""The faults that the embedded CSMS can be told to make, and how a call goes through one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from bot.sandbox.csms.errors import Envelope, GatewayRefusal, render
from bot.sandbox.faults import drop_connection

_THROTTLED = "The throttling threshold has been reached: policy user over ratelimit,limit:20,time:1 second"  # seen on real gateways
_GATEWAY_SAYS = {
    429: ("APIGW.0308", _THROTTLED),
    500: ("APIGW.0601", "Internal server error."),
    502: ("APIGW.0201", "Backend unavailable."),
    503: ("APIGW.0613", "IAM is unavailable."),
    504: ("APIGW.0201", "Backend timeout."),
}


class Effect(StrEnum):
    """Where the fault falls, as seen from the effect of the call. A fault that only delays loses nothing."""

    NONE = "none"  # the call is never carried out
    BEFORE = "before"  # the fault comes before the effect, which then never happens: the same as NONE
    AFTER = "after"  # the call is carried out, then its answer is lost
    LATE = "late"  # the connection is reset at once, the call is carried out `delay_s` later


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to a call instead of its answer: a connection reset, a status, or (neither) only a delay.

    `body`: text as it is, anything else as JSON; left out, the gateway's own body for that status. `delay_s`: seconds
    waited first (after the effect, for AFTER).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    effect: Effect = Effect.NONE
    reset: bool = False


async def suffer(
    fault: Fault, request: Request, request_id: str, perform: Callable[[], Response]
) -> Response:
    """Takes one call through `fault`; `perform` carries it out and gives the true answer."""
    if fault.effect is Effect.LATE:
        dropped = await drop_connection(request)
        await asyncio.sleep(fault.delay_s)
        perform()
        return dropped
    true_answer = perform() if fault.effect is Effect.AFTER else None
    await asyncio.sleep(fault.delay_s)
    if fault.reset:
        return await drop_connection(request)
    if fault.status is not None:
        return _answer(fault, request_id)
    return true_answer or perform()


def _answer(fault: Fault, request_id: str) -> Response:
    status = fault.status or 500
    headers = {"X-Request-Id": request_id} | fault.headers
    if fault.body is None:
        code, message = _GATEWAY_SAYS.get(status, ("APIGW.0000", "A planned fault."))
        answer = render(
            GatewayRefusal(status, code, message), envelope=Envelope.GATEWAY, request_id=request_id
        )
        answer.headers.update(headers)
        return answer
    if isinstance(fault.body, str):
        return Response(fault.body, status, headers, media_type="text/html")
    return Response(json.dumps(fault.body), status, headers, media_type="application/json")
