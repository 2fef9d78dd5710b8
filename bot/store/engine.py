"""One connection, one thread, every unit of work inside BEGIN IMMEDIATE.

Why so narrow: `sqlite_utils`' own `atomic()` begins deferred, and readers that become writers then fail with
"database is locked"; one connection shared by threads lets one thread's rollback take another's rows with it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO, TypeVar

import sqlite_utils

from bot.errors import StoreError, StoreFailed

T = TypeVar("T")
Tx = sqlite_utils.Database
"""The handle inside a unit of work. Only functions in `bot/store` see one."""

BUSY_MS = 30_000


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """True where SQLite has the fix of the WAL-reset bug: 3.51.3 and later, 3.50.7, 3.44.6 in their lines."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def journal_for(version: tuple[int, ...]) -> tuple[str, str]:
    """(journal_mode, synchronous) that lose no commit at a power cut with this SQLite library.

    PERSIST rather than DELETE: a commit ends with the synced zeroing of the journal's header instead of an unlink and
    the folder's sync. It holds the same promise, and the ack of a click, which waits for it, is a fifth faster.
    """
    return ("WAL", "FULL") if wal_is_safe(version) else ("PERSIST", "EXTRA")


def _reader(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_MS / 1000)
    connection.execute("pragma query_only=on")
    return connection


def open_read_only(path: Path) -> sqlite_utils.Database:
    """A reader beside a running bot. StoreError when there is no such database."""
    if not path.exists():
        raise StoreError(f"there is no database at {path}; name it with CSMS_BOT_DATABASE or --database")
    connection = None
    try:
        connection = _reader(path, "ro")
        try:
            connection.execute("select seq from audit limit 1")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
                raise
            # The bot was killed in the middle of a commit: SQLite first takes that back, for which it has to write.
            connection.close()
            connection = _reader(path, "rw")
            connection.execute("select seq from audit limit 1")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise StoreError(f"{path} is not a database of csms-bot ({error})") from None
    return sqlite_utils.Database(connection, execute_plugins=False)


def connect(path: Path) -> Tx:
    """A writer, which loses no commit. sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        journal, synchronous = journal_for(sqlite3.sqlite_version_info)
        connection.execute(f"pragma journal_mode={journal}")
        connection.execute(f"pragma synchronous={synchronous}")
        connection.execute("pragma foreign_keys=on")
        connection.execute("pragma recursive_triggers=on")
        # A wiped payload held an address that anybody may post to; it must not stay in a free page.
        connection.execute("pragma secure_delete=on")
    except sqlite3.Error:
        connection.close()
        raise
    return sqlite_utils.Database(connection, execute_plugins=False)


def unit(db: Tx, work: Callable[[Tx], T]) -> T:
    """Runs `work` inside BEGIN IMMEDIATE and commits; an exception rolls back and comes out."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        result = work(db)
        db.conn.execute("COMMIT")
    except BaseException:
        # Also when it is the commit that fails (a full disk, a reader that holds on): else all that follow would.
        if db.conn.in_transaction:
            db.conn.execute("ROLLBACK")
        raise
    return result


class Engine:
    """Runs units of work, one after the other, on the thread that owns the connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._lock: TextIO | None = None
        self._db: Tx | None = None

    async def open(self, prepare: Callable[[Tx], None]) -> None:
        """Opens (and makes) the file, takes its lock, and runs `prepare` (the migrations) in one transaction."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open, prepare)

    async def run(self, work: Callable[[Tx], T]) -> T:
        """Runs `work` inside BEGIN IMMEDIATE and commits; an exception rolls back and comes out here.

        StoreFailed for what SQLite refuses.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)
        except sqlite3.Error as error:
            raise StoreFailed(str(error)) from error

    async def close(self) -> None:
        """Finishes what is queued, then closes the connection and gives the lock back."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=True)

    def _open(self, prepare: Callable[[Tx], None]) -> None:
        try:
            self._take_lock()
            self._db = connect(self.path)
            self._run(prepare)
        except OSError as error:
            self._close()
            raise StoreError(f"the database {self.path} cannot be opened: {error.strerror}") from None
        except sqlite3.Error as error:
            self._close()
            raise StoreError(f"the database {self.path} cannot be used: {error}") from None
        except BaseException:
            self._close()
            raise

    def _take_lock(self) -> None:
        # Not "w": whoever is refused must not wipe the holder's process id.
        self._lock = Path(f"{self.path}.lock").open("a")  # noqa: SIM115 (held as long as the lock)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"the database {self.path} is in use by another csms-bot; stop that one, or give this one a "
                "database of its own with CSMS_BOT_DATABASE"
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def _run(self, work: Callable[[Tx], T]) -> T:
        if self._db is None:
            raise StoreError("the database is closed")
        return unit(self._db, work)

    def _close(self) -> None:
        if self._db is not None:
            self._db.conn.close()
            self._db = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
