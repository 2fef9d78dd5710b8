"""What the tests of the embedded Slack share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.slack import Workspace, demo_seed

BOT_TOKEN = demo_seed().app.bot_token
APP_TOKEN = demo_seed().app.app_token
SECRET = demo_seed().app.signing_secret
ENGINEER, APPROVER, GUEST, BOT = "U00ENGINEER", "U00APPROVER", "U00GUEST", "U00CSMSBOT"
ALERTS, APPROVALS, GENERAL = "C00ALERTS", "C00APPROVALS", "C00GENERAL"


class Clock:
    """Seconds since the epoch, that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


class Api:
    """Calls Web API methods and gives back their JSON."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._token = token

    async def __call__(self, method: str, /, **args: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = await self._http.post(f"/api/{method}", json=args, headers=headers)
        body: dict[str, Any] = answer.json()
        return body

    async def ok(self, method: str, /, **args: Any) -> dict[str, Any]:
        """A call that must succeed."""
        body = await self(method, **args)
        assert body["ok"], body
        return body

    async def error(self, method: str, /, **args: Any) -> str:
        """A call that must be refused: the code."""
        body = await self(method, **args)
        assert not body["ok"], body
        code: str = body["error"]
        return code


@dataclass
class Received:
    """One request that reached the app."""

    headers: dict[str, str]
    raw: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))

    @property
    def payload(self) -> dict[str, Any]:
        """The JSON of an interaction or an event."""
        if self.headers["content-type"].startswith("application/json"):
            body: dict[str, Any] = json.loads(self.raw)
        else:
            body = json.loads(self.form["payload"])
        return body


Answer = Response | dict[str, Any] | None


@dataclass
class AppDouble:
    """An app at the end of a request URL: keeps what it gets, answers with what `answer` gives."""

    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Awaitable[Answer] | Answer] = lambda _received: None

    def attach(self, workspace: Workspace) -> AppDouble:
        """Becomes the app of the workspace, at the end of its HTTP."""

        async def take(request: Request) -> Response:
            received = Received(dict(request.headers), await request.body())
            self.received.append(received)
            answer = self.answer(received)
            if isinstance(answer, Awaitable):
                answer = await answer
            if isinstance(answer, dict):
                return JSONResponse(answer)
            return answer or Response()

        workspace.base_url = workspace.base_url or "http://slack.test"
        double = Starlette(routes=[Route("/slack", take, methods=["POST"])])
        workspace.courier.transport = httpx.ASGITransport(double)
        workspace.set_request_url("http://app.test/slack")
        return self


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def button(text: str = "Go", **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text), "action_id": "go", **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "block_id": "buttons", "elements": list(elements)}


def section(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), **more}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(value.title()), "value": value}


def text_input(**more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "typed", **more}
    return {"type": "input", "block_id": "reason", "label": plain("Reason"), "element": element}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "modal", "callback_id": "form", "title": plain("Form"), "submit": plain("Send"),
        "blocks": list(blocks or [text_input()]), **more,
    }  # fmt: skip
