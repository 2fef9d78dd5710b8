"""A thousand kills of a real bot at random instants, compared by the journals of both servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_crash import ROOT, Night, check, killed_again_and_again


@dataclass
class Nursed(Night):
    """A night whose bots are forked from one that has everything imported, so that kills can follow quickly."""

    nursery: asyncio.subprocess.Process | None = None
    pid: int = 0

    async def spawn(self) -> Any:
        """Starts a bot."""
        if self.nursery is None:
            self.nursery = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.nursery", str(self.log),
                env=self.env, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(b"run\n")
        self.pid = int(await self.nursery.stdout.readline())
        return self.nursery

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Ends the bot and waits until it is gone."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
                while True:
                    os.kill(self.pid, 0)
                    await asyncio.sleep(0.002)
            self.pid = 0
        return 0

    async def close(self) -> None:
        """Ends the bot, and the nursery with it."""
        await self.kill()
        if self.nursery is not None:
            assert self.nursery.stdin is not None
            self.nursery.stdin.close()
            await self.nursery.wait()


async def test_a_bot_from_the_nursery_survives_twenty_quick_kills(tmp_path: Path):
    check(await killed_again_and_again(tmp_path, kills=20, seed=21, kind=Nursed, pause_s=(0.05, 0.7)))


@pytest.mark.proof
async def test_after_a_thousand_kills_each_failure_is_named_once_and_each_change_is_put_once(tmp_path: Path):
    check(await killed_again_and_again(tmp_path, kills=1000, seed=22, kind=Nursed, pause_s=(0.05, 0.7)))
