"""The door in front of the Web API: token, scopes, limits, planned faults, and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.sandbox.faults import drop_connection
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.api.files import store_upload
from bot.sandbox.slack.api.forms import read_arguments, read_file
from bot.sandbox.slack.api.table import METHODS, Method, Token
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.fault import Fault, FaultKind
from bot.sandbox.slack.model import JsonDict
from bot.sandbox.slack.respond import respond
from bot.sandbox.slack.state import Standing, State
from bot.sandbox.slack.tasks import in_background

Work = Callable[[], Response]


def routes(state: State) -> list[Route]:
    """`/api/<method>`, the upload addresses, and the response URLs."""

    async def api(request: Request) -> Response:
        method = request.path_params["method"]
        args, token = await _arguments(request)
        state.base_url = str(request.base_url).rstrip("/")
        return await guarded(state, request, method, lambda: _api_answer(state, method, args, token))

    async def upload(request: Request) -> Response:
        content = await read_file(request)
        key = request.path_params["key"]
        return await guarded(state, request, "upload_url", lambda: _upload_answer(state, key, content))

    async def response_url(request: Request) -> Response:
        body = await request.body()
        key = request.path_params["key"]
        return await guarded(state, request, "response_url", lambda: _response_url_answer(state, key, body))

    return [
        Route("/api/{method}", api, methods=["GET", "POST"]),
        Route("/upload/v1/{key}", upload, methods=["POST"]),
        Route("/response/{team}/{key}", response_url, methods=["POST"]),
    ]


async def _arguments(request: Request) -> tuple[JsonDict, str]:
    values = await read_arguments(request)
    in_body = values.pop("token", "")
    scheme, _, in_header = request.headers.get("authorization", "").partition(" ")
    return values, in_header if scheme.lower() == "bearer" else str(in_body)


def _api_answer(state: State, name: str, args: JsonDict, token: str) -> Response:
    headers = {}
    try:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        _authenticate(state, method, token)
        headers["X-OAuth-Scopes"] = ",".join(state.app.scopes)
        if method.scope is not None:
            headers["X-Accepted-OAuth-Scopes"] = method.scope
            Call(state, name, Args(args)).require_scope(method.scope)
        wait_s = state.rate_limits.call(name, method.per_minute)
        if wait_s is not None:
            raise SlackError("ratelimited", retry_after=wait_s)
        return JSONResponse({"ok": True} | method.run(Call(state, name, Args(args))), headers=headers)
    except SlackError as error:
        if error.code == "ratelimited":
            return _rate_limited(error.fields["retry_after"])
        return JSONResponse(error.as_answer(), headers=headers)


def _authenticate(state: State, method: Method, token: str) -> None:
    if not token:
        raise SlackError("not_authed")
    if token not in (state.app.bot_token, state.app.app_token):
        raise SlackError("invalid_auth")
    if state.standing is not Standing.VALID:
        raise SlackError(state.standing)
    wanted = state.app.app_token if method.token is Token.APP else state.app.bot_token
    if token != wanted:
        raise SlackError("not_allowed_token_type")


def _upload_answer(state: State, key: str, content: bytes) -> Response:
    try:
        store_upload(state, key, content)
    except SlackError as error:
        return PlainTextResponse(error.code, 400 if error.code == "invalid_arguments" else 404)
    return PlainTextResponse(f"OK - {len(content)}")


def _response_url_answer(state: State, key: str, body: bytes) -> Response:
    try:
        respond(state, key, body)
    except SlackError as error:
        gone = error.code in ("used_url", "expired_url", "invalid_url")
        return JSONResponse(error.as_answer(), 404 if gone else 200)
    return JSONResponse({"ok": True})


def _rate_limited(retry_after_s: int) -> Response:
    return JSONResponse(
        {"ok": False, "error": "ratelimited"}, 429, headers={"Retry-After": str(retry_after_s)}
    )


async def guarded(state: State, request: Request, name: str, work: Work) -> Response:
    """Counts a call, does it, and lets the next planned fault of that name have its way with it."""
    state.journal.calls[name] += 1
    fault = state.faults.take(name)
    if fault is None:
        return work()
    match fault.kind:
        case FaultKind.RATELIMITED:
            return _rate_limited(fault.retry_after)
        case FaultKind.STATUS:
            return PlainTextResponse("planned fault", fault.status)
        case FaultKind.ERROR:
            return JSONResponse({"ok": False, "error": fault.error})
        case FaultKind.ERROR_AFTER:
            work()
            return JSONResponse({"ok": False, "error": fault.error})
        case FaultKind.RESET_BEFORE:
            return await drop_connection(request)
        case FaultKind.RESET_AFTER:
            work()
            return await drop_connection(request)
        case FaultKind.DELAY:
            await asyncio.sleep(fault.delay_s)
            return work()
        case FaultKind.LATE:
            in_background(state.background, _late(fault, work))
            return await drop_connection(request)


async def _late(fault: Fault, work: Work) -> None:
    await asyncio.sleep(fault.delay_s)
    work()
