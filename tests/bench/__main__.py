"""`python -m tests.bench [NAME…]`: one table, measured in one run; exit code 1 when a goal is missed.

The figures that have goals are ratios against a peer in the same run, or far enough from their limits, so that they mean
the same on another machine.
"""

from __future__ import annotations

import logging
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bot.store.engine import journal_for
from tests.bench import ack, answering, asking, listing, polling, starting, writing
from tests.bench.processes import Far, far_side
from tests.bench.table import Line, render

Measure = Callable[[Far, Path], Iterable[Line]]

MEASURES: dict[str, Measure] = {
    "ack": ack.measure,
    "listing": lambda far, _: listing.measure(far),
    "polling": polling.measure,
    "starting": starting.measure,
    "writing": lambda _, folder: writing.measure(folder),
    "asking": lambda _, folder: asking.measure(folder),
    "answering": lambda _, folder: answering.measure(folder),
}


def main(names: list[str]) -> int:
    """Measures what is named, or everything."""
    if unknown := [name for name in names if name not in MEASURES]:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(MEASURES)}", file=sys.stderr)
        return 2
    logging.disable(logging.WARNING)  # what the bot notes while it is measured is no part of the table
    began = time.perf_counter()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="csms-bot-bench-") as place, far_side(Path(place)) as far:
        for name in names or MEASURES:
            print(f"measuring: {name} …", file=sys.stderr)
            lines += MEASURES[name](far, Path(place) / name)
    print(render(lines))
    print(f"\n{_machine()}; {time.perf_counter() - began:.0f} s")
    missed = [line.measure for line in lines if not line.held]
    if missed:
        print(f"missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _machine() -> str:
    journal, synchronous = journal_for(sqlite3.sqlite_version_info)
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"SQLite {sqlite3.sqlite_version} ({journal}, synchronous={synchronous})"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
