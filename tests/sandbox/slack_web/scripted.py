"""An app of a few lines for the page's tests: it takes what the workspace delivers and answers by a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.slack import Workspace

Payload = dict[str, Any]
Answer = Callable[[Payload], Awaitable[Payload | None]]


async def bare_ack(_payload: Payload) -> Payload | None:
    return None


@dataclass
class ScriptedApp:
    """`answers` by action_id, callback_id, or the text of a command; what has none gets a bare ack.

    `gate` holds every ack back while it is cleared.
    """

    workspace: Workspace
    client: httpx.AsyncClient
    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[Payload] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self.asgi = Starlette(routes=[Route("/scripted", self.take, methods=["POST"])])

    async def call(self, method: str, **body: Any) -> Payload:
        """Calls the workspace's Web API, as the app."""
        headers = {"Authorization": f"Bearer {self.workspace.app.bot_token}"}
        url = f"{self.workspace.base_url}/api/{method}"
        answer: Payload = (await self.client.post(url, json=body, headers=headers)).json()
        assert answer["ok"], (method, answer)
        return answer

    async def take(self, request: Request) -> Response:
        payload = _decoded(request.headers["content-type"], await request.body())
        self.received.append(payload)
        await self.gate.wait()
        answer = await self.answers.get(_key(payload), bare_ack)(payload)
        return Response() if answer is None else JSONResponse(answer)


def _decoded(content_type: str, body: bytes) -> Payload:
    if "json" in content_type:
        payload: Payload = json.loads(body)
        return payload
    form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    return json.loads(form["payload"]) if "payload" in form else form


def _key(payload: Payload) -> str:
    match payload.get("type"):
        case "block_actions":
            return str(payload["actions"][0]["action_id"])
        case "block_suggestion":
            return str(payload["action_id"])
        case "view_submission":
            return str(payload["view"]["callback_id"])
        case "event_callback":
            return str(payload["event"]["type"])
    return str(payload.get("text", ""))
