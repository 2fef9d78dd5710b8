"""Every method of the Web API that this workspace knows, with what it asks of the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from bot.sandbox.slack.api import chat, conversations, files, people, views
from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.model import JsonDict


class Tier(IntEnum):
    """Slack's rate-limit tiers, as calls a minute for each method."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    HUNDREDS = 600
    """auth.test: "hundreds of requests per minute"."""


class Token(StrEnum):
    """Which kind of token a method takes."""

    BOT = "bot"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `scope` None: none needed, or one that hangs on the kind of channel, which the method checks.

    `per_minute` None: limited in another way.
    """

    run: Callable[[Call], JsonDict]
    scope: str | None = None
    per_minute: int | None = Tier.FOUR
    token: Token = Token.BOT


METHODS = {
    "auth.test": Method(people.auth_test, per_minute=Tier.HUNDREDS),
    # Slack puts it into tier 1; an app that restarts twice in a minute is not to be refused here, so three.
    "apps.connections.open": Method(people.connections_open, per_minute=Tier.THREE, token=Token.APP),
    "chat.postMessage": Method(chat.post_message, "chat:write", per_minute=None),
    "chat.update": Method(chat.update, "chat:write", Tier.THREE),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.delete": Method(chat.delete, "chat:write", Tier.THREE),
    "conversations.history": Method(conversations.history, per_minute=Tier.THREE),
    "conversations.replies": Method(conversations.replies, per_minute=Tier.THREE),
    "conversations.info": Method(conversations.info, per_minute=Tier.THREE),
    "conversations.open": Method(conversations.open_, "im:write", Tier.THREE),
    "users.info": Method(people.users_info, "users:read"),
    "usergroups.users.list": Method(people.usergroup_users, "usergroups:read", Tier.TWO),
    "views.open": Method(views.open_),
    "views.update": Method(views.update),
    "views.push": Method(views.push),
    "views.publish": Method(views.publish),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write"),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
}
