"""Other processes of the bench: the far side, the bot, its peers. Each ends with the block that began it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
LOOK_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class Far:
    """The far side, as it described itself."""

    env: dict[str, str]
    canned: str


@dataclass(frozen=True, slots=True)
class Running:
    """A server process that answers; `ready_s` is how long that took from its start, in seconds."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float

    def resident_mb(self) -> float:
        """Resident memory, in MB of 10^6 bytes."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
            return int(line.split()[1]) * 1024 / 1e6
        found = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, check=True
        )
        return int(found.stdout) * 1024 / 1e6

    def rest(self, seconds: float) -> None:
        """Lets it idle. RuntimeError when it does not live that long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            raise RuntimeError(f"it ended with {self.process.returncode}")


def clean_env(folder: Path) -> dict[str, str]:
    """An environment in which no setting of whoever runs the bench is left."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "PYTHONPATH": str(ROOT)}


@contextlib.contextmanager
def far_side(folder: Path) -> Iterator[Far]:
    """The servers that the bot talks to."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.far"],
        cwd=ROOT, env=clean_env(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        said = process.stdout.readline()
        try:
            if not said:
                raise RuntimeError("the far side did not start")
            yield Far(**json.loads(said))
        finally:
            process.stdin.close()


@contextlib.contextmanager
def bot(far: Far, folder: Path) -> Iterator[Running]:
    """`python -m bot run` on a new database in `folder`, ready."""
    folder.mkdir(parents=True)
    port = free_port()
    env = clean_env(folder) | far.env
    env |= {"CSMS_BOT_DATABASE": str(folder / "csms-bot.db"), "CSMS_BOT_HTTP_PORT": str(port)}
    with _server(["-m", "bot", "run"], env, port=port, path="/readyz", log=folder / "log") as running:
        yield running


@contextlib.contextmanager
def peer(kind: str, far: Far, folder: Path) -> Iterator[Running]:
    """A bare slack_bolt app, `async` or `sync` (see `tests.bench.peers`)."""
    folder.mkdir(parents=True)
    port = free_port()
    with _server(
        ["-m", "tests.bench.peers", kind, str(port)],
        clean_env(folder) | far.env, port=port, path="/", log=folder / "log",
    ) as running:  # fmt: skip
        yield running


@contextlib.contextmanager
def _server(
    arguments: list[str], env: dict[str, str], *, port: int, path: str, log: Path
) -> Iterator[Running]:
    """A Python process that serves HTTP at `port`; ready when `path` is answered with less than 500."""
    with log.open("wb") as errors:
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=env, stdout=errors, stderr=errors
        ) as process:
            try:
                while not _answers(port, path):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(LOOK_EVERY_S)
                    if process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                        raise RuntimeError(f"{arguments} did not become ready:\n{log.read_text()[-2000:]}")
                yield Running(process, port, time.perf_counter() - began)
            finally:
                process.terminate()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except ConnectionError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
