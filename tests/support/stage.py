"""The whole program on real sockets: the embedded CSMS, the embedded Slack workspace, and the bot itself."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.app import App
from bot.config import load
from bot.sandbox.csms import CsmsWorld, build_app
from bot.sandbox.csms import demo_seed as csms_seed
from bot.sandbox.demo import demo_env
from bot.sandbox.slack import Message, Outcome, View, Workspace, running
from bot.sandbox.slack import demo_seed as slack_seed
from bot.serving import serving
from bot.store import open_read_only
from bot.store.audit import read

PATIENCE_S = 5.0


@dataclass
class Stage:
    """A running program, and what a test may do to it."""

    world: CsmsWorld
    slack: Workspace
    env: dict[str, str]
    database: Path
    app: App
    stop: asyncio.Event
    task: asyncio.Task[None]
    people: dict[str, str]
    alerts: str
    approvals: str

    async def command(self, who: str, text: str, *, channel: str = "") -> Outcome:
        """Types a slash command."""
        outcome = await self.slack.command(self.people[who], channel or self.alerts, f"/csms {text}".strip())
        assert outcome.error is None, outcome.error
        return outcome

    async def ask(self, who: str, text: str, *, channel: str = "") -> Message:
        """Types a slash command and waits for the answer that only the asker sees."""
        before = {message.ts for message in self.slack.ephemerals(self.people[who])}
        await self.command(who, text, channel=channel)
        return await self.answer(who, before)

    async def answer(self, who: str, before: set[str]) -> Message:
        """The first ephemeral message to `who` that is not in `before`."""
        user = self.people[who]
        return await self.slack.wait_for(
            lambda: next((one for one in self.slack.ephemerals(user) if one.ts not in before), None),
            PATIENCE_S,
        )

    async def click(self, who: str, source: Message | View, text: str) -> Message:
        """Presses a button and waits for the answer that only the presser sees."""
        before = {message.ts for message in self.slack.ephemerals(self.people[who])}
        outcome = await self.slack.click(self.people[who], source, text=text)
        assert outcome.error is None, outcome.error
        return await self.answer(who, before)

    async def press(self, who: str, source: Message | View, text: str) -> None:
        """Presses a button, whatever comes of it."""
        outcome = await self.slack.click(self.people[who], source, text=text)
        assert outcome.error is None, outcome.error

    async def card(self, change: str, state: str = "") -> Message:
        """The card of `CR-1`, once its text says `state`."""
        return await self.slack.wait_for(lambda: self.find_card(change, state), PATIENCE_S)

    def find_card(self, change: str, state: str = "") -> Message | None:
        """The card of a change as it is now."""
        found = [
            one for one in self.slack.messages(self.approvals) if text_of(one).startswith(f"{change} {state}")
        ]
        return found[0] if found else None

    async def alert(self, *words: str) -> Message:
        """The alert that holds all the words."""
        return await self.slack.wait_for(
            lambda: next(
                (
                    one
                    for one in self.slack.messages(self.alerts)
                    if all(word in text_of(one) for word in words)
                ),
                None,
            ),
            PATIENCE_S,
        )

    def audit(self, **filters: Any) -> list[tuple[str, str, str]]:
        """(actor, action, outcome) of each row, oldest first."""
        db = open_read_only(self.database)
        try:
            return [(row.actor, row.action, row.outcome) for row in read(db, **filters)]
        finally:
            db.close()

    def puts(self) -> list[dict[str, Any]]:
        """The bodies of the updates that CSMS took, by its own journal."""
        return [entry.body for entry in self.world.journal if entry.operation == "update_event"]

    async def restart(self, **env: str) -> None:
        """Ends the bot and starts it anew on the same database."""
        self.stop.set()
        await self.task
        await self.start(**env)

    async def start(self, **env: str) -> None:
        """Starts the bot and waits until it is ready."""
        self.env |= env
        self.app = App(load(self.env), {})
        self.stop = asyncio.Event()
        started = asyncio.Event()
        self.task = asyncio.create_task(self.app.run(self.stop, started))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([self.task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            await self.task
        if "SLACK_SIGNING_SECRET" in self.env:
            app = replace(self.slack.app, request_url=f"{self.app.base_url}/slack/events")
            self.slack.app = app
        await until(lambda: self.app.status.slack_connected() and self.app.poller.looked.is_set())


def text_of(message: Message) -> str:
    """The text of a message, as notifications show it."""
    return message.content.text


def all_text(value: Any) -> str:
    """Every text in a message's or view's blocks, joined."""
    if isinstance(value, dict):
        return " ".join(
            all_text(one)
            for key, one in value.items()
            if key not in ("action_id", "value", "block_id", "type")
        )
    if isinstance(value, list | tuple):
        return " ".join(all_text(one) for one in value)
    return value if isinstance(value, str) else ""


def blocks_text(message: Message | View) -> str:
    """Everything that the blocks of a message or a view say."""
    return all_text(list(message.blocks))


def change_of(message: Message) -> str:
    """The `CR-…` that a message speaks of."""
    found = re.search(r"CR-\d+", text_of(message))
    assert found, text_of(message)
    return found[0]


async def until(true: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """Waits until `true()` is."""
    async with asyncio.timeout(timeout_s):
        while not (found := true()):
            await asyncio.sleep(0.01)
    return found


@contextlib.asynccontextmanager
async def stage(
    folder: Path, *, socket_mode: bool = False, start: bool = True, **env: str
) -> AsyncIterator[Stage]:
    """The demo's CSMS and workspace with a bot on a database in `folder`. `env` adds settings; "" takes one away."""
    world = CsmsWorld(csms_seed())
    seed = slack_seed()
    workspace = Workspace(seed)
    async with serving(build_app(world)) as csms_url, running(workspace) as slack_url:
        database = folder / "csms-bot.db"
        settings = demo_env(world, seed, csms_url, slack_url, database) | {"CSMS_BOT_POLL_INTERVAL": "0.2s"}
        if not socket_mode:
            del settings["SLACK_APP_TOKEN"]
            settings["SLACK_SIGNING_SECRET"] = seed.app.signing_secret
        settings = {name: value for name, value in (settings | env).items() if value}
        people = {user.role: user.id for user in seed.users if user.role}
        channels = {channel.name: channel.id for channel in seed.channels}
        nothing = asyncio.create_task(asyncio.sleep(0))
        set_up = Stage(
            world=world,
            slack=workspace,
            env=settings,
            database=database,
            app=None,  # type: ignore[arg-type]
            stop=asyncio.Event(),
            task=nothing,
            people=people,
            alerts=channels["secrets-alerts"],
            approvals=channels["secrets-approvals"],
        )
        if start:
            await set_up.start()
        try:
            yield set_up
        finally:
            set_up.stop.set()
            await asyncio.wait_for(asyncio.gather(set_up.task, return_exceptions=True), 15)
