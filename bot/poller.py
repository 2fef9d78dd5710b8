"""The second driver: one look a tick at each project's notification records."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from bot.csms.operations import LIST_RECORDS
from bot.errors import CsmsDown, CsmsError
from bot.model import RECORD_STATUSES, Incident, Plan, Post, PostKind, Record, RecordPage
from bot.rules.alerts import AWAY_POLLS, SILENCE, backfill, meanwhile, plan
from bot.rules.incidents import REMEMBERED, Where
from bot.services.causes import explain
from bot.services.changes import Changes
from bot.services.projects import Projects, Scope
from bot.services.status import TOLD_AFTER, Status
from bot.store import Counted, PollState, Store
from bot.store.outbox import random_key
from bot.views.named import Named, name_of
from bot.waiting import stopped_within, unless_stopped

log = logging.getLogger(__name__)

PATIENCE_S = 20.0
"""CSMS is waited for at least this long, however short the interval."""
OUR_ERROR = "an error inside csms-bot; see its log"


class Poller:
    """Looks, counts, and lets the rules decide; one process at a time, by lease."""

    def __init__(
        self,
        *,
        store: Store,
        projects: Projects,
        status: Status,
        clock: Callable[[], datetime],
        interval: timedelta,
        mode: str,
        wake: Callable[[], None],
        make_key: Callable[[], str] = random_key,
    ) -> None:
        self._store = store
        self._projects = projects
        self._status = status
        self._clock = clock
        self._interval = interval
        self._mode = mode
        self._wake = wake
        self._make_key = make_key
        self._failing: dict[str, tuple[str, int, str]] = {}
        """Project → what failed last, so that only a change is logged."""
        self._tasks_again: dict[str, datetime] = {}
        """Project → when the tasks call may be tried again after it was refused or did not answer."""
        self.named: dict[str, Counter[Named]] = {}
        """Project → records that a message names though the store, put back from a copy, does not know of them."""
        self.looked = asyncio.Event()
        """Set after the first good look at any project."""

    async def run(self, stop: asyncio.Event) -> None:
        """Polls at once and then every interval, each project by itself, until `stop`."""
        await asyncio.gather(*(self._project(scope, stop) for scope in self._projects))

    async def _project(self, scope: Scope, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            try:
                await unless_stopped(stop, self.tick(scope))
            except Exception as error:
                if self._fails_anew(scope, (type(error).__name__, 0, str(error))):
                    log.exception("poll failed", extra={"action": "poll_crashed", "project": scope.name})
                with contextlib.suppress(
                    Exception
                ):  # It may be the database that fails; the polling goes on.
                    await self._failed(scope, OUR_ERROR)
            # From due time to due time, so that slow polls do not add up; missed ones are not made up for.
            due = max(due + self._interval.total_seconds(), loop.time())
            await stopped_within(stop, due - loop.time())

    async def tick(self, scope: Scope) -> Counted | None:
        """One look. None when another process holds the lease, or CSMS could not be asked."""
        ttl = max(3 * self._interval, timedelta(seconds=90))
        held = await self._store.leases.take(
            f"poll/{scope.name}", holder=self._store.holder, ttl=ttl, now=self._clock()
        )
        if held is None:
            return None
        try:
            page = await self._look(scope)
        except CsmsError as error:
            if self._fails_anew(scope, (type(error).__name__, error.status, error.code)):
                log.warning(
                    "CSMS unreachable",
                    extra={"action": "poll_failed", "project": scope.name, "error": str(error)},
                )
            await self._failed(scope, str(error))
            return None
        now = self._clock()
        counted = await self._store.records.count(
            scope.name,
            page.records,
            incomplete=page.maybe_incomplete,
            now=now,
            incidents_since=now - REMEMBERED,
            decide=self._decide(scope, now),
            warning=Post(self._make_key(), PostKind.COVERAGE, scope.name, scope.name, scope.alert_channel),
            back=lambda outage: self._word(scope, PostKind.BACK, outage.since, outage.reason),
        )
        if self.named.pop(scope.name, None) is not None and not self.named:
            await self._store.restored.finished()
        self._status.poll_errors.pop(scope.name, None)
        if self._failing.pop(scope.name, None):
            log.info("CSMS is back", extra={"action": "poll_recovered", "project": scope.name})
        if counted.coverage_lost:
            log.warning("coverage may be incomplete", extra={"action": "coverage", "project": scope.name})
        if odd := sorted({record.status for record in counted.new} - {*RECORD_STATUSES})[:5]:
            log.warning(
                "records with a status that CSMS does not document are not alerted",
                extra={"action": "odd_status", "project": scope.name, "status": repr(odd)[:200]},
            )
        if counted.new:
            log.info(
                "new records",
                extra={
                    "action": "polled",
                    "project": scope.name,
                    "new": len(counted.new),
                    "failed": sum(record.failed for record in counted.new),
                },
            )
        self.looked.set()
        self._wake()
        if await explain(self._store, scope, now, not_before=self._tasks_again):
            self._wake()
        return counted

    async def _look(self, scope: Scope) -> RecordPage:
        """The records. CsmsError, also when CSMS takes so long that the next look is the better try."""
        within_s = max(self._interval.total_seconds(), PATIENCE_S)
        try:
            async with asyncio.timeout(within_s):
                return await scope.csms.notification_records()
        except TimeoutError:
            raise CsmsDown(LIST_RECORDS.name, message=f"no answer within {within_s:.0f} s") from None

    async def wake_snoozed(self) -> bool:
        """Posts what came in snoozes that are over. True when there were any."""
        now, woken = self._clock(), 0
        for scope in self._projects:
            where = self._where(scope)
            post = functools.partial(meanwhile, where=where, make_key=self._make_key)
            woken += await self._store.incidents.wake(scope.name, now, post)
        return woken > 0

    async def _failed(self, scope: Scope, reason: str) -> None:
        """Counts a failed poll; the one that makes it five in a row is told in the channel."""
        now = self._clock()
        self._status.poll_errors[scope.name] = reason
        outage = await self._store.records.outage(scope.name)
        since = outage.since if outage else now
        counted = await self._store.records.poll_failed(
            scope.name, reason=reason, now=now, tell_at=TOLD_AFTER,
            warning=self._word(scope, PostKind.OUTAGE, since, reason),
        )  # fmt: skip
        if counted.failures == TOLD_AFTER:
            self._wake()

    def _word(self, scope: Scope, kind: PostKind, since: datetime, reason: str) -> Post:
        data = {"since": since.timestamp(), "reason": reason, "polls": TOLD_AFTER}
        return Post(self._make_key(), kind, scope.name, scope.name, scope.alert_channel, data=data)

    def _fails_anew(self, scope: Scope, failure: tuple[str, int, str]) -> bool:
        """Notes the failure; False when the poll before failed in the same way."""
        same = self._failing.get(scope.name) == failure
        self._failing[scope.name] = failure
        return not same

    def _where(self, scope: Scope) -> Where:
        return Where(scope.name, scope.alert_channel, scope.routes, one_of_many=len(self._projects) > 1)

    def _decide(
        self, scope: Scope, now: datetime
    ) -> Callable[[Sequence[Record], Sequence[Incident], PollState | None], Plan]:
        where = self._where(scope)

        def decide(new: Sequence[Record], incidents: Sequence[Incident], last: PollState | None) -> Plan:
            if last is None:
                return backfill(new, mode=self._mode, where=where, now=now, make_key=self._make_key)
            new = self._not_named(scope, new)
            away = now - last.last_ok > max(AWAY_POLLS * self._interval, SILENCE)
            return plan(
                new, incidents, where=where, now=now, make_key=self._make_key,
                away_since=last.last_ok if away else None,
            )  # fmt: skip

        return decide

    def _not_named(self, scope: Scope, new: Sequence[Record]) -> list[Record]:
        left = Counter(self.named.get(scope.name, ()))
        kept = []
        for record in new:
            if record.failed and left[name := name_of(record)] > 0:
                left[name] -= 1
            else:
                kept.append(record)
        return kept


async def _nothing() -> bool:
    return False


class Keeper:
    """What time does: change requests are reminded of and expire, and snoozes end."""

    def __init__(
        self,
        changes: Changes,
        wake: Callable[[], None],
        *,
        wake_snoozed: Callable[[], Awaitable[bool]] = _nothing,
        every_s: float = 1.0,
    ) -> None:
        self._changes = changes
        self._wake = wake
        self._wake_snoozed = wake_snoozed
        self._every_s = every_s

    async def run(self, stop: asyncio.Event) -> None:
        """Looks every second until `stop`."""
        while not stop.is_set():
            try:
                expired = await self._changes.expire_due()
                reminded = await self._changes.remind_due()
                if await self._wake_snoozed() or reminded or expired:
                    self._wake()
            except Exception:
                log.exception("expiry failed", extra={"action": "expiry_failed"})
            await stopped_within(stop, self._every_s)
