"""Who and what is in a workspace when it starts: the demo's own, or a JSON file's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

_STRICT = ConfigDict(extra="forbid")

CSMS_SCOPES = (
    "channels:history", "channels:read", "chat:write", "commands", "files:write", "groups:history", "groups:read",
    "im:history", "im:write", "usergroups:read", "users:read",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Team:
    """The workspace itself. `domain` is the first label of its address."""

    __pydantic_config__ = _STRICT

    id: str
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot. `role` is a word for the page ("engineer"); a `team_id` not the workspace's is a stranger."""

    __pydantic_config__ = _STRICT

    id: str
    name: str
    real_name: str = ""
    title: str = ""
    role: str = ""
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False
    tz: str = "Etc/UTC"
    team_id: str = ""
    color: str = "5b6b7b"

    @property
    def is_guest(self) -> bool:
        """Whether this is a multi-channel or single-channel guest, who sees only the channels they are in."""
        return self.is_restricted or self.is_ultra_restricted


@dataclass(frozen=True, slots=True)
class Channel:
    """A public or private channel, or (`is_im`) the conversation of the bot with the person `user`."""

    __pydantic_config__ = _STRICT

    id: str
    name: str
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    members: tuple[str, ...] = ()
    is_im: bool = False
    user: str | None = None


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group (`S…`) and who is in it."""

    __pydantic_config__ = _STRICT

    id: str
    handle: str
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command of the app. `should_escape`: Slack turns typed `@name` and `#name` into ids before it sends."""

    __pydantic_config__ = _STRICT

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True, slots=True)
class App:
    """The one app that is installed, its credentials, and what it was granted.

    `request_url` takes commands, interactions and events over HTTP while the app has no Socket Mode connection.
    `suggestions` are the texts the page offers to a newcomer.
    """

    __pydantic_config__ = _STRICT

    app_id: str
    name: str
    bot_user_id: str
    bot_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    scopes: tuple[str, ...] = ()
    request_url: str | None = None
    commands: tuple[Command, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seed:
    """A whole workspace. `rate_limits`: whether calls are counted against Slack's limits."""

    __pydantic_config__ = _STRICT

    team: Team
    users: tuple[User, ...]
    channels: tuple[Channel, ...]
    app: App
    usergroups: tuple[UserGroup, ...] = ()
    rate_limits: bool = True


class SeedError(ValueError):
    """A seed file that cannot be used; the text names the file, the key and what is wrong with it."""


def load_seed(path: str | Path) -> Seed:
    """The workspace that a JSON file describes, with the keys of `Seed`. Raises `SeedError`, and OSError as `open`."""
    raw = Path(path).read_bytes()
    try:
        return TypeAdapter(Seed).validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SeedError(f"{path}: {where}: {first['msg']}") from None


DEMO_SUGGESTIONS = (
    "/csms help", "/csms list", "/csms get checkout-db-rotation", "/csms update checkout-db-rotation",
    "/csms enable legacy-ftp-password", "/csms disable legacy-ftp-password", "/csms records --status fail",
    "/csms pending", "/csms history checkout-db-rotation", "/csms status", "/csms audit",
)  # fmt: skip

_EVERYONE = ("U00ENGINEER", "U00APPROVER", "U00SUBSCRIBER", "U00GUEST")
_STAFF = _EVERYONE[:3]


def demo_seed() -> Seed:
    """The demo's workspace: four roles, three channels, and the app with all the scopes it needs."""
    return Seed(
        team=Team(id="T00DEMO", name="Demo workspace", domain="demo-workspace"),
        users=(
            User("U00ENGINEER", "engineer", "Engineer", "Platform engineer", "engineer", color="2d6cdf"),
            User("U00APPROVER", "approver", "Approver", "Security lead", "approver", color="1f8a5b"),
            User("U00SUBSCRIBER", "subscriber", "Subscriber", "Service owner", "subscriber", color="b4612a"),
            User(
                "U00GUEST",
                "guest",
                "Guest",
                "Outside contractor",
                "guest",
                is_restricted=True,
                color="8a4fbf",
            ),
            User("U00CSMSBOT", "csms-bot", "csms-bot", "", "bot", is_bot=True, color="384252"),
        ),
        channels=(
            Channel(
                "C00ALERTS",
                "secrets-alerts",
                "Failed secret notifications",
                members=(*_EVERYONE, "U00CSMSBOT"),
            ),
            Channel(
                "C00APPROVALS",
                "secrets-approvals",
                "Change requests wait here for an approver",
                members=(*_STAFF, "U00CSMSBOT"),
            ),
            Channel("C00GENERAL", "general", "Everything else", members=_EVERYONE),
        ),
        usergroups=(UserGroup("S00APPROVERS", "secret-approvers", ("U00APPROVER",)),),
        app=App(
            app_id="A00CSMSBOT",
            name="csms-bot",
            bot_user_id="U00CSMSBOT",
            bot_id="B00CSMSBOT",
            bot_token="xoxb-demo-bot-token",  # noqa: S106
            app_token="xapp-demo-app-token",  # noqa: S106
            signing_secret="demo-signing-secret",  # noqa: S106
            scopes=CSMS_SCOPES,
            commands=(
                Command(
                    "/csms",
                    "See and change what Huawei Cloud CSMS notifies about",
                    "help | list | get NAME | update NAME | records | pending | status",
                    should_escape=True,
                ),
            ),
            suggestions=DEMO_SUGGESTIONS,
        ),
    )
