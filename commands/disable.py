"""`disable NAME`: the short form of `update NAME --state disabled`."""

from __future__ import annotations

from bot.model import DISABLED
from bot.rules.updates import Wish, check_event_name
from bot.rules.words import Flag
from bot.slack.asking import ask
from bot.slack.desk import Call, Command, Press
from bot.views.events import DISABLE


async def handle(call: Call) -> None:
    """Asks for the change."""
    name = check_event_name(call.argument("The event's name", COMMAND.usage(call.services.command)))
    await ask(call, call.scope, name, Wish(state=DISABLED), call.words.one("--reason") or "")


async def press(press: Press) -> None:
    """The button of an event."""
    data = await press.ticket("event")
    scope = press.services.projects.named(data["project"])
    await ask(press, scope, data["name"], Wish(state=DISABLED), "")


COMMAND = Command(
    name="disable",
    summary="disable an event",
    words="NAME",
    example='disable prod-db-password --reason "maintenance until noon"',
    flags=(Flag("--reason", '"…"'),),
    handle=handle,
    buttons={DISABLE: press},
)
