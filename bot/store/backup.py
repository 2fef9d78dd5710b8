"""A checked copy of the database while the bot runs, and back from one."""

from __future__ import annotations

import fcntl
import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import StoreError
from bot.model import ChangeState, Entry, Post, PostKind
from bot.store import archive, audit, outbox
from bot.store.engine import Engine, Tx

BESIDE = ("-journal", "-wal", "-shm")
"""Endings of the files that SQLite keeps beside a database."""
PAGES, PAUSE_S = 2000, 0.01
"""Copied at a time, and the pause in which the bot can write."""
PATIENCE_S = 1.0
"""How long it is tried in such steps."""


def copy(
    source: Path, target: Path, check: Callable[[Path], Sequence[str]] = lambda _copied: ()
) -> Sequence[str]:
    """Copies a database that may be in use; what `target` then holds is one moment of it. StoreError.

    `check` gives the doubts about a copy; one that has any gets no name, and they are given back. Until it is whole,
    checked and on the disk, the copy is `….part`, which a killed process leaves and the next one begins anew.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with _held(part):
            return _copied(source, part, target, check)
    except BlockingIOError:
        raise StoreError(f"another copy to {target} is under way") from None
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{source} cannot be copied to {target} ({error})") from None


def _copied(source: Path, part: Path, target: Path, check: Callable[[Path], Sequence[str]]) -> Sequence[str]:
    try:
        if target.exists():
            raise StoreError(f"{target} is there already; name a file that is not")
        with closing(_reader(source)) as db, closing(sqlite3.connect(part)) as made:
            _fill(made, db)
        _durable(part)
        if not (doubts := check(part)):
            part.rename(target)
            _durable(target.parent)
        return doubts
    finally:
        part.unlink(missing_ok=True)


def _fill(made: sqlite3.Connection, db: sqlite3.Connection) -> None:
    """In steps, so that the bot can write in between; in one go when its writes leave no time for all of them.

    SQLite begins anew when another connection has written (SQLite: backup API), which may be for ever.
    """
    until = time.monotonic() + PATIENCE_S

    def patient(_status: int, remaining: int, _total: int) -> None:
        if remaining and time.monotonic() > until:
            raise TimeoutError

    try:
        db.backup(made, pages=PAGES, sleep=PAUSE_S, progress=patient)
    except TimeoutError:
        db.backup(made)


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """An empty file that nobody else on the machine may read. BlockingIOError while another process writes to it."""
    held = os.open(part, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not (part.exists() and os.path.samestat(part.stat(), os.fstat(held))):
            raise BlockingIOError  # Whoever held it has just given it its name.
        os.fchmod(held, 0o600)
        os.ftruncate(held, 0)
        for ending in BESIDE:
            Path(f"{part}{ending}").unlink(missing_ok=True)
        yield
    finally:
        os.close(held)


def put_back(copied: Path, database: Path, now: datetime) -> Path | None:
    """Makes `copied` the database of a bot that does not run; where the old one was moved to, None without one.

    Nothing of it is sent as it stands: what was pending then may have been posted since, so it counts as unknown, and
    the bot's next start asks Slack first. StoreError.
    """
    try:
        with _alone(database), archive.alone(database):
            return _replace(copied, database, now)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{database} cannot be put back from {copied} ({error})") from None


def _replace(copied: Path, database: Path, now: datetime) -> Path | None:
    part = database.with_name(f"{database.name}.part")
    part.unlink(missing_ok=True)
    copy(copied, part)
    with closing(sqlite3.connect(part, isolation_level=None)) as db:
        db.execute("begin immediate")
        db.execute("delete from meta where name = 'reconciled'")
        db.execute("insert or replace into meta values ('restored', ?)", [now.isoformat()])
        db.execute(
            "update outbox set state = 'unknown', claimed = created, next_at = 0 "
            "where state in ('pending', 'sending')"
        )
        db.execute("commit")
    if not database.exists():
        _durable(part)
        part.rename(database)
        _durable(database.parent)
        return None
    # Root may put back what another user's bot has to read.
    was = database.stat()
    part.chmod(was.st_mode & 0o777)
    with suppress(PermissionError):
        os.chown(part, was.st_uid, was.st_gid)
    _durable(part)
    aside = _unused(database.with_name(f"{database.name}.before-{now:%Y%m%d-%H%M%S}"))
    _settle(database)
    for ending in BESIDE:
        if (old := Path(f"{database}{ending}")).exists():
            old.rename(f"{aside}{ending}")
    # The name never stands for nothing: a bot that is started meanwhile must not begin with an empty database.
    os.link(database, aside)
    part.replace(database)
    _durable(database.parent)
    return aside


def _settle(database: Path) -> None:
    """Puts into the file what SQLite still holds beside it; a file that it cannot read stays as it is."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        db.execute("select count(*) from sqlite_master").fetchone()


