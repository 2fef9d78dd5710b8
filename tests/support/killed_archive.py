"""An archiving that kills itself: `python -m tests.support.killed_archive DATABASE FOLDER BEFORE write:2:before`.

It archives what is older than BEFORE (ISO 8601) with one step wrapped: the process is gone by SIGKILL just before the step
is taken for that time, just after it, or in its middle. `naive` is one that removes before it writes, `never` kills nothing.
"""

from __future__ import annotations

import functools
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.store import archive as steps
from bot.verify import GUARDS

ROWS = 10
BEFORE, MIDDLE, AFTER = "before", "middle", "after"
NAIVE, NEVER = "naive", "never"
POINTS = (
    "check_guards:1:after",
    "write:1:before", "write:1:middle", "write:1:after",
    "read_back:1:before", "read_back:1:after",
    "put:1:before", "put:1:after",
    "vouch:1:before", "append:1:after", "vouch:1:after",
    "unit:1:after",
    "remove_some:1:before", "check_guards:2:before", "check_guards:2:after", "unit:2:after",
    "remove_some:2:before", "check_guards:3:after", "unit:3:after",
    "unit:4:after",
)  # fmt: skip
"""In the order in which an archiving of 25 rows comes by them: `append`, and `check_guards` from the second time on, are
in the middle of a transaction, and each `unit` ends one."""


def die() -> None:
    """Gone: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def lay(point: str) -> None:
    """Wraps the step. One that is not there any more is an AttributeError."""
    name, nth, when = point.split(":")
    step = getattr(steps, name)
    if when == MIDDLE:
        setattr(steps, name, lambda part, lines: step(part, _halfway(lines)))
    else:
        setattr(steps, name, functools.partial(_dying, step, [0], int(nth), when))


def _dying(step: Callable[..., Any], calls: list[int], nth: int, when: str, *args: Any, **named: Any) -> Any:
    calls[0] += 1
    if calls[0] == nth and when == BEFORE:
        die()
    made = step(*args, **named)
    if calls[0] == nth:
        die()
    return made


def _halfway(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 12:
            die()
        yield line


def naive(database: Path, before: datetime) -> None:
    """First the rows are gone, then their file would be made."""
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("begin")
    db.execute("drop trigger audit_never_shrinks")
    db.execute("delete from audit where at < ?", [f"{before:%Y-%m-%dT%H:%M:%S}"])
    db.execute(GUARDS["audit_never_shrinks"])
    db.execute("commit")
    die()


def main() -> None:
    """Archives, as far as it comes."""
    database, folder, before, point = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    steps.ROWS, steps.PAUSE_S = ROWS, 0
    if point == NAIVE:
        naive(database, datetime.fromisoformat(before))
    if point != NEVER:
        lay(point)
    print("begins", flush=True)
    steps.archive(database, folder, datetime.fromisoformat(before), datetime.fromisoformat(before))


if __name__ == "__main__":
    main()
