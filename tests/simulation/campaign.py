"""Many episodes, on all cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.simulation.episode import Bot, Verdict, play
from tests.simulation.machine import Memory
from tests.simulation.naive import NAIVE

BATCH = 500


@dataclass(slots=True)
class Sum:
    """What many episodes came to."""

    episodes: int = 0
    records: int = 0
    injected: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    worst: int | None = None
    """The first seed that is not fine."""

    def add(self, one: Verdict) -> None:
        """Counts one more."""
        self.episodes += 1
        self.records += one.records
        self.injected += one.injected
        self.lost += one.lost.total()
        self.doubled += one.doubled.total()
        self.stuck += one.stuck
        if not one.fine and self.worst is None:
            self.worst = one.seed

    def __str__(self) -> str:
        return (
            f"{self.episodes} episodes, {self.records} records, {self.injected} faults: {self.lost} lost, "
            f"{self.doubled} doubled, {self.stuck} stuck"
            + ("" if self.worst is None else f"; see python -m tests.simulation --seed {self.worst}")
        )


def one_after_the_other(seeds: Iterable[int], bot: Bot) -> Iterator[Verdict]:
    """Plays each seed."""
    memory = Memory()
    for seed in seeds:
        yield play(seed, memory, bot)


def campaign(episodes: int, name: str = "", *, first: int = 0) -> Sum:
    """Plays the seeds from `first` on with the bot, or with the naive one of that name."""
    found = Sum()
    starts = range(first, first + episodes, BATCH)
    jobs = [(start, min(BATCH, first + episodes - start), name) for start in starts]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
        for verdicts in pool.map(_batch, jobs):
            for verdict in verdicts:
                found.add(verdict)
    return found


def _batch(job: tuple[int, int, str]) -> list[Verdict]:
    start, number, name = job
    return list(one_after_the_other(range(start, start + number), NAIVE.get(name, Bot())))
