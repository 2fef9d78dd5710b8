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
        found, alone = await self._in_history(job)
        if found:
            await self._outbox.posted(job.key, channel=job.channel, ts=found, rev=0, alone=alone)
        else:
            await self._outbox.release(job.key, error="", until=self._clock())


class WaitForTheThread(Poster):
    """Tries a reply again and again whose thread Slack does not find."""

    async def _not_sent(self, job: Outgoing, error: SlackError) -> None:
        if error.code == "thread_not_found":
            await self._outbox.release(job.key, error=error.code, until=self._later(job))
        else:
            await super()._not_sent(job, error)

    async def _edit(self, job: Outgoing) -> None:
        message = await self._draw(job)
        assert message is not None
        try:
            await self._slack.call("chat.update", channel=job.channel, ts=job.ts, text=message.text)
        except SlackError as error:
            if error.code != "message_not_found":
                raise
        await self._outbox.edited(job.key, job.rev)


class LookInTheThread(Poster):
    """Looks for a reply only where it was sent to."""

    async def _in_history(self, job: Outgoing) -> tuple[str, bool]:
        try:
            found = await self._among(job, "conversations.replies", ts=job.thread_ts) if job.thread_ts else {}
        except SlackError as error:
            if error.code != "thread_not_found":
                raise
            found = {}
        if found or job.thread_ts:
            return str(found.get("ts", "")), False
        return await super()._in_history(job)


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
    "wait-for-the-thread": Bot(poster=WaitForTheThread),
    "look-in-the-thread": Bot(poster=LookInTheThread),
    "newest-time": Bot(csms=NewestTime),
    "set-of-hashes": Bot(csms=SetOfHashes),
}
