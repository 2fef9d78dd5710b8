"""Asking for a change, the same way from a command's flags, a button, and the form."""

from __future__ import annotations

from datetime import timedelta

from bot.errors import BotError
from bot.rules.updates import Wish
from bot.rules.words import Flag, as_typed
from bot.services.events import get_event
from bot.services.outlook import targets_for
from bot.services.projects import Scope
from bot.slack.handling import ButtonPress, SlashCommand
from bot.views.change import asked, decided
from bot.views.errors import sentence
from bot.views.forms import EditForm, edit_form, loading, outcome

SICK = timedelta(days=30)
"""How long a target to which a notice failed is not suggested, unless one was delivered since."""

REASON = Flag("--reason", '"…"')
BREAK_GLASS = Flag("--break-glass", '"reason"')
"""Applies at once, for those whom CSMS_BOT_BREAK_GLASS names."""


async def ask(used: SlashCommand | ButtonPress, scope: Scope, name: str, wish: Wish) -> None:
    """Makes the request and tells the person its number; with `--break-glass` it is applied first."""
    actor = await used.actor()
    changes, origin = used.services.changes, f"inbox:{used.origin.id}"
    urgent = used.words.one(BREAK_GLASS.name) if isinstance(used, SlashCommand) else None
    if urgent is not None:
        change = await changes.break_glass(actor, scope, name, wish, reason=as_typed(urgent), origin=origin)
        await used.answer.say(decided(change))
        return
    reason = (used.words.one(REASON.name) if isinstance(used, SlashCommand) else None) or ""
    change = await changes.ask(actor, scope, name, wish, reason=as_typed(reason), origin=origin)
    await used.answer.say(asked(change, scope.approval_channel))


async def open_edit_form(
    used: SlashCommand | ButtonPress, scope: Scope, name: str, *, incident: str = ""
) -> None:
    """Opens the form as *loading* within Slack's three seconds, then reads the event and fills it.

    Targets to which notices fail are not suggested. `incident`: the alert whose *Fix target* was pressed; the request
    is linked to it.
    """
    services, answer = used.services, used.answer
    view_id = await answer.open_form(loading())
    try:
        await services.changes.may_ask(await used.actor(), scope, name)
        event = await get_event(scope, name)
    except BotError as error:
        await answer.show_form(view_id, outcome(sentence(error, services.command)))
        return
    sick = await services.store.incidents.failing_targets(scope.name, services.clock() - SICK)
    scope.targets = tuple(one for one in await targets_for(scope, event) if one.id not in sick)
    data = {"project": scope.name, "shown": event.image(), "user": used.origin.user, "inbox": used.origin.id}
    if incident:
        data["incident"] = incident
    key = await services.store.tickets.issue("form", data, services.clock())
    await answer.show_form(view_id, edit_form(EditForm(event, key, scope.name, scope.targets)))
