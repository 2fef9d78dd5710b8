"""Who a Slack user is, asked of Slack when it counts and never guessed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bot.errors import SlackError
from bot.model import Actor, Kind
from bot.slack.client import SlackClient

log = logging.getLogger(__name__)

FRESH_S = 1.0
"""How long an answer is good: for a double click, and no longer, because membership is asked at the click."""


class Actors:
    """Looks users and user groups up with `users.info` and `usergroups.users.list`."""

    def __init__(
        self, client: SlackClient, *, groups: Iterable[str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._groups = tuple(sorted(set(groups)))
        self._monotonic = monotonic
        self._users: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self.team_id = ""
        """The workspace that the bot belongs to; set once Slack has said so."""

    def glance(self, user_id: str, team_id: str) -> Actor:
        """What the delivery itself tells, without asking Slack: enough for reading, never for a change."""
        if not user_id or not team_id or not self.team_id:
            return Actor(user_id, team_id, Kind.UNKNOWN)
        return Actor(user_id, team_id, Kind.MEMBER if team_id == self.team_id else Kind.FOREIGN)

    async def look_up(self, user_id: str, team_id: str, *, fresh: bool = False) -> Actor:
        """Asks Slack. When it cannot be asked the kind is UNKNOWN, which no rule lets through."""
        glance = self.glance(user_id, team_id)
        if glance.kind is not Kind.MEMBER:
            return glance
        try:
            user = await self._user(user_id, fresh)
            groups = await self._groups_of(user_id, fresh)
        except SlackError as error:
            problem = f"Slack: {error}"
            log.warning("user look-up failed", extra={"action": "user_lookup_failed", "error": problem})
            return Actor(user_id, team_id, Kind.UNKNOWN, problem=problem)
        return Actor(user_id, team_id, kind_of(user, self.team_id), groups)

    async def again(self, user_id: str) -> Actor:
        """Asks Slack anew about a person of this workspace, past what is remembered."""
        return await self.look_up(user_id, self.team_id, fresh=True)

    async def _user(self, user_id: str, fresh: bool) -> Mapping[str, Any]:
        now = self._monotonic()
        known = self._users.get(user_id)
        if known and not fresh and now - known[0] < FRESH_S:
            return known[1]
        answer = await self._client.call("users.info", user=user_id)
        user = answer.get("user")
        found: Mapping[str, Any] = user if isinstance(user, dict) else {}
        if len(self._users) > 2000:
            self._users.clear()
        self._users[user_id] = (now, found)
        return found

    async def _groups_of(self, user_id: str, fresh: bool) -> frozenset[str]:
        now = self._monotonic()
        for group in self._groups:
            known = self._members.get(group)
            if known is None or fresh or now - known[0] >= FRESH_S:
                answer = await self._client.call("usergroups.users.list", usergroup=group)
                members = answer.get("users") or []
                self._members[group] = (now, frozenset(str(member) for member in members))
        return frozenset(group for group in self._groups if user_id in self._members[group][1])


def kind_of(user: Mapping[str, Any], team_id: str) -> Kind:
    """What `users.info` says of an account (Slack: user object)."""
    if not user.get("id"):
        return Kind.UNKNOWN
    if user.get("deleted"):
        return Kind.DEACTIVATED
    if user.get("is_bot") or user.get("id") == "USLACKBOT" or user.get("is_workflow_bot"):
        return Kind.BOT
    teams = {user.get("team_id")}
    grid = user.get("enterprise_user")
    if isinstance(grid, Mapping):
        teams.update(grid.get("teams") or ())
    if user.get("is_stranger") or team_id not in teams:
        return Kind.FOREIGN
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return Kind.GUEST
    return Kind.MEMBER
