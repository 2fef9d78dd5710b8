"""The append-only, hash-chained audit log: writing it and reading it.

The chain: `hash` = SHA-256 over `csms-bot/audit/1`, a newline, and the canonical JSON (sorted keys, no spaces, UTF-8)
of every other column, `prev_hash` among them. The first row's `prev_hash` is 64 zeros. docs/audit-format.md has it in
full; `bot/verify` checks it, and shares nothing with this module but that document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.errors import StoreFailed
from bot.model import AuditRow, Entry, canonical_json
from bot.store.engine import Engine, Tx

DOMAIN = "csms-bot/audit/1\n"
GENESIS = "0" * 64
COLUMNS = (
    "seq", "at", "actor", "action", "project", "event", "change", "before", "after", "outcome", "reason",
    "prev_hash", "hash",
)  # fmt: skip
CHUNK = 1000
FEW = 5000
"""Rows that are read and sorted in a moment."""
MOST_ACTIONS = 40
ARCHIVE = "audit.archive"


def row_hash(columns: dict[str, Any]) -> str:
    """The hash of a row, from its columns without `hash`."""
    body = canonical_json({key: value for key, value in columns.items() if key != "hash"})
    return hashlib.sha256((DOMAIN + body).encode()).hexdigest()


def append(tx: Tx, entry: Entry, now: datetime) -> AuditRow:
    """Adds one row inside the caller's transaction; if it cannot, the whole transaction does not happen."""
    last = tx.execute("select seq, hash from audit order by seq desc limit 1").fetchone()
    seq, prev = (last[0] + 1, last[1]) if last else (1, GENESIS)
    columns: dict[str, Any] = {
        "seq": seq,
        "at": spelled(now),
        "actor": entry.actor,
        "action": entry.action,
        "project": entry.project,
        "event": entry.event,
        "change": entry.change,
        "before": entry.before,
        "after": entry.after,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "prev_hash": prev,
    }
    columns["hash"] = row_hash(columns)
    stored = columns | {
        name: None if columns[name] is None else canonical_json(columns[name]) for name in ("before", "after")
    }
    cursor = tx.execute(
        f"insert into audit ({', '.join(COLUMNS)}) values ({', '.join(':' + name for name in COLUMNS)})",  # noqa: S608 (constant names)
        stored,
    )
    if cursor.rowcount != 1:
        # A trigger that somebody added can make an insert do nothing, without an error.
        raise StoreFailed("the audit log did not take a row")
    return AuditRow(**columns)


def read(
    db: Tx,
    *,
    project: str = "",
    event: str = "",
    actor: str = "",
    action: str = "",
    change: str = "",
    since: datetime | None = None,
    after: int | None = None,
    until: int | None = None,
    newest_first: bool = False,
    limit: int | None = None,
) -> Iterator[AuditRow]:
    """Rows that match, in chunks so that a long export never blocks the writer. `action` matches as a prefix.

    `after` and `until` are rows: those behind the one, up to and with the other.
    """
    equal = {"project": project, "event": event, "actor": actor, "change": change}
    equal = {column: value for column, value in equal.items() if value}
    where = [f"+{column} = ?" for column in equal]
    values: list[Any] = [*equal.values()]
    if action:
        where.append("(+action = ? or +action like ? escape '\\')")
        escaped = action.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values += [action, f"{escaped}.%"]
    earliest = "" if since is None else spelled(since)
    if earliest:
        where.append("+at >= ?")
        values.append(earliest)
    for bound, seq in (("seq > ?", after), ("seq <= ?", until)):
        if seq is not None:
            where.append(bound)
            values.append(seq)
    rarest = _rarest(db, equal, action, earliest)
    if rarest is None:
        return
    where.append(rarest[0])
    values += rarest[1]
    compare, order = ("<", "desc") if newest_first else (">", "asc")
    edge = 2**62 if newest_first else 0
    left = limit if limit is not None else 2**62
    while left > 0:
        size = min(CHUNK, left)
        rows = list(
            db.query(
                f"select * from audit where {' and '.join(where)} and seq {compare} ? "  # noqa: S608 (constant names)
                f"order by seq {order} limit ?",
                [*values, edge, size],
            )
        )
        for row in rows:
            yield _row(row)
        if len(rows) < size:
            return
        edge, left = rows[-1]["seq"], left - len(rows)


