"""The first start after a restore: Slack is asked what happened since the copy, before anything is sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.errors import SlackError
from bot.poller import Poller
from bot.rules.incidents import QUIET
from bot.services.projects import Projects
from bot.slack.client import SlackClient
from bot.slack.reconcile import changes_since, named_since
from bot.store import Store
from bot.waiting import stopped_within, unless_stopped

log = logging.getLogger(__name__)

MARGIN = timedelta(minutes=10)
"""For clocks that differ, and for what was under way when the copy was made."""
PAUSE_S = 5.0


class Restoring:
    """Comes to terms with what the copy does not know."""

    def __init__(
        self,
        *,
        store: Store,
        slack: SlackClient,
        projects: Projects,
        poller: Poller,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._slack = slack
        self._projects = projects
        self._poller = poller
        self._clock = clock

    async def run(self, identity: Mapping[str, Any], stop: asyncio.Event) -> None:
        """Returns when all is known, or at `stop`. While Slack cannot be asked nothing is sent."""
        while not stop.is_set():
            try:
                await unless_stopped(stop, self._reconcile(identity))
            except SlackError as error:
                log.warning(
                    "restored, and waiting for Slack",
                    extra={"action": "reconcile_waits", "error": str(error)},
                )
                await stopped_within(stop, max(PAUSE_S, error.retry_after_s))
                continue
            log.info("restored and reconciled", extra={"action": "reconciled"})
            return

    async def _reconcile(self, identity: Mapping[str, Any]) -> None:
        now = self._clock()
        still_open = await self._store.changes.open()
        looked = {}
        for scope in self._projects:
            poll = await self._store.records.poll(scope.name)
            looked[scope.name] = (poll.last_ok if poll else now) - MARGIN
        oldest = min([*looked.values(), *(change.created for change in still_open)])
        since = await changes_since(
            self._slack,
            identity,
            {scope.approval_channel: None for scope in self._projects},
            still_open=still_open,
            newest=await self._store.changes.newest(),
            oldest=oldest,
        )
        named = {}
        for scope in self._projects:
            begin = looked[scope.name] - QUIET
            told = await self._store.restored.told(begin)
            named[scope.name] = await named_since(self._slack, identity, scope.alert_channels, begin, told)
        first = next(iter(self._projects))
        await self._store.restored.reconcile(
            since, project=first.name, channel=first.approval_channel, now=now
        )
        self._poller.named = named
