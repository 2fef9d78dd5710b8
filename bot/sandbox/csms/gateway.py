"""The way of every call: size, planned faults, authentication, project, permission, then the service itself."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.csms.access import Caller
from bot.sandbox.csms.errors import Envelope, GatewayRefusal, Refusal, render
from bot.sandbox.csms.faults import suffer
from bot.sandbox.csms.signature import RawRequest
from bot.sandbox.csms.world import CsmsWorld

MAX_BODY = 12 * 1024 * 1024  # the gateway's limit for signed requests
_DENIED_CODE = {Envelope.SMN: "SMN.0011"}
_DENIED_CODE_CSMS = "CSMS.0302"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the gateway."""

    world: CsmsWorld
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of the API. `name` is what faults and counts go by; `action` the permission, where one is needed."""

    name: str
    method: str
    path: str
    handler: Callable[[Call], Response]
    envelope: Envelope
    action: str | None = None
    authenticated: bool = True

    def route(self, world: CsmsWorld) -> Route:
        """The operation as a route of the server."""
        return Route(self.path, _endpoint(self, world), methods=[self.method], name=self.name)


def no_such_api(request: Request) -> Response:
    """What the gateway answers for a path or method that it does not know; not a missing event."""
    refusal = GatewayRefusal(
        404,
        "APIGW.0101",
        f"The API does not exist or has not been published: {request.method} {request.url.path}",
    )
    return render(refusal, envelope=Envelope.GATEWAY, request_id=uuid.uuid4().hex)


def _endpoint(operation: Operation, world: CsmsWorld) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        world.calls[operation.name] += 1
        request_id = uuid.uuid4().hex
        try:
            body = await _read(request)
        except GatewayRefusal as refusal:
            return render(refusal, envelope=operation.envelope, request_id=request_id)

        def perform() -> Response:
            return _perform(operation, world, request, body, request_id)

        fault = world.faults.take(operation.name)
        return perform() if fault is None else await suffer(fault, request, request_id, perform)

    return endpoint


def _perform(
    operation: Operation, world: CsmsWorld, request: Request, body: bytes, request_id: str
) -> Response:
    try:
        caller = Caller("anonymous")
        if operation.authenticated:
            caller = world.access.authenticate(_raw(request, body))
            _admit(operation, world, request, caller)
        call = Call(
            world, caller, request.path_params, request.query_params, request.headers, body, request_id
        )
        response = operation.handler(call)
    except Refusal as refusal:
        return render(refusal, envelope=operation.envelope, request_id=request_id)
    response.headers["X-Request-Id"] = request_id
    return response


def _admit(operation: Operation, world: CsmsWorld, request: Request, caller: Caller) -> None:
    """Refusal 403 when the call is for another project than the caller's, or the permission is missing."""
    code = _DENIED_CODE.get(operation.envelope, _DENIED_CODE_CSMS)
    asked = request.path_params.get("project_id")
    if asked is not None:
        named = request.headers.get("x-project-id", asked)
        scope = world.project_id if caller.project_id is None else caller.project_id
        if not asked == named == scope == world.project_id:
            raise Refusal(403, code, "The project id does not match the caller's.")
    if operation.action is not None:
        world.access.permit(operation.action, code=code)


def _raw(request: Request, body: bytes) -> RawRequest:
    raw_path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return RawRequest(
        request.method, raw_path.decode("latin-1"), query.decode("latin-1"), request.headers, body
    )


async def _read(request: Request) -> bytes:
    """The body; GatewayRefusal 413 as soon as it is too long, however much is still to come."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise GatewayRefusal(413, "APIGW.0201", "Request entity too large.")
    return bytes(body)
