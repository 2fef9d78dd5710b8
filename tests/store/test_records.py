"""Counting records that have no id: nothing lost, nothing twice, whatever the list of them does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.model import Incident, Plan, Post, PostKind, Record
from bot.store import Counted, Store
from tests.store.support import NOW, nothing, opened, record

MINUTE = timedelta(minutes=1)


async def _look(
    store: Store,
    records: Sequence[Record],
    now: datetime = NOW,
    *,
    incomplete: bool = False,
    project: str = "a",
) -> Counted:
    return await store.records.count(
        project, records, incomplete=incomplete, now=now, incidents_since=now - timedelta(days=1), decide=nothing
    )  # fmt: skip


async def _new(store: Store, *records: Record, now: datetime = NOW) -> list[str]:
    return [one.secret_name for one in (await _look(store, records, now)).new]


async def test_what_was_seen_is_not_new_again(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        assert await _new(store, record("a"), record("b")) == ["b", "a"]
        assert await _new(store, record("a"), record("b")) == []
        assert await _new(store, record("c"), record("a"), record("b")) == ["c"]


async def test_each_of_identical_twins_counts(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        assert await _new(store, record("a")) == ["a"]
        assert await _new(store, record("a"), record("a"), record("a")) == ["a", "a"]
        assert await _new(store, record("a"), record("a"), record("a")) == []


async def test_one_that_arrives_late_with_an_old_time_is_new(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await _new(store, record("a"))
        assert await _new(store, record("a"), record("late", NOW - timedelta(days=3))) == ["late"]


async def test_a_shorter_and_a_reordered_answer_bring_nothing_back(tmp_path: Path):
    whole = [record("d"), record("c"), record("c"), record("b"), record("a")]
    async with opened(tmp_path / "db") as store:
        assert len(await _new(store, *whole)) == 5
        for answer in (whole[:2], [], whole[::-1], whole[3:], whole):
            assert await _new(store, *answer) == []


async def test_new_records_come_oldest_first_and_those_of_one_second_in_the_order_of_their_making(
    tmp_path: Path,
):
    async with opened(tmp_path / "db") as store:
        newest_first = [record("d", NOW + MINUTE), record("c"), record("b"), record("a", NOW - MINUTE)]
        assert await _new(store, *newest_first) == ["a", "b", "c", "d"]


async def test_counts_survive_a_restart(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await _new(store, record("a"), record("a"))
    async with opened(tmp_path / "db") as store:
        assert await _new(store, record("a"), record("a"), record("a")) == ["a"]


async def test_projects_do_not_share_counts(tmp_path: Path):
    async with opened(tmp_path / "db") as store:
        await _look(store, [record("a")], project="one")
        assert len((await _look(store, [record("a")], project="two")).new) == 1


async def test_a_count_is_dropped_after_a_hundred_days_and_not_while_it_is_shown(tmp_path: Path):
    old, kept = record("old"), record("kept")
    async with opened(tmp_path / "db") as store:
        await _new(store, old, kept)
        assert await _new(store, kept, now=NOW + timedelta(days=99)) == []
        assert await _new(store, old, kept, now=NOW + timedelta(days=99)) == []
        assert await _new(store, kept, now=NOW + timedelta(days=101)) == []
        rows = await store.records._engine.run(
            lambda tx: [row[0] for row in tx.execute("select fingerprint from counts").fetchall()]
        )
    assert rows == [kept.fingerprint]


@pytest.mark.parametrize("created", [None, NOW - timedelta(days=20_000), NOW + timedelta(days=20_000)])
async def test_a_record_with_an_absurd_time_is_remembered_like_any_other(
    tmp_path: Path, created: datetime | None
):
    odd = record("odd", created)
    async with opened(tmp_path / "db") as store:
        assert await _new(store, odd) == ["odd"]
        assert await _new(store) == []
        assert await _new(store, odd, now=NOW + timedelta(days=99)) == []


async def test_lost_coverage_is_told_when_it_begins_and_warned_of_once(tmp_path: Path):
    warning = Post("k1", PostKind.COVERAGE, "a", "a", "CALERTS")
    async with opened(tmp_path / "db") as store:
        told = []
        for incomplete in (False, True, True, False, True):
            counted = await store.records.count(
                "a", [], incomplete=incomplete, now=NOW, incidents_since=NOW, decide=nothing, warning=warning
            )
            told.append((counted.coverage_lost, (await store.outbox.backlog())["pending"]))
        assert [lost for lost, _ in told] == [False, True, False, False, False]
        assert [posts for _, posts in told][:2] == [0, 1], "the warning is kept with the look that found it"


async def test_coverage_that_comes_and_goes_is_lost_once_and_again_only_after_a_whole_day(tmp_path: Path):
    day, now = timedelta(days=1), NOW
    lost = []
    for wait, incomplete in (
        *((MINUTE, turn % 2 == 0) for turn in range(24)),
        (day - 2 * MINUTE, True), (day / 2, False), (day / 2, True),
    ):  # fmt: skip
        now += wait
        async with opened(tmp_path / "db") as store:
            lost.append((await _look(store, [], now, incomplete=incomplete)).coverage_lost)
            poll = await store.records.poll("a")
            assert poll is not None
            assert poll.incomplete == incomplete, "whether it is so now is known all the same"
    assert [number for number, one in enumerate(lost) if one] == [0, 26]


async def test_a_decision_that_fails_keeps_nothing_so_that_the_next_look_sees_it_again(tmp_path: Path):
    def fails(_new: Sequence[Record], _going_on: Sequence[Incident], _first: bool) -> Plan:
        raise ValueError("no plan")

    async with opened(tmp_path / "db") as store:
        await _look(store, [])
        with pytest.raises(ValueError, match="no plan"):
            await store.records.count(
                "a", [record("a")], incomplete=False, now=NOW, incidents_since=NOW, decide=fails
            )
        assert await _new(store, record("a")) == ["a"]


async def test_failed_polls_are_counted_until_one_works(tmp_path: Path):
    async with opened(tmp_path / "db") as store:

        async def fails() -> int:
            return (await store.records.poll_failed("a", reason="down", now=NOW)).failures

        assert await fails() == 1, "also before the first look"
        await _look(store, [])
        assert await store.records.outage("a") is None
        assert [await fails() for _ in range(3)] == [1, 2, 3]
        await _look(store, [])
        assert await fails() == 1


# A simulated CSMS against an oracle of what it made, with the two counters that everybody writes first.


@dataclass
class Feed:
    """A service that makes records with twins and late ones, and answers short or out of order now and then."""

    dice: random.Random
    made: list[Record] = field(default_factory=list)
    """The truth, in the order in which the list began to hold them."""
    held_back: list[Record] = field(default_factory=list)

    def tick(self, now: datetime) -> None:
        for _ in range(self.dice.randrange(0, 12)):
            one = record(
                f"s{self.dice.randrange(6)}",
                now - timedelta(seconds=self.dice.randrange(0, 3)),
                status=self.dice.choice(["FAIL", "INVALID", "SUCCESS"]),
            )
            late = self.dice.random() < 0.1
            (self.held_back if late else self.made).append(one)
        if self.held_back and self.dice.random() < 0.3:
            self.made += self.held_back
            self.held_back = []

    def answer(self) -> list[Record]:
        newest_first = sorted(self.made[-900:], key=lambda one: one.created or NOW, reverse=True)
        match self.dice.randrange(10):
            case 0:
                return newest_first[: self.dice.randrange(len(newest_first) + 1)]
            case 1:
                return newest_first[self.dice.randrange(len(newest_first) + 1) :]
            case 2:
                return self.dice.sample(newest_first, len(newest_first))
        return newest_first


class NewestTime:
    """Control: what is younger than the newest one seen is new."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self._newest: datetime | None = None

    def look(self, answer: Sequence[Record]) -> None:
        times = [one.created for one in answer if one.created]
        self.found.update(
            one.fingerprint
            for one in answer
            if self._newest is None or (one.created and one.created > self._newest)
        )
        self._newest = max([*times, *([self._newest] if self._newest else [])], default=None)


