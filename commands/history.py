"""`history NAME`: what became of one event."""

from __future__ import annotations

from bot.services.projects import Scope
from bot.slack.desk import Call, Command, Press, Services
from bot.views.audit import history
from bot.views.blocks import Message
from bot.views.events import HISTORY

SHOWN = 15


async def handle(call: Call) -> None:
    """Shows the newest changes of the event."""
    name = await call.event(COMMAND)
    await call.say(await _history(call.services, call.scope, name))


async def press(press: Press) -> None:
    """The History button of an event."""
    data = await press.ticket("event")
    scope = press.services.projects.named(data["project"])
    await press.answer.say(await _history(press.services, scope, data["name"]))


async def _history(services: Services, scope: Scope, name: str) -> Message:
    rows = await services.store.audit.read(project=scope.name, event=name, newest_first=True, limit=SHOWN + 1)
    return history(name, rows[:SHOWN], more=len(rows) > SHOWN)


COMMAND = Command(
    name="history",
    summary="what became of one event: who asked, who approved, before and after",
    words="NAME",
    example="history prod-db-password",
    handle=handle,
    buttons={HISTORY: press, "pick.history": press},
)
