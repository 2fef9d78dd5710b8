"""Posts the head of the audit log to Slack, where whoever owns the file cannot change it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.model import Post, PostKind
from bot.services.projects import Projects
from bot.store import Store

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
LOOK = timedelta(seconds=60)
"""How often it is asked whether a day is over."""


class Witness:
    """Once a day, and when the bot stops."""

    def __init__(
        self, *, store: Store, projects: Projects, clock: Callable[[], datetime], wake: Callable[[], None]
    ) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock
        self._wake = wake

    async def run(self, stop: asyncio.Event, look: timedelta = LOOK) -> None:
        """Posts when a day is over, until `stop`."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(look.total_seconds()):
                    await stop.wait()
            if stop.is_set():
                return
            try:
                if await self._due():
                    await self.post()
            except Exception:
                log.exception("head not posted", extra={"action": "witness_failed"})

    async def _due(self) -> bool:
        """By what the store kept, so that a restart neither hurries nor delays it; a clock that was ahead counts not."""
        last = await self._store.outbox.newest(PostKind.WITNESS)
        return last is None or not timedelta(0) <= self._clock() - last.created < EVERY

    async def post(self) -> bool:
        """Puts the head into the outbox, for each approval channel; False when it was posted already."""
        seq, digest = await self._store.audit.head()
        last = await self._store.outbox.newest(PostKind.WITNESS)
        if seq == 0 or (last is not None and last.data.get("seq") == seq):
            return False
        channels = {scope.approval_channel: scope.name for scope in self._projects}
        for channel, project in channels.items():
            data = {"seq": seq, "hash": digest}
            post = Post(secrets.token_hex(16), PostKind.WITNESS, str(seq), project, channel, data=data)
            await self._store.outbox.put(post, self._clock())
        self._wake()
        return True
