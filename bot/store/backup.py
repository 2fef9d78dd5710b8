"""A checked copy of the database while the bot runs."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bot.errors import CopyFailed, StoreError

Check = Callable[[Path], Sequence[str]]
"""Gives the doubts about a database."""
BESIDE = ("-journal", "-wal", "-shm")
"""Endings of the files that SQLite keeps beside a database."""
PAGES, PAUSE_S = 2000, 0.01
"""Copied at a time, and the pause in which the bot can write."""
MOST_BEGUN = 5
"""How often it is begun in such steps."""


def copy(source: Path, target: Path, check: Check = lambda _copied: ()) -> Sequence[str]:
    """Copies a database that may be in use; what `target` then holds is one moment of it.

    `check` gives the doubts about a copy; one that has any gets no name, and they are given back. Until it is whole,
    checked and on the disk, the copy is `….part`, which a killed process leaves and the next one begins anew.
    StoreError when `target` is no place for a copy, CopyFailed when the copying fails, of a full disk say.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with _held(part):
            return _copied(source, part, target, check)
    except BlockingIOError:
        raise StoreError(f"another copy to {target} is under way") from None
    except (sqlite3.Error, OSError) as error:
        raise CopyFailed(f"{source} cannot be copied to {target} ({error})") from None


def _copied(source: Path, part: Path, target: Path, check: Check) -> Sequence[str]:
    try:
        if target.exists():
            raise StoreError(f"{target} is there already; name a file that is not")
        with closing(_reader(source)) as db, closing(sqlite3.connect(part)) as made:
            # It is put on the disk below, when the bot does not wait for it any more.
            made.execute("pragma synchronous=off")
            _fill(made, db)
            made.execute(
                "pragma journal_mode=delete"
            )  # All of it is in the one file, also where the bot's is WAL.
        durable(part)
        if not (doubts := check(part)):
            part.rename(target)
            durable(target.parent)
        return doubts
    finally:
        clear(part)


def _fill(made: sqlite3.Connection, db: sqlite3.Connection) -> None:
    """In steps, so that the bot can write in between; in one go when its writes leave no time for all of them.

    SQLite begins anew when another connection has written (SQLite: backup API), which may be for ever.
    """
    begun = before = 0

    def patient(_status: int, remaining: int, _total: int) -> None:
        nonlocal begun, before
        begun, before = begun + (remaining >= before), remaining
        if remaining and begun > MOST_BEGUN:
            raise TimeoutError

    try:
        db.backup(made, pages=PAGES, sleep=PAUSE_S, progress=patient)
    except TimeoutError:
        db.backup(made)


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """An empty file that nobody else on the machine may read. BlockingIOError while another process writes to it."""
    try:
        held = os.open(part, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StoreError(f"{part} cannot be made ({error.strerror})") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not (part.exists() and os.path.samestat(part.stat(), os.fstat(held))):
            raise BlockingIOError  # Whoever held it has just given it its name.
        os.fchmod(held, 0o600)
        os.ftruncate(held, 0)
        clear_beside(part)
        yield
    finally:
        os.close(held)


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def durable(path: Path) -> None:
    """What the file holds, or the names that the folder holds, outlasts a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def clear(path: Path) -> None:
    """Nothing of a database is there any more."""
    path.unlink(missing_ok=True)
    clear_beside(path)


def clear_beside(path: Path) -> None:
    """A journal that a killed process left would be applied to whatever database has its name next."""
    for ending in BESIDE:
        Path(f"{path}{ending}").unlink(missing_ok=True)
