"""The console script as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Just `env` and what a process needs to start; nothing of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)} | dict(env)


async def csms_bot(*words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
    """Runs `python -m bot …` to its end."""
    async with started(*words, env=env or {}, cwd=cwd) as process:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@contextlib.asynccontextmanager
async def started(
    *words: str, env: Mapping[str, str], cwd: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m bot …` while the block runs; what is still alive then is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, env=environment(env), cwd=cwd or ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def line_with(stream: asyncio.StreamReader | None, words: str) -> str:
    """Reads until a line that holds `words`, and gives it."""
    assert stream is not None
    async with asyncio.timeout(PATIENCE_S):
        while line := (await stream.readline()).decode():
            if words in line:
                return line
    raise AssertionError(f"the process ended without a word of {words!r}")


async def told_to_end(process: asyncio.subprocess.Process, how: signal.Signals = signal.SIGTERM) -> Ended:
    """Sends the signal and waits for the end."""
    process.send_signal(how)
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@contextlib.contextmanager
def logging_as_it_was() -> Iterator[None]:
    """Puts the root logger and every level back that the block changes."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in root.manager.loggerDict}
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in root.manager.loggerDict:
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
