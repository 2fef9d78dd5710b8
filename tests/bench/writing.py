"""Audit rows a second, each committed by itself: the store against a bare insert into an equal table."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bot.app import utc_now
from bot.model import AuditRow, Entry
from bot.store import Store
from bot.store.audit import COLUMNS
from bot.store.engine import journal_for
from tests.bench.table import TIMES, Goal, Line, interleaved

ROUNDS, ROWS = 7, 40
HALF = Goal(0.5, at_least=True)
IMAGE = {"name": "rotation-failures", "state": "ENABLED", "types": ["SECRET_ROTATED_FAILED"], "target": None}
ENTRY = Entry(
    "U00ENGINEER", "change.request", "pending", project="demo", event="rotation-failures", change="CR-1",
    before=IMAGE, after=IMAGE | {"state": "DISABLED"}, reason="the topic is being moved",
)  # fmt: skip


def measure(folder: Path) -> Iterator[Line]:
    """Both with the journal mode that the store uses with this SQLite library."""
    folder.mkdir(parents=True)
    ours, bare = asyncio.run(_write(folder))
    yield Line(
        "audit rows appended and committed; peer: bare sqlite3", ours / bare, TIMES,
        ours=f"{ours:,.0f} /s", peer=f"{bare:,.0f} /s", goal=HALF,
    )  # fmt: skip


async def _write(folder: Path) -> tuple[float, float]:
    store = Store(folder / "csms-bot.db")
    await store.open(utc_now())
    row = await store.audit.append(ENTRY, utc_now())
    connection = _bare(folder / "bare.db")
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    try:
        for name in interleaved(list(rates), ROUNDS):
            began = time.perf_counter()
            if name == "ours":
                for _ in range(ROWS):
                    await store.audit.append(ENTRY, utc_now())
            else:
                for _ in range(ROWS):
                    _insert(connection, row)
            rates[name].append(ROWS / (time.perf_counter() - began))
    finally:
        connection.close()
        await store.close()
    return median(rates["ours"]), median(rates["bare"])


def _bare(path: Path) -> sqlite3.Connection:
    journal, synchronous = journal_for(sqlite3.sqlite_version_info)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"pragma journal_mode={journal}")
    connection.execute(f"pragma synchronous={synchronous}")
    columns = ", ".join(name for name in COLUMNS if name != "seq")
    connection.execute(f"create table audit (seq integer primary key, {columns})")
    return connection


def _insert(connection: sqlite3.Connection, row: AuditRow) -> None:
    values = [str(getattr(row, name)) for name in COLUMNS if name != "seq"]
    marks = ", ".join("?" * len(values))
    connection.execute(f"insert into audit values (null, {marks})", values)  # noqa: S608 (question marks)
