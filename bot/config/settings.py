"""The settings as one frozen model. Each field's description is what `--help`, `doctor` and the README's table say of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bot.config.values import (
    Address,
    Approvals,
    Channel,
    Duration,
    Glob,
    Hours,
    Mention,
    Operators,
    People,
    Port,
    Region,
    SlashCommand,
    Zone,
)

PREFIX = "CSMS_BOT_"
TABLES = ("projects", "routes")
"""The settings that only a file can have, as `[[…]]` tables."""


class ProjectSettings(BaseModel):
    """One `[[projects]]` entry. What it leaves out is taken from the settings around it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    project_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    region: Region = ""
    endpoint: Address = ""
    iam_endpoint: Address = ""
    ak_env: str = ""
    sk_env: str = ""
    security_token_env: str = ""
    user_name_env: str = ""
    user_password_env: str = ""
    domain_name_env: str = ""
    auth_token_env: str = ""
    alert_channel: Channel = ""
    approval_channel: Channel = ""
    operators: Operators | None = None
    approvers: People | None = None


class RouteSettings(BaseModel):
    """One `[[routes]]` entry: which failing records it is for (globs), and where they go."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    project: Glob = "*"
    event: Glob = "*"
    type: Glob = "*"
    secret: Glob = "*"  # noqa: S105 (a glob for names)
    status: Glob = "*"
    channel: Channel = ""
    mention: Mention = ""
    quiet: Hours = ""
    timezone: Zone = "UTC"
    drop: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _one_way(self) -> RouteSettings:
        if self.drop and (self.channel or self.mention or self.quiet):
            raise ValueError("must not have `drop` together with `channel`, `mention` or `quiet`")
        return self


def _setting(name: str, default: Any, description: str, shown: str = "") -> Any:
    return Field(default, alias=name, description=description, json_schema_extra={"shown": shown})


class Settings(BaseModel):
    """All settings. `alias` is the environment variable; in the file it is lower case without `CSMS_BOT_`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    slack_bot_token: SecretStr = _setting(
        "SLACK_BOT_TOKEN", SecretStr(""), "bot token (`xoxb-…`)", "required"
    )
    slack_app_token: SecretStr = _setting(
        "SLACK_APP_TOKEN", SecretStr(""), "app-level token (`xapp-…`): when set, Socket Mode", ""
    )
    slack_signing_secret: SecretStr = _setting(
        "SLACK_SIGNING_SECRET", SecretStr(""), "needed in HTTP mode (no app token)", ""
    )
    slack_api_url: Address = _setting("SLACK_API_URL", "", "base of the Web API", "Slack's own")
    ak: SecretStr = _setting("HUAWEICLOUD_SDK_AK", SecretStr(""), "access key", "")
    sk: SecretStr = _setting("HUAWEICLOUD_SDK_SK", SecretStr(""), "secret key", "")
    security_token: SecretStr = _setting(
        "HUAWEICLOUD_SDK_SECURITY_TOKEN", SecretStr(""), "of a temporary access key", ""
    )
    user_name: str = _setting("HW_USER_NAME", "", "IAM user: the bot gets and renews its token itself", "")
    user_password: SecretStr = _setting("HW_USER_PASSWORD", SecretStr(""), "the IAM user's password", "")
    domain_name: str = _setting("HW_DOMAIN_NAME", "", "the IAM user's account name", "")
    auth_token: SecretStr = _setting("HW_AUTH_TOKEN", SecretStr(""), "a ready X-Auth-Token", "")
    iam_endpoint: Address = _setting("HUAWEICLOUD_SDK_IAM_ENDPOINT", "", "IAM address", "the region's")
    project_id: str = _setting("HUAWEICLOUD_SDK_PROJECT_ID", "", "project id", "required")
    region: Region = _setting(
        "HW_REGION_NAME", "", "region; gives `https://kms.<region>.myhuaweicloud.com`",
        "required unless the endpoint is set",
    )  # fmt: skip
    endpoint: Address = _setting("CSMS_BOT_ENDPOINT", "", "CSMS address, instead of the region's", "")
    command: SlashCommand = _setting("CSMS_BOT_COMMAND", "/csms", "the slash command's name", "`/csms`")
    alert_channel: Channel = _setting("CSMS_BOT_ALERT_CHANNEL", "", "channel id for alerts", "required")
    approval_channel: Channel = _setting(
        "CSMS_BOT_APPROVAL_CHANNEL", "", "channel id for change requests", "the alert channel"
    )
    operators: Operators = _setting(
        "CSMS_BOT_OPERATORS", ("*",),
        "who may ask for a change: user ids `U…`, user group ids `S…`, or `*` for every full member", "`*`",
    )  # fmt: skip
    approvers: People = _setting(
        "CSMS_BOT_APPROVERS", (), "who may approve: user ids and user group ids; nobody else",
        "none: nothing can be approved",
    )  # fmt: skip
    approvals_required: Approvals = _setting(
        "CSMS_BOT_APPROVALS_REQUIRED", 1,
        "distinct approvers, the requester not among them; `0`: the requester confirms their own change", "`1`",
    )  # fmt: skip
    approval_ttl: Duration = _setting(
        "CSMS_BOT_APPROVAL_TTL", timedelta(hours=1),
        "how long a request can be approved (`90s`, `15m`, `1h`, or seconds)", "`1h`",
    )  # fmt: skip
    break_glass: People = _setting(
        "CSMS_BOT_BREAK_GLASS", (), "who may apply a change at once: user ids and user group ids", "nobody"
    )
    poll_interval: Duration = _setting(
        "CSMS_BOT_POLL_INTERVAL",
        timedelta(seconds=60),
        "time between polls of the notification records",
        "`60s`",
    )
    backfill: Literal["none", "summary", "all"] = _setting(
        "CSMS_BOT_BACKFILL", "summary",
        "at the very first poll: `none` takes what is there as seen, `summary` does so and posts one message that "
        "counts it, `all` posts every failure", "`summary`",
    )  # fmt: skip
    settle: Duration = _setting(
        "CSMS_BOT_SETTLE", timedelta(seconds=120),
        "how long an unanswered post is left before Slack's history is asked", "`120s`",
    )  # fmt: skip
    database: str = _setting("CSMS_BOT_DATABASE", "csms-bot.db", "SQLite file", "`csms-bot.db`")
    http_host: str = _setting("CSMS_BOT_HTTP_HOST", "127.0.0.1", "address it listens on", "`127.0.0.1`")
    http_port: Port = _setting("CSMS_BOT_HTTP_PORT", 3000, "port it listens on", "`3000`")
    projects: tuple[ProjectSettings, ...] = Field((), alias="projects")
    routes: tuple[RouteSettings, ...] = Field((), alias="routes")

    @property
    def socket_mode(self) -> bool:
        """True when an app-level token is set."""
        return bool(self.slack_app_token.get_secret_value())


def fields() -> list[tuple[str, str, str]]:
    """(environment variable, meaning, default as shown) of every setting, in order."""
    rows = []
    for field in Settings.model_fields.values():
        if field.alias in TABLES:
            continue
        extra = field.json_schema_extra
        shown = str(extra.get("shown", "")) if isinstance(extra, dict) else ""
        rows.append((str(field.alias), field.description or "", shown))
    return rows


def file_name(variable: str) -> str:
    """What a setting is called in the TOML file."""
    return variable.removeprefix(PREFIX).lower()
