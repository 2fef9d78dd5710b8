"""`history NAME`: what became of one event."""

from __future__ import annotations

from collections.abc import Sequence

from bot.services.projects import Scope
from bot.slack.desk import Call, Command, Press, Services
from bot.views.archived import say_archived
from bot.views.audit import HISTORY_NEWER, HISTORY_OLDER, Turning, history, how_many_fit
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


async def turn(press: Press) -> None:
    """Newer and Older."""
    data = await press.ticket("history")
    scope = press.services.projects.named(data["project"])
    await press.answer.replace(await _history(press.services, scope, data["name"], data["trail"]))


async def _history(services: Services, scope: Scope, name: str, trail: Sequence[int] = ()) -> Message:
    """A page; `trail` has the newest row that each page up to this one may show, this one's last."""
    trail = trail or [(await services.store.audit.head())[0]]
    rows = await services.store.audit.read(
        project=scope.name, event=name, until=trail[-1], newest_first=True, limit=SHOWN + 1
    )
    fit = how_many_fit(rows[:SHOWN])
    more = len(rows) > fit

    async def ticket(trail: Sequence[int]) -> str:
        data = {"project": scope.name, "name": name, "trail": list(trail[-50:])}
        return await services.store.tickets.issue("history", data, services.clock())

    turning = Turning(
        newer=await ticket(trail[:-1]) if len(trail) > 1 else "",
        older=await ticket([*trail, rows[fit - 1].seq - 1]) if more else "",
    )
    page = history(name, rows[:fit], more=more, turning=turning)
    return say_archived(page, None if more else await services.store.audit.begins())


COMMAND = Command(
    name="history",
    summary="what became of one event: who asked, who approved, before and after",
    words="NAME",
    example="history prod-db-password",
    handle=handle,
    buttons={HISTORY: press, "pick.history": press, HISTORY_NEWER: turn, HISTORY_OLDER: turn},
)