class SetOfHashes:
    """Control: what was never seen is new."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def look(self, answer: Sequence[Record]) -> None:
        self.found.update({one.fingerprint for one in answer} - self.found.keys())


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_of_thousands_of_records_none_is_lost_and_none_doubled_where_simpler_counters_lose_many(
    tmp_path: Path, seed: int
):
    feed = Feed(random.Random(seed))
    found: Counter[str] = Counter()
    by_time, by_hash = NewestTime(), SetOfHashes()
    now = NOW
    store = Store(tmp_path / "db")
    await store.open(now)
    for look in range(300):
        now += timedelta(seconds=2)
        feed.tick(now)
        answer = feed.answer() if look < 299 else _whole(feed)
        found.update(one.fingerprint for one in (await _look(store, answer, now)).new)
        by_time.look(answer)
        by_hash.look(answer)
        if feed.dice.random() < 0.03:
            await store.close()
            store = Store(tmp_path / "db")
            await store.open(now)
    await store.close()

    truth = Counter(one.fingerprint for one in feed.made)
    assert truth.total() > 1200
    assert (truth - found, found - truth) == (Counter(), Counter())
    assert (truth - by_time.found).total() > 50
    assert (truth - by_hash.found).total() > 50


def _whole(feed: Feed) -> list[Record]:
    feed.made += feed.held_back
    return feed.made[::-1]
