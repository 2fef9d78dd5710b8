"""`/_control`: what tests and the curious change from outside, and the workspace's own records.

Nothing here is part of Slack, and nothing here asks who is calling: the sandbox is for one's own machine.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.slack.errors import SlackError, invalid_arguments
from bot.sandbox.slack.fault import Fault, FaultKind
from bot.sandbox.slack.model import JsonDict
from bot.sandbox.slack.state import Standing
from bot.sandbox.slack.workspace import Workspace

Change = Callable[[Workspace, JsonDict], Awaitable[JsonDict]]


def routes(workspace: Workspace) -> list[Route]:
    """All of `/_control`."""

    async def journal(_request: Request) -> Response:
        return JSONResponse([dataclasses.asdict(entry) for entry in workspace.journal.entries])

    async def calls(_request: Request) -> Response:
        return JSONResponse(dict(workspace.journal.calls))

    async def clear_faults(_request: Request) -> Response:
        workspace.faults.clear()
        return JSONResponse({"ok": True})

    def change(name: str, do: Change) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                body = json.loads(await request.body())
                if not isinstance(body, dict):
                    raise invalid_arguments("must be a JSON object")
                return JSONResponse({"ok": True} | await do(workspace, body))
            except SlackError as error:
                return JSONResponse(error.as_answer(), 400)
            except (ValueError, KeyError, TypeError) as error:
                return JSONResponse({"ok": False, "error": f"bad request: {error}"}, 400)

        return Route(f"/_control/{name}", endpoint, methods=["POST"])

    return [
        Route("/_control/journal", journal),
        Route("/_control/calls", calls),
        Route("/_control/faults", clear_faults, methods=["DELETE"]),
        *(change(name, do) for name, do in CHANGES.items()),
    ]


async def _faults(workspace: Workspace, body: JsonDict) -> JsonDict:
    """`{"method", "nth": 1, "times": 1, "kind", …}`: the other keys are those of `Fault`. `times` null: always."""
    plan = dict(body)
    method, nth, times = plan.pop("method"), plan.pop("nth", 1), plan.pop("times", 1)
    fault = Fault(**(plan | {"kind": FaultKind(plan["kind"])}))
    workspace.faults.add(method, fault, nth=nth, times=times)
    return {"planned": len(workspace.faults)}


async def _socket(workspace: Workspace, body: JsonDict) -> JsonDict:
    """`{"action": "refresh" | "warning" | "drop"}`; answers how many sockets it concerned."""
    match body["action"]:
        case "refresh":
            return {"sockets": await workspace.sockets.disconnect(reason="refresh_requested")}
        case "warning":
            return {"sockets": await workspace.sockets.disconnect(reason="warning")}
        case "drop":
            return {"sockets": workspace.sockets.drop()}
    raise invalid_arguments("action is refresh, warning or drop")


async def _app(workspace: Workspace, body: JsonDict) -> JsonDict:
    """`{"scopes": […], "token": a Standing, "request_url": … | null}`; a new request URL is asked for a challenge."""
    if unknown := set(body) - {"scopes", "request_url", "token"}:
        raise invalid_arguments(f"unknown: {', '.join(sorted(unknown))}")
    if "token" in body:
        workspace.standing = Standing(body["token"])
    if "scopes" in body:
        workspace.put_app(replace(workspace.app, scopes=tuple(body["scopes"])))
    if "request_url" not in body:
        return {}
    workspace.set_request_url(body["request_url"])
    return {"verified": body["request_url"] is not None and await workspace.courier.verify_request_url()}


async def _channel(workspace: Workspace, body: JsonDict) -> JsonDict:
    """`{"id", "archived": bool, "bot_member": bool, "members": [user ids]}`, all but the id as wanted."""
    channel = workspace.channels.get(body["id"])
    if channel is None:
        raise SlackError("channel_not_found")
    if "archived" in body:
        channel = replace(channel, is_archived=bool(body["archived"]))
    if "members" in body:
        channel = replace(channel, members=tuple(body["members"]))
    if "bot_member" in body:
        bot = workspace.app.bot_user_id
        others = tuple(member for member in channel.members if member != bot)
        channel = replace(channel, members=(*others, bot) if body["bot_member"] else others)
    workspace.put_channel(channel)
    return {}


async def _user(workspace: Workspace, body: JsonDict) -> JsonDict:
    """`{"id", …}`: the other keys are those of `User` that are to change."""
    user = workspace.users.get(body["id"])
    if user is None:
        raise SlackError("user_not_found")
    workspace.put_user(replace(user, **body))
    return {}


async def _usergroup(workspace: Workspace, body: JsonDict) -> JsonDict:
    """`{"id", "users": [user ids]}`."""
    group = workspace.usergroups.get(body["id"])
    if group is None:
        raise SlackError("no_such_subteam")
    workspace.usergroups[group.id] = replace(group, users=tuple(body["users"]))
    return {}


async def _redeliver(workspace: Workspace, _body: JsonDict) -> JsonDict:
    """`{}`: sends the last payload once more, as a network may."""
    if not workspace.courier.delivered:
        raise SlackError("nothing_delivered")
    ack = await workspace.redeliver(workspace.courier.delivered[-1])
    return {"acked": ack.ok}


CHANGES: dict[str, Change] = {
    "faults": _faults,
    "socket": _socket,
    "app": _app,
    "channel": _channel,
    "user": _user,
    "usergroup": _usergroup,
    "redeliver": _redeliver,
}
