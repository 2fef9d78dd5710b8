"""The way back from a copy of the database: the file is put in place, and the bot's next start asks what happened since."""

from __future__ import annotations

import fcntl
import itertools
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlite_utils

from bot.errors import CopyFailed, StoreError
from bot.model import ChangeState, Entry, Post, PostKind
from bot.store import archive, audit, outbox
from bot.store.backup import BESIDE, Check, clear, copy, durable
from bot.store.engine import Engine, Tx
from bot.store.schema import check_version


@dataclass(frozen=True, slots=True)
class PutBack:
    """What a putting back did."""

    doubts: Sequence[str] = ()
    """About the copy. With any of them nothing was changed."""
    kept: Sequence[Path] = ()
    """Where that is now which was there before."""


def put_back(copied: Path, database: Path, now: datetime, check: Check) -> PutBack:
    """Makes `copied` the database of a bot that does not run, when `check` has no doubts about it.

    Nothing of it is sent as it stands: what was pending then may have been posted since, so it counts as unknown, and
    the bot's next start asks Slack first. StoreError for what cannot be put back, CopyFailed when it fails midway.
    Killed at any step it leaves the one database or the other.
    """
    part = database.with_name(f"{database.name}.part")
    own = {database.resolve(), part.resolve(), part.with_name(f"{part.name}.part").resolve()}
    if copied.resolve() in own:
        raise StoreError(f"{copied} is the database itself or stands in its way; put the copy elsewhere")
    with _alone(database), archive.alone(database):
        # A symbolic link stays one; what SQLite keeps beside a database is beside the file that it leads to.
        return _replace(copied, database.resolve(), now, check)


def _replace(copied: Path, database: Path, now: datetime, check: Check) -> PutBack:
    part = database.with_name(f"{database.name}.part")
    try:
        clear(part)
        if doubts := copy(copied, part, check):
            return PutBack(doubts)
        _make_ready(copied, part, now)
        aside = _unused(database.with_name(f"{database.name}.before-{now:%Y%m%d-%H%M%S}"))
        if database.exists():
            _like(part, database.stat())
            _settle(database)
            # The name never stands for nothing: a bot that is started meanwhile must not begin with an empty database.
            os.link(database, aside)
        durable(part)
        kept = [aside] if aside.exists() else []
        # Also where the database itself is gone: SQLite would apply a journal of it to the new one.
        for ending in BESIDE:
            if (old := Path(f"{database}{ending}")).exists():
                kept.append(old.rename(f"{aside}{ending}"))
        durable(database.parent)
        part.replace(database)
        durable(database.parent)
        return PutBack(kept=kept[:1])
    except (sqlite3.Error, OSError) as error:
        raise CopyFailed(f"{database} cannot be put back from {copied} ({error})") from None
    finally:
        with suppress(OSError):
            clear(part)


def _make_ready(copied: Path, part: Path, now: datetime) -> None:
    """What a bot that starts on it has to know. StoreError when this version cannot start on it."""
    with closing(sqlite3.connect(part, isolation_level=None)) as raw:
        db = sqlite_utils.Database(raw, execute_plugins=False)
        try:
            check_version(db)
        except StoreError as error:
            raise StoreError(f"{copied} cannot be put back, and nothing was changed: {error}") from None
        db.execute("begin immediate")
        db.execute("delete from meta where name = 'reconciled'")
        db.execute("insert or replace into meta values ('restored', ?)", [now.isoformat()])
        db.execute(
            # What waits for the end of quiet hours goes on waiting.
            "update outbox set state = 'unknown', claimed = created where state in ('pending', 'sending')"
        )
        db.execute("commit")


def _like(part: Path, was: os.stat_result) -> None:
    """Root may put back what another user's bot has to read."""
    part.chmod(was.st_mode & 0o777)
    with suppress(PermissionError):
        os.chown(part, was.st_uid, was.st_gid)


def _settle(database: Path) -> None:
    """Puts into the file what SQLite still holds beside it; a file that it cannot read stays as it is."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        db.execute("select count(*) from sqlite_master").fetchone()


def _unused(path: Path) -> Path:
    """The path, or the first of `path-2`, `path-3` and so on, of which nothing is there."""
    names = itertools.chain(
        [path], (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    )
    return next(
        name for name in names if not any(Path(f"{name}{ending}").exists() for ending in ("", *BESIDE))
    )


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Holds the lock that a running bot would hold."""
    try:
        lock = Path(f"{database}.lock").open("a")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise StoreError(f"{database}.lock cannot be made ({error.strerror})") from None
    with lock:
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


@dataclass(frozen=True, slots=True)
class Told:
    """What the copy knows of messages: their records are counted in it."""

    threads: Sequence[tuple[str, str]]
    """(channel, Slack's ts) of the messages below which incidents go on."""
    keys: AbstractSet[str]
    """Of all messages in its outbox."""


class Restored:
    """Whether the database was put back from a copy, and the coming to terms with what happened since."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def pending(self) -> bool:
        """True from the putting back until `finished`."""
        return await self._engine.run(
            lambda tx: tx.execute("select 1 from meta where name = 'restored'").fetchone() is not None
        )

    async def told(self, since: datetime) -> Told:
        """`since`: incidents without a failure since then are over."""

        def work(tx: Tx) -> Told:
            threads = tx.execute(
                "select distinct o.channel, o.ts from incidents i join outbox o on o.key = i.post where o.ts != '' "
                "and (i.last >= ? or i.snoozed_until is not null or i.state = 'fixed')",
                [since.timestamp()],
            ).fetchall()
            keys = tx.execute("select key from outbox").fetchall()
            return Told([(channel, ts) for channel, ts in threads], {key for (key,) in keys})

        return await self._engine.run(work)

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
