"""From typing `/csms list` to the answer in the workspace: all the way, through both embedded servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.table import Line
from tests.support.stage import stage

WARM_UP, ROUNDS = 5, 60


def measure(folder: Path) -> Iterator[Line]:
    """In one process, servers and bot, so that it is the sum of what all of them do."""
    folder.mkdir(parents=True)
    times = asyncio.run(_ask(folder))
    yield Line("/csms list, from command to answer, p50", median(times[WARM_UP:]), "ms")


async def _ask(folder: Path) -> list[float]:
    times = []
    async with stage(folder, CSMS_BOT_POLL_INTERVAL="60s") as running:
        for _ in range(WARM_UP + ROUNDS):
            began = time.perf_counter()
            await running.ask("engineer", "list")
            times.append((time.perf_counter() - began) * 1000)
    return times
