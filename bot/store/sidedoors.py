"""What the bot last knew of each event, and what it found to have been done without it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.model import Entry, Finding, Found, Outside, Post, PostKind, canonical_json
from bot.rules.sidedoors import compare, writes
from bot.store import audit, outbox
from bot.store.engine import Engine, Tx

ALONE = 10
"""A look that finds more than this is told in one thread, so many in each message; each with its buttons fits into one."""

OF_A_LOOK = "(found_in = :look or found_in > :look || '/' and found_in < :look || '0')"
"""What was found at one look and is told together: its messages are `look/1`, `look/2` and so on, or `look` alone."""

Images = Mapping[str, Mapping[str, Any]]
"""Name → `Event.image()`."""


class SideDoors:
    """The store's side of looking for changes from outside."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def differing(self, project: str, seen: Images, head: int) -> set[str]:
        """Names of events that differ from what the bot knows, as far as one look can say."""
        return await self._engine.run(
            lambda tx: {finding.event for finding in _findings(tx, project, seen, head, set())}
        )

    async def look(
        self, project: str, seen: Images, *, head: int, leave: set[str], channel: str, now: datetime
    ) -> list[Found]:
        """Keeps what was seen; what was done without the bot gets its audit rows and messages, all in one step.

        `head` is the newest audit row from before CSMS was asked. Events in `leave`, and those that the bot itself
        has written to since, are left for the next look. The first look of a project is where its knowledge begins.
        """

        def work(tx: Tx) -> list[Found]:
            first = tx.execute("select 1 from looks where project = ?", [project]).fetchone() is None
            left = leave | _in_work(tx, project, head)
            found = [] if first else _findings(tx, project, seen, head, left)
            kept = _keep_findings(tx, project, found, now)
            if first:
                audit.append(tx, _baseline(project, seen), now)
                left = set()
            _keep_known(tx, project, seen, head, left)
            tx.execute(
                "insert into looks values (?, ?, ?) on conflict do update set at = excluded.at, "
                "events = excluded.events",
                [project, now.timestamp(), len(seen)],
            )
            above = ""
            for group in dict.fromkeys(one.group for one in kept):
                post = Post(secrets.token_hex(16), PostKind.OUTSIDE, group, project, channel, parent=above)
                outbox.put(tx, post, now)
                if len(kept) > ALONE:
                    above = above or post.key
            return kept

        return await self._engine.run(work)

    async def group(self, group: str) -> list[Found]:
        """What one message shows."""

        def work(tx: Tx) -> list[Found]:
            rows = tx.query("select * from outside where found_in = ? order by seq", [group])
            look, _, page = group.partition("/")
            before = (int(page or 1) - 1) * ALONE
            together = tx.execute(
                f"select count(*) from outside where {OF_A_LOOK}",  # noqa: S608 (constant)
                {"look": look},
            ).fetchone()[0]
            return [
                replace(_found(row), place=before + number, together=together)
                for number, row in enumerate(rows, start=1)
            ]

        return await self._engine.run(work)

    async def get(self, key: str) -> Found | None:
        """By the key that a button carries."""
        return await self._engine.run(lambda tx: _get(tx, key))

    async def accept(self, key: str, by: str, now: datetime, *, everything: bool) -> list[Found]:
        """Accepts one, or `everything` that was found with it, as far as it is not accepted yet; with their audit rows."""

        def work(tx: Tx) -> list[Found]:
            one = _get(tx, key)
            which = OF_A_LOOK if everything else "key = :key"
            rows = tx.query(
                f"select * from outside where {which} and accepted_by = '' order by seq",  # noqa: S608 (constants)
                {"key": key, "look": one.group.partition("/")[0] if one else ""},
            )
            accepted = [_found(row) for row in rows]
            for one in accepted:
                tx.execute("update outside set accepted_by = ? where key = ?", [by, one.key])
                finding = one.finding
                reason = f"{finding.what} outside, row {one.seq}"
                entry = Entry(
                    by, "outside.accept", "accepted", one.project, finding.event, "",
                    finding.before, finding.after, reason,
                )  # fmt: skip
                audit.append(tx, entry, now)
            for group in {one.group for one in accepted}:
                outbox.touch(tx, PostKind.OUTSIDE, group)
            return accepted

        return await self._engine.run(work)

    async def reverting(self, key: str, change: str) -> None:
        """Notes the change request that takes it back."""

        def work(tx: Tx) -> None:
            tx.execute("update outside set change = ? where key = ?", [change, key])
            if one := _get(tx, key):
                outbox.touch(tx, PostKind.OUTSIDE, one.group)

        await self._engine.run(work)


