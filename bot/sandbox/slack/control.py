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

from bot.sandbox.slack.delivery import with_request_url
from bot.sandbox.slack.errors import SlackError, invalid_arguments
from bot.sandbox.slack.fault import Fault, FaultKind
from bot.sandbox.slack.model import JsonDict
from bot.sandbox.slack.state import TOKEN_STATES
from bot.sandbox.slack.workspace import Workspace, user_changed

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
    plan = dict(body)
    method, nth, times = plan.pop("method"), plan.pop("nth", 1), plan.pop("times", 1)
    fault = Fault(**(plan | {"kind": FaultKind(plan["kind"])}))
    workspace.faults.add(method, fault, nth=nth, times=times)
    return {"planned": len(workspace.faults)}


async def _socket(workspace: Workspace, body: JsonDict) -> JsonDict:
    match body["action"]:
        case "refresh":
            return {"sockets": await workspace.sockets.disconnect(reason="refresh_requested")}
        case "warning":
            return {"sockets": await workspace.sockets.disconnect(reason="warning")}
        case "drop":
            return {"sockets": workspace.sockets.drop()}
    raise invalid_arguments("action is refresh, warning or drop")


async def _app(workspace: Workspace, body: JsonDict) -> JsonDict:
    if unknown := set(body) - {"scopes", "request_url", "token_state"}:
        raise invalid_arguments(f"unknown: {', '.join(sorted(unknown))}")
    if "scopes" in body:
        workspace.app = replace(workspace.app, scopes=tuple(body["scopes"]))
    if "token_state" in body:
        if body["token_state"] not in TOKEN_STATES:
            raise invalid_arguments(f"token_state is one of {', '.join(TOKEN_STATES)}")
        workspace.token_state = body["token_state"]
    if "request_url" not in body:
        return {}
    with_request_url(workspace, body["request_url"])
    return {"verified": body["request_url"] is not None and await workspace.courier.verify_request_url()}


async def _channel(workspace: Workspace, body: JsonDict) -> JsonDict:
    channel = workspace.channels.get(body["id"])
    if channel is None:
        raise SlackError("channel_not_found")
    if "archived" in body:
        channel = replace(channel, is_archived=bool(body["archived"]))
    if "bot_member" in body:
        bot = workspace.app.bot_user_id
        others = tuple(member for member in channel.members if member != bot)
        channel = replace(channel, members=(*others, bot) if body["bot_member"] else others)
    if "members" in body:
        channel = replace(channel, members=tuple(body["members"]))
    workspace.put_channel(channel)
    return {}


async def _user(workspace: Workspace, body: JsonDict) -> JsonDict:
    user = workspace.users.get(body["id"])
    if user is None:
        raise SlackError("user_not_found")
    workspace.put_user(user_changed(user, body))
    return {}


async def _usergroup(workspace: Workspace, body: JsonDict) -> JsonDict:
    group = workspace.usergroups.get(body["id"])
    if group is None:
        raise SlackError("no_such_subteam")
    workspace.usergroups[group.id] = replace(group, users=tuple(body["users"]))
    return {}


async def _redeliver(workspace: Workspace, _body: JsonDict) -> JsonDict:
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
