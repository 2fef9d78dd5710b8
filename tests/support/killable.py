"""The bot as a process that kills itself: `python -m tests.support.killable vote:before`.

It runs `csms-bot run` with one step wrapped. Once a decision arrives (a click, or a command with --break-glass), the
step kills the process with SIGKILL, just before it begins or just after it has ended, well or not. The point is first written to the file
that the variable KILLABLE_REACHED names, so that a test knows that it was reached. The point `never` kills nothing.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.cli import main as run
from bot.csms import CsmsClient
from bot.slack.client import SlackClient
from bot.slack.outbox import Poster
from bot.store.changes import Changes
from bot.store.inbox import Inbox
from bot.store.outbox import Outbox

NEVER = "never"
REACHED = "KILLABLE_REACHED"
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Step:
    """A method of the bot's that a death is tried at."""

    owner: type
    method: str
    first: str = ""
    """Only calls with this first argument."""
    nth: int = 1
    """Which of the calls, counted from the decision."""


STEPS = {
    "receive": Step(Inbox, "receive"),
    "take": Step(Inbox, "take"),
    "who clicked": Step(SlackClient, "call", "users.info"),
    "vote": Step(Changes, "vote"),
    "begin": Step(Changes, "begin_apply"),
    "look": Step(CsmsClient, "show_event"),
    "put": Step(CsmsClient, "update_event"),
    "read back": Step(CsmsClient, "show_event", nth=2),
    "finish": Step(Changes, "finish_apply"),
    "answer": Step(SlackClient, "respond"),
    "done": Step(Inbox, "done"),
    "edit card": Step(SlackClient, "call", "chat.update"),
    "edited": Step(Outbox, "edited"),
    "open DM": Step(SlackClient, "call", "conversations.open"),
    "claim": Step(Outbox, "claim"),
    "post": Step(SlackClient, "call", "chat.postMessage"),
    "posted": Step(Outbox, "posted"),
}
"""In about the order in which a click comes by them; what follows `finish` goes on at the same time."""
LOST = "put:lost"
"""The update takes effect and its answer is lost; the test plans that fault, and the process dies of it."""
POINTS = [f"{step}:{when}" for step in STEPS for when in (BEFORE, AFTER)] + [LOST]


Call = Callable[..., Awaitable[Any]]


@dataclass
class Fuse:
    """Burns from the first decision on."""

    point: str
    reached: Path
    decisions: set[int] = field(default_factory=set)
    lit: bool = False
    calls: int = 0

    def die(self) -> None:
        """Says where, and is gone: no handler runs, nothing is flushed."""
        self.reached.write_text(self.point)
        os.kill(os.getpid(), signal.SIGKILL)

    def lay(self) -> None:
        """Wraps the step of the point, and what tells that a decision has come."""
        name, when = self.point.split(":")
        step = STEPS[name]
        # The innermost first: a death at `receive` comes after the fuse is lit.
        _wrap(step.owner, step.method, functools.partial(self._dying, step, when))
        _wrap(Inbox, "receive", self._lighting)
        _wrap(Inbox, "take", self._watching)

    async def _dying(self, step: Step, when: str, call: Call, *args: Any, **named: Any) -> Any:
        meant = self.lit and self._meant(step, args)
        self.calls += meant
        now = meant and self.calls == step.nth
        if now and when == BEFORE:
            self.die()
        try:
            return await call(*args, **named)
        finally:
            if now:
                self.die()

    def _meant(self, step: Step, args: tuple[Any, ...]) -> bool:
        if step.method == "done":
            return args[1] in self.decisions
        return not step.first or args[1] == step.first

    async def _lighting(self, call: Call, inbox: Inbox, key: str, kind: str, payload: Any, now: Any) -> Any:
        lights = _decides(kind, payload)
        if self.point.startswith("receive:") and lights:
            self.lit = True
        kept = await call(inbox, key, kind, payload, now)
        # Only now: a worker that looks into the inbox meanwhile has nothing to do with the decision.
        self.lit = self.lit or lights
        return kept

    async def _watching(self, call: Call, *args: Any) -> Any:
        taken = await call(*args)
        self.decisions |= {one.id for one in taken if _decides(one.kind, one.payload)}
        return taken


def _decides(kind: str, payload: Mapping[str, Any]) -> bool:
    return kind == "action" or "--break-glass" in str(payload.get("text", ""))


def _wrap(owner: type, method: str, around: Callable[..., Awaitable[Any]]) -> None:
    """A method that is not there any more is an AttributeError: the list of steps must keep up with the bot."""
    call = getattr(owner, method)

    async def wrapped(*args: Any, **named: Any) -> Any:
        return await around(call, *args, **named)

    setattr(owner, method, wrapped)


def main() -> None:
    """Lays the fuse, makes the bot post without pauses, and runs it."""
    point = sys.argv[1]
    if point != NEVER:
        Fuse(point, Path(os.environ[REACHED])).lay()
    assert Poster.__init__.__kwdefaults__ is not None
    Poster.__init__.__kwdefaults__.update(pace_s=0.02, idle_s=0.05)
    sys.argv[1:] = ["run"]
    run()


if __name__ == "__main__":
    main()
