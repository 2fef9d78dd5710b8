"""The buttons of an alert: View event, Fix target, Acknowledge, Snooze."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.errors import Refused
from bot.model import Actor, Entry, Incident
from bot.rules.access import Action, authorize
from bot.rules.snooze import Nap, ends
from bot.services.events import get_event
from bot.services.projects import Scope
from bot.slack.asking import open_edit_form
from bot.slack.desk import Command, Press
from bot.views.alerts import (
    ACKNOWLEDGE,
    FIX_TARGET,
    NAPS,
    SNOOZE,
    SNOOZE_FOR,
    VIEW_EVENT,
    snooze_choice,
    snoozed,
)
from bot.views.blocks import Message
from bot.views.events import EventDetail, event_detail
from bot.views.text import code, local, person


async def _incident(press: Press) -> tuple[Incident, Scope]:
    incident = await press.services.store.incidents.get(press.key)
    if incident is None:
        raise Refused("This alert is not known here any more.")
    return incident, press.services.projects.named(incident.project)


async def _member(press: Press, incident: Incident, scope: Scope, action: str) -> Actor:
    """Who pressed it. NotAllowed, with its row in the audit log, for guests and strangers."""
    actor = await press.actor()
    decision = authorize(actor, Action.ACKNOWLEDGE, scope.policy)
    if not decision.allowed:
        services = press.services
        entry = Entry(
            actor.user_id, action, "refused", scope.name, incident.event,
            reason=f"{decision.rule}: {decision.text}",
        )  # fmt: skip
        await services.store.audit.append(entry, services.clock())
    decision.enforce()
    return actor


async def view_event(press: Press) -> None:
    """Shows the event that failed, to the one who asks."""
    incident, scope = await _incident(press)
    event = await get_event(scope, incident.event)
    key = await press.services.store.tickets.issue(
        "event", {"project": scope.name, "name": event.name}, press.services.clock()
    )
    await press.answer.say(event_detail(EventDetail(event, scope.name, key)))


async def fix_target(press: Press) -> None:
    """Opens the edit form of the event that failed."""
    incident, scope = await _incident(press)
    await open_edit_form(press, scope, incident.event, incident=incident.key)


async def acknowledge(press: Press) -> None:
    """Says on the alert that somebody looks after it."""
    incident, scope = await _incident(press)
    actor = await _member(press, incident, scope, "incident.acknowledge")
    done = await press.services.store.incidents.acknowledge(press.key, actor.user_id, press.services.clock())
    if done is None:
        raise Refused("This alert is not known here any more.")
    incident, first = done
    if first:
        text = f"You acknowledged the alert of {code(incident.event)}."
    else:
        text = f"{person(incident.acknowledged_by)} acknowledged it already, {local(incident.acknowledged)}."
    await press.answer.say(Message(text))


async def snooze(press: Press) -> None:
    """Asks for how long."""
    incident, scope = await _incident(press)
    await _member(press, incident, scope, "incident.snooze")
    await press.answer.say(snooze_choice(incident))


def _snooze_for(nap: Nap) -> Callable[[Press], Awaitable[None]]:
    async def chosen(press: Press) -> None:
        """Snoozes so long, or ends the snooze."""
        incident, scope = await _incident(press)
        actor = await _member(press, incident, scope, "incident.snooze")
        until = ends(nap, press.services.clock(), actor.zone)
        kept = await press.services.store.incidents.snooze(incident.key, actor.user_id, until)
        await press.answer.replace(snoozed(kept or incident, over=nap is Nap.OVER))

    return chosen


COMMAND = Command(
    name="",
    buttons={
        VIEW_EVENT: view_event,
        FIX_TARGET: fix_target,
        ACKNOWLEDGE: acknowledge,
        SNOOZE: snooze,
        **{f"{SNOOZE_FOR}.{nap}": _snooze_for(nap) for nap, _ in NAPS},
    },
)
