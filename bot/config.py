"""Settings: one frozen model, from the environment and a TOML file. Only the composition root and the CLI read it.

Each field's description is what `--help`, `doctor` and the README's table say of it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from bot.errors import SettingsError

PREFIX = "CSMS_BOT_"
CONFIG = "CSMS_BOT_CONFIG"

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = timedelta(days=3650)
"""Far above any sense, and small enough to be added to and taken from any date."""


def duration(value: object) -> timedelta:
    """`90s`, `15m`, `1h`, `7d`, or seconds. ValueError otherwise, and for more than ten years."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([smhd]?)\s*", str(value).lower())
    if match is None:
        raise ValueError("is not a duration; write 90s, 15m, 1h, 7d, or seconds")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"is too long; at most {LONGEST.days}d")
    return timedelta(seconds=seconds)


def _positive(value: object) -> timedelta:
    found = duration(value)
    if found <= timedelta(0):
        raise ValueError("must be more than nothing; write 90s, 15m, 1h, or seconds")
    return found


def _number(value: object) -> object:
    """Numbers and digits alone: pydantic would read `false` as 0, which for the approvals says that none is needed."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("must be a whole number")
    return value


def _shown(value: object) -> str:
    """A wrong value in an error, unless it might be a token that was put into the wrong setting."""
    text = str(value)
    return "a value" if len(text) > 30 or re.match(r"x(ox|app)", text) else repr(text)


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for part in re.split(r"[,\s]+", value) if part)
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of ids, or one text with commas")
    return tuple(value)


def _people(value: object) -> object:
    names = _names(value)
    for name in names if isinstance(names, tuple) else ():
        if not re.fullmatch(r"[UWS][A-Za-z0-9_]+", str(name)):
            raise ValueError(f"{_shown(name)} is neither a user id (U…) nor a user group id (S…)")
    return names


def _people_or_all(value: object) -> object:
    names = _names(value)
    return names if names == ("*",) else _people(names)


def _channel(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"[CGD][A-Za-z0-9_]+", value):
        raise ValueError(
            f"{_shown(value)} is not a channel id (C…); Slack shows it at the bottom of the channel's details"
        )
    return value


def _address(value: object) -> object:
    if value in ("", None):
        return ""
    text = str(value)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", 0
    if (
        port == 0
        or parts.scheme not in ("http", "https")
        or not re.fullmatch(r"[A-Za-z0-9._:-]+", host)
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
        or not text.isprintable()
    ):
        raise ValueError("is not an address like https://kms.eu-west-101.myhuaweicloud.com")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must begin with https:// (plain http is for this machine only)")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses, the only ones that plain http may go to."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _command(value: object) -> object:
    text = str(value).strip()
    text = text if text.startswith("/") else f"/{text}"
    if not re.fullmatch(r"/[a-z0-9_-]{1,31}", text):
        raise ValueError("is not a slash command: a /, then up to 31 of a-z, 0-9, - and _")
    return text


def _region(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"[a-z0-9-]{2,32}", value):
        raise ValueError("is not a region like eu-west-101")
    return value


Duration = Annotated[timedelta, BeforeValidator(_positive)]
People = Annotated[tuple[str, ...], BeforeValidator(_people)]
Operators = Annotated[tuple[str, ...], BeforeValidator(_people_or_all)]
Channel = Annotated[str, BeforeValidator(_channel)]
Region = Annotated[str, BeforeValidator(_region)]
Address = Annotated[str, BeforeValidator(_address)]


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
    command: Annotated[str, BeforeValidator(_command)] = _setting(
        "CSMS_BOT_COMMAND", "/csms", "the slash command's name", "`/csms`"
    )
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
    approvals_required: Annotated[int, Field(ge=0, le=20), BeforeValidator(_number)] = _setting(
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
    http_port: Annotated[int, Field(ge=0, le=65535), BeforeValidator(_number)] = _setting(
        "CSMS_BOT_HTTP_PORT", 3000, "port it listens on", "`3000`"
    )
    projects: tuple[ProjectSettings, ...] = Field((), alias="projects")

    @property
    def socket_mode(self) -> bool:
        """True when an app-level token is set."""
        return bool(self.slack_app_token.get_secret_value())


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a project signs in with; the client takes the first that is complete. Never printed."""

    ak: str = ""
    sk: str = ""
    security_token: str = ""
    user_name: str = ""
    user_password: str = ""
    domain_name: str = ""
    auth_token: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"

    def as_env(self) -> dict[str, str]:
        """By the names of the environment variables, whatever variables they really came from."""
        fields = Settings.model_fields
        return {str(fields[slot].alias): getattr(self, slot) for slot in self.__slots__}


