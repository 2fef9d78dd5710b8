"""What a poll costs that finds nothing new: the usual one, once a minute."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

from bot.app import utc_now
from bot.csms import AccessKeys, AkSkAuth, CsmsClient
from bot.poller import Poller
from bot.rules.access import Policy
from bot.services.projects import Projects, Scope
from bot.services.status import Status
from bot.store import Store
from tests.bench.canned import PROJECT, RECORDS
from tests.bench.processes import Far
from tests.bench.table import Goal, Line

ROUNDS = 25
GOAL = Goal(20, strict=True)
INTERVAL = timedelta(minutes=1)


def measure(far: Far, folder: Path) -> Iterator[Line]:
    """Processor time of `Poller.tick`, the store's thread included, over a real socket and on a real file."""
    used = asyncio.run(_poll(far, folder))
    yield Line(f"poll of {RECORDS:,} unchanged records, processor time", median(used), "ms", goal=GOAL)


async def _poll(far: Far, folder: Path) -> list[float]:
    folder.mkdir(parents=True)
    store = Store(folder / "csms-bot.db")
    await store.open(utc_now())
    auth = AkSkAuth(AccessKeys("BENCHACCESSKEY000001", "bench-secret-key"), project_id=PROJECT)
    csms = CsmsClient(endpoint=far.canned, project_id=PROJECT, auth=auth)
    scope = Scope("bench", csms, Policy((), (), 1), "C1", "C1", PROJECT, far.canned)
    projects = Projects([scope])
    status = Status(store, projects, utc_now, INTERVAL, "HTTP", lambda: True)
    poller = Poller(
        store=store, projects=projects, status=status, clock=utc_now,
        interval=INTERVAL, mode="none", wake=lambda: None,
    )  # fmt: skip
    try:
        first = await poller.tick(scope)
        if first is None or len(first.new) != RECORDS:
            raise RuntimeError(f"the first poll did not see {RECORDS} records: {status.poll_errors}")
        used = []
        for _ in range(ROUNDS):
            gc.collect()
            began = time.process_time()
            counted = await poller.tick(scope)
            used.append((time.process_time() - began) * 1000)
            if counted is None or counted.new:
                raise RuntimeError("a poll of unchanged records found something new")
        return used
    finally:
        await csms.aclose()
        await store.close()
