"""Who acts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What Slack says an account is. Only a MEMBER may ever ask or decide."""

    MEMBER = "member"
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a Slack user as Slack described them just now, and the user groups of ours they are in."""

    user_id: str
    team_id: str
    kind: Kind
    groups: frozenset[str] = frozenset()
    problem: str = ""
    """Why Slack could not be asked about them, when the kind is UNKNOWN."""
    zone: str = ""
    """Their time zone by its IANA name; empty when Slack did not say."""

    def among(self, allowed: Iterable[str]) -> bool:
        """True when the user id, or one of the user groups, is listed."""
        names = set(allowed)
        return self.user_id in names or bool(self.groups & names)
