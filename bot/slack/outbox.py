"""Posts what the outbox holds, each message once, whatever is lost in between.

A post is claimed (committed) before the request leaves. An answer that is lost makes it unknown; after the settle time
Slack's own history is asked for its key, among this bot's messages only, and only then is it sent again. When history
cannot be read the message stays unknown and is shown in `status`: it is never guessed.

The wall clock may jump, so nothing is sent again on its word: that the settle time is over says a clock that only goes
forward, from when this process learned of the doubt; and how far back history is read says Slack's own clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.errors import Sent, SlackError, StoreFailed
from bot.model import Post
from bot.slack.client import PARSE, SlackClient
from bot.slack.history import METADATA, key_of
from bot.store import Outgoing, Step
from bot.store.outbox import Outbox
from bot.store.places import NEVER
from bot.views.blocks import Message

log = logging.getLogger(__name__)

PACE_S = 1.05
"""Slack allows about one message a second and channel."""
EDIT_PACE_S = 0.3
"""chat.update is tier 3, 50 a minute over the workspace, with bursts; beyond that Slack's Retry-After sets the pace."""
LOOK_BACK = timedelta(days=1)
"""How far before the claim history is asked where the bot has no earlier message in the channel to go by."""
CLOSED = frozenset({"not_in_channel", "channel_not_found", "is_archived"})
"""The channel is gone, archived, or the bot is not in it (chat.postMessage, errors)."""
IS_INACTIVE = "is_inactive"
"""What chat.update says of an archived channel."""
NO_WAY_IN = CLOSED | {
    "missing_scope", "invalid_auth", "account_inactive", "token_revoked", "token_expired",
}  # fmt: skip
"""Refusals that are about the channel or the bot, not about the message: the next message would meet the same."""
NO_PARENT = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
"""The message in whose thread this was to go is not there; for the one that was deleted before anybody had answered Slack
says nothing, and lets the reply stand in the channel (slack-go issue 1571)."""
TOO_BIG = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})

OUR_ERROR = "an error inside csms-bot; see its log"
_NOT_SETTLED = "the answer was lost; history does not show it yet"

Draw = Callable[[Outgoing], Awaitable[Message | None]]
"""Draws a message from what the store holds now; None when what it showed is gone."""
Notice = Callable[[Outgoing, str], Post | None]
"""(a message whose channel is closed, why) → what is told elsewhere."""


