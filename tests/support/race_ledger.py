"""The checker of the races. It holds three journals against each other: what CSMS was made to write, what the audit log
says, and what people can see; it reads the database with SQL of its own and asks nothing of the bot.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.sandbox.csms.world import CONTROL, Effect
from bot.sandbox.slack.model import JournalEntry

TICK_S = 0.002
"""CSMS's journal is stamped in whole milliseconds; closer than this, nobody says which was first."""
WRITTEN, UNWRITTEN = frozenset({"applied", "failed"}), frozenset({"rejected", "cancelled", "expired"})
ENDS = WRITTEN | UNWRITTEN | {"stale"}


class Kind(StrEnum):
    """Who races whom."""

    TWO_APPROVERS = "two approvers at the same time"
    SAME_TWICE = "the same approver twice"
    REDELIVERED = "a click that is delivered again"
    CANCEL = "approve against cancel"
    REJECT = "approve against reject"
    EXPIRE = "approve against the end of its time"
    OUTSIDE = "approve against a change in the console"


def may_end(kind: Kind, required: int) -> frozenset[str]:
    """How a race may end; an empty set: it must stay open, since one person is not two."""
    return {
        Kind.TWO_APPROVERS: frozenset({"applied"}),
        Kind.SAME_TWICE: frozenset({"applied"} if required == 1 else ()),
        Kind.REDELIVERED: frozenset({"applied"} if required == 1 else ()),
        Kind.CANCEL: frozenset({"applied", "cancelled"}),
        Kind.REJECT: frozenset({"applied", "rejected"}),
        Kind.EXPIRE: frozenset({"applied", "expired"}),
        Kind.OUTSIDE: frozenset({"applied", "stale", "failed"}),
    }[kind]


@dataclass(frozen=True, slots=True)
class Race:
    """One change request, and how many clicks people made on it; a redelivery is no click."""

    kind: Kind
    required: int
    change: str
    event: str
    body: Mapping[str, Any]
    """What CSMS must be sent, if anything."""
    approvals: int
    others: int = 0
    expires: float = float("inf")


@dataclass(frozen=True, slots=True)
class Row:
    """The columns of an audit row that matter here."""

    at: float
    actor: str
    action: str
    outcome: str


@dataclass(slots=True)
class Evidence:
    """All that the journals hold of one change."""

    puts: list[Effect] = field(default_factory=list)
    outside: list[Effect] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    """What its card said, one text after the other."""
    posted: int = 0
    told: list[str] = field(default_factory=list)
    answers: int = 0
    """Ephemeral messages about it."""

    def outcomes(self, action: str) -> list[str]:
        """The outcomes of its rows of an action, oldest first."""
        return [row.outcome for row in self.rows if row.action == action]

    @property
    def ends(self) -> list[str]:
        """Every end that the audit log gives it."""
        return [row.outcome for row in self.rows if row.outcome in ENDS]


def gather(
    races: Sequence[Race],
    *,
    csms: Sequence[Effect],
    slack: Sequence[JournalEntry],
    database: Path,
    bot: str,
    approvals: str,
) -> dict[str, Evidence]:
    """`CR-…` → what is known of it."""
    found = {race.change: Evidence() for race in races}
    by_event = {race.event: found[race.change] for race in races}
    for effect in csms:
        if evidence := by_event.get(effect.event):
            if effect.operation == "update_event":
                evidence.puts.append(effect)
            elif effect.caller == CONTROL:
                evidence.outside.append(effect)
    for change, row in _rows(database):
        if change in found:
            found[change].rows.append(row)
    for entry in slack:
        _add_entry(found, entry, bot=bot, approvals=approvals)
    return found


def _rows(database: Path) -> Iterator[tuple[str, Row]]:
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
        for change, at, actor, action, outcome in db.execute(
            "select change, at, actor, action, outcome from audit where change != '' order by seq"
        ):
            yield change, Row(datetime.fromisoformat(at).timestamp(), actor, action, outcome)


def _add_entry(found: dict[str, Evidence], entry: JournalEntry, *, bot: str, approvals: str) -> None:
    named = re.search(r"\bCR-\d+\b", entry.text or "")
    if named is None or named[0] not in found:
        return
    evidence, text = found[named[0]], entry.text or ""
    if entry.effect == "ephemeral":
        evidence.answers += "was asked for" not in text
    elif entry.user == bot and entry.channel == approvals and entry.thread_ts in (None, entry.ts):
        evidence.cards.append(text)
        evidence.posted += entry.effect == "post"
    elif entry.user == bot and entry.effect == "post" and text.startswith(f"Your change {named[0]} "):
        evidence.told.append(text)


