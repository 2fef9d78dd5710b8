"""What everybody writes first, to see that the checker sees: each of these must fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.errors import SlackError
from bot.model import RecordPage
from bot.slack.outbox import Poster
from bot.store import Outgoing
from tests.simulation.episode import Bot
from tests.simulation.services import Csms


class SendThenMark(Poster):
    """Marks a message as posted when Slack has said so; sends again what Slack has not said."""

    async def _send(self, job: Outgoing) -> None:
        message = await self._draw(job)
        assert message is not None
        try:
            answer = await self._slack.call("chat.postMessage", **self._arguments(job, message))
        except SlackError as error:
            await self._outbox.release(job.key, error=error.code, until=self._clock())
            return
        await self._outbox.claim(job.key, self._clock())
        await self._outbox.posted(job.key, channel=job.channel, ts=answer["ts"], rev=job.rev)


class MarkThenSend(Poster):
    """Marks a message as posted before it is sent, so that it is never sent twice."""

    async def _send(self, job: Outgoing) -> None:
        message = await self._draw(job)
        assert message is not None
        await self._outbox.claim(job.key, self._clock())
        await self._outbox.posted(job.key, channel=job.channel, ts="", rev=1 << 40)
        await self._slack.call("chat.postMessage", **self._arguments(job, message))


class TrustTheClock(Poster):
    """Takes the wall clock's word that the settle time is over."""

    async def _find(self, job: Outgoing) -> None:
        if found := await self._in_history(job):
            await self._outbox.posted(job.key, channel=job.channel, ts=found, rev=0)
        else:
            await self._outbox.release(job.key, error="", until=self._clock())


class NewestTime:
    """Remembers the time of the newest record; what is older or as old is known."""

    def __init__(self, csms: Csms) -> None:
        self._csms = csms
        self._newest = 0.0

    async def notification_records(self) -> RecordPage:
        page = await self._csms.notification_records()
        new = [one for one in page.records if _age(one) > self._newest]
        self._newest = max(map(_age, page.records), default=self._newest)
        return replace(page, records=tuple(new))


class SetOfHashes:
    """Remembers the hash of each record; a twin has the same."""

    def __init__(self, csms: Csms) -> None:
        self._csms = csms

    async def notification_records(self) -> RecordPage:
        page = await self._csms.notification_records()
        return replace(page, records=tuple({one.fingerprint: one for one in page.records}.values()))


def _age(record: Any) -> float:
    return record.created.timestamp()


NAIVE = {
    "send-then-mark": Bot(poster=SendThenMark),
    "mark-then-send": Bot(poster=MarkThenSend),
    "trust-the-clock": Bot(poster=TrustTheClock),
    "newest-time": Bot(csms=NewestTime),
    "set-of-hashes": Bot(csms=SetOfHashes),
}
