"""The oldest rows of the audit log, moved into files beside a running bot.

A segment is written, read back from the disk and checked; then a row of the log vouches for it; and only then are its
rows removed. Whatever dies in between leaves a log that holds, and the next archiving goes on from there.
docs/audit-format.md has the format.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Event

from bot.errors import ArchiveError, StoreError
from bot.model import Entry
from bot.rules.exporting import jsonl
from bot.store.audit import ARCHIVE, GENESIS, append, read, spelled
from bot.store.engine import Tx, connect, unit
from bot.store.schema import AUDIT_GUARDS, check_guards
from bot.verify import Head, Verdict, check_export

SHRINKS = "audit_never_shrinks"
ROWS = 2_000
"""Removed in one transaction, for which the bot has to wait."""
PAUSE_S = 0.15
"""Between two of them: more than the 100 ms after which a waiting SQLite looks again, so that the bot gets its turn."""
PART = "audit-segment.part"


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows `first` to `last` of the log in a file, as the log vouches for it."""

    first: int
    last: int
    hash: str
    """Of row `last`."""
    sha256: str
    """Of the file."""
    file: str
    """Its name, without the folder."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What one archiving did."""

    made: Segment | None
    finished: Segment | None
    """One that an archiving which died had made; its rows were still there."""
    held_by: str
    """A project whose events have not been compared since the next row, which old as it is has to stay for that."""


def archive(database: Path, folder: Path, before: datetime, now: datetime) -> Archived:
    """Moves the longest run of oldest rows written before `before` into `folder`; the newest row stays.

    ArchiveError, and StoreError when the log is being archived already or a guard of it is not what it must be.
    """
    try:
        with alone(database), closing(connect(database)) as db:
            check_guards(db)
            done = newest(db)
            finished = None
            if done and _first(db) <= done.last:
                _check_held(folder, done)
                remove(db)
                finished = done
            last, held_by = old_rows(db, before)
            start = Head(done.last, done.hash, "") if done else Head(0, GENESIS, "")
            if last <= start.seq:
                return Archived(None, finished, held_by)
            segment = _filed(db, folder, start, last)
            unit(db, lambda tx: vouch(tx, segment, now))
            remove(db)
            return Archived(segment, finished, held_by)
    except OSError as error:
        raise ArchiveError(f"{folder} cannot be written to ({error.strerror})") from None
    except sqlite3.Error as error:
        raise ArchiveError(f"{database} cannot be used ({error})") from None


def newest(db: Tx) -> Segment | None:
    """The segment that the log last vouched for. StoreError when the log does not say it as `vouch` writes it."""
    row = db.execute(
        "select seq, after from audit where action = ? and outcome = 'done' order by seq desc limit 1",
        [ARCHIVE],
    ).fetchone()
    try:
        return Segment(**json.loads(row[1])) if row else None
    except (TypeError, ValueError):
        raise StoreError(f"row {row[0]} of the audit log does not say what was archived") from None


def old_rows(db: Tx, before: datetime) -> tuple[int, str]:
    """The last row that may go, 0 when none may, and the project that keeps it from being a later one."""
    # No clock is sure to go forward: the first young row counts, not the last old one.
    young = db.execute("select min(seq) from audit where at >= ?", [spelled(before)]).fetchone()[0]
    head = db.execute("select coalesce(max(seq), 0) from audit").fetchone()[0]
    end = min(head, young) if young else head
    # What the bot itself wrote since it last compared an event would look like a change from elsewhere.
    needed = db.execute(
        "select audit.seq, audit.project from known_events cross join audit on audit.event = known_events.name "
        "and audit.seq > known_events.seq where audit.project = known_events.project "
        "and audit.action = 'change.apply' and audit.seq < ? order by audit.seq limit 1",
        [end],
    ).fetchone()
    return (needed[0] - 1, needed[1]) if needed else (max(end - 1, 0), "")


def _filed(db: Tx, folder: Path, start: Head, last: int) -> Segment:
    """The rows behind `start` up to `last`, in a file that is on the disk for good and was found whole."""
    path = folder / f"audit-{start.seq + 1:010}-{last:010}.jsonl"
    part = folder / PART
    try:
        write(part, jsonl(read(db, after=start.seq, until=last)))
        verdict, sha256 = read_back(part, start)
        if verdict.doubts or verdict.rows != last:
            doubt = verdict.doubts[0] if verdict.doubts else f"row {verdict.rows + 1} is missing"
            raise ArchiveError(f"the rows do not hold as they were read back: {doubt}; nothing was archived")
        put(part, path, sha256)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return Segment(start.seq + 1, last, verdict.hash, sha256, path.name)


def write(part: Path, lines: Iterable[str]) -> None:
    """Writes the lines to the disk. What is in the log is for the owner of the database alone. OSError."""
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())


def read_back(part: Path, start: Head) -> tuple[Verdict, str]:
    """What the checker says of a file whose rows follow `start`, and the file's SHA-256. OSError."""
    content = hashlib.sha256()

    def lines() -> Iterator[str]:
        with part.open("rb") as file:
            for line in file:
                content.update(line)
                yield line.decode()

    return check_export(lines(), after=start), content.hexdigest()


def put(part: Path, path: Path, sha256: str) -> None:
    """Gives the file its name, and never takes it from another one. OSError."""
    if not path.exists():
        part.rename(path)
    elif _sha256(path) == sha256:
        part.unlink()  # From an archiving that died before the log could vouch for it.
    else:
        raise ArchiveError(f"{path} is there already, with another content; move it away first")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def vouch(tx: Tx, segment: Segment, now: datetime) -> None:
    """The log says where the rows are, while it still has them itself. StoreError when it has said so already."""
    done = newest(tx)
    if segment.first != (done.last + 1 if done else 1):
        raise StoreError(f"row {segment.first} was archived by somebody else meanwhile; run it again")
    reason = f"Rows {segment.first} to {segment.last} are in {segment.file}."
    append(tx, Entry("system", ARCHIVE, "done", after=asdict(segment), reason=reason), now)


def remove(db: Tx) -> None:
    """Removes all rows that the log vouches for, a few at a time."""
    while unit(db, remove_some):
        Event().wait(PAUSE_S)


def remove_some(tx: Tx) -> bool:
    """Removes the oldest of them; whether some are left. The log is without its guard in this transaction alone."""
    done = newest(tx)
    if done is None:
        return False
    end = min(_first(tx) + ROWS - 1, done.last)
    tx.execute(f"drop trigger {SHRINKS}")
    tx.execute("delete from audit where seq <= ?", [end])
    tx.execute(AUDIT_GUARDS[SHRINKS])
    check_guards(tx)
    return end < done.last


def _first(db: Tx) -> int:
    return int(db.execute("select coalesce(min(seq), 0) from audit").fetchone()[0])


def _check_held(folder: Path, segment: Segment) -> None:
    """ArchiveError when a segment is not in the folder as the log vouches for it."""
    path = folder / segment.file
    if not path.exists():
        raise ArchiveError(
            f"rows {segment.first} to {segment.last} were archived as {segment.file} and are not all removed yet; "
            "name the folder that has this file"
        )
    if _sha256(path) != segment.sha256:
        raise ArchiveError(f"{path} is not the file that was archived; nothing was removed")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Nobody else archives rows of the database meanwhile, or puts it back. StoreError."""
    path = Path(f"{database}.archive-lock")
    try:
        # Opened for reading: root may have made it, and the bot's own user be the next to need it.
        lock = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"{path} cannot be made ({error.strerror})") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"rows of {database} are being archived; let that end first") from None
        yield
    finally:
        os.close(lock)