def _findings(tx: Tx, project: str, seen: Images, head: int, left: set[str]) -> list[Finding]:
    found: list[Finding] = []
    known = {row["name"]: row for row in tx.query("select * from known_events where project = ?", [project])}
    since = min((row["seq"] for row in known.values()), default=head)
    written = _written(tx, project, since)
    for name in sorted((seen.keys() | known.keys()) - left):
        image, row = seen.get(name), known.get(name)
        if row is None:
            found += compare(None, image, [], name)
            continue
        if name not in written and image is not None and row["image"] == canonical_json(dict(image)):
            continue
        rows = audit.read(
            tx, project=project, event=name, action="change.apply", after=row["seq"], until=head
        )
        found += compare(json.loads(row["image"]), image, writes(rows), name)
    return found


def _written(tx: Tx, project: str, head: int) -> set[str]:
    """Events that the bot began to write to after row `head` of the audit log."""
    rows = tx.execute(
        "select distinct event from audit where seq > ? and project = ? and action = 'change.apply'",
        [head, project],
    )
    return {event for (event,) in rows.fetchall()}


def _in_work(tx: Tx, project: str, head: int) -> set[str]:
    """Events that the bot may have written to since the audit log was at `head`."""
    rows = tx.execute(
        "select event from changes where project = ? and state in ('approved', 'applying')", [project]
    )
    return {event for (event,) in rows.fetchall()} | _written(tx, project, head)


def _keep_findings(tx: Tx, project: str, found: list[Finding], now: datetime) -> list[Found]:
    look = secrets.token_hex(16)
    kept = []
    for number, finding in enumerate(found):
        key = secrets.token_urlsafe(18)
        row = audit.append(
            tx,
            Entry(
                "system", "event.outside", finding.what, project, finding.event, "",
                finding.before, finding.after, finding.note,
            ),
            now,
        )  # fmt: skip
        group = f"{look}/{number // ALONE + 1}" if len(found) > ALONE else key
        one = Found(key, group, project, finding, row.seq)
        tx.execute(
            "insert into outside (key, found_in, project, event, what, before, after, note, seq, found) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                key, one.group, project, finding.event, finding.what, _json(finding.before),
                _json(finding.after), finding.note, row.seq, now.timestamp(),
            ],
        )  # fmt: skip
        kept.append(one)
    return kept


def _keep_known(tx: Tx, project: str, seen: Images, head: int, left: set[str]) -> None:
    tx.conn.executemany(
        "insert into known_events values (?, ?, ?, ?) on conflict do update set image = excluded.image, "
        "seq = excluded.seq where image != excluded.image or seq != excluded.seq",
        [
            (project, name, canonical_json(dict(image)), head)
            for name, image in seen.items()
            if name not in left
        ],
    )
    known = {
        name
        for (name,) in tx.execute("select name from known_events where project = ?", [project]).fetchall()
    }
    tx.conn.executemany(
        "delete from known_events where project = ? and name = ?",
        [(project, name) for name in known - seen.keys() - left],
    )


def _baseline(project: str, seen: Images) -> Entry:
    text = canonical_json([dict(seen[name]) for name in sorted(seen)])
    digest = hashlib.sha256(text.encode()).hexdigest()
    reason = (
        f"From here on changes from outside are seen. {len(seen)} events; SHA-256 of their images {digest}"
    )
    return Entry("system", "event.baseline", "noted", project, reason=reason)


def _json(image: Mapping[str, Any] | None) -> str | None:
    return None if image is None else canonical_json(dict(image))


def _get(tx: Tx, key: str) -> Found | None:
    for row in tx.query("select * from outside where key = ?", [key]):
        return _found(row)
    return None


def _found(row: dict[str, Any]) -> Found:
    before, after = (None if row[name] is None else json.loads(row[name]) for name in ("before", "after"))
    finding = Finding(row["event"], Outside(row["what"]), before, after, row["note"])
    return Found(
        row["key"], row["found_in"], row["project"], finding, row["seq"], row["accepted_by"], row["change"]
    )
