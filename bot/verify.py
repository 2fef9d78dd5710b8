"""Checks the audit log by its documented format (docs/audit-format.md), and by nothing that the writer uses.

It imports nothing of this program: what writes the log and what checks it can only agree by the document. It never
writes, and anything that it cannot read or understand is a doubt.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from json.encoder import encode_basestring as spelled
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
DOMAIN = b"csms-bot/audit/1\n"
COLUMNS = (
    "seq", "at", "actor", "action", "project", "event", "change", "before", "after", "outcome", "reason",
    "prev_hash", "hash",
)  # fmt: skip
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

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What somebody outside holds of the log: row `seq` had this hash, `said` is where and when."""

    seq: int
    hash: str
    said: str


@dataclass(slots=True)
class Verdict:
    """What was found: no doubts, or each in a sentence, the first wrong row before all others."""

    doubts: list[str] = field(default_factory=list)
    rows: int = 0
    """Rows that hold, from the first on."""
    hash: str = GENESIS
    """Of the last of them."""
    agreed: int = 0
    """Heads held outside that the log agrees with."""


class Walk:
    """Along the chain, row by row; a row that is wrong does not move it."""

    def __init__(self, seq: int = 0, prev: str = GENESIS) -> None:
        """`seq` and `prev`: the row, and its hash, after which the walk begins."""
        self.seq = seq
        self.prev = prev

    def take(self, row: Row) -> str:
        """What is wrong with the next row, given as its columns in their order, images as text; "" when nothing is."""
        want = self.seq + 1
        if len(row) != len(COLUMNS):
            return f"row {want} does not have the columns of the format"
        seq, prev, found = row[0], row[11], row[12]
        if type(seq) is not int or seq != want:
            return f"row {want} is missing"
        if prev != self.prev:
            return f"row {want} does not follow from the row before it"
        try:
            right = found == digest(row)
        except (TypeError, UnicodeEncodeError):
            right = False
        if not right:
            return f"row {want} is not what was written"
        self.seq, self.prev = want, found
        return ""


def digest(row: Row) -> str:
    """The hash that a row must have. TypeError when a column is of a kind that the format does not know."""
    seq, at, actor, action, project, event, change, before, after, outcome, reason, prev, _ = row
    # The keys stand in their order already; images are kept as the very text that was hashed.
    text = (
        f'{{"action":{spelled(action)},"actor":{spelled(actor)},"after":{_image(after)},"at":{spelled(at)},'
        f'"before":{_image(before)},"change":{spelled(change)},"event":{spelled(event)},'
        f'"outcome":{spelled(outcome)},"prev_hash":{spelled(prev)},"project":{spelled(project)},'
        f'"reason":{spelled(reason)},"seq":{seq}}}'
    )
    return hashlib.sha256(DOMAIN + text.encode()).hexdigest()


def _image(text: Any) -> str:
    if text is None:
        return "null"
    if not isinstance(text, str) or text == "null":
        raise TypeError("an image is a text, and an absent one is no text")
    return text


def check(path: Path, heads: Iterable[Head] = ()) -> Verdict:
    """Checks the whole log in the database at `path`, and that it agrees with the `heads` that others hold."""
    verdict = Verdict()
    try:
        with closing(_opened(path)) as db:
            guards = _guards(db)
            # SQLite's own check needs no Python, so it runs beside the walk.
            with ThreadPoolExecutor(1) as beside:
                file = beside.submit(_file, path)
                _follow(_rows(db), heads, verdict)
            verdict.doubts += [*guards, *file.result()]
    except sqlite3.Error as error:
        verdict.doubts.append(f"the database cannot be read after row {verdict.rows} ({error})")
    return verdict


def check_export(lines: Iterable[str], *, after: Head | None = None) -> Verdict:
    """The same for an export as JSONL: the whole log, or what follows the row `after`."""
    verdict = Verdict()
    if after is not None:
        verdict.rows, verdict.hash = after.seq, after.hash
    _follow((_exported(line) for line in lines), (), verdict)
    return verdict


def _follow(rows: Iterable[Row], heads: Iterable[Head], verdict: Verdict) -> None:
    held: dict[int, list[Head]] = {}
    for head in heads:
        held.setdefault(head.seq, []).append(head)
    walk = Walk(verdict.rows, verdict.hash)
    agreed = 0
    for row in rows:
        if wrong := walk.take(row):
            verdict.doubts.append(wrong)
            break
        verdict.rows, verdict.hash = walk.seq, walk.prev
        if walk.seq in held:
            for head in held.pop(walk.seq):
                if head.hash == walk.prev:
                    agreed, verdict.agreed = walk.seq, verdict.agreed + 1
                elif not verdict.doubts:
                    verdict.doubts.append(_rewritten(agreed, head))
    else:
        ahead = [head for seq, some in held.items() if seq > walk.seq for head in some]
        if ahead:
            first = min(ahead, key=lambda head: head.seq)
            verdict.doubts.append(
                f"row {walk.seq + 1} is missing: the log ends before row {first.seq}, which {first.said}"
            )


def _rewritten(agreed: int, head: Head) -> str:
    which = f"row {head.seq}" if head.seq == agreed + 1 else f"one of the rows {agreed + 1} to {head.seq}"
    return f"{which} was written anew: row {head.seq} is not the one that {head.said}"


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


def _file(path: Path) -> list[str]:
    """What SQLite itself has to say: rows that an index hides, pages that are torn, images that are no JSON."""
    with closing(_opened(path)) as db:
        return _found_in_file(db)


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


def _exported(line: str) -> Row:
    """The columns of an exported line; what is not one gives a row that no walk takes."""
    try:
        found = json.loads(line)
    except ValueError:
        return ()
    if not isinstance(found, Mapping) or set(found) != set(COLUMNS):
        return ()
    return tuple(_canonical(found[name]) if name in ("before", "after") else found[name] for name in COLUMNS)


def _canonical(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
