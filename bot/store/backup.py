"""A checked copy of the database while the bot runs, and back from one."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import StoreError
from bot.model import ChangeState, Entry, Post, PostKind
from bot.store import archive, audit, outbox
from bot.store.engine import Engine, Tx

PAGES, PAUSE_S = 2000, 0.01
"""Copied at a time, and the pause in which the bot can write."""


def copy(source: Path, target: Path) -> None:
    """Copies a database that may be in use; what `target` then holds is one moment of it. StoreError."""
    if target.exists():
        raise StoreError(f"{target} is there already; name a file that is not")
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        # The copy holds what the database holds: nobody else on the machine may read it.
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(_reader(source)) as db, closing(sqlite3.connect(part)) as made:
            db.backup(made, pages=PAGES, sleep=PAUSE_S)
        _durable(part)
        part.rename(target)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StoreError(f"{source} cannot be copied to {target} ({error})") from None


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
    aside = None
    if database.exists():
        # Root may put back what another user's bot has to read.
        was = database.stat()
        part.chmod(was.st_mode & 0o777)
        with suppress(PermissionError):
            os.chown(part, was.st_uid, was.st_gid)
        aside = database.with_name(f"{database.name}.before-{now:%Y%m%d-%H%M%S}")
        for ending in ("", "-journal", "-wal", "-shm"):
            if (old := Path(f"{database}{ending}")).exists():
                old.rename(f"{aside}{ending}")
    _durable(part)
    part.rename(database)
    return aside


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _durable(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


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
