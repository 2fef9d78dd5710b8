"""Asking for a change, the same way from a command's flags, a button, and the form."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from bot.errors import BotError, CsmsError
from bot.model import ENABLED, Event, Target
from bot.rules.updates import Wish
from bot.rules.words import as_typed
from bot.services.events import get_event
from bot.services.projects import Scope
from bot.slack.desk import Call, Press
from bot.views.change import asked
from bot.views.errors import sentence
from bot.views.forms import EditForm, edit_form, loading, outcome

SICK = timedelta(days=30)
"""How long a target to which a notice failed is not suggested, unless one was delivered since."""


async def ask(desk: Call | Press, scope: Scope, name: str, wish: Wish, reason: str) -> None:
    """Makes the request and tells the person its number."""
    actor = await desk.actor()
    change = await desk.services.changes.ask(
        actor, scope, name, wish, reason=as_typed(reason), origin=f"inbox:{desk.origin.id}"
    )
    await desk.answer.say(asked(change, scope.approval_channel))


async def open_edit_form(desk: Call | Press, scope: Scope, name: str, *, incident: str = "") -> None:
    """Opens the form as *loading* within Slack's three seconds, then reads the event and fills it.

    `incident`: the alert whose *Fix target* was pressed; the request is linked to it, and failing targets are not
    suggested.
    """
    services, answer = desk.services, desk.answer
    view_id = await answer.open_form(loading())
    try:
        await services.changes.may_ask(await desk.actor(), scope, name)
        event = await get_event(scope, name)
    except BotError as error:
        await answer.show_form(view_id, outcome(sentence(error, services.command)))
        return
    data = {"project": scope.name, "shown": event.image(), "user": desk.origin.user, "inbox": desk.origin.id}
    if incident:
        data["incident"] = incident
    key = await services.store.tickets.issue("form", data, services.clock())
    targets: tuple[Target, ...] = ()
    with contextlib.suppress(CsmsError):  # Hints; the form is good without them.
        sick = await services.store.incidents.failing_targets(scope.name, services.clock() - SICK)
        targets = tuple(
            target for target in other_targets(await scope.csms.list_events(), event) if target.id not in sick
        )
    await answer.show_form(view_id, edit_form(EditForm(event, key, scope.name, targets)))


def other_targets(events: list[Event], event: Event) -> tuple[Target, ...]:
    """The targets that other enabled events use, each once."""
    found = {
        other.target: None
        for other in events
        if other.target is not None and other.state == ENABLED and other.target != event.target
    }
    return tuple(found)
