"""People who act at the same time: every change request has one end, and CSMS is written to once or not at all.

The real bot on real sockets, ten requests at a time, and a checker that asks nothing of the bot
(`tests/support/race_ledger.py`). `make proof` runs 1,000 races.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.model import Change, ChangeState, Entry, Post, PostKind
from bot.poller import Keeper
from bot.sandbox.csms.world import Effect
from bot.store import Vote, audit, outbox
from bot.store.changes import Changes
from bot.store.engine import Tx
from tests.support.race_ledger import Evidence, Kind, Race, Row, may_end, violations
from tests.support.racing import APPROVERS, WISH, Course, mixed, put_third_approver
from tests.support.stage import stage

TIMELESS: list[Kind] = [kind for kind in Kind if kind is not Kind.EXPIRE]
TTL_S = 2.0


@pytest.fixture(autouse=True)
def impatient(unpaced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot looks for requests whose time is over at once, not once a second."""
    defaults = Keeper.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "every_s", 0.02)


@asynccontextmanager
async def course(folder: Path, *, required: int, seed: int, **env: str) -> AsyncIterator[Course]:
    """A running program with three approvers, and a course for races on it."""
    settings: dict[str, Any] = {
        "CSMS_BOT_APPROVERS": APPROVERS, "CSMS_BOT_APPROVALS_REQUIRED": str(required),
        "CSMS_BOT_POLL_INTERVAL": "1h",
    }  # fmt: skip
    async with stage(folder, **settings, **env) as bot:
        bot.slack.rate_limits.enabled = False
        put_third_approver(bot)
        yield Course(bot, random.Random(seed), required=required)


async def _raced(folder: Path, *, required: int, number: int, seed: int) -> Course:
    async with course(folder, required=required, seed=seed) as track:
        await track.run(mixed(track.dice, number, TIMELESS))
        return track


async def _raced_with_time(folder: Path, *, required: int, number: int, seed: int) -> Course:
    async with course(folder, required=required, seed=seed, CSMS_BOT_APPROVAL_TTL=f"{TTL_S:g}s") as track:
        await track.run([Kind.EXPIRE] * number)
        return track


@pytest.mark.parametrize("required", [1, 2])
async def test_whoever_is_first_decides_and_the_others_change_nothing(tmp_path: Path, required: int):
    track = await _raced(tmp_path, required=required, number=54, seed=required)

    assert len(track.races) == 54
    assert track.wrong() == []


@pytest.mark.parametrize("required", [1, 2])
async def test_an_approval_at_the_last_moment_applies_or_comes_too_late(tmp_path: Path, required: int):
    track = await _raced_with_time(tmp_path, required=required, number=14, seed=required)

    assert len(track.races) == 14
    assert track.wrong() == []


@pytest.mark.proof
@pytest.mark.parametrize("required", [1, 2])
async def test_of_a_thousand_races_each_has_one_end_and_at_most_one_update(tmp_path: Path, required: int):
    (tmp_path / "timeless").mkdir()
    (tmp_path / "timed").mkdir()
    timeless = await _raced(tmp_path / "timeless", required=required, number=420, seed=100 + required)
    timed = await _raced_with_time(tmp_path / "timed", required=required, number=80, seed=200 + required)

    assert len(timeless.races) + len(timed.races) == 500
    assert timeless.wrong() + timed.wrong() == []
    # Races that only ever end in one way would have been none.
    for kind, ends in (timeless.ends() | timed.ends()).items():
        assert ends >= may_end(kind, required) - {"failed"}, kind


# The checker's word is worth nothing until it has found something.

NAIVE_S = 0.03
"""How long the naive store takes from its look to its write."""


async def naive_vote(changes: Changes, key: str, voter: str, now: datetime) -> Vote | None:
    """What `Changes.vote` would be without its transaction: it looks, and a moment later it writes."""
    seen = await changes.get(key)
    if seen is None:
        return None
    if seen.state is not ChangeState.PENDING or now >= seen.expires or voter in seen.approved_by:
        return Vote(seen, counted=False, complete=False)
    await asyncio.sleep(NAIVE_S)
    complete = len(seen.approved_by) + 1 >= max(1, seen.required)
    outcome = "approved" if complete else f"{len(seen.approved_by) + 1} of {seen.required}"

    def write(tx: Tx) -> None:
        at = now.timestamp()
        tx.execute(
            "insert or ignore into votes (change, voter, at) values (?, ?, ?)", [seen.number, voter, at]
        )
        if complete:
            tx.execute("update changes set state = 'approved' where number = ?", [seen.number])
        audit.append(tx, _row(seen, "change.approve", outcome, voter), now)
        outbox.touch(tx, PostKind.CARD, key)

    await changes._engine.run(write)
    return Vote(seen, counted=True, complete=complete)


async def naive_end(
    changes: Changes, key: str, *, frm: ChangeState, to: ChangeState, by: str, reason: str, now: datetime
) -> Change | None:
    """The same for `Changes.end`."""
    seen = await changes.get(key)
    if seen is None or seen.state is not frm:
        return None
    await asyncio.sleep(NAIVE_S)
    verb = {ChangeState.REJECTED: "reject", ChangeState.CANCELLED: "cancel", ChangeState.EXPIRED: "expire"}[
        to
    ]

    def write(tx: Tx) -> None:
        tx.execute("update changes set state = ?, decided_by = ? where number = ?", [to, by, seen.number])
        audit.append(tx, _row(seen, f"change.{verb}", to, by), now)
        outbox.touch(tx, PostKind.CARD, key)
        if by != seen.requester:
            outbox.put(
                tx, Post(f"told-{seen.id}", PostKind.TOLD, key, seen.project, user=seen.requester), now
            )

    await changes._engine.run(write)
    return replace(seen, state=to)


