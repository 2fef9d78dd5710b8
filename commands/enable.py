"""`enable NAME`: the short form of `update NAME --state enabled`."""

from __future__ import annotations

from bot.model import ENABLED
from bot.rules.updates import Wish
from bot.slack.asking import BREAK_GLASS, REASON, ask
from bot.slack.handling import ButtonPress, Command, SlashCommand
from bot.views.events import ENABLE


async def handle(call: SlashCommand) -> None:
    """Asks for the change."""
    name = await call.event(COMMAND)
    await ask(call, call.scope, name, Wish(state=ENABLED))


async def press(press: ButtonPress) -> None:
    """The button of an event."""
    data = await press.ticket("event")
    scope = press.services.projects.named(data["project"])
    await ask(press, scope, data["name"], Wish(state=ENABLED))


COMMAND = Command(
    name="enable",
    summary="enable an event",
    words="NAME",
    example='enable prod-db-password --reason "maintenance is over"',
    flags=(REASON, BREAK_GLASS),
    handle=handle,
    buttons={ENABLE: press, "pick.enable": press},
)
