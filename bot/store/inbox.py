"""What Slack sent, kept before it is acknowledged, so that a click survives a crash and counts once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.store.engine import Engine, Tx

KEEP = timedelta(hours=24)
"""How long a finished row's key is kept, to know its redelivery. Slack redelivers for minutes."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery of Slack's: `kind` is command, action, view, or event."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    received: datetime
    attempts: int
    """1 the first time it is taken; more after a crash in the middle."""


class Inbox:
    """new → taken → done. A row taken by a process that died is new again at the next start."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def receive(self, key: str, kind: str, payload: Mapping[str, Any], now: datetime) -> bool:
        """Keeps a delivery; False when `key` was here before, and then nothing is kept."""
        # ASCII only: JSON can spell lone surrogates, which SQLite cannot keep.
        text = json.dumps(payload, separators=(",", ":"))

        def work(tx: Tx) -> bool:
            cursor = tx.execute(
                "insert or ignore into inbox (key, kind, payload, received) values (?, ?, ?, ?)",
                [key, kind, text, now.timestamp()],
            )
            return bool(cursor.rowcount == 1)

        return await self._engine.run(work)

    async def take(self, limit: int) -> list[Envelope]:
        """Takes up to `limit` new rows, oldest first; nobody else gets them."""

        def work(tx: Tx) -> list[Envelope]:
            rows = list(
                tx.query("select * from inbox where state = 'new' order by id limit ?", [limit]),
            )
            for row in rows:
                tx.execute(
                    "update inbox set state = 'taken', attempts = attempts + 1 where id = ?", [row["id"]]
                )
            return [
                Envelope(
                    row["id"],
                    row["kind"],
                    json.loads(row["payload"]),
                    datetime.fromtimestamp(row["received"], UTC),
                    row["attempts"] + 1,
                )
                for row in rows
            ]

        return await self._engine.run(work)

    async def done(self, envelope_id: int) -> None:
        """Finished; the payload, with its response address, is wiped, the key stays to know a redelivery."""
        await self._engine.run(
            lambda tx: tx.execute(
                "update inbox set state = 'done', payload = '{}' where id = ?", [envelope_id]
            )
        )

    async def recover(self, now: datetime) -> int:
        """At start: rows that a dead process had taken are new again; old keys are forgotten. How many came back."""

        def work(tx: Tx) -> int:
            tx.execute("delete from inbox where state = 'done' and received < ?", [(now - KEEP).timestamp()])
            return int(tx.execute("update inbox set state = 'new' where state = 'taken'").rowcount)

        return await self._engine.run(work)

    async def waiting(self) -> int:
        """How many are not finished."""
        return await self._engine.run(
            lambda tx: int(tx.execute("select count(*) from inbox where state != 'done'").fetchone()[0])
        )
