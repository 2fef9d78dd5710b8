"""Messages on their way to Slack, with the state that others leave out: unknown.

`pending → sending → posted | pending | unknown`, and from unknown, when Slack's own history has been asked,
`posted` or `pending`. `sending` is committed before the request leaves, so a crash in the middle is known as one.
A posted message whose `rev` is ahead of `shown` wants an edit; edits are harmless to repeat.

A posted message without a `ts` is not in Slack (any more): there was nothing to show, or somebody deleted it. What was to go
into its thread goes into the channel: the first of it takes the deleted message's place, and the others go below that.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bot.model import Post, PostKind
from bot.store import places
from bot.store.engine import Engine, Tx


def random_key() -> str:
    """An opaque key for a post or an incident."""
    return secrets.token_hex(16)


class Step(StrEnum):
    """What is due for a message."""

    SEND = "send"
    EDIT = "edit"
    FIND = "find"
    """Nobody knows whether it was posted: look for it in Slack's history."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message with something due."""

    key: str
    step: Step
    kind: str
    ref: str
    project: str
    channel: str
    user: str
    parent_ts: str
    """Slack's ts of the message in whose thread this goes, or empty."""
    thread_ts: str
    """The `parent_ts` with which it was sent last, or would be sent: it is looked for there, too."""
    data: Mapping[str, Any]
    rev: int
    ts: str
    attempts: int
    claimed: datetime
    since_ts: str
    """Slack's ts of the newest message that the bot had in the channel when it was claimed: this one is younger, by
    Slack's own clock. Empty when there was none."""

    @property
    def stands_for_alert(self) -> bool:
        """Of a reply with later records: its incident has no alert, so that it carries the buttons itself."""
        return "incident" in self.data or not self.parent_ts

    @property
    def lane(self) -> str:
        """What it queues in: Slack paces posts by channel, and edits, by another method, over the workspace."""
        return _lane(self.step, self.channel, self.user)


@dataclass(frozen=True, slots=True)
class Put:
    """A message as it was added."""

    created: datetime
    data: Mapping[str, Any]


def put(tx: Tx, post: Post, now: datetime) -> None:
    """Adds a message inside the caller's transaction; a key that is there already changes nothing."""
    tx.execute(
        "insert or ignore into outbox (key, project, kind, ref, channel, user, parent, data, created, next_at) "
        "values (:key, :project, :kind, :ref, :channel, :user, coalesce((select p.parent from outbox p "
        "where p.key = :parent and p.ts = '' and p.state = 'posted' and p.parent != ''), :parent), "
        ":data, :created, :next_at)",
        {
            "key": post.key,
            "project": post.project,
            "kind": post.kind,
            "ref": post.ref,
            "channel": post.channel,
            "user": post.user,
            "parent": post.parent,
            "data": json.dumps(dict(post.data), ensure_ascii=False, separators=(",", ":")),
            "created": now.timestamp(),
            "next_at": post.wait_until.timestamp() if post.wait_until else 0,
        },
    )


def touch(tx: Tx, kind: str, ref: str) -> None:
    """What message `kind` of `ref` shows has changed: it wants an edit (or, not yet sent, is drawn anew anyway)."""
    tx.execute(
        "update outbox set rev = rev + 1, next_at = case state when 'posted' then 0 else next_at end "
        "where kind = ? and ref = ?",
        [kind, ref],
    )


def touch_incident(tx: Tx, key: str) -> None:
    """All that shows how an incident is: its alert, what stands for it, and the digest that opened it."""
    tx.execute(
        "update outbox set rev = rev + 1, next_at = case state when 'posted' then 0 else next_at end "
        "where (kind = :alert and ref = :key) or (kind = :lines and ref = :key "
        "and (parent = '' or json_extract(data, '$.incident') is not null)) "
        "or (kind = :digest and key = (select post from incidents where key = :key))",
        {"key": key, "alert": PostKind.ALERT, "lines": PostKind.LINES, "digest": PostKind.DIGEST},
    )


# A message that nobody knows of does not hold the later ones of its thread up. It would keep their order, but for as long as
# history cannot be read, which may be days, every record of that incident would go untold; each line says its own time.
_DUE = """
select o.*, case when p.channel = o.channel then p.ts else '' end as parent_ts,
    case when o.state = 'pending' then 'send' when o.state = 'unknown' then 'find' else 'edit' end as step
from outbox o left join outbox p on p.key = o.parent
where o.next_at <= :now and (
    (o.state = 'pending' and (o.parent = '' or p.state = 'posted'))
    or (o.state = 'unknown' and o.claimed + :settle <= :now and (o.parent = '' or p.state = 'posted'))
    or (o.state = 'posted' and o.rev > o.shown))
order by (o.state != 'unknown' and o.error != '' and o.channel not in (select channel from closed)), o.id
"""
"""What Slack refused for its own sake comes after all else, or some such messages would fill a lane; those of a closed
channel keep their order."""


