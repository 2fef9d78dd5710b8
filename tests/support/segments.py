"""A log whose oldest rows were archived, and what somebody who owns the files can do to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.model import Entry
from bot.rules.exporting import jsonl
from bot.store import open_read_only
from bot.store.archive import archive
from bot.store.audit import read
from bot.verify import COLUMNS, GUARDS, digest
from tests.store.support import NOW, entry, opened

BATCH = 40
PREV, HASH = COLUMNS.index("prev_hash"), COLUMNS.index("hash")


@dataclass(frozen=True, slots=True)
class Log:
    """A database and the folder of its segments."""

    path: Path
    folder: Path

    @property
    def files(self) -> list[Path]:
        """The segments, oldest first."""
        return sorted(self.folder.glob("audit-*.jsonl"))

    def copied(self, to: Path) -> Log:
        """The same once more, to tamper with."""
        return Log(
            Path(shutil.copy(self.path, to / "db")), Path(shutil.copytree(self.folder, to / "segments"))
        )

    def whole(self) -> list[dict[str, Any]]:
        """Every row there is, archived ones first."""
        kept = [json.loads(line) for file in self.files for line in file.read_text("utf-8").splitlines()]
        return kept + [json.loads(line) for line in exported(self.path)]


def exported(path: Path) -> list[str]:
    """What `audit export` writes."""
    with closing(open_read_only(path)) as db:
        return list(jsonl(read(db)))


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    """Every row of the table, as the file has it."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(f"select {', '.join(COLUMNS)} from audit order by seq").fetchall()  # noqa: S608 (constant names)


def appended(path: Path, *entries: Entry, first: int = 0) -> None:
    """Rows that the bot writes, a second apart from second `first` on."""

    async def write() -> None:
        async with opened(path) as store:
            for number, one in enumerate(entries, start=first):
                await store.audit.append(one, NOW + timedelta(seconds=number))

    asyncio.run(write())


def made(folder: Path, *, batches: int) -> Log:
    """A log of batches of rows; after each but the first, all that was older then was archived.

    So the row that archived a segment is itself in the next one, and the table has just the last of them.
    """
    log = Log(folder / "db", folder / "segments")
    log.folder.mkdir()
    for batch in range(batches):
        rows = [
            entry(number, event=f"event-{number % 3}") for number in range(batch * BATCH, (batch + 1) * BATCH)
        ]
        appended(log.path, *rows, first=batch * BATCH)
        if batch:
            at = NOW + timedelta(seconds=batch * BATCH)
            assert archive(log.path, log.folder, at, at + timedelta(seconds=BATCH - 1)).made
    appended(log.path, *(entry(number) for number in range(5)), first=batches * BATCH)
    return log


@contextmanager
def unguarded(path: Path) -> Iterator[sqlite3.Connection]:
    """The owner of the file at work: the guards are gone, and afterwards back as if nothing had been."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma synchronous=off")
        for guard in GUARDS:
            db.execute(f"drop trigger {guard}")
        yield db
        for sql in GUARDS.values():
            db.execute(sql)


def forged(path: Path, **columns: Any) -> None:
    """The newest archive row says something else (None: nothing), and the chain from there on is made anew."""
    rows = rows_of(path)
    at = max(place for place, row in enumerate(rows) if row[3] == "audit.archive")
    said = {name: value for name, value in (json.loads(rows[at][8]) | columns).items() if value is not None}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    rechained(path, [(*rows[at][:8], text, *rows[at][9:]), *rows[at + 1 :]])


def rechained(path: Path, rows: list[tuple[Any, ...]]) -> None:
    """These rows in the place of what is in the table from the first of them on, with a chain of their own over them."""
    with unguarded(path) as db:
        prev = rows[0][PREV]
        db.execute("delete from audit where seq >= ?", [rows[0][0]])
        for row in rows:
            columns = [*row[:PREV], prev, ""]
            columns[HASH] = prev = digest(tuple(columns))
            db.execute(f"insert into audit values ({', '.join('?' * len(COLUMNS))})", columns)  # noqa: S608 (question marks)
