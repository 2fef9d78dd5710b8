"""The buttons of an alert: View event, Fix target, Acknowledge."""

from __future__ import annotations

from bot.errors import Refused
from bot.model import Entry, Incident
from bot.rules.access import Action, authorize
from bot.services.events import get_event
from bot.services.projects import Scope
from bot.slack.asking import open_edit_form
from bot.slack.desk import Command, Press
from bot.views.alerts import ACKNOWLEDGE, FIX_TARGET, VIEW_EVENT
from bot.views.blocks import Message
from bot.views.events import EventDetail, event_detail
from bot.views.text import code, local, person


async def _incident(press: Press) -> tuple[Incident, Scope]:
    incident = await press.services.store.records.incident(press.key)
    if incident is None:
        raise Refused("This alert is not known here any more.")
    return incident, press.services.projects.named(incident.project)


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
    await open_edit_form(press, scope, incident.event)


async def acknowledge(press: Press) -> None:
    """Says on the alert that somebody looks after it."""
    incident, scope = await _incident(press)
    actor = await press.actor()
    decision = authorize(actor, Action.ACKNOWLEDGE, scope.policy)
    if not decision.allowed:
        services = press.services
        entry = Entry(
            actor.user_id, "incident.acknowledge", "refused", scope.name, incident.event,
            reason=f"{decision.rule}: {decision.text}",
        )  # fmt: skip
        await services.store.audit.append(entry, services.clock())
    decision.enforce()
    done = await press.services.store.records.acknowledge(press.key, actor.user_id, press.services.clock())
    if done is None:
        raise Refused("This alert is not known here any more.")
    incident, first = done
    if first:
        text = f"You acknowledged the alert of {code(incident.event)}."
    else:
        text = f"{person(incident.acknowledged_by)} acknowledged it already, {local(incident.acknowledged)}."
    await press.answer.say(Message(text))


COMMAND = Command(name="", buttons={VIEW_EVENT: view_event, FIX_TARGET: fix_target, ACKNOWLEDGE: acknowledge})
