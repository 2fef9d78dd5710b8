"""From `python -m bot run` to ready, and the memory that the bot holds when it has nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.processes import Far, bot
from tests.bench.table import Goal, Line

STARTS = 5
IDLE_S = 5.0
READY = Goal(1.5, strict=True)
RESIDENT = Goal(90, strict=True)


def measure(far: Far, folder: Path) -> Iterator[Line]:
    """Each start on a database that is yet to be made."""
    ready = []
    for start in range(STARTS):
        with bot(far, folder / f"start-{start}") as running:
            ready.append(running.ready_s)
            if start == STARTS - 1:
                running.rest(IDLE_S)
                resident = running.resident_mb()
    yield Line(f"start to /readyz 200, median of {STARTS}", median(ready), "s", goal=READY)
    yield Line(f"resident memory, idle for {IDLE_S:.0f} s", resident, "MB", goal=RESIDENT)
