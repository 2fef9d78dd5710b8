"""Change requests: each arrow of their life is one compare-and-set, with its audit row in the same transaction."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bot.model import Change, ChangeState, Entry, Patch, Post, PostKind, Target
from bot.store import audit, incidents, outbox
from bot.store.engine import Engine, Tx


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change request that is about to be made."""

    origin: str
    """What it was made from (an inbox row), so that the same request after a crash makes no second one."""
    project: str
    event: str
    before: Mapping[str, Any]
    patch: Patch
    requester: str
    reason: str
    required: int
    channel: str
    created: datetime
    expires: datetime
    warnings: tuple[str, ...] = ()
    break_glass: bool = False
    """It is approved from the start, by the requester alone."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What a click on Approve did."""

    change: Change
    counted: bool
    """False: this person had approved already, or it was decided before."""
    complete: bool
    """True for exactly one vote: the one that made the change approved."""


def _patch_json(patch: Patch) -> str:
    return json.dumps(asdict(patch), separators=(",", ":"), ensure_ascii=False)


def _patch(text: str) -> Patch:
    data = json.loads(text)
    return Patch(
        state=data["state"],
        types=None if data["types"] is None else tuple(data["types"]),
        target=None if data["target"] is None else Target(**data["target"]),
    )


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def read_change(tx: Tx, row: dict[str, Any]) -> Change:
    """The value of a row."""
    voters = tx.execute(
        "select voter from votes where change = ? order by at, voter", [row["number"]]
    ).fetchall()
    return Change(
        number=row["number"],
        key=row["key"],
        project=row["project"],
        event=row["event"],
        before=json.loads(row["before"]),
        patch=_patch(row["patch"]),
        requester=row["requester"],
        reason=row["reason"],
        state=ChangeState(row["state"]),
        required=row["required"],
        created=_utc(row["created"]),
        expires=_utc(row["expires"]),
        approved_by=tuple(voter for (voter,) in voters),
        decided_by=row["decided_by"],
        decided=None if row["decided"] is None else _utc(row["decided"]),
        note=row["note"],
        warnings=tuple(json.loads(row["warnings"])),
        break_glass=bool(row["break_glass"]),
        reviewed_by=row["reviewed_by"],
        reviewed=None if row["reviewed"] is None else _utc(row["reviewed"]),
    )


def find(tx: Tx, column: str, value: Any) -> Change | None:
    """The change with that value in a column, inside the caller's transaction."""
    for row in tx.query(f"select * from changes where {column} = ?", [value]):  # noqa: S608 (constant names)
        return read_change(tx, row)
    return None


def entry(change: Change, action: str, outcome: str, actor: str, reason: str = "", **images: Any) -> Entry:
    """An audit entry about a change."""
    return Entry(
        actor=actor,
        action=action,
        outcome=outcome,
        project=change.project,
        event=change.event,
        change=change.id,
        reason=reason,
        **images,
    )


