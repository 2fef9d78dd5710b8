"""auth.test, apps.connections.open, users.info, usergroups.users.list."""

from __future__ import annotations

from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.model import JsonDict
from bot.sandbox.slack.seed import User


def auth_test(call: Call) -> JsonDict:
    """Slack: docs of auth.test."""
    state = call.state
    return {
        "url": f"{state.base_url}/", "team": state.team.name, "user": state.users[state.app.bot_user_id].name,
        "team_id": state.team.id, "user_id": state.app.bot_user_id, "bot_id": state.app.bot_id,
        "is_enterprise_install": False,
    }  # fmt: skip


def connections_open(call: Call) -> JsonDict:
    """Slack: docs of apps.connections.open. The address holds a ticket that opens one socket, once."""
    state = call.state
    address = "ws" + state.base_url.removeprefix("http")
    return {"url": f"{address}/link?ticket={state.sockets.issue_ticket()}&app_id={state.app.app_id}"}


def users_info(call: Call) -> JsonDict:
    """Slack: docs of users.info. A deleted user is found, with `deleted` true."""
    user = call.state.users.get(call.args.required("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": _user(call, user)}


def _user(call: Call, user: User) -> JsonDict:
    team_id = user.team_id or call.state.team.id
    shown: JsonDict = {
        "id": user.id, "team_id": team_id, "name": user.name, "deleted": user.deleted, "color": user.color,
        "real_name": user.real_name, "tz": user.tz, "is_bot": user.is_bot, "is_app_user": False, "updated": 0,
        "profile": {
            "real_name": user.real_name, "display_name": user.name, "title": user.title, "team": team_id,
        },
    }  # fmt: skip
    if team_id != call.state.team.id:
        return shown | {"is_stranger": True}
    if user.deleted:
        return shown
    roles = {"is_admin": False, "is_owner": False, "is_primary_owner": False}
    return (
        shown
        | roles
        | {
            "is_restricted": user.is_guest,
            "is_ultra_restricted": user.is_ultra_restricted,
        }
    )


def usergroup_users(call: Call) -> JsonDict:
    """Slack: docs of usergroups.users.list."""
    group = call.state.usergroups.get(call.args.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    users = call.state.users
    return {"users": [user for user in group.users if user in users and not users[user].deleted]}
