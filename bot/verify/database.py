"""The log as the table of a database, which a bot may be writing to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from bot.verify.chain import COLUMNS, GENESIS, Doubt, Head, Row, Sight, Verdict, Walk
from bot.verify.segments import look, segments_in, vouch

GUARDS = {
    "audit_never_changes": (
        "create trigger audit_never_changes before update on audit "
        "begin select raise(abort, 'the audit log is append-only'); end"
    ),
    "audit_never_shrinks": (
        "create trigger audit_never_shrinks before delete on audit "
        "begin select raise(abort, 'the audit log is append-only'); end"
    ),
    "audit_only_grows": (
        "create trigger audit_only_grows before insert on audit "
        "when new.seq is not (select coalesce(max(seq), 0) + 1 from audit) "
        "begin select raise(abort, 'the audit log is append-only'); end"
    ),
}
CHUNK = 10_000
"""Rows read at once: between two chunks the bot can write."""
PAGES, PAUSE_S, MOST_BEGUN = 2000, 0.01, 5
"""Copied at a time, the pause in which the bot can write, and how often a copy is begun so before it is made in one go."""


def check(
    path: Path, heads: Iterable[Head] = (), folder: Path | None = None, *, alone: bool = False
) -> Verdict:
    """Checks the whole log in the database at `path`, and that it agrees with the `heads` that others hold.

    Rows that were archived are looked at in `folder`, where that is given. `alone`: nobody else uses the database, so
    it may be locked for as long as the check takes.
    """
    verdict = Verdict()
    heads = list(heads)
    try:
        with closing(_opened(path)) as db:
            guards = _guards(db)
            # SQLite's own check needs no Python, so it runs beside the walk.
            with ThreadPoolExecutor(1) as beside:
                file = beside.submit(_file, path, alone)
                # When the oldest rows were archived away from under the walk, it begins again where the table does now.
                while not _walked(db, verdict, heads, folder) and not guards:
                    pass
            verdict.doubts += [*guards, *file.result()]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        verdict.doubts.append(f"the database cannot be read after row {verdict.rows} ({error})")
    return verdict


def _walked(db: sqlite3.Connection, verdict: Verdict, heads: list[Head], folder: Path | None) -> bool:
    """Fills the verdict; False when the table did not stay still enough to say anything."""
    begins, before = _beginning(db)
    walk, sight = Walk(begins - 1, before), Sight(heads)
    try:
        wrong = sight.follow(walk, _rows(db))
    finally:
        verdict.begins, verdict.rows, verdict.hash = begins, walk.seq, walk.prev
    verdict.segments, doubts = segments_in(sight.archives)
    # What archives the rows before the first may come after the row that is wrong.
    unfounded = [] if wrong else vouch(begins, verdict.segments, lambda seq: _hash_of(db, seq))
    if (wrong or unfounded) and _beginning(db)[0] > begins:
        return False
    doubts += [(walk.seq + 1, wrong)] if wrong else unfounded
    if folder:
        verdict.segments, more = look(folder, verdict.segments, sight)
        doubts += more
    doubts += sight.compare(verdict, whole=not wrong)
    if unfounded:
        verdict.rows, verdict.hash = 0, GENESIS
    verdict.doubts = [text for _, text in sorted(doubts, key=_by_row)]
    return True


def _by_row(doubt: Doubt) -> int:
    return doubt[0]


def _beginning(db: sqlite3.Connection) -> tuple[int, str]:
    """The first row in the table, and the hash of the row before it as that row has it; (1, 64 zeros) of a whole log."""
    first = db.execute("select seq, prev_hash from audit order by seq limit 1").fetchone()
    return first if first and type(first[0]) is int and first[0] > 1 else (1, GENESIS)


def _hash_of(db: sqlite3.Connection, seq: int) -> str | None:
    """The hash of a row, from the next one: that one is there when the row itself was archived, too."""
    found = db.execute("select prev_hash from audit where seq = ?", [seq + 1]).fetchone()
    return found[0] if found else None


def _rows(db: sqlite3.Connection) -> Iterator[Row]:
    last, first = 0, True
    while True:
        columns = ", ".join(COLUMNS)
        # The first look begins below row 1, so that a row before it is seen too.
        rows = db.execute(
            f"select {columns} from audit where {'seq > ?' if not first else '? is not null'} "  # noqa: S608 (constant names)
            f"order by seq limit {CHUNK}",
            [last],
        ).fetchall()
        yield from rows
        if len(rows) < CHUNK:
            return
        last, first = rows[-1][0], False


def _guards(db: sqlite3.Connection) -> list[str]:
    kind = db.execute("select type, sql from sqlite_master where name = 'audit'").fetchone()
    if kind is None or kind[0] != "table" or not kind[1].lower().rstrip().endswith("strict"):
        return ["`audit` is not the table that it must be"]
    columns = tuple(row[1] for row in db.execute("pragma table_xinfo(audit)"))
    if columns != COLUMNS:
        return [f"`audit` has not the columns that it must have, but {', '.join(map(str, columns))[:300]}"]
    found = dict(
        db.execute(
            "select name, sql from sqlite_master where type = 'trigger' and lower(tbl_name) = 'audit'"
        ).fetchall()
    )
    doubts = []
    for name, sql in GUARDS.items():
        if name not in found:
            doubts.append(f"the guard {name} is missing")
        elif " ".join(found.pop(name).lower().split()) != sql:
            doubts.append(f"the guard {name} is not what it must be")
    return doubts + [f"the trigger {name} does not belong there" for name in sorted(found)]


def _file(path: Path, alone: bool) -> list[str]:
    """What SQLite itself has to say: rows that an index hides, pages that are torn, images that are no JSON.

    It reads the whole file for that, and but for WAL keeps everybody from writing meanwhile (SQLite: file locking). So
    it gets a private copy to look at; where there is no room for one, they have to wait.
    """
    with closing(_opened(path)) as db:
        if not alone and db.execute("pragma journal_mode").fetchone()[0] != "wal":
            with suppress(NoRoom), closing(_private(db)) as copied:
                return _found_in_file(copied)
        return _found_in_file(db)


NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR_WRITE)


class NoRoom(Exception):
    """For a copy of the database among SQLite's temporary files."""


