"""A lease: who may do a thing now. With SQLite one process always wins; several replicas need no other code."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.store.engine import Engine, Tx


class Leases:
    """Named leases with a fence number that grows with each new holder."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def take(self, name: str, *, holder: str, ttl: timedelta, now: datetime) -> int | None:
        """Takes or renews the lease; its fence, or None while somebody else holds it."""

        def work(tx: Tx) -> int | None:
            row: tuple[str, float, int] | None = tx.execute(
                "select holder, until, fence from leases where name = ?", [name]
            ).fetchone()
            until = (now + ttl).timestamp()
            if row is None:
                tx.execute("insert into leases values (?, ?, ?, 1)", [name, holder, until])
                return 1
            if row[0] != holder and row[1] > now.timestamp():
                return None
            fence = row[2] + (row[0] != holder)
            tx.execute(
                "update leases set holder = ?, until = ?, fence = ? where name = ?",
                [holder, until, fence, name],
            )
            return fence

        return await self._engine.run(work)