@dataclass(frozen=True, slots=True)
class Project:
    """One CSMS project, with everything resolved."""

    name: str
    project_id: str
    endpoint: str
    iam_endpoint: str
    smn_endpoint: str
    region: str
    credentials: Credentials
    alert_channel: str
    approval_channel: str
    operators: tuple[str, ...]
    approvers: tuple[str, ...]


def fields() -> list[tuple[str, str, str]]:
    """(environment variable, meaning, default as shown) of every setting, in order."""
    rows = []
    for field in Settings.model_fields.values():
        if field.alias == "projects":
            continue
        extra = field.json_schema_extra
        shown = str(extra.get("shown", "")) if isinstance(extra, dict) else ""
        rows.append((str(field.alias), field.description or "", shown))
    return rows


def file_name(variable: str) -> str:
    """What a setting is called in the TOML file."""
    return variable.removeprefix(PREFIX).lower()


def load(env: Mapping[str, str], config: str = "") -> Settings:
    """Reads the file that `config` or `CSMS_BOT_CONFIG` names, then the environment over it. SettingsError."""
    problems = problems_of(env, config)
    if problems:
        raise SettingsError(problems[0])
    return _validated(_gather(env, config))


def problems_of(env: Mapping[str, str], config: str = "") -> list[str]:
    """Every problem of the settings, each one line that names the setting; empty when they are good."""
    try:
        raw = _gather(env, config)
    except SettingsError as error:
        return [str(error)]
    try:
        settings = _validated(raw)
    except ValidationError as error:
        return [_sentence(problem) for problem in error.errors(include_input=False, include_url=False)]
    return _missing(settings)


def database_of(env: Mapping[str, str], config: str = "") -> str:
    """The database's name alone, for commands that need nothing else to be set. SettingsError."""
    return str(_gather(env, config).get("CSMS_BOT_DATABASE", ""))


def projects_of(settings: Settings, env: Mapping[str, str]) -> tuple[Project, ...]:
    """The projects with what they leave out filled in from the settings around them. SettingsError."""
    shared = Credentials(
        ak=settings.ak.get_secret_value(),
        sk=settings.sk.get_secret_value(),
        security_token=settings.security_token.get_secret_value(),
        user_name=settings.user_name,
        user_password=settings.user_password.get_secret_value(),
        domain_name=settings.domain_name,
        auth_token=settings.auth_token.get_secret_value(),
    )
    entries = settings.projects or (ProjectSettings(name="default", project_id=settings.project_id),)
    return tuple(_project(entry, settings, shared, env) for entry in entries)


def _project(
    entry: ProjectSettings, settings: Settings, shared: Credentials, env: Mapping[str, str]
) -> Project:
    named = {
        name.removesuffix("_env"): getattr(entry, name)
        for name in ProjectSettings.model_fields
        if name.endswith("_env") and getattr(entry, name)
    }
    for name, variable in named.items():
        if not env.get(variable):
            raise SettingsError(
                f"projects.{entry.name}: {name}_env names an environment variable that is not set{_name_of(variable)}"
            )
    own = Credentials(**{name: env[variable] for name, variable in named.items()}) if named else shared
    region = entry.region or settings.region
    endpoint = entry.endpoint or ("" if entry.region else settings.endpoint)
    alert = entry.alert_channel or settings.alert_channel
    approval = entry.approval_channel or settings.approval_channel or alert
    return Project(
        name=entry.name,
        project_id=entry.project_id,
        endpoint=endpoint or f"https://kms.{region}.myhuaweicloud.com",
        iam_endpoint=entry.iam_endpoint
        or settings.iam_endpoint
        or (f"https://iam.{region}.myhuaweicloud.com" if region else endpoint),
        # With only an endpoint (the embedded CSMS, a gateway) the neighbours are asked at the same address.
        smn_endpoint=f"https://smn.{region}.myhuaweicloud.com" if region and not endpoint else endpoint,
        region=region,
        credentials=own,
        alert_channel=alert,
        approval_channel=approval,
        operators=settings.operators if entry.operators is None else entry.operators,
        approvers=settings.approvers if entry.approvers is None else entry.approvers,
    )