def _row(change: Change, action: str, outcome: str, actor: str) -> Entry:
    return Entry(actor, action, outcome, change.project, change.event, change.id)


NAIVE = {
    "vote": (naive_vote, [Kind.TWO_APPROVERS, Kind.SAME_TWICE], "2 rows say approved after 2 approvals"),
    "end": (naive_end, [Kind.CANCEL, Kind.REJECT], "it is approved and ["),
}


@pytest.mark.parametrize("verb", NAIVE)
async def test_control_a_store_that_looks_and_then_writes_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
):
    naive, kinds, words = NAIVE[verb]
    monkeypatch.setattr(Changes, verb, naive)
    async with course(tmp_path, required=1, seed=3) as track:
        await track.run(kinds * 7)
        wrong = track.wrong()

    assert any(words in one for one in wrong), wrong


# The same checker on evidence that is made up, a fault at a time.


def _put(body: dict[str, str] = WISH) -> Effect:
    return Effect(seq=1, at_ms=4000, operation="update_event", event="e", body=body, after=None, caller="bot")


def _moved(at_ms: int) -> list[Effect]:
    return [
        Effect(seq=1, at_ms=at, operation="put_event", event="e", body={}, after={}, caller="control")
        for at in (0, at_ms)
    ]


ASKED, VOTED = Row(1, "U1", "change.request", "pending"), Row(2, "U2", "change.approve", "approved")
INTENT, DONE = Row(3, "system", "change.apply", "intent"), Row(5, "system", "change.apply", "applied")
REFUSED = Row(6, "U3", "change.approve", "refused")
GOOD: dict[str, Any] = {
    "puts": [_put()],
    "rows": [ASKED, VOTED, INTENT, DONE, REFUSED],
    "cards": ["CR-1 pending: x", "CR-1 applied: x"],
    "posted": 1,
    "told": ["Your change CR-1 of `e`: applied."],
    "answers": 2,
}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a second PUT": ({"puts": [_put(), _put()]}, "with 2 PUTs"),
    "no PUT": ({"puts": []}, "with 0 PUTs"),
    "a PUT of something else": ({"puts": [_put({"state": "DISABLED"})]}, "a PUT of"),
    "two ends": (
        {"rows": [*GOOD["rows"], Row(7, "system", "change.apply", "stale")]},
        "it has 2 ends",
    ),
    "no end": ({"rows": [ASKED, VOTED, INTENT, REFUSED]}, "it has 0 ends"),
    "an end that the race cannot have": (
        {"rows": [ASKED, Row(5, "U1", "change.cancel", "cancelled"), REFUSED, REFUSED]},
        "it ended as cancelled",
    ),
    "the same person counted twice": ({"rows": [ASKED, VOTED, VOTED, INTENT, DONE]}, "2 approvals are counted"),
    "no intent": ({"rows": [ASKED, VOTED, DONE, REFUSED]}, "0 rows of intent"),
    "an end without an approval": ({"rows": [ASKED, INTENT, DONE, REFUSED, REFUSED]}, "nobody approved it"),
    "an approval after its time": ({"rows": [ASKED, replace(VOTED, at=99), INTENT, DONE, REFUSED]}, "after its time"),
    "a click that left no row": ({"rows": [ASKED, VOTED, INTENT, DONE]}, "left 1 rows"),
    "a click without an answer": ({"answers": 1}, "got 1 answers"),
    "a card that stands still": ({"cards": ["CR-1 pending: x"]}, "its card says"),
    "a card that goes back": ({"cards": ["CR-1 stale: x", "CR-1 applied: x"]}, "its card went from"),
    "a card posted twice": ({"posted": 2}, "posted 2 times"),
    "a requester told twice": ({"told": GOOD["told"] * 2}, "its requester was told"),
}  # fmt: skip
RACE = Race(Kind.TWO_APPROVERS, 1, "CR-1", "e", WISH, approvals=2, expires=50.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_control_the_checker_says_what_is_wrong(fault: str):
    change, words = FAULTS[fault]

    assert violations(RACE, Evidence(**GOOD)) == []
    assert any(words in one for one in violations(RACE, Evidence(**(GOOD | change))))


@pytest.mark.parametrize(
    ("at_ms", "end", "words"),
    [
        (1500, "applied", "before the bot looked"),
        (9000, "failed", "only after the end"),
        (3500, "applied", ""),
    ],
)
def test_control_the_checker_knows_what_came_first_in_the_console(at_ms: int, end: str, words: str):
    shown = {"cards": [f"CR-1 {end}: x"], "told": [f"Your change CR-1 of `e`: {end}."], "answers": 1}
    rows = [ASKED, VOTED, INTENT, replace(DONE, outcome=end)]
    seen = Evidence(**(GOOD | shown | {"rows": rows, "outside": _moved(at_ms)}))

    found = violations(replace(RACE, kind=Kind.OUTSIDE, approvals=1), seen)

    assert [words in one for one in found] == ([True] if words else [])