def posted_of(db: Tx, kind: str, channel: str) -> list[tuple[str, Mapping[str, Any]]]:
    """(ts, data) of the messages of a kind that are in a channel."""
    rows = db.execute(
        "select ts, data from outbox where kind = ? and channel = ? and state = 'posted' and ts != '' order by id",
        [kind, channel],
    )
    return [(ts, json.loads(data)) for ts, data in rows.fetchall()]


class Outbox:
    """The store's side of posting; `bot/slack/outbox.py` is the one that speaks to Slack."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def put(self, post: Post, now: datetime) -> None:
        """Adds one message."""
        await self._engine.run(lambda tx: put(tx, post, now))

    async def due(self, now: datetime, *, settle_s: float, busy: Collection[str] = ()) -> list[Outgoing]:
        """What is due, oldest first, at most one a lane (see `Outgoing.lane`); lanes in `busy` are left out."""

        def work(tx: Tx) -> list[Outgoing]:
            taken = set(busy)
            due: list[Outgoing] = []
            for row in tx.query(_DUE, {"now": now.timestamp(), "settle": settle_s}):
                # A long backlog has few lanes: only what is taken is decoded.
                lane = _lane(row["step"], row["channel"], row["user"])
                if lane not in taken:
                    taken.add(lane)
                    due.append(_outgoing(row))
            return due

        return await self._engine.run(work)

    async def claim(self, key: str, now: datetime, *, thread_ts: str = "") -> bool:
        """pending → sending, committed before the request leaves. True for exactly one caller."""

        def work(tx: Tx) -> bool:
            cursor = tx.execute(
                "update outbox set state = 'sending', attempts = attempts + 1, claimed = :now, thread_ts = :thread, "
                "since_ts = coalesce(("
                "select max(p.ts) from outbox p where p.channel = outbox.channel and p.ts != ''), '') "
                "where key = :key and state = 'pending'",
                {"key": key, "now": now.timestamp(), "thread": thread_ts},
            )
            if cursor.rowcount == 1 and not thread_ts:
                places.stands_alone(tx, key)
            return bool(cursor.rowcount == 1)

        return await self._engine.run(work)

    async def posted(self, key: str, *, channel: str, ts: str, rev: int, alone: bool = False) -> bool:
        """It is in Slack, showing revision `rev` (0 when it was found again and nobody knows which it shows).

        `alone`: it was sent into a thread and stands in the channel, as Slack does it when the message above is gone.
        """

        def work(tx: Tx) -> bool:
            cursor = tx.execute(
                "update outbox set state = 'posted', channel = :channel, ts = :ts, shown = :rev, error = '', "
                "next_at = 0 where key = :key and state in ('sending', 'unknown')",
                {"key": key, "channel": channel, "ts": ts, "rev": 0 if alone else rev},
            )
            if ts and tx.execute("delete from closed where channel = ?", [channel]).rowcount:
                # What waited for the channel goes in the order in which it came.
                tx.execute("update outbox set error = '' where channel = ? and state = 'pending'", [channel])
            if alone:
                (thread,) = tx.execute("select thread_ts from outbox where key = ?", [key]).fetchone()
                places.gone(tx, channel, thread)
                places.stands_alone(tx, key)
            return bool(cursor.rowcount == 1)

        return await self._engine.run(work)

    async def gone(self, channel: str, ts: str) -> None:
        """Somebody deleted this message in Slack: it is edited no more, and what was to go below it stands alone."""
        await self._engine.run(lambda tx: places.gone(tx, channel, ts))

    async def edited(self, key: str, rev: int) -> bool:
        """The message shows revision `rev`."""
        return await self._move(
            "update outbox set shown = max(shown, :rev), error = '', next_at = 0 where key = :key",
            {"key": key, "rev": rev},
        )

    async def unknown(self, key: str, error: str) -> bool:
        """The answer was lost or says too little: it may have been posted."""
        return await self._move(
            "update outbox set state = 'unknown', error = :error where key = :key and state = 'sending'",
            {"key": key, "error": error},
        )

    async def release(self, key: str, *, error: str, until: datetime) -> bool:
        """Surely not posted: pending again, not before `until`."""
        return await self._move(
            "update outbox set state = 'pending', error = :error, next_at = :until "
            "where key = :key and state in ('sending', 'unknown', 'pending')",
            {"key": key, "error": error, "until": until.timestamp()},
        )

    async def later(self, key: str, *, error: str, until: datetime) -> bool:
        """Leaves the state as it is and tries again at `until` (an edit, or history that cannot be read)."""
        return await self._move(
            "update outbox set error = :error, next_at = :until where key = :key",
            {"key": key, "error": error, "until": until.timestamp()},
        )

    async def hold(
        self,
        key: str,
        *,
        channel: str,
        error: str,
        now: datetime,
        until: datetime,
        notice: Post | None = None,
    ) -> bool:
        """Surely not posted, and nothing else can be posted there now: all for the channel waits, in its order.

        `notice` is posted in another channel when this one was open before. True then.
        """
        values = {"key": key, "channel": channel, "error": error, "until": until.timestamp()}

        def work(tx: Tx) -> bool:
            tx.execute(
                "update outbox set state = 'pending', error = :error, next_at = max(next_at, :until) "
                "where channel = :channel and (state = 'pending' or (key = :key and state = 'sending'))",
                values,
            )
            anew = tx.execute(
                "insert into closed values (?, ?, ?) on conflict do nothing",
                [channel, error, now.timestamp()],
            )
            if anew.rowcount != 1:
                return False
            if notice is not None:
                put(tx, notice, now)
            return True

        return await self._engine.run(work)

    async def hold_edits(self, channel: str, *, error: str, until: datetime) -> None:
        """A message in this channel cannot be edited now: neither can the others."""
        await self._engine.run(
            lambda tx: tx.execute(
                "update outbox set error = ?, next_at = max(next_at, ?) "
                "where channel = ? and state = 'posted' and rev > shown",
                [error, until.timestamp(), channel],
            )
        )

    async def readdress(self, named: Collection[str], homes: Mapping[str, tuple[str, str]]) -> int:
        """At start: what waits for a closed channel that no setting names any more goes where it would go now.

        `named`: the channels of the settings; `homes`: project → (its alert channel, its approval channel). What may have
        been posted stays where it is looked for. How many messages.
        """

        def work(tx: Tx) -> int:
            moved = 0
            closed = [channel for (channel,) in tx.execute("select channel from closed").fetchall()]
            for channel in closed:
                if channel not in named:
                    moved += places.leave(tx, channel, homes)
            return moved

        return await self._engine.run(work)

    async def closed(self) -> list[tuple[str, str]]:
        """(channel, Slack's error) of the channels that cannot be posted to since the last try, and have messages waiting."""
        return await self._engine.run(
            lambda tx: [
                (row[0], row[1])
                for row in tx.execute(
                    "select channel, error from closed c where exists (select 1 from outbox o "
                    "where o.channel = c.channel and o.state = 'pending') order by since"
                ).fetchall()
            ]
        )

    async def address(self, user: str, channel: str) -> None:
        """The channel of the direct messages to `user` is known now, for all that wait for it."""
        await self._engine.run(
            lambda tx: tx.execute(
                "update outbox set channel = ?, error = '' where user = ? and channel = ''", [channel, user]
            )
        )

    async def recover(self) -> int:
        """At start: what a dead process was sending may have been posted. How many."""
        return await self._engine.run(
            lambda tx: int(tx.execute("update outbox set state = 'unknown' where state = 'sending'").rowcount)
        )

    async def data(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """What a message was made from; None when there is none of this kind and key."""

        def work(tx: Tx) -> Mapping[str, Any] | None:
            row = tx.execute("select data from outbox where key = ? and kind = ?", [key, kind]).fetchone()
            return json.loads(row[0]) if row else None

        return await self._engine.run(work)

    async def newest(self, kind: str) -> Put | None:
        """The message of a kind that was added last."""

        def work(tx: Tx) -> Put | None:
            for row in tx.query(
                "select created, data from outbox where kind = ? order by id desc limit 1", [kind]
            ):
                return Put(datetime.fromtimestamp(row["created"], UTC), json.loads(row["data"]))
            return None

        return await self._engine.run(work)

    async def backlog(self) -> dict[str, int]:
        """How many messages are pending, sending, unknown, and behind with an edit."""

        def work(tx: Tx) -> dict[str, int]:
            counts = dict.fromkeys(("pending", "sending", "unknown", "behind"), 0)
            for state, number in tx.execute(
                "select state, count(*) from outbox where state != 'posted' group by state"
            ).fetchall():
                counts[state] = number
            counts["behind"] = tx.execute(
                "select count(*) from outbox where state = 'posted' and rev > shown"
            ).fetchone()[0]
            return counts

        return await self._engine.run(work)

    async def troubles(self) -> list[tuple[str, str, int]]:
        """(channel or user, Slack's error, how many messages wait) of what cannot be posted now."""
        return await self._engine.run(
            lambda tx: [
                (row[0], row[1], row[2])
                for row in tx.execute(
                    "select coalesce(nullif(channel, ''), user), error, count(*) from outbox "
                    "where error != '' group by 1, 2 order by 3 desc limit 10"
                ).fetchall()
            ]
        )

    async def _move(self, statement: str, values: dict[str, Any]) -> bool:
        return await self._engine.run(lambda tx: bool(tx.execute(statement, values).rowcount == 1))


def _outgoing(row: dict[str, Any]) -> Outgoing:
    return Outgoing(
        key=row["key"],
        step=Step(row["step"]),
        kind=row["kind"],
        ref=row["ref"],
        project=row["project"],
        channel=row["channel"],
        user=row["user"],
        parent_ts=row["parent_ts"],
        # Put back from a copy it may have been sent since, into the thread that it was meant for.
        thread_ts=row["thread_ts"] or row["parent_ts"],
        data=json.loads(row["data"]),
        rev=row["rev"],
        ts=row["ts"],
        attempts=row["attempts"],
        claimed=datetime.fromtimestamp(row["claimed"], UTC),
        since_ts=row["since_ts"],
    )


def _lane(step: str, channel: str, user: str) -> str:
    return "edits" if step == Step.EDIT else channel or user
