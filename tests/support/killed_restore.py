"""Restores that kill themselves: `python -m tests.support.killed_restore COPY DATABASE [naive]`.

Each number on standard input is a restore, in a process of its own, that is gone by SIGKILL just before it opens, links,
renames or removes a file for that time. The answer is `killed`, or `ended` when it did so less often. `naive` puts the copy
under the database's name and knows of nothing that stands beside it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.store.restore import put_back
from bot.verify import check

STEPS = frozenset({"open", "os.link", "os.rename", "os.remove", "os.chmod", "sqlite3.connect"})
"""As `sys.addaudithook` names them."""


def lay(nth: int) -> None:
    """The process is gone at its nth step."""
    taken = 0

    def step(name: str, _args: tuple[Any, ...]) -> None:
        nonlocal taken
        if name not in STEPS:
            return
        taken += 1
        if taken == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(step)


def restore(copied: Path, database: Path, *, naive: bool) -> None:
    """By the bot's way, or by the naive one."""
    if naive:
        part = Path(shutil.copyfile(copied, f"{database}.part"))
        part.replace(database)
    else:
        put_back(copied, database, datetime.now(UTC), lambda path: check(path, alone=True).doubts)


def main() -> None:
    """Restores at each line until the input ends."""
    copied, database, naive = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] == ["naive"]
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            try:
                lay(int(line))
                restore(copied, database, naive=naive)
                os._exit(0)
            except BaseException:  # noqa: BLE001 (whatever it was: this is the end of a process)
                traceback.print_exc()
            os._exit(1)
        _, status = os.waitpid(pid, 0)
        how = {signal.SIGKILL: "killed", 0: "ended"}.get(status, f"failed {status}")
        os.write(1, f"{how}\n".encode())


if __name__ == "__main__":
    main()
