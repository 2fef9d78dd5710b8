"""`history NAME`: what became of one event."""

from __future__ import annotations

from collections.abc import Sequence

from bot.services.histories import stories
from bot.services.projects import Scope
from bot.slack.handling import ButtonPress, Command, Services, SlashCommand
from bot.views.archived import say_archived
from bot.views.audit import Turning
from bot.views.blocks import Message
from bot.views.events import HISTORY
from bot.views.history import NEWER, OLDER, history, how_many_fit

SHOWN = 8
"""Stories on one page, if they are short."""


async def handle(call: SlashCommand) -> None:
    """Shows the newest changes of the event."""
    name = await call.event(COMMAND)
    await call.say(await _history(call.services, call.scope, name))


async def press(press: ButtonPress) -> None:
    """The History button of an event."""
    data = await press.ticket("event")
    scope = press.services.projects.named(data["project"])
    await press.answer.say(await _history(press.services, scope, data["name"]))


async def turn(press: ButtonPress) -> None:
    """Newer and Older."""
    data = await press.ticket("history")
    scope = press.services.projects.named(data["project"])
    await press.answer.replace(await _history(press.services, scope, data["name"], data["trail"]))


async def _history(services: Services, scope: Scope, name: str, trail: Sequence[int] = ()) -> Message:
    """A page; `trail` has the newest row that a story of each page up to this one may begin at, this one's last."""
    trail = trail or [(await services.store.audit.head())[0]]
    found = await stories(services.store, scope.name, name, until=trail[-1], most=SHOWN + 1)
    fit = how_many_fit(found[:SHOWN])

    async def ticket(trail: Sequence[int]) -> str:
        data = {"project": scope.name, "name": name, "trail": list(trail[-50:])}
        return await services.store.tickets.issue("history", data, services.clock())

    turning = Turning(
        newer=await ticket(trail[:-1]) if len(trail) > 1 else "",
        older=await ticket([*trail, found[fit - 1].first - 1]) if len(found) > fit else "",
    )
    page = history(name, found[:fit], command=services.command, turning=turning)
    return say_archived(page, None if turning.older else await services.store.audit.begins())


COMMAND = Command(
    name="history",
    summary="what became of one event: each change from the asking to the end, before and after",
    words="NAME",
    example="history prod-db-password",
    handle=handle,
    buttons={HISTORY: press, "pick.history": press, NEWER: turn, OLDER: turn},
)
