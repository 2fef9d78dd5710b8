"""Whatever fails, and wherever the process dies, each failing record is named once; what is naive fails the same check."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bot.model import Post
from bot.rules import alerts
from tests.simulation.campaign import Sum, campaign, one_after_the_other
from tests.simulation.episode import Bot, play
from tests.simulation.machine import Memory
from tests.simulation.naive import NAIVE


@pytest.fixture(autouse=True)
def loud_again() -> Iterator[None]:
    """The episodes mute the log; other tests read it."""
    yield
    logging.disable(logging.NOTSET)


def summed(seeds: range, bot: Bot, *, enough: bool = False) -> Sum:
    """Plays the seeds; with `enough` only up to the first that is not fine."""
    found = Sum()
    for verdict in one_after_the_other(seeds, bot):
        found.add(verdict)
        if enough and not verdict.fine:
            break
    return found


def test_in_six_hundred_episodes_nothing_is_lost_doubled_or_stuck():
    found = summed(range(600), Bot())

    assert found.worst is None, str(found)
    assert found.injected > 1500
    assert found.records > 3000


def test_nor_is_anything_where_every_later_record_of_two_threads_makes_a_digest(
    monkeypatch: pytest.MonkeyPatch,
):
    digests = 0

    def digest(*given: Any, digest: Any = alerts._digest) -> list[Post]:
        nonlocal digests
        made: list[Post] = digest(*given)
        digests += any("known" in one and "own_thread" not in one for one in made[0].data["incidents"])
        return made

    monkeypatch.setattr(alerts, "MOST_THREADS", 1)
    monkeypatch.setattr(alerts, "_digest", digest)
    found = summed(range(600), Bot())

    assert found.worst is None, str(found)
    assert digests > 30


@pytest.mark.parametrize(
    ("name", "fails"),
    [
        ("send-then-mark", {"doubled"}),
        ("mark-then-send", {"lost"}),
        ("trust-the-clock", {"doubled"}),
        ("wait-for-the-thread", {"lost", "stuck"}),
        ("look-in-the-thread", {"doubled"}),
        ("newest-time", {"lost"}),
        ("set-of-hashes", {"lost"}),
    ],
)
def test_control_what_everybody_writes_first_fails(name: str, fails: set[str]):
    found = summed(range(3000), NAIVE[name], enough=True)

    assert {what for what in ("lost", "doubled", "stuck") if getattr(found, what)} == fails, str(found)


def test_a_seed_is_the_same_episode_each_time():
    told: list[list[str]] = [[], []]
    for words in told:
        play(7, Memory(), tell=words.append)

    assert told[0] == told[1]
    assert len(told[0]) > 5


@pytest.mark.proof
def test_in_two_hundred_thousand_episodes_nothing_is_lost_doubled_or_stuck():
    found = campaign(200_000, first=1_000_000)

    print(found)
    assert found.worst is None, str(found)