def _private(db: sqlite3.Connection) -> sqlite3.Connection:
    """A copy that SQLite deletes when it is closed or the process dies (SQLite: temporary databases)."""
    try:
        try:
            return _copied(db, _Patience())
        except TimeoutError:
            return _copied(db, None)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in NO_ROOM:
            raise NoRoom from None
        raise


def _copied(db: sqlite3.Connection, patience: _Patience | None) -> sqlite3.Connection:
    made = sqlite3.connect("")
    try:
        if patience:
            db.backup(made, pages=PAGES, sleep=PAUSE_S, progress=patience)
        else:
            db.backup(made)
    except BaseException:
        made.close()
        raise
    return made


class _Patience:
    """TimeoutError when a copy begins anew once too often: SQLite does so whenever somebody has written (backup API)."""

    def __init__(self) -> None:
        self._left = 0
        self._begun = 0

    def __call__(self, _status: int, left: int, _total: int) -> None:
        self._begun += left >= self._left
        self._left = left
        if left and self._begun > MOST_BEGUN:
            raise TimeoutError


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _found_in_file(db: sqlite3.Connection) -> list[str]:
    doubts = [
        f"the database file is damaged ({text})"
        for (text,) in db.execute("pragma integrity_check(1)").fetchall()
        if text != "ok"
    ]
    odd = db.execute(
        "select min(seq) from audit where not (before is null or json_valid(before)) "
        "or not (after is null or json_valid(after))"
    ).fetchone()[0]
    return doubts + ([f"row {odd} has an image that is no JSON"] if odd is not None else [])
