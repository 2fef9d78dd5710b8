"""The buttons of an alert (View event, Fix target, Acknowledge, Snooze) and of a digest (Look into it, Show all)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.errors import Refused
from bot.model import Actor, Entry, Incident, PostKind
from bot.rules.access import Action, authorize
from bot.rules.snooze import Nap, ends
from bot.services.events import get_event
from bot.services.projects import Scope
from bot.slack.asking import open_edit_form
from bot.slack.handling import ButtonPress, Command, Services
from bot.views.alerts import (
    ACKNOWLEDGE,
    FIX_TARGET,
    LOOK,
    NAPS,
    SHOW_ALL,
    SNOOZE,
    SNOOZE_FOR,
    VIEW_EVENT,
    alert,
    snooze_choice,
    snoozed,
)
from bot.views.blocks import Message
from bot.views.digest import NEXT, PREVIOUS, Page, all_incidents
from bot.views.events import EventDetail, event_detail
from bot.views.text import code, local, person


async def _incident(press: ButtonPress) -> tuple[Incident, Scope]:
    incident = await press.services.store.incidents.get(press.key)
    if incident is None:
        raise Refused("This alert is not known here any more.")
    return incident, press.services.projects.named(incident.project)


async def _member(press: ButtonPress, incident: Incident, scope: Scope, action: str) -> Actor:
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


async def view_event(press: ButtonPress) -> None:
    """Shows the event that failed, to the one who asks."""
    incident, scope = await _incident(press)
    event = await get_event(scope, incident.event)
    key = await press.services.store.tickets.issue(
        "event", {"project": scope.name, "name": event.name}, press.services.clock()
    )
    await press.answer.say(event_detail(EventDetail(event, scope.name, key)))


async def look(press: ButtonPress) -> None:
    """Shows one incident of many with its buttons, to the one who asks."""
    incident, _ = await _incident(press)
    fix = await press.services.store.changes.get(incident.fix) if incident.fix else None
    await press.answer.say(alert(incident, fix))


async def show_all(press: ButtonPress) -> None:
    """Shows the incidents of a digest, to the one who asks."""
    await press.answer.say(await _page(press.services, press.key, 0))


async def turn(press: ButtonPress) -> None:
    """Previous and Next."""
    data = await press.ticket("digest")
    await press.answer.replace(await _page(press.services, data["key"], data["page"]))


async def _page(services: Services, key: str, number: int) -> Message:
    data = await services.store.outbox.data(PostKind.DIGEST, key)
    if data is None:
        raise Refused("This digest is not known here any more.")
    page = Page(data["incidents"], number)

    async def ticket_for(other: int) -> str:
        if not 0 <= other < page.pages:
            return ""
        return await services.store.tickets.issue("digest", {"key": key, "page": other}, services.clock())

    page = replace(page, previous=await ticket_for(number - 1), next=await ticket_for(number + 1))
    now = await services.store.incidents.some([str(one.get("key", "")) for one in page.shown])
    return all_incidents(page, now)


async def fix_target(press: ButtonPress) -> None:
    """Opens the edit form of the event that failed."""
    incident, scope = await _incident(press)
    await open_edit_form(press, scope, incident.event, incident=incident.key)


async def acknowledge(press: ButtonPress) -> None:
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


async def snooze(press: ButtonPress) -> None:
    """Asks for how long."""
    incident, scope = await _incident(press)
    await _member(press, incident, scope, "incident.snooze")
    await press.answer.say(snooze_choice(incident))


def _snooze_for(nap: Nap) -> Callable[[ButtonPress], Awaitable[None]]:
    async def chosen(press: ButtonPress) -> None:
        """Snoozes so long, or ends the snooze."""
        incident, scope = await _incident(press)
        actor = await _member(press, incident, scope, "incident.snooze")
        now = press.services.clock()
        until = ends(nap, now, actor.zone)
        kept = await press.services.store.incidents.snooze(incident.key, actor.user_id, until, now)
        await press.answer.replace(snoozed(kept or incident, over=nap is Nap.OVER))

    return chosen


COMMAND = Command(
    name="",
    buttons={
        VIEW_EVENT: view_event,
        FIX_TARGET: fix_target,
        ACKNOWLEDGE: acknowledge,
        SNOOZE: snooze,
        LOOK: look,
        SHOW_ALL: show_all,
        PREVIOUS: turn,
        NEXT: turn,
        **{f"{SNOOZE_FOR}.{nap}": _snooze_for(nap) for nap, _ in NAPS},
    },
)
