"""Reads the settings from the environment and a TOML file, and says in a sentence what is wrong with them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.config.settings import PREFIX, TABLES, ProjectSettings, RouteSettings, Settings, fields, file_name
from bot.errors import SettingsError
from bot.nearest import nearest

CONFIG = "CSMS_BOT_CONFIG"


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


def _gather(env: Mapping[str, str], config: str) -> dict[str, Any]:
    variables = [name for name, _, _ in fields()]
    for name in env:
        if name.startswith(PREFIX) and name != CONFIG and name not in variables:
            raise SettingsError(f"{name} is not a setting{_hint(name, variables)}")
    raw = _from_file(Path(config or env[CONFIG]), variables) if config or env.get(CONFIG) else {}
    return raw | {name: env[name] for name in variables if env.get(name, "") != ""}


def _from_file(path: Path, variables: list[str]) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} is not TOML: {error}") from None
    known = {file_name(name): name for name in variables} | {name: name for name in TABLES}
    for key in content:
        if key not in known:
            raise SettingsError(f"{path}: {key} is not a setting{_hint(key, known)}")
    return {known[key]: value for key, value in content.items() if value != ""}


def _validated(raw: Mapping[str, Any]) -> Settings:
    return Settings.model_validate(dict(raw))


def _hint(word: str, known: Iterable[str]) -> str:
    close = nearest(word, known)
    return f"; did you mean {close}?" if close else ""


def _sentence(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    words = _WORDS.get(problem["type"])
    if problem["type"] == "model_type" and not where.startswith(TABLES):
        words = None
    message = words(where, problem) if words else str(problem["msg"]).removeprefix("Value error, ")
    return f"{where} {message}" if message.startswith(("is ", "must ")) else f"{where}: {message}"


def _not_known(where: str, problem: Any) -> str:
    table, _, _ = where.partition(".")
    model = RouteSettings if table == "routes" else ProjectSettings
    return f"is not a setting of a {table[:-1]}{_hint(str(problem['loc'][-1]), model.model_fields)}"


def _out_of_range(where: str, _problem: Any) -> str:
    limits = next(field.metadata for field in Settings.model_fields.values() if field.alias == where)
    least, most = (next(getattr(one, end) for one in limits if hasattr(one, end)) for end in ("ge", "le"))
    return f"must be a number from {least} to {most}"


def _not_tables(where: str, _problem: Any) -> str:
    return f"must be written as [[{where.partition('.')[0]}]] tables"


_WORDS: dict[str, Callable[[str, Any], str]] = {
    "literal_error": lambda _, problem: f"must be one of {problem['ctx']['expected']}",
    "extra_forbidden": _not_known,
    "int_parsing": _out_of_range,
    "int_type": _out_of_range,
    "greater_than_equal": _out_of_range,
    "less_than_equal": _out_of_range,
    "tuple_type": _not_tables,
    "model_type": _not_tables,
    "string_type": lambda _where, _problem: "must be a text",
    "string_pattern_mismatch": lambda _where, _problem: (
        "is empty, too long, or has other characters than letters, digits, `-` and `_`"
    ),
    "missing": lambda _where, _problem: "is missing",
}
"""pydantic's kind of error → what is said of it, after (where, the error)."""


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