def _name_of(variable: str) -> str:
    """` (NAME)`, but only for what must be a variable's name: somebody may have put the secret itself there."""
    return f" ({variable})" if re.fullmatch(r"[A-Z]+(_[A-Z0-9]+)+", variable) and len(variable) < 64 else ""


def nearest(word: str, known: list[str]) -> str:
    """` (did you mean X?)`, or nothing when no known word is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _gather(env: Mapping[str, str], config: str) -> dict[str, Any]:
    variables = [name for name, _, _ in fields()]
    for name in env:
        if name.startswith(PREFIX) and name != CONFIG and name not in variables:
            raise SettingsError(f"{name} is not a setting{nearest(name, variables)}")
    raw = _from_file(Path(config or env[CONFIG]), variables) if config or env.get(CONFIG) else {}
    return raw | {name: env[name] for name in variables if env.get(name, "") != ""}


def _from_file(path: Path, variables: list[str]) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} is not TOML: {error}") from None
    known = {file_name(name): name for name in variables} | {"projects": "projects"}
    for key in content:
        if key not in known:
            raise SettingsError(f"{path}: {key} is not a setting{nearest(key, list(known))}")
    return {known[key]: value for key, value in content.items() if value != ""}


def _validated(raw: Mapping[str, Any]) -> Settings:
    return Settings.model_validate(dict(raw))


def _sentence(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "literal_error":
        message = f"must be one of {problem['ctx']['expected']}"
    if problem["type"] == "extra_forbidden":
        known = list(ProjectSettings.model_fields)
        message = f"is not a setting of a project{nearest(str(problem['loc'][-1]), known)}"
    if problem["type"] in ("int_parsing", "int_type", "greater_than_equal", "less_than_equal"):
        limits = Settings.model_fields[_field_of(where)].metadata
        least, most = (next(getattr(one, end) for one in limits if hasattr(one, end)) for end in ("ge", "le"))
        message = f"must be a number from {least} to {most}"
    if problem["type"] == "tuple_type" or (problem["type"] == "model_type" and where.startswith("projects")):
        message = "must be written as [[projects]] tables"
    if problem["type"] == "string_type":
        message = "must be a text"
    if problem["type"] == "string_pattern_mismatch":
        message = "is empty, too long, or has other characters than letters, digits, `-` and `_`"
    if problem["type"] == "missing":
        message = "is missing"
    return f"{where} {message}" if message.startswith(("is ", "must ")) else f"{where}: {message}"


def _field_of(alias: str) -> str:
    return next(name for name, field in Settings.model_fields.items() if field.alias == alias)


def _missing(settings: Settings) -> list[str]:
    problems = []
    if not settings.slack_bot_token.get_secret_value():
        problems.append("SLACK_BOT_TOKEN is missing: set it to the bot token (xoxb-…) of the Slack app")
    if not settings.socket_mode and not settings.slack_signing_secret.get_secret_value():
        problems.append(
            "SLACK_APP_TOKEN is missing (Socket Mode), and so is SLACK_SIGNING_SECRET (HTTP mode): set one of them"
        )
    entries = settings.projects
    if not entries and not settings.project_id:
        problems.append("HUAWEICLOUD_SDK_PROJECT_ID is missing: set it to the id of the CSMS project")
    if settings.project_id and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", settings.project_id):
        problems.append("HUAWEICLOUD_SDK_PROJECT_ID is not a project id: up to 64 letters, digits, - and _")
    if not (
        settings.region or settings.endpoint or (entries and all(e.region or e.endpoint for e in entries))
    ):
        problems.append("HW_REGION_NAME is missing: set it to the region (or set CSMS_BOT_ENDPOINT)")
    if not (settings.alert_channel or (entries and all(e.alert_channel for e in entries))):
        problems.append("CSMS_BOT_ALERT_CHANNEL is missing: set it to the id (C…) of the channel for alerts")
    names = [entry.name for entry in entries]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"projects: two of them are called {name}")
    if settings.database.startswith(("postgres://", "postgresql://")):
        problems.append("CSMS_BOT_DATABASE: this version keeps its data in SQLite; name a file")
    return problems