class Poster:
    """The one that speaks to Slack for the outbox."""

    def __init__(
        self,
        *,
        slack: SlackClient,
        outbox: Outbox,
        draw: Draw,
        clock: Callable[[], datetime],
        settle: timedelta,
        notice: Notice = lambda _job, _why: None,
        monotonic: Callable[[], float] = time.monotonic,
        idle_s: float = 0.5,
        pace_s: float = PACE_S,
    ) -> None:
        self._slack = slack
        self._outbox = outbox
        self._draw = draw
        self._clock = clock
        self._settle = settle
        self._notice = notice
        self._monotonic = monotonic
        self._idle_s = idle_s
        self._pace_s = pace_s
        self._began = monotonic()
        self._doubted: dict[str, float] = {}
        """Key → when, by the monotonic clock, this process learned that nobody knows whether it was posted."""
        self._free_at: dict[str, float] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        """Lane → what is done in it now; a lane that waits for Slack holds no other up."""
        self._work = asyncio.Event()
        self._unsettled: dict[str, Outgoing] = {}
        """What went wrong and could not be written down; the store is tried again."""
        self._tries: Counter[str] = Counter()
        """Key → edits, looks and openings that failed since the last that worked; posts count in the store."""
        self.bot_id = ""
        self.bot_user_id = ""

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._work.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Posts until `stop` is set; then what is under way is finished first."""
        self._began = self._monotonic()
        while not stop.is_set():
            self._work.clear()
            try:
                await self._begin()
            except Exception:
                log.exception("outbox failed", extra={"action": "outbox_failed"})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._idle_s):
                    await self._work.wait()
        await asyncio.gather(*self._under_way.values())

    async def finish(self, kind: str, within_s: float) -> None:
        """After `run`: sends what is first in its lane and of this kind, without regard to pace. The rest is kept."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for job in await self._outbox.due(self._clock(), settle_s=self._settle.total_seconds()):
                    if job.kind == kind:
                        await self._do(job)

    async def _begin(self) -> None:
        """Begins what is due now, at most one thing a lane."""
        await self._settle_up()
        loop = asyncio.get_running_loop()
        paced = {lane for lane, free in self._free_at.items() if free > self._monotonic()}
        busy = paced | self._under_way.keys()
        for job in await self._outbox.due(self._clock(), settle_s=self._settle.total_seconds(), busy=busy):
            self._under_way[job.lane] = task = loop.create_task(self._do(job))
            task.add_done_callback(functools.partial(self._ended, job.lane))

    def _ended(self, lane: str, _task: asyncio.Task[None]) -> None:
        del self._under_way[lane]
        wait = self._free_at.get(lane, 0) - self._monotonic()
        asyncio.get_running_loop().call_later(max(0, wait), self._work.set)

    async def _do(self, job: Outgoing) -> None:
        self._hold(job.lane, min(EDIT_PACE_S, self._pace_s) if job.step is Step.EDIT else self._pace_s)
        try:
            await self._step(job)
        except Exception:
            # One message that cannot be drawn or understood must not stop the others.
            log.exception("posting failed", extra={"action": "post_crashed", "kind": job.kind})
            self._doubted[job.key] = self._monotonic()
            self._unsettled[job.key] = job
            with contextlib.suppress(StoreFailed):
                await self._settle_up()

    async def _step(self, job: Outgoing) -> None:
        try:
            if not job.channel:
                await self._find_channel(job)
            elif job.step is Step.SEND:
                await self._send(job)
            elif job.step is Step.EDIT:
                await self._edit(job)
            else:
                await self._find(job)
        except SlackError as error:
            await self._failed(job, error)

    async def _settle_up(self) -> None:
        """Writes down that nobody knows what became of these. StoreFailed while that cannot be written either."""
        for key, job in list(self._unsettled.items()):
            await self._outbox.unknown(key, OUR_ERROR)
            await self._outbox.later(key, error=OUR_ERROR, until=self._later(job))
            del self._unsettled[key]

    def _hold(self, lane: str, seconds: float) -> None:
        free = self._monotonic() + seconds
        self._free_at[lane] = max(free, self._free_at.get(lane, 0))

    async def _find_channel(self, job: Outgoing) -> None:
        opened = await self._slack.call("conversations.open", users=job.user)
        await self._outbox.address(job.user, str(opened["channel"]["id"]))
        self._free_at.pop(job.user, None)

    async def _send(self, job: Outgoing) -> None:
        message = await self._draw(job)
        if message is None:
            # What it would show is gone; nothing is left to say.
            await self._outbox.claim(job.key, self._clock(), thread_ts=job.parent_ts)
            await self._outbox.posted(job.key, channel=job.channel, ts="", rev=NEVER)
            return
        if not await self._outbox.claim(job.key, self._clock(), thread_ts=job.parent_ts):
            return
        arguments = self._arguments(job, message)
        try:
            try:
                answer = await self._slack.call("chat.postMessage", **arguments)
            except SlackError as error:
                if error.code not in TOO_BIG:
                    raise
                log.error(
                    "blocks refused",
                    extra={"action": "blocks_refused", "kind": job.kind, "error": str(error)},
                )
                answer = await self._slack.call("chat.postMessage", **(arguments | {"blocks": None}))
        except SlackError as error:
            await self._not_sent(job, error)
            return
        except asyncio.CancelledError:
            await asyncio.shield(self._doubt(job, "stopped while sending"))
            raise
        channel, ts = str(answer.get("channel") or job.channel), str(answer["ts"])
        alone = await self._stands_alone(job, answer)
        await self._outbox.posted(job.key, channel=channel, ts=ts, rev=job.rev, alone=alone)
        log.info("posted", extra={"action": "posted", "kind": job.kind, "channel": job.channel})

    async def _stands_alone(self, job: Outgoing, answer: dict[str, Any]) -> bool:
        """Whether a reply stands in the channel, because the message above it is gone. Asked, where Slack hints at it."""
        message = answer.get("message")
        if not job.parent_ts or not isinstance(message, dict) or message.get("thread_ts"):
            return False
        try:
            await self._slack.call("conversations.replies", channel=job.channel, ts=job.parent_ts, limit=1)
        except SlackError as error:
            return error.code in NO_PARENT
        return False

    def _arguments(self, job: Outgoing, message: Message) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "channel": job.channel,
            "text": message.text,
            "metadata": {"event_type": METADATA, "event_payload": {"k": job.key}},
            "unfurl_links": False,
            "unfurl_media": False,
            "parse": PARSE,
            "blocks": message.body,
        }
        if job.parent_ts:
            arguments["thread_ts"] = job.parent_ts
        return arguments

    async def _not_sent(self, job: Outgoing, error: SlackError) -> None:
        if error.sent is Sent.UNKNOWN:
            log.warning(
                "answer lost", extra={"action": "post_unknown", "kind": job.kind, "error": str(error)}
            )
            await self._doubt(job, error.code)
            return
        if error.sent is Sent.LIMITED:
            self._hold(job.lane, error.retry_after_s)
            until = self._clock() + timedelta(seconds=error.retry_after_s)
            await self._outbox.release(job.key, error="", until=until)
            return
        if error.sent is Sent.NO:
            # Slack is not there: the message is as good as any, and keeps its place.
            until = self._later(job)
            self._hold(job.lane, (until - self._clock()).total_seconds())
            await self._outbox.release(job.key, error="", until=until)
            return
        log.warning("not posted", extra={"action": "post_refused", "kind": job.kind, "error": str(error)})
        if job.parent_ts and error.code in NO_PARENT:
            await self._outbox.gone(job.channel, job.parent_ts)
            await self._outbox.release(job.key, error="", until=self._clock())
            return
        until = self._later(job)
        if error.code in NO_WAY_IN and not job.user:
            self._hold(job.lane, (until - self._clock()).total_seconds())
            why = _hint(error)
            notice = self._notice(job, why) if error.code in CLOSED else None
            await self._outbox.hold(
                job.key, channel=job.channel, error=why, now=self._clock(), until=until, notice=notice
            )
        else:
            # It may never be taken: it must not take the others' place again and again.
            await self._outbox.release(job.key, error=_hint(error), until=self._later(job, most_s=900.0))

    async def _edit(self, job: Outgoing) -> None:
        message = await self._draw(job)
        if message is None or not job.ts:
            await self._outbox.edited(job.key, job.rev)
            return
        arguments = {"channel": job.channel, "ts": job.ts, "text": message.text, "parse": PARSE}
        try:
            await self._slack.call("chat.update", **arguments, blocks=message.body)
        except SlackError as error:
            if error.code in TOO_BIG:
                log.error(
                    "edit refused", extra={"action": "edit_too_big", "kind": job.kind, "error": str(error)}
                )
                await self._edit_plainly(arguments)
            elif error.code == "message_not_found":
                log.info("message deleted", extra={"action": "edit_gone", "kind": job.kind})
                await self._outbox.gone(job.channel, job.ts)
                return
            elif error.code in ("cant_update_message", "edit_window_closed"):
                log.warning(
                    "not editable", extra={"action": "edit_refused", "kind": job.kind, "error": error.code}
                )
            else:
                raise
        self._tries.pop(job.key, None)
        await self._outbox.edited(job.key, job.rev)

    async def _edit_plainly(self, arguments: dict[str, Any]) -> None:
        """An edit without blocks; where even that is too big, the message stays as it is."""
        try:
            await self._slack.call("chat.update", **arguments, blocks=[])
        except SlackError as error:
            if error.code not in TOO_BIG:
                raise

    async def _doubt(self, job: Outgoing, error: str) -> None:
        self._doubted[job.key] = self._monotonic()
        await self._outbox.unknown(job.key, error)

    async def _find(self, job: Outgoing) -> None:
        # What a dead process was sending left before this one began.
        left = self._doubted.get(job.key, self._began) + self._settle.total_seconds() - self._monotonic()
        found, alone = await self._in_history(job)
        if not found and left > 0:
            until = self._clock() + timedelta(seconds=left)
            await self._outbox.later(job.key, error=_NOT_SETTLED, until=until)
            return
        self._doubted.pop(job.key, None)
        if found:
            log.info("found again", extra={"action": "post_found", "kind": job.kind})
            # Revision 0: nobody knows which one it shows, so it is drawn once more.
            await self._outbox.posted(job.key, channel=job.channel, ts=found, rev=0, alone=alone)
        else:
            log.info("never arrived", extra={"action": "post_absent", "kind": job.kind})
            await self._outbox.release(job.key, error="", until=self._clock())
            self._free_at.pop(job.lane, None)

    async def _in_history(self, job: Outgoing) -> tuple[str, bool]:
        """Its ts, empty when it is nowhere; and whether it stands in the channel though it was sent into a thread."""
        alone = False
        if job.thread_ts:
            try:
                if found := await self._among(job, "conversations.replies", ts=job.thread_ts):
                    return str(found["ts"]), False
            except SlackError as error:
                if error.code not in NO_PARENT:
                    raise
                await self._outbox.gone(job.channel, job.thread_ts)
                alone = True
        found = await self._among(job, "conversations.history")
        return (str(found["ts"]), alone) if found else ("", False)

    async def _among(self, job: Outgoing, method: str, **where: str) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "channel": job.channel,
            "include_all_metadata": True,
            "oldest": job.since_ts or f"{(job.claimed - LOOK_BACK).timestamp():.6f}",
            "limit": 200,
            **where,
        }
        while True:
            page = await self._slack.call(method, **arguments)
            for message in page.get("messages", ()):
                if self._ours(message) and key_of(message) == job.key:
                    return dict(message)
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return {}
            arguments["cursor"] = cursor

    def _ours(self, message: dict[str, Any]) -> bool:
        """Anybody may post metadata; only a message of this bot's own is proof."""
        return (bool(self.bot_id) and message.get("bot_id") == self.bot_id) or (
            bool(self.bot_user_id) and message.get("user") == self.bot_user_id
        )

    async def _failed(self, job: Outgoing, error: SlackError) -> None:
        """An edit, a look into history or the opening of a direct message did not work: later, nothing is guessed."""
        wait = timedelta(seconds=error.retry_after_s) if error.sent is Sent.LIMITED else None
        if wait:
            self._hold(job.lane, wait.total_seconds())
        self._tries[job.key] += 1
        until = self._clock() + wait if wait else self._later(job, tries=self._tries[job.key])
        log.warning(
            "slack call failed", extra={"action": f"{job.step}_failed", "kind": job.kind, "error": str(error)}
        )
        await self._outbox.later(job.key, error=_hint(error), until=until)
        if job.step is Step.EDIT and error.code in CLOSED | {IS_INACTIVE}:
            await self._outbox.hold_edits(job.channel, error=_hint(error), until=until)

    def _later(self, job: Outgoing, *, tries: int | None = None, most_s: float = 60.0) -> datetime:
        tries = job.attempts if tries is None else tries
        return self._clock().astimezone(UTC) + timedelta(seconds=min(most_s, 2.0 ** min(tries + 1, 10)))


def _hint(error: SlackError) -> str:
    """Slack's error, and what a person can do about it."""
    if error.code in ("not_in_channel", "channel_not_found"):
        return f"{error.code}: type `/invite @csms-bot` in that channel, or correct the setting"
    if error.code in ("is_archived", IS_INACTIVE):
        return f"{error.code}: unarchive the channel, or name another in the settings"
    if error.code == "missing_scope":
        return f"missing_scope: reinstall the app from manifest.yml (it lacks {error.needed or 'a scope'})"
    return error.code
