"""What the bot knows of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot import __version__
from bot.model import ChangeState
from bot.rules.incidents import QUIET
from bot.services.projects import Projects
from bot.store import Store


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """What is known of one project, its polls and its alerts."""

    name: str
    project_id: str
    endpoint: str
    last_poll: datetime | None
    failures: int
    error: str
    records: int
    incomplete: bool
    alert_channel: str
    approval_channel: str
    approvers: int
    dropped: tuple[tuple[str, int], ...] = ()
    """(a route's reason, how many failing records it dropped)."""
    incidents: int = 0
    """Incidents that fail, or wait for the notice after a fix."""
    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(CSMS operation, HTTP status or `none`) → how many."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `status` and `/readyz` say."""

    version: str
    mode: str
    connected: bool
    projects: tuple[ProjectReport, ...]
    open_changes: int
    backlog: dict[str, int]
    inbox: int
    head: tuple[int, str]
    troubles: tuple[tuple[str, str, int], ...]
    wrong: tuple[str, ...]
    """What is wrong, each a sentence; empty when all is well."""
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(Slack method, how it ended) → how many."""


STUCK_AFTER = timedelta(minutes=1)
"""An approved change takes some seconds."""
TOLD_AFTER = 5
"""Polls that fail in a row until the channel is told and the bot is not ready."""


@dataclass(slots=True)
class Status:
    """Gathers the report; the drivers leave notes here of what only they know."""

    store: Store
    projects: Projects
    clock: Callable[[], datetime]
    interval: timedelta
    mode: str
    slack_connected: Callable[[], bool]
    poll_errors: dict[str, str] = field(default_factory=dict)
    """Project → why its last poll failed; absent when it worked."""
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(Slack method, how it ended) → how many."""

    def stale(self, last: datetime | None, now: datetime) -> bool:
        """A poll is fresh for three intervals, and at least half a minute."""
        return last is None or now - last > max(3 * self.interval, timedelta(seconds=30))

    async def report(self) -> Report:
        """Reads everything that it says from the store and the drivers' notes."""
        now = self.clock()
        projects = []
        wrong = []
        if not self.slack_connected():
            wrong.append("Slack is not connected.")
        for scope in self.projects:
            poll = await self.store.records.poll(scope.name)
            last = poll.last_ok if poll else None
            outage = await self.store.records.outage(scope.name)
            error = self.poll_errors.get(scope.name, "")
            if error:
                wrong.append(f"The last poll of project {scope.name} failed: {error}")
            elif self.stale(last, now):
                wrong.append(f"Project {scope.name} has not been polled lately.")
            if poll and poll.incomplete:
                wrong.append(
                    f"Coverage of project {scope.name} may be incomplete: CSMS shows only part of its records."
                )
            if not scope.policy.approvers and scope.policy.required > 0:
                wrong.append(
                    f"Nobody may approve changes of project {scope.name}: CSMS_BOT_APPROVERS is empty."
                )
            projects.append(
                ProjectReport(
                    name=scope.name,
                    project_id=scope.project_id,
                    endpoint=scope.endpoint,
                    last_poll=last,
                    failures=outage.failures if outage else 0,
                    error=error,
                    records=poll.records if poll else 0,
                    incomplete=bool(poll and poll.incomplete),
                    alert_channel=scope.alert_channel,
                    approval_channel=scope.approval_channel,
                    approvers=len(scope.policy.approvers),
                    dropped=tuple(await self.store.records.dropped(scope.name)),
                    incidents=await self.store.incidents.open(scope.name, now - QUIET),
                    requests=dict(scope.csms.requests),
                )
            )
        troubles = await self.store.outbox.troubles()
        for place, error, number in troubles:
            wrong.append(f"{number} message(s) to {place} wait: {error}.")
        still_open = await self.store.changes.open()
        for change in still_open:
            if change.state is not ChangeState.PENDING and now - (change.decided or now) > STUCK_AFTER:
                wrong.append(f"{change.id} is {change.state} and not finished; the bot goes on trying.")
        return Report(
            version=__version__,
            mode=self.mode,
            connected=self.slack_connected(),
            projects=tuple(projects),
            open_changes=len(still_open),
            backlog=await self.store.outbox.backlog(),
            inbox=await self.store.inbox.waiting(),
            head=await self.store.audit.head(),
            troubles=tuple(troubles),
            wrong=tuple(wrong),
            calls=dict(self.calls),
        )

    async def ready(self) -> list[str]:
        """Why the bot is not ready; empty when Slack is connected, the database answers, every poll is fresh and no
        channel that it has something to say in is closed."""
        now = self.clock()
        reasons = [] if self.slack_connected() else ["slack: not connected"]
        for scope in self.projects:
            poll = await self.store.records.poll(scope.name)
            outage = await self.store.records.outage(scope.name)
            failing = outage is not None and outage.failures >= TOLD_AFTER
            if failing or self.stale(poll.last_ok if poll else None, now):
                reasons.append(f"poll of {scope.name}: {self.poll_errors.get(scope.name) or 'not fresh'}")
        reasons += [f"channel {channel}: {error}" for channel, error in await self.store.outbox.closed()]
        return reasons