def _rarest(db: Tx, equal: Mapping[str, str], action: str, earliest: str) -> tuple[str, list[str]] | None:
    """(condition, its values) that an index shall be asked for: the filter that lets the fewest rows through.

    None when one lets none through. Left to itself SQLite guesses, and reads a million rows for a filter that matches
    none; the other filters stand behind a `+`, so that their indexes are not considered. Each is counted up to FEW.
    """
    # A change has no index: its rows are found by its event, or by walking.
    choices = [(f"{column} = ?", [value]) for column, value in equal.items() if column != "change"]
    if action:
        actions = _actions(db, action)
        if not actions:
            return None
        if len(actions) <= MOST_ACTIONS:
            choices.append((f"action in ({', '.join('?' * len(actions))})", actions))
    if earliest:
        choices.append(("at >= ?", [earliest]))
    best: tuple[str, list[str]] = ("1", [])
    fewest = FEW
    for condition, values in choices:
        number = db.execute(
            f"select count(*) from (select 1 from audit where {condition} limit {FEW})",  # noqa: S608 (constant names)
            values,
        ).fetchone()[0]
        if number == 0:
            return None
        if number < fewest:
            best, fewest = (condition, values), number
    if fewest == FEW and equal:
        # All are common: the one with an index in the rows' own order still reads fewer than the whole log.
        column = next((name for name in ("event", "actor", "project") if name in equal), "")
        return (f"{column} = ?", [equal[column]]) if column else best
    return best


def _actions(db: Tx, prefix: str) -> list[str]:
    """The actions in the log that are `prefix` or begin with it and a dot; one more than MOST_ACTIONS at most."""
    found: list[str] = []
    if db.execute("select 1 from audit where action = ? limit 1", [prefix]).fetchone():
        found.append(prefix)
    last = f"{prefix}."
    while len(found) <= MOST_ACTIONS:
        row = db.execute(
            "select action from audit where action > ? and action < ? order by action limit 1",
            [last, f"{prefix}/"],  # "/" comes right after "."
        ).fetchone()
        if row is None:
            break
        last = row[0]
        found.append(last)
    return found


def spelled(time: datetime) -> str:
    """A time as the log has it, by which it can be compared."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def head(db: Tx) -> tuple[int, str]:
    """(seq, hash) of the newest row; (0, 64 zeros) of an empty log."""
    last = db.execute("select seq, hash from audit order by seq desc limit 1").fetchone()
    return (last[0], last[1]) if last else (0, GENESIS)


def begins(db: Tx) -> datetime | None:
    """When the oldest row that is left was written; None while none was archived."""
    first = db.execute("select seq, at from audit order by seq limit 1").fetchone()
    return datetime.fromisoformat(first[1]) if first and first[0] > 1 else None


def _row(row: dict[str, Any]) -> AuditRow:
    return AuditRow(**(row | {name: _image(row[name]) for name in ("before", "after")}))


def _image(text: str | None) -> Any:
    """An image as it was written. Text that `append` cannot have written is shown as such, and breaks the chain."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return {"not what was written": text}
    return value if canonical_json(value) == text else {"not what was written": text}


class Audit:
    """The audit log of the running bot."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def append(self, entry: Entry, now: datetime) -> AuditRow:
        """Writes one row and commits it."""
        return await self._engine.run(lambda tx: append(tx, entry, now))

    async def read(self, **filters: Any) -> list[AuditRow]:
        """Matching rows; always give a `limit`."""
        return await self._engine.run(lambda tx: list(read(tx, **filters)))

    async def ending(self, event: str, change: str) -> tuple[int, str] | None:
        """(seq, hash) of the row that ended a change request; None while there is none.

        When that row was archived, of the newest row that says so: it stands later in the same chain.
        """

        def work(tx: Tx) -> tuple[int, str] | None:
            row = tx.execute(
                "select seq, hash from audit where event = ? and change = ? and action in "
                "('change.apply', 'change.reject', 'change.cancel', 'change.expire') and outcome in "
                "('applied', 'failed', 'stale', 'rejected', 'cancelled', 'expired') order by seq limit 1",
                [event, change],
            ).fetchone()
            row = (
                row
                or tx.execute(
                    "select seq, hash from audit where action = ? and outcome = 'done' order by seq desc limit 1",
                    [ARCHIVE],
                ).fetchone()
            )
            return (row[0], row[1]) if row else None

        return await self._engine.run(work)

    async def begins(self) -> datetime | None:
        """When the oldest row that is left was written; None while none was archived."""
        return await self._engine.run(begins)

    async def head(self) -> tuple[int, str]:
        """(seq, hash) of the newest row."""
        return await self._engine.run(head)
