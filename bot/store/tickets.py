"""What a button or an open form stands for. It carries a random key; everything else is loaded from here."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.model import canonical_json
from bot.store.engine import Engine, Tx

KEEP = timedelta(days=120)


class Tickets:
    """Random keys and what they stand for; they survive a restart."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def issue(self, kind: str, data: Mapping[str, Any], now: datetime) -> str:
        """The key for `data`; the same data again gets the same key, so that lists do not pile up rows."""
        text = canonical_json(dict(data))

        def work(tx: Tx) -> str:
            row = tx.execute("select key from tickets where kind = ? and data = ?", [kind, text]).fetchone()
            if row:
                return str(row[0])
            key = secrets.token_urlsafe(12)
            tx.execute("insert into tickets values (?, ?, ?, ?)", [key, kind, text, now.timestamp()])
            return key

        return await self._engine.run(work)

    async def read(self, kind: str, key: str) -> dict[str, Any] | None:
        """What the key stands for, or None when it is unknown, too old, or of another kind."""

        def work(tx: Tx) -> dict[str, Any] | None:
            row = tx.execute("select data from tickets where key = ? and kind = ?", [key, kind]).fetchone()
            return dict(json.loads(row[0])) if row else None

        return await self._engine.run(work)

    async def forget_old(self, now: datetime) -> None:
        """Drops what nobody will press any more."""
        await self._engine.run(
            lambda tx: tx.execute("delete from tickets where created < ?", [(now - KEEP).timestamp()])
        )
