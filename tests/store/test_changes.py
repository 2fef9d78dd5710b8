"""Each arrow of a change's life is a compare-and-set: however many pull at once, one wins, and its row is there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model import Change, ChangeState, Entry
from bot.store import Store
from bot.store.audit import append
from tests.store.support import NOW, opened, proposal

SOON = NOW + timedelta(minutes=1)
ENDS = {"change.reject", "change.cancel", "change.expire"}


async def _ends(store: Store) -> list[tuple[str, str]]:
    """(action, outcome) of the rows that say how it was decided."""
    rows = await store.audit.read(limit=100)
    return [
        (row.action, row.outcome)
        for row in rows
        if row.action in ENDS or (row.action, row.outcome) == ("change.approve", "approved")
    ]


async def _storm(store: Store, key: str, now: datetime) -> list[Any]:
    """Twenty clicks at once: eight approvals by different people, the rest reject, cancel and expire."""
    pull: list[Awaitable[Any]] = [store.changes.vote(key, f"U{number}", now) for number in range(8)]
    for to in (ChangeState.REJECTED, ChangeState.CANCELLED, ChangeState.EXPIRED):
        pull += [
            store.changes.end(key, frm=ChangeState.PENDING, to=to, by=f"U{number}", reason="", now=now)
            for number in range(4)
        ]
    half = len(pull) // 2
    mixed = [one for pair in zip(pull[:half], pull[half:], strict=True) for one in pair]
    return await asyncio.gather(*mixed)


@pytest.mark.parametrize("required", [1, 2, 3])
async def test_of_twenty_clicks_at_once_exactly_one_decides(tmp_path: Path, required: int):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal(required=required))
        await _storm(store, change.key, SOON)

        decided = await store.changes.get(change.key)
        ends = await _ends(store)

    assert decided is not None
    assert decided.state is not ChangeState.PENDING
    assert len(ends) == 1
    assert ends[0][1] == decided.state


class ReadThenWrite:
    """Control: a store whose look and step are two units of work, as anybody would write it first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.get = store.changes.get

    async def vote(self, key: str, voter: str, now: datetime) -> None:
        await self.end(key, frm=ChangeState.PENDING, to=ChangeState.APPROVED, by=voter, reason="", now=now)

    async def end(
        self, key: str, *, frm: ChangeState, to: ChangeState, by: str, reason: str, now: datetime
    ) -> None:
        change = await self.get(key)
        if change is None or change.state is not frm:
            return
        action = {ChangeState.APPROVED: "change.approve", ChangeState.REJECTED: "change.reject",
                  ChangeState.CANCELLED: "change.cancel", ChangeState.EXPIRED: "change.expire"}[to]  # fmt: skip

        def step(tx: Any) -> None:
            tx.execute("update changes set state = ? where key = ?", [to, key])
            append(tx, Entry(by, action, to), now)

        await self._store._engine.run(step)


async def test_control_a_store_that_looks_first_and_steps_later_decides_many_times(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal())
        naive: Any = type("Naive", (), {"changes": ReadThenWrite(store), "audit": store.audit})()
        await _storm(naive, change.key, SOON)
        assert len(await _ends(store)) > 1


async def test_a_quorum_of_different_people_approves_once(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal(required=3))
        clicks = [store.changes.vote(change.key, f"U{number % 5}", SOON) for number in range(20)]
        votes = [vote for vote in await asyncio.gather(*clicks) if vote is not None]
        approved = await store.changes.get(change.key)
        rows = [(row.actor, row.outcome) for row in await store.audit.read(action="change.approve", limit=99)]

    assert [vote.counted for vote in votes].count(True) == 3
    assert [vote.complete for vote in votes].count(True) == 1
    assert approved is not None
    assert approved.state is ChangeState.APPROVED
    assert len(set(approved.approved_by)) == 3
    assert [outcome for _, outcome in rows] == ["1 of 3", "2 of 3", "approved"]
    assert [actor for actor, _ in rows] == list(approved.approved_by)


async def test_the_same_person_counts_once_however_often_they_click(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal(required=2))
        clicks = [store.changes.vote(change.key, "U1", SOON) for _ in range(20)]
        counted = Counter(vote.counted for vote in await asyncio.gather(*clicks) if vote)
        assert counted == {True: 1, False: 19}
        assert len(await store.audit.read(action="change.approve", limit=99)) == 1


