"""What a search field offers while somebody types: from what was read last, as Slack waits for the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.nearest import nearest
from bot.services.projects import Projects
from bot.store import Store
from bot.views.forms import TARGET, event_option, target_option

MOST = 30
"""Options of a search; a person types on rather than reads more, and Slack takes at most 100."""


class Suggestions:
    """Targets for the edit form, and events for a command without a name."""

    def __init__(self, *, store: Store, projects: Projects, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock

    async def suggest(self, action: str, typed: str, form: str) -> list[dict[str, Any]]:
        """Slack's options for the field `action`; `form` is the key of the form that it stands in."""
        return await (self._targets(typed, form) if action == TARGET else self._events(typed))

    async def _targets(self, typed: str, form: str) -> list[dict[str, Any]]:
        data = await self._store.tickets.read("form", form)
        known = self._projects.named(data["project"]).targets if data else ()
        wanted = [one for one in known if typed.lower() in f"{one.name} {one.id}".lower()][:MOST]
        keys = [await self._store.tickets.issue("target", asdict(one), self._clock()) for one in wanted]
        return [target_option(one, key) for one, key in zip(wanted, keys, strict=True)]

    async def _events(self, typed: str) -> list[dict[str, Any]]:
        pairs = sorted((name, scope.name) for scope in self._projects for name in scope.names)
        found = [pair for pair in pairs if typed.lower() in pair[0].lower()]
        if not found and (close := nearest(typed, [name for name, _ in pairs])):
            found = [pair for pair in pairs if pair[0] == close]
        options = []
        for name, project in found[:MOST]:
            ticket = {"project": project, "name": name}
            key = await self._store.tickets.issue("event", ticket, self._clock())
            options.append(event_option(name if len(self._projects) == 1 else f"{name} ({project})", key))
        return options
