"""Incidents, and what new records lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.model.posts import Post


class IncidentState(StrEnum):
    """What the newest word on an incident says: of CSMS's records, or that a fix was applied."""

    FAILING = "failing"
    FIXED = "fixed"
    """A fix was applied; no notice since."""
    DELIVERING = "delivering"
    """A later notice was delivered."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The failing of one event to one target with one status, over time."""

    key: str
    project: str
    event: str
    target_id: str
    status: str
    first: Mapping[str, Any]
    """The record that opened it, as `record_data` gives it; with `away_since` (Unix time) where it is late, and with `project`
    where the bot has several, so that the alert says so."""
    count: int
    opened: datetime
    last: datetime
    state: IncidentState
    post: str
    """Key of the post in whose thread its later records go."""
    digest: bool = False
    """It was opened together with many others; its thread is the digest's."""
    acknowledged_by: str = ""
    acknowledged: datetime | None = None
    channel: str = ""
    """Where its alert is; empty in old rows: the project's alert channel."""
    mention: str = ""
    """Whom its alert mentions, a user or user group id; only where a route says so."""
    history: tuple[tuple[float, int], ...] = ()
    """(when a poll saw them, Unix time; how many) of its last polls with failures, oldest first."""
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    held: int = 0
    """Records that came while it was snoozed and are not posted yet."""
    fix: str = ""
    """Key of the change request that *Fix target* led to last."""
    fix_target: str = ""
    """Id of the target that the applied fix set; notices to it speak of this incident too."""
    cause: str | None = None
    """Why the rotation failed, by CSMS's tasks; None until they were asked. Hostile text."""
    as_of: datetime | None = None
    """When that happened by which the state is what it is, by CSMS's clock: what is older and comes late says nothing of
    it. None when CSMS did not say."""

    def snoozed(self, now: datetime) -> bool:
        """True while its later records are held back."""
        return self.snoozed_until is not None and now < self.snoozed_until


@dataclass(frozen=True, slots=True)
class Plan:
    """What new records lead to: incidents made or changed, and posts. Made by `bot/rules/alerts.py`."""

    incidents: tuple[Incident, ...] = ()
    posts: tuple[Post, ...] = ()
    held: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """(incident, record) of what is told when a snooze is over."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason of a route → how many failing records it dropped."""