class Changes:
    """The change requests of the running bot."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def propose(self, proposal: Proposal) -> Change:
        """Makes the request, its audit row and its card; the same `origin` again gives the one that is there."""

        def work(tx: Tx) -> Change:
            if existing := find(tx, "origin", proposal.origin):
                return existing
            key = secrets.token_urlsafe(18)
            tx.execute(
                "insert into changes (key, origin, project, event, before, patch, requester, reason, state, "
                "required, created, expires, warnings, break_glass, decided_by, decided) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    key,
                    proposal.origin,
                    proposal.project,
                    proposal.event,
                    json.dumps(dict(proposal.before), ensure_ascii=False),
                    _patch_json(proposal.patch),
                    proposal.requester,
                    proposal.reason,
                    ChangeState.APPROVED if proposal.break_glass else ChangeState.PENDING,
                    proposal.required,
                    proposal.created.timestamp(),
                    proposal.expires.timestamp(),
                    json.dumps(proposal.warnings, ensure_ascii=False),
                    int(proposal.break_glass),
                    proposal.requester if proposal.break_glass else "",
                    proposal.created.timestamp() if proposal.break_glass else None,
                ],
            )
            change = find(tx, "key", key)
            assert change is not None  # noqa: S101 (inserted two lines above)
            before = {name: change.before[name] for name in change.after}
            audit.append(
                tx,
                entry(
                    change, "change.break_glass" if change.break_glass else "change.request", change.state,
                    change.requester, change.reason, before=before, after=change.after,
                ),
                proposal.created,
            )  # fmt: skip
            card = Post(secrets.token_hex(16), PostKind.CARD, key, change.project, channel=proposal.channel)
            outbox.put(tx, card, proposal.created)
            return change

        return await self._engine.run(work)

    async def get(self, key: str) -> Change | None:
        """By the random key that a button carries."""
        return await self._engine.run(lambda tx: find(tx, "key", key))

    async def by_origin(self, origin: str) -> Change | None:
        """The one that was made from an inbox row already."""
        return await self._engine.run(lambda tx: find(tx, "origin", origin))

    async def by_number(self, number: int) -> Change | None:
        """By the number in its short id."""
        return await self._engine.run(lambda tx: find(tx, "number", number))

    async def newest(self) -> int:
        """The highest number there is; 0 without any."""
        return await self._engine.run(
            lambda tx: int(tx.execute("select coalesce(max(number), 0) from changes").fetchone()[0])
        )

    async def open(self, project: str = "") -> list[Change]:
        """Those that are not at an end, oldest first; of one project or of all."""

        def work(tx: Tx) -> list[Change]:
            rows = tx.query(
                "select * from changes where state in ('pending', 'approved', 'applying') "
                "and (:project = '' or project = :project) order by number",
                {"project": project},
            )
            return [read_change(tx, row) for row in rows]

        return await self._engine.run(work)

    async def vote(self, key: str, voter: str, now: datetime) -> Vote | None:
        """Counts one approval, once a person; with the last one needed: pending → approved. None: no such change."""

        def work(tx: Tx) -> Vote | None:
            change = find(tx, "key", key)
            if change is None:
                return None
            if change.state is not ChangeState.PENDING or now >= change.expires:
                return Vote(change, counted=False, complete=False)
            cursor = tx.execute(
                "insert or ignore into votes (change, voter, at) values (?, ?, ?)",
                [change.number, voter, now.timestamp()],
            )
            if cursor.rowcount != 1:
                return Vote(change, counted=False, complete=False)
            number = tx.execute("select count(*) from votes where change = ?", [change.number]).fetchone()[0]
            complete = number >= max(1, change.required)
            outcome = "approved" if complete else f"{number} of {change.required}"
            audit.append(tx, entry(change, "change.approve", outcome, voter), now)
            if complete:
                tx.execute(
                    "update changes set state = 'approved', decided_by = ?, decided = ? where number = ?",
                    [voter, now.timestamp(), change.number],
                )
            outbox.touch(tx, PostKind.CARD, key)
            changed = find(tx, "key", key)
            assert changed is not None  # noqa: S101 (read above in the same transaction)
            return Vote(changed, counted=True, complete=complete)

        return await self._engine.run(work)

    async def end(
        self, key: str, *, frm: ChangeState, to: ChangeState, by: str, reason: str, now: datetime
    ) -> Change | None:
        """`frm` → `to` with its audit row, or None when it is no longer `frm`."""
        return await self._move(key, frm=frm, to=to, by=by, note=reason, now=now, audit_reason=reason)

    async def begin_apply(self, key: str, now: datetime) -> Change | None:
        """approved → applying, with the row of intent that comes before every PUT. None: it is not approved."""
        return await self._move(
            key,
            frm=ChangeState.APPROVED,
            to=ChangeState.APPLYING,
            by="system",
            note="",
            now=now,
            audit_reason="",
        )

    async def finish_apply(
        self,
        key: str,
        *,
        to: ChangeState,
        note: str,
        found: Mapping[str, Any] | None,
        now: datetime,
        written: datetime | None = None,
    ) -> Change | None:
        """applying → applied, stale or failed; `found` is what the event was read as afterwards.

        `written`: when it was applied, by CSMS's clock; None: as `now`.
        """
        return await self._move(
            key,
            frm=ChangeState.APPLYING,
            to=to,
            by="system",
            note=note,
            now=now,
            audit_reason=note,
            found=found,
            written=written,
        )

    async def note(self, key: str, action: str, reason: str, now: datetime) -> None:
        """Writes a row about a change that moves nothing (a PUT that is about to be repeated, say)."""

        def work(tx: Tx) -> None:
            change = find(tx, "key", key)
            if change is not None:
                audit.append(tx, entry(change, action, "noted", "system", reason), now)

        await self._engine.run(work)

    async def _move(
        self,
        key: str,
        *,
        frm: ChangeState,
        to: ChangeState,
        by: str,
        note: str,
        now: datetime,
        audit_reason: str,
        found: Mapping[str, Any] | None = None,
        written: datetime | None = None,
    ) -> Change | None:
        def work(tx: Tx) -> Change | None:
            people = frm is ChangeState.PENDING
            cursor = tx.execute(
                "update changes set state = :to, note = :note, "
                "decided_by = case when :people then :by else decided_by end, "
                "decided = case when :people then :now else decided end "
                "where key = :key and state = :frm",
                {
                    "to": to,
                    "note": note,
                    "people": people,
                    "by": by,
                    "now": now.timestamp(),
                    "key": key,
                    "frm": frm,
                },
            )
            if cursor.rowcount != 1:
                return None
            change = find(tx, "key", key)
            assert change is not None  # noqa: S101 (updated above in the same transaction)
            audit.append(
                tx, entry(change, *_ACTIONS[to], by, audit_reason, **_images(change, to, found)), now
            )
            outbox.touch(tx, PostKind.CARD, key)
            incidents.fix_moved(tx, change, written or now)
            if not to.open and by != change.requester:
                told = Post(secrets.token_hex(16), PostKind.TOLD, key, change.project, user=change.requester)
                outbox.put(tx, told, now)
            return change

        return await self._engine.run(work)


_ACTIONS: dict[ChangeState, tuple[str, str]] = {
    ChangeState.APPLYING: ("change.apply", "intent"),
    ChangeState.APPLIED: ("change.apply", "applied"),
    ChangeState.FAILED: ("change.apply", "failed"),
    ChangeState.STALE: ("change.apply", "stale"),
    ChangeState.REJECTED: ("change.reject", "rejected"),
    ChangeState.CANCELLED: ("change.cancel", "cancelled"),
    ChangeState.EXPIRED: ("change.expire", "expired"),
}


def _images(change: Change, to: ChangeState, found: Mapping[str, Any] | None) -> dict[str, Any]:
    before = {name: change.before[name] for name in change.after}
    if to is ChangeState.APPLYING:
        return {"before": before, "after": change.after}
    if to in (ChangeState.APPLIED, ChangeState.FAILED, ChangeState.STALE):
        return {"before": before, "after": None if found is None else dict(found)}
    return {}