def _unused(path: Path) -> Path:
    """The path, or the first of `path-2`, `path-3` and so on that is not there."""
    names = itertools.chain(
        [path], (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    )
    return next(name for name in names if not name.exists())


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _durable(path: Path) -> None:
    """What the file holds, or the names that the folder holds, outlasts a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Holds the lock that a running bot would hold."""
    with Path(f"{database}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"the database {database} is in use by a running csms-bot; stop it first"
            ) from None
        yield


@dataclass(frozen=True, slots=True)
class Since:
    """What Slack says of the time that the copy does not know."""

    ended: Mapping[int, ChangeState]
    """Change requests that the copy holds as open, and how they ended."""
    unknown: Sequence[int]
    """Numbers of change requests that were made after the copy."""


class Restored:
    """Whether the database was put back from a copy, and the coming to terms with what happened since."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def pending(self) -> bool:
        """True from the putting back until `finished`."""
        return await self._engine.run(
            lambda tx: tx.execute("select 1 from meta where name = 'restored'").fetchone() is not None
        )

    async def reconcile(self, since: Since, *, project: str, channel: str, now: datetime) -> None:
        """Ends what has ended, gives no number twice, and says so in the log and in the channel; once."""

        def work(tx: Tx) -> None:
            if tx.execute("select 1 from meta where name = 'reconciled'").fetchone():
                return
            for number, state in since.ended.items():
                _end(tx, number, state, now)
            highest = max(since.unknown, default=0)
            if not tx.execute("select 1 from sqlite_sequence where name = 'changes'").fetchone():
                tx.execute("insert into sqlite_sequence values ('changes', 0)")
            tx.execute("update sqlite_sequence set seq = max(seq, ?) where name = 'changes'", [highest])
            lost = ", ".join(f"CR-{number}" for number in since.unknown[:50])
            seq, _ = audit.head(tx)
            reason = f"Put back from a copy, whose log ended about row {seq}. Not known any more: {lost or 'none'}."
            row = audit.append(tx, Entry("system", "database.restore", "done", reason=reason), now)
            data = {"seq": row.seq, "lost": [f"CR-{number}" for number in since.unknown[:50]]}
            key = f"restored-{row.hash[:24]}"
            outbox.put(tx, Post(key, PostKind.RESTORED, key, project, channel, data=data), now)
            tx.execute("insert into meta values ('reconciled', ?)", [now.isoformat()])

        await self._engine.run(work)

    async def finished(self) -> None:
        """The first look at the records is done, too."""
        await self._engine.run(
            lambda tx: tx.execute("delete from meta where name in ('restored', 'reconciled')")
        )


def _end(tx: Tx, number: int, state: ChangeState, now: datetime) -> None:
    note = f"{state.capitalize()} before the database was put back from a copy; its card said so."
    cursor = tx.execute(
        "update changes set state = ?, note = ?, decided = coalesce(decided, ?) where number = ? "
        "and state in ('pending', 'approved', 'applying')",
        [state, note, now.timestamp(), number],
    )
    if cursor.rowcount == 1:
        project, event = tx.execute(
            "select project, event from changes where number = ?", [number]
        ).fetchone()
        entry = Entry("system", "change.reconcile", state, project, event, f"CR-{number}", reason=note)
        audit.append(tx, entry, now)