def violations(race: Race, seen: Evidence) -> list[str]:
    """What is wrong about one race, in words; an empty list when all is as the rules say."""
    wrong = [*_about_the_end(race, seen), *_about_the_rows(race, seen), *_about_what_is_shown(race, seen)]
    if race.kind is Kind.OUTSIDE and len(seen.ends) == 1:
        wrong += _about_the_order(seen)
    return [f"{race.change}, {race.kind}, {race.required} required: {one}" for one in wrong]


def _about_the_end(race: Race, seen: Evidence) -> Iterator[str]:
    allowed = may_end(race.kind, race.required)
    if not allowed:
        if seen.ends:
            yield f"it ended ({seen.ends}) with too few approvals"
    elif len(seen.ends) != 1:
        yield f"it has {len(seen.ends)} ends: {seen.ends}"
    elif seen.ends[0] not in allowed:
        yield f"it ended as {seen.ends[0]}"
    puts = 1 if len(seen.ends) == 1 and seen.ends[0] in WRITTEN else 0
    if len(seen.puts) != puts:
        yield f"it ended {seen.ends} with {len(seen.puts)} PUTs"
    if any(put.body != race.body for put in seen.puts):
        yield f"a PUT of {json.dumps([put.body for put in seen.puts])}"


def _about_the_rows(race: Race, seen: Evidence) -> Iterator[str]:
    votes = [row for row in seen.rows if row.action == "change.approve" and row.outcome != "refused"]
    complete = [row for row in votes if row.outcome == "approved"]
    intents = seen.outcomes("change.apply").count("intent")
    if seen.outcomes("change.request") != ["pending"]:
        yield "it was not asked for once"
    if len({row.actor for row in votes}) != len(votes) or len(votes) > race.required:
        yield f"{len(votes)} approvals are counted: {[row.actor for row in votes]}"
    if late := [row for row in votes if row.at >= race.expires]:
        yield f"{len(late)} approvals are counted after its time"
    if len(complete) != (len(votes) == race.required):
        yield f"{len(complete)} rows say approved after {len(votes)} approvals"
    if intents != len(complete):
        yield f"{intents} rows of intent for {len(complete)} decisions"
    if complete and set(seen.ends) & UNWRITTEN:
        yield f"it is approved and {seen.ends}"
    if seen.ends and seen.ends[0] not in UNWRITTEN and not complete:
        yield f"it is {seen.ends[0]}, and nobody approved it"
    if len(seen.outcomes("change.approve")) != race.approvals:
        yield f"{race.approvals} clicks on Approve left {len(seen.outcomes('change.approve'))} rows"
    others = seen.outcomes("change.reject") + seen.outcomes("change.cancel")
    if len(others) != race.others:
        yield f"{race.others} clicks on Reject and Cancel left {len(others)} rows"


def _about_what_is_shown(race: Race, seen: Evidence) -> Iterator[str]:
    state = seen.ends[0] if seen.ends else "pending"
    if seen.posted != 1:
        yield f"its card was posted {seen.posted} times"
    if not seen.cards or not seen.cards[-1].startswith(f"{race.change} {state}:"):
        yield f"its card says {seen.cards[-1:]}, not {state}"
    shown = [text.split()[1].rstrip(":") for text in seen.cards]
    if any(state in ENDS for state in shown[:-1] if state != shown[-1]):
        yield f"its card went from {shown}"
    told = 1 if seen.ends and seen.ends[0] != "cancelled" else 0
    if len(seen.told) != told or (told and f": {state}." not in seen.told[0]):
        yield f"its requester was told {seen.told}"
    if seen.answers != race.approvals + race.others:
        yield f"{race.approvals + race.others} clicks got {seen.answers} answers"


def _about_the_order(seen: Evidence) -> Iterator[str]:
    """What was done in the console before the bot looked must stop it; what came after its end cannot have."""
    moved = [effect.at_ms / 1000 for effect in seen.outside[1:]]
    intent = next((row.at for row in seen.rows if row.outcome == "intent"), None)
    ended = next(row.at for row in seen.rows if row.outcome in ENDS)
    if len(moved) != 1 or intent is None:
        yield f"there were {len(moved)} changes in the console, and the intent is {intent}"
    elif moved[0] + TICK_S < intent and seen.ends != ["stale"]:
        yield f"the event was changed before the bot looked, and still it is {seen.ends}"
    elif moved[0] > ended + TICK_S and seen.ends != ["applied"]:
        yield f"the event was changed only after the end, and yet it is {seen.ends}"
