"""The web page of the workspace, and the JSON routes it uses. Who a visitor is, the visitor says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.model import JsonDict, Message, View
from bot.sandbox.slack.seed import User
from bot.sandbox.slack.workspace import Outcome, Workspace

WEB = Path(__file__).parent / "web"

Act = Callable[[Workspace, JsonDict], Awaitable[JsonDict]]


class _Static(StaticFiles):
    """The page's files, always asked for again, so that a change to one is seen at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def routes(workspace: Workspace) -> list[BaseRoute]:
    """`/`, `/static`, `/_files`, and everything under `/_page`."""

    async def index(_request: Request) -> Response:
        return FileResponse(WEB / "index.html", headers={"Cache-Control": "no-cache"})

    async def boot(request: Request) -> Response:
        return JSONResponse(_boot(workspace, request.query_params.get("as", "")))

    async def history(request: Request) -> Response:
        return _json(lambda: _history(workspace, request.query_params))

    async def file(request: Request) -> Response:
        stored = workspace.files.get(request.path_params["id"])
        if stored is None or stored.content is None or not stored.shared:
            return JSONResponse({"ok": False, "error": "file_not_found"}, 404)
        return Response(
            stored.content, media_type=stored.mimetype,
            headers={"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"},
        )  # fmt: skip

    async def live(websocket: WebSocket) -> None:
        await _live(workspace, websocket)

    def act(name: str, do: Act) -> Route:
        async def endpoint(request: Request) -> Response:
            workspace.base_url = workspace.base_url or str(request.base_url).rstrip("/")
            try:
                body = json.loads(await request.body())
                if not isinstance(body, dict):
                    raise SlackError("invalid_json")
                return JSONResponse(await do(workspace, body))
            except SlackError as error:
                return JSONResponse(error.as_answer())
            except (ValueError, KeyError) as error:
                return JSONResponse({"ok": False, "error": f"bad request: {type(error).__name__}"}, 400)

        return Route(f"/_page/{name}", endpoint, methods=["POST"])

    return [
        Route("/", index),
        Mount("/static", _Static(directory=WEB, check_dir=False)),
        Route("/_files/{id}/{name}", file),
        Route("/_page/boot", boot),
        Route("/_page/history", history),
        WebSocketRoute("/_page/live", live),
        *(act(name, do) for name, do in ACTS.items()),
    ]


def _json(work: Callable[[], JsonDict]) -> Response:
    try:
        return JSONResponse(work())
    except SlackError as error:
        return JSONResponse(error.as_answer(), 404)


def _boot(workspace: Workspace, user_id: str) -> JsonDict:
    people = [user for user in workspace.users.values() if not user.deleted]
    me = next((user for user in people if user.id == user_id and not user.is_bot), None)
    me = me or next(user for user in people if not user.is_bot)
    workspace.open_im(me.id)
    app = workspace.app
    return {
        "workspace": {"id": workspace.team.id, "name": workspace.team.name},
        "me": me.id,
        "users": [_user(user) for user in people],
        "usergroups": [{"id": group.id, "handle": group.handle} for group in workspace.usergroups.values()],
        "channels": workspace.channels_shown_to(me.id),
        "commands": [
            {"command": known.command, "description": known.description, "usage_hint": known.usage_hint}
            for known in app.commands
        ],
        "suggestions": list(app.suggestions),
        "app": {
            "app_id": app.app_id, "name": app.name, "bot_user_id": app.bot_user_id,
            "connected": workspace.app_connected,
        },
    }  # fmt: skip


def _user(user: User) -> JsonDict:
    return {
        "id": user.id, "name": user.name, "real_name": user.real_name, "title": user.title, "role": user.role,
        "is_bot": user.is_bot, "is_restricted": user.is_guest, "color": user.color,
    }  # fmt: skip


def _history(workspace: Workspace, query: Any) -> JsonDict:
    user = workspace.person(query.get("as", "")).id
    channel = workspace.visible_channel(user, query.get("channel", "")).id
    own = [message for message in workspace.ephemerals(user) if message.channel == channel]
    listed = sorted([*workspace.messages(channel), *own], key=lambda message: message.ts)
    return {"messages": [workspace.page_message(message) for message in listed]}


async def _live(workspace: Workspace, websocket: WebSocket) -> None:
    user_id = websocket.query_params.get("as", "")
    await websocket.accept()
    with workspace.page(user_id) as frames:
        # What may have changed while this page was not listening.
        stack = [workspace.page_view(view) for view in workspace.views(user_id)]
        frames.put_nowait({"type": "views", "stack": stack})
        frames.put_nowait({"type": "app", "connected": workspace.app_connected})
        sending = asyncio.create_task(_send(websocket, frames))
        try:
            with contextlib.suppress(WebSocketDisconnect):
                while True:
                    await websocket.receive_text()
        finally:
            sending.cancel()


async def _send(websocket: WebSocket, frames: asyncio.Queue[JsonDict]) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await websocket.send_text(json.dumps(await frames.get()))


def _outcome(outcome: Outcome) -> JsonDict:
    answer: JsonDict = {"ok": outcome.ok}
    if outcome.error:
        answer["error"] = outcome.error
    if outcome.errors:
        answer["errors"] = dict(outcome.errors)
    return answer


def _source(workspace: Workspace, user: str, container: JsonDict) -> Message | View:
    if container["type"] == "view":
        source: Message | View | None = workspace.find_view(container["view_id"])
    else:
        ts = container["ts"]
        source = workspace.message(container["channel"], ts) or workspace.ephemeral(user, ts)
    if source is None:
        raise SlackError("message_not_found")
    return source


async def _post(workspace: Workspace, body: JsonDict) -> JsonDict:
    outcome = await workspace.write(
        body["as"], body["channel"], str(body["text"]), thread_ts=body.get("thread_ts")
    )
    return _outcome(outcome)


async def _action(workspace: Workspace, body: JsonDict) -> JsonDict:
    action = body["action"]
    source = _source(workspace, body["as"], body["container"])
    # A page names the element and what was picked there; what the element is and holds, the workspace knows itself.
    if action["type"] == "overflow":
        chosen: Any = action.get("selected_option")
    else:
        chosen = action
    outcome = await workspace.click(
        body["as"], source, action_id=action["action_id"], block_id=action.get("block_id"), chosen=chosen,
        values=body.get("values") or {},
    )  # fmt: skip
    return _outcome(outcome)


async def _submit(workspace: Workspace, body: JsonDict) -> JsonDict:
    return _outcome(await workspace.submit(body["as"], body["view_id"], body.get("values") or {}))


async def _close(workspace: Workspace, body: JsonDict) -> JsonDict:
    return _outcome(await workspace.close(body["as"], body["view_id"]))


async def _options(workspace: Workspace, body: JsonDict) -> JsonDict:
    source = _source(workspace, body["as"], body["container"])
    return await workspace.options(
        body["as"],
        source,
        action_id=body["action_id"],
        block_id=body.get("block_id"),
        value=str(body["value"]),
    )


async def _home(workspace: Workspace, body: JsonDict) -> JsonDict:
    view = workspace.open_home(body["as"])
    return {"ok": True} | ({"view": workspace.page_view(view)} if view is not None else {})


async def _dismiss(workspace: Workspace, body: JsonDict) -> JsonDict:
    workspace.dismiss(workspace.person(body["as"]).id, body["ts"])
    return {"ok": True}


ACTS: dict[str, Act] = {
    "post": _post,
    "action": _action,
    "view_submit": _submit,
    "view_close": _close,
    "options": _options,
    "home": _home,
    "dismiss": _dismiss,
}
