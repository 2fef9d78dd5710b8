"""The projects, with what they leave out filled in from the settings around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.addresses import beside, of_region
from bot.config.settings import ProjectSettings, Settings
from bot.errors import SettingsError


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
    given = entry.endpoint or ("" if entry.region else settings.endpoint)
    endpoint = given or of_region("kms", region)
    alert = entry.alert_channel or settings.alert_channel
    approval = entry.approval_channel or settings.approval_channel or alert
    return Project(
        name=entry.name,
        project_id=entry.project_id,
        endpoint=endpoint,
        iam_endpoint=entry.iam_endpoint
        or settings.iam_endpoint
        or (of_region("iam", region) if region else beside(endpoint, "iam")),
        smn_endpoint=beside(endpoint, "smn"),
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
