"""What remains to be done about change requests: reminding, a word about a rejection, the review of a change that was
applied before anybody approved it. Each is a compare-and-set with its audit row."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from bot.model import Change, ChangeState, Post, PostKind
from bot.store import audit, outbox
from bot.store.changes import entry, find, read_change
from bot.store.engine import Engine, Tx

REVIEW_EVERY = timedelta(hours=24)


class Deadlines:
    """Reminders and reviews of the running bot."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def remind_pending(self, now: datetime) -> list[Change]:
        """Posts one reminder in the card's thread for each pending change whose time is half over."""

        def work(tx: Tx) -> list[Change]:
            due = [
                read_change(tx, row)
                for row in tx.query(
                    "select * from changes where state = 'pending' and reminded is null and expires > :now "
                    "and created + (expires - created) / 2 <= :now order by number",
                    {"now": now.timestamp()},
                )
            ]
            for change in due:
                tx.execute(
                    "update changes set reminded = ? where number = ?", [now.timestamp(), change.number]
                )
                _in_thread(tx, change, "half", now)
            return due

        return await self._engine.run(work)

    async def remind_reviews(self, now: datetime) -> list[Change]:
        """Posts a reminder, at most one a day, for each change whose review is owed."""

        def work(tx: Tx) -> list[Change]:
            due = [change for change in _owed(tx, "") if change.review_owed and _day_over(tx, change, now)]
            for change in due:
                tx.execute(
                    "update changes set review_reminded = ? where number = ?",
                    [now.timestamp(), change.number],
                )
                _in_thread(tx, change, "review", now)
            return due

        return await self._engine.run(work)

    async def owed(self, project: str = "") -> list[Change]:
        """Changes whose review is owed, oldest first; of one project or of all."""
        return await self._engine.run(lambda tx: [one for one in _owed(tx, project) if one.review_owed])

    async def review(self, key: str, by: str, now: datetime) -> Change | None:
        """The debt is paid, by one person; None when it is not owed (any more)."""

        def work(tx: Tx) -> Change | None:
            change = find(tx, "key", key)
            if change is None or not change.review_owed:
                return None
            tx.execute(
                "update changes set reviewed_by = ?, reviewed = ? where number = ?",
                [by, now.timestamp(), change.number],
            )
            audit.append(tx, entry(change, "change.review", "reviewed", by), now)
            outbox.touch(tx, PostKind.CARD, key)
            return find(tx, "key", key)

        return await self._engine.run(work)

    async def explain(self, key: str, by: str, reason: str, now: datetime) -> Change | None:
        """Adds the reason of a rejection, once, by whom rejected it; None for anybody else and anything else."""

        def work(tx: Tx) -> Change | None:
            cursor = tx.execute(
                "update changes set note = ? where key = ? and state = ? and decided_by = ? and note = ''",
                [reason, key, ChangeState.REJECTED, by],
            )
            if cursor.rowcount != 1:
                return None
            change = find(tx, "key", key)
            assert change is not None  # noqa: S101 (updated above in the same transaction)
            audit.append(tx, entry(change, "change.reject", "explained", by, reason), now)
            outbox.touch(tx, PostKind.CARD, key)
            outbox.touch(tx, PostKind.TOLD, key)
            return change

        return await self._engine.run(work)


def _owed(tx: Tx, project: str) -> list[Change]:
    rows = tx.query(
        "select * from changes where break_glass = 1 and reviewed is null "
        "and (:project = '' or project = :project) order by number",
        {"project": project},
    )
    return [read_change(tx, row) for row in rows]


def _day_over(tx: Tx, change: Change, now: datetime) -> bool:
    row = tx.execute("select review_reminded from changes where number = ?", [change.number]).fetchone()
    last = row[0] if row[0] is not None else (change.decided or change.created).timestamp()
    return bool(now.timestamp() >= last + REVIEW_EVERY.total_seconds())


def _in_thread(tx: Tx, change: Change, what: str, now: datetime) -> None:
    """A reply to the card; without a card there is nothing to reply to, and nothing is said."""
    row = tx.execute(
        "select key, channel from outbox where kind = ? and ref = ?", [PostKind.CARD, change.key]
    ).fetchone()
    if row:
        post = Post(
            secrets.token_hex(16), PostKind.REMINDER, change.key, change.project, channel=row[1], parent=row[0],
            data={"what": what},
        )  # fmt: skip
        outbox.put(tx, post, now)
