"""A process that has imported the bot already and forks one at each line of its input: a bot in milliseconds.

    python -m tests.support.nursery LOG

Each line on standard input is what `csms-bot` is started with, words between tabs, and the pid is printed; what it says goes
to LOG. The end of the input ends it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import bot.app
import bot.cli_backup
from bot.__main__ import main


def _child(log: Path, words: list[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = ["csms-bot", *words]
    main()


def rear(log: Path) -> None:
    """Forks at each line until the input ends."""
    # The dead are nobody's concern: the kernel takes them away, and whoever killed one sees it gone.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            try:
                _child(log, line.rstrip("\n").split("\t"))
            finally:
                os._exit(1)
        os.write(1, f"{pid}\n".encode())


if __name__ == "__main__":
    assert bot.app, "imported so that the children need not"
    rear(Path(sys.argv[1]))