async def test_the_same_origin_again_is_the_same_change(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        made = await asyncio.gather(*(store.changes.propose(proposal("7")) for _ in range(20)))
        other = await store.changes.propose(proposal("8"))

        assert {change.key for change in made} == {made[0].key}
        assert other.key != made[0].key
        assert [change.id for change in await store.changes.open()] == ["CR-1", "CR-2"]
        assert len(await store.audit.read(action="change.request", limit=99)) == 2
        assert (await store.outbox.backlog())["pending"] == 2


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), timedelta(days=400)])
async def test_a_vote_at_or_after_the_end_of_its_time_does_not_count(tmp_path: Path, late: timedelta):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal())
        vote = await store.changes.vote(change.key, "U1", change.expires + late)
        assert vote is not None
        assert (vote.counted, vote.complete, vote.change.state) == (False, False, ChangeState.PENDING)
        assert await store.audit.read(action="change.approve", limit=99) == []


async def test_a_vote_a_moment_before_the_end_counts(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal())
        vote = await store.changes.vote(change.key, "U1", change.expires - timedelta(microseconds=1))
        assert vote is not None
        assert vote.complete


async def test_only_one_of_many_begins_to_apply(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal())
        assert await store.changes.begin_apply(change.key, SOON) is None, "it is not approved"
        await store.changes.vote(change.key, "U1", SOON)
        begun = await asyncio.gather(*(store.changes.begin_apply(change.key, SOON) for _ in range(20)))
        assert [one is not None for one in begun].count(True) == 1
        intents = await store.audit.read(action="change.apply", limit=99)
        assert [(row.outcome, row.before["state"], row.after["state"]) for row in intents] == [
            ("intent", "DISABLED", "ENABLED")
        ]


async def _applying(store: Store) -> Change:
    change = await store.changes.propose(proposal())
    await store.changes.vote(change.key, "U1", SOON)
    begun = await store.changes.begin_apply(change.key, SOON)
    assert begun is not None
    return begun


async def test_only_one_of_many_finishes_and_its_requester_is_told_once(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        change = await _applying(store)
        to = [ChangeState.APPLIED, ChangeState.FAILED, ChangeState.STALE, ChangeState.APPLIED]
        ended = await asyncio.gather(
            *(store.changes.finish_apply(change.key, to=one, note="n", found=None, now=SOON) for one in to)
        )
        assert [one is not None for one in ended].count(True) == 1
        assert len(await store.audit.read(action="change.apply", limit=99)) == 2
        told = [job for job in await store.outbox.due(SOON, settle_s=1) if job.kind == "change_told"]
        assert [job.user for job in told] == ["UENGINEER"]


Arrow = Callable[[Store, str], Awaitable[Any]]


def _end(to: ChangeState) -> Arrow:
    return lambda store, key: store.changes.end(
        key, frm=ChangeState.PENDING, to=to, by="U9", reason="", now=SOON
    )


@pytest.mark.parametrize("to", [ChangeState.REJECTED, ChangeState.CANCELLED, ChangeState.EXPIRED])
async def test_nothing_leads_out_of_an_end(tmp_path: Path, to: ChangeState):
    async with opened(tmp_path / "db") as store:
        change = await store.changes.propose(proposal())
        assert await _end(to)(store, change.key)
        rows = await store.audit.head()

        for other in (ChangeState.REJECTED, ChangeState.CANCELLED, ChangeState.EXPIRED):
            assert await _end(other)(store, change.key) is None
        vote = await store.changes.vote(change.key, "U1", SOON)
        assert vote is not None
        assert not vote.counted
        assert await store.changes.begin_apply(change.key, SOON) is None
        applied = ChangeState.APPLIED
        assert await store.changes.finish_apply(change.key, to=applied, note="", found=None, now=SOON) is None

        assert await store.audit.head() == rows
        ended = await store.changes.get(change.key)
        assert ended is not None
        assert ended.state is to


async def test_a_change_survives_a_restart_as_it_was(tmp_path: Path):
    path = tmp_path / "db"
    async with opened(path) as store:
        made = await _applying(store)
    async with opened(path) as store:
        assert await store.changes.get(made.key) == made
        assert await store.changes.by_number(made.number) == made
        assert await store.changes.get("no such key") is None
        assert [change.key for change in await store.changes.open("default")] == [made.key]
        assert await store.changes.open("another") == []
