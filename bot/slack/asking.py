"""Asking for a change, the same way from a command's flags, a button, and the form."""

from __future__ import annotations

from bot.errors import BotError
from bot.rules.updates import Wish
from bot.rules.words import Flag, as_typed
from bot.services.events import get_event
from bot.services.outlook import targets_for
from bot.services.projects import Scope
from bot.slack.desk import Call, Press
from bot.views.change import asked, decided
from bot.views.errors import sentence
from bot.views.forms import EditForm, edit_form, loading, outcome

REASON = Flag("--reason", '"…"')
BREAK_GLASS = Flag("--break-glass", '"reason"')
"""Applies at once, for those whom CSMS_BOT_BREAK_GLASS names."""


async def ask(desk: Call | Press, scope: Scope, name: str, wish: Wish) -> None:
    """Makes the request and tells the person its number; with `--break-glass` it is applied first."""
    actor = await desk.actor()
    changes, origin = desk.services.changes, f"inbox:{desk.origin.id}"
    urgent = desk.words.one(BREAK_GLASS.name) if isinstance(desk, Call) else None
    if urgent is not None:
        change = await changes.break_glass(actor, scope, name, wish, reason=as_typed(urgent), origin=origin)
        await desk.answer.say(decided(change))
        return
    reason = (desk.words.one(REASON.name) if isinstance(desk, Call) else None) or ""
    change = await changes.ask(actor, scope, name, wish, reason=as_typed(reason), origin=origin)
    await desk.answer.say(asked(change, scope.approval_channel))


async def open_edit_form(desk: Call | Press, scope: Scope, name: str) -> None:
    """Opens the form as *loading* within Slack's three seconds, then reads the event and fills it."""
    services, answer = desk.services, desk.answer
    view_id = await answer.open_form(loading())
    try:
        await services.changes.may_ask(await desk.actor(), scope, name)
        event = await get_event(scope, name)
    except BotError as error:
        await answer.show_form(view_id, outcome(sentence(error, services.command)))
        return
    scope.targets = await targets_for(scope, event)
    data = {"project": scope.name, "shown": event.image(), "user": desk.origin.user, "inbox": desk.origin.id}
    key = await services.store.tickets.issue("form", data, services.clock())
    await answer.show_form(view_id, edit_form(EditForm(event, key, scope.name, scope.targets)))
