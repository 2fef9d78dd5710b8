"""A log of a million rows: how long a filtered question takes at worst, and how long the check of all of it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.app import utc_now
from bot.model import canonical_json
from bot.store import Store, open_read_only
from bot.store.audit import read
from bot.verify import COLUMNS, GENESIS, check, digest
from tests.bench.table import Goal, Line
from tests.bench.writing import IMAGE

ROWS = 1_000_000
PAGE = 20
ANSWER = Goal(200, strict=True)
VERIFY = Goal(15, strict=True)
ACTIONS = ("change.request", "change.approve", "change.apply", "change.apply")

QUESTIONS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a project": {"project": "demo"},
    "a project with few rows": {"project": "small"},
    "a project that is not there": {"project": "none"},
    "an event": {"project": "demo", "event": "event-7"},
    "a person": {"project": "demo", "actor": "U000007"},
    "an action": {"project": "demo", "action": "change.apply"},
    "a family of actions": {"project": "demo", "action": "change"},
    "an action with few rows": {"project": "demo", "action": "change.undo"},
    "an action that is not there": {"action": "change.nothing"},
    "a time": {"since": datetime(2026, 6, 1, tzinfo=UTC)},
    "a time to come": {"since": datetime(2027, 6, 1, tzinfo=UTC)},
    "an event and a person": {"event": "event-7", "actor": "U000007"},
    "all filters": {
        "project": "demo", "event": "event-7", "actor": "U000007", "action": "change",
        "since": datetime(2026, 6, 1, tzinfo=UTC),
    },
}  # fmt: skip


def measure(folder: Path) -> Iterator[Line]:
    """Each question as `/csms audit` and `audit list` ask it, the newest rows first; the slowest counts."""
    folder.mkdir(parents=True)
    path = folder / "csms-bot.db"
    asyncio.run(_made(path))
    _fill(path)
    slowest, which = _slowest(path)
    yield Line(
        f"slowest of {len(QUESTIONS)} questions to a million audit rows ({which})",
        slowest,
        "ms",
        goal=ANSWER,
    )
    began = time.perf_counter()
    verdict = check(path)
    took = time.perf_counter() - began
    assert (verdict.doubts, verdict.rows) == ([], ROWS)
    yield Line("audit verify of a million rows", took, "s", goal=VERIFY)


async def _made(path: Path) -> None:
    store = Store(path)
    await store.open(utc_now())
    await store.close()


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma synchronous=off")
        db.executemany(f"insert into audit values ({', '.join('?' * len(COLUMNS))})", _rows())  # noqa: S608 (constant)
        db.commit()


def _rows() -> Iterator[tuple[Any, ...]]:
    prev, image = GENESIS, canonical_json(IMAGE)
    for seq in range(1, ROWS + 1):
        month, rest = 1 + seq * 11 // ROWS, seq % 86_400
        action = "change.undo" if seq % 1009 == 0 else ACTIONS[seq % 4]
        row = [
            seq, f"2026-{month:02d}-01T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}.000000Z",
            f"U{seq * 7919 % 500:06d}", action, "small" if seq % 997 == 0 else "demo",
            f"event-{seq * 104_729 % 2000}", f"CR-{seq // 4}", image, image, "applied", "it was needed", prev, "",
        ]  # fmt: skip
        row[12] = prev = digest(tuple(row))
        yield tuple(row)


def _slowest(path: Path) -> tuple[float, str]:
    slowest = (0.0, "")
    with closing(open_read_only(path)) as db:
        for name, filters in QUESTIONS.items():
            began = time.perf_counter()
            list(read(db, newest_first=True, limit=PAGE, **filters))
            slowest = max(slowest, ((time.perf_counter() - began) * 1000, name))
    return slowest
