"""The machine that an episode runs on: its clocks, its dice, its database in memory, and the steps at which it dies."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlite_utils

from bot.store.engine import Tx
from bot.store.incidents import Incidents
from bot.store.leases import Leases
from bot.store.outbox import Outbox
from bot.store.records import Records
from bot.store.schema import prepare

T = TypeVar("T")

BEGIN = 1_795_000_000.0
"""When every episode begins, Unix time."""
TABLES = ("counts", "outbox", "polls", "held", "incidents", "outages", "dropped", "closed", "leases")


class Crash(BaseException):
    """The process dies here. Not an Exception: nothing in the program may catch it."""


def drive(job: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that never really waits, to its end."""
    try:
        job.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    job.close()
    raise AssertionError("something waits for the real world")


@dataclass
class Machine:
    """Time, chance and death."""

    seed: int
    tell: Callable[[str], None] = lambda _words: None
    passed: float = 0.0
    """Seconds since the beginning, truly: what a monotonic clock shows."""
    off: float = 0.0
    """By how much the wall clock is wrong."""
    faults: bool = True
    injected: int = 0
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def now(self) -> datetime:
        """What the wall clock shows."""
        return datetime.fromtimestamp(BEGIN + self.passed + self.off, UTC)

    def monotonic(self) -> float:
        """What a clock shows that never jumps."""
        return self.passed

    def happens(self, chance: float) -> bool:
        """A fault, while there are faults."""
        if self.faults and self.dice.random() < chance:
            self.injected += 1
            return True
        return False

    def step(self, name: str) -> None:
        """Somewhere a process can die."""
        if self.happens(0.025):
            self.tell(f"crash {name}")
            raise Crash(name)


class Memory:
    """What `bot.store.Engine` is to the store, without a file and a thread; dies before and after commits."""

    def __init__(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        self.db = sqlite_utils.Database(connection, execute_plugins=False)
        prepare(self.db)
        self.machine: Machine | None = None

    def begin(self, machine: Machine) -> None:
        """Empties it for another episode."""
        for table in TABLES:
            self.db.conn.execute(f"delete from {table}")  # noqa: S608 (names of ours)
        self.machine = machine

    async def run(self, work: Callable[[Tx], T]) -> T:
        """One unit of work, as the engine runs it."""
        machine = self.machine
        assert machine is not None
        machine.step("before a commit")
        self.db.conn.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.db)
            self.db.conn.execute("COMMIT")
        except BaseException:
            self.db.conn.execute("ROLLBACK")
            raise
        machine.step("after a commit")
        return result


class Kept:
    """The part of `bot.store.Store` that alerts need."""

    holder = "simulated"

    def __init__(self, memory: Memory) -> None:
        engine: Any = memory
        self.records = Records(engine)
        self.incidents = Incidents(engine)
        self.outbox = Outbox(engine)
        self.leases = Leases(engine)
