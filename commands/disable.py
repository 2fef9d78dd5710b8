"""`disable NAME`: the short form of `update NAME --state disabled`."""

from __future__ import annotations

from bot.model import DISABLED
from bot.rules.updates import Wish
from bot.slack.asking import BREAK_GLASS, REASON, ask
from bot.slack.handling import ButtonPress, Command, SlashCommand
from bot.views.events import DISABLE


async def handle(call: SlashCommand) -> None:
    """Asks for the change."""
    name = await call.event(COMMAND)
    await ask(call, call.scope, name, Wish(state=DISABLED))


async def press(press: ButtonPress) -> None:
    """The button of an event."""
    data = await press.ticket("event")
    scope = press.services.projects.named(data["project"])
    await ask(press, scope, data["name"], Wish(state=DISABLED))


COMMAND = Command(
    name="disable",
    summary="disable an event",
    words="NAME",
    example='disable prod-db-password --reason "maintenance until noon"',
    flags=(REASON, BREAK_GLASS),
    handle=handle,
    buttons={DISABLE: press, "pick.disable": press},
)
