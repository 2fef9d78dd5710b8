"""`get NAME`: one event, every field, with its buttons."""

from __future__ import annotations

from bot.services.events import get_event
from bot.services.projects import Scope
from bot.slack.handling import ButtonPress, Command, Services, SlashCommand
from bot.views.blocks import Message
from bot.views.events import SHOW, EventDetail, event_detail


async def handle(call: SlashCommand) -> None:
    """Shows the event."""
    name = await call.event(COMMAND)
    await call.say(await _detail(call.services, call.scope, name))


async def show(press: ButtonPress) -> None:
    """The Details button of a list."""
    data = await press.ticket("event")
    scope = press.services.projects.named(data["project"])
    await press.answer.say(await _detail(press.services, scope, data["name"]))


async def _detail(services: Services, scope: Scope, name: str) -> Message:
    event = await get_event(scope, name)
    key = await services.store.tickets.issue(
        "event", {"project": scope.name, "name": event.name}, services.clock()
    )
    return event_detail(EventDetail(event, scope.name, key))


COMMAND = Command(
    name="get",
    summary="one event, every field",
    words="NAME",
    example="get prod-db-password",
    handle=handle,
    buttons={SHOW: show, "pick.get": show},
)
