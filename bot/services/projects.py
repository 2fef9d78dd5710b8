"""The projects that the bot works on, and which one a command means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.csms import CsmsClient
from bot.errors import Refused
from bot.model import Target
from bot.nearest import did_you_mean
from bot.rules.access import Policy
from bot.rules.routes import Route


@dataclass(slots=True)
class Scope:
    """One project, with what its commands, polls and approvals need."""

    name: str
    csms: CsmsClient
    policy: Policy
    alert_channel: str
    approval_channel: str
    project_id: str
    endpoint: str
    region: str = ""
    routes: tuple[Route, ...] = ()
    names: tuple[str, ...] = field(default=())
    """Event names as last listed: for completion and "did you mean", never for a decision."""
    targets: tuple[Target, ...] = field(default=())
    """Targets as last read, for completion in the form."""

    @property
    def alert_channels(self) -> set[str]:
        """Every channel that an alert of the project may be in."""
        return {self.alert_channel, *(route.channel for route in self.routes if route.channel)}


class Projects:
    """The projects by name, in the order of the settings."""

    def __init__(self, scopes: list[Scope]) -> None:
        self._scopes = {scope.name: scope for scope in scopes}

    def __iter__(self) -> Iterator[Scope]:
        return iter(self._scopes.values())

    def __len__(self) -> int:
        return len(self._scopes)

    def named(self, name: str) -> Scope:
        """By name. Refused, with the known ones, when there is none."""
        if name in self._scopes:
            return self._scopes[name]
        known = ", ".join(f"`{known}`" for known in self._scopes)
        raise Refused(f"There is no project `{name[:40]}`.{did_you_mean(name, self._scopes)} Known: {known}.")

    def pick(self, name: str, channel: str) -> Scope:
        """The one that `--project` names, or the channel's own, or the only one. Refused when that says nothing."""
        if name:
            return self.named(name)
        if len(self._scopes) == 1:
            return next(iter(self))
        here = [scope for scope in self if channel in (scope.alert_channel, scope.approval_channel)]
        if len(here) == 1:
            return here[0]
        known = ", ".join(f"`{known}`" for known in self._scopes)
        raise Refused(f"Say which project with `--project NAME`. Known: {known}.")
