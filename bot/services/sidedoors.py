"""Looks for what was done to events without the bot, in the console or by Terraform, and tells it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.errors import BotError, CsmsError, CsmsNotFound, NotAllowed, Refused
from bot.model import Actor, Change, ChangeState, Entry, Found, Outside
from bot.rules.access import Action, authorize
from bot.rules.undoing import reason_for, still_as_left, wish_back
from bot.rules.updates import MAX_REASON
from bot.services.changes import Changes
from bot.services.events import get_event
from bot.services.projects import Projects, Scope
from bot.store import Store
from bot.waiting import stopped_within, unless_stopped

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
MOST_ASKED = 50
"""Events that a list does not have any more, of which CSMS is asked one by one in one look."""
FIRST_AFTER = timedelta(seconds=60)
"""The first look waits until a bot that was just started has done what people wait for."""


class SideDoors:
    """The looking, and what people can do about what was found."""

    def __init__(
        self,
        *,
        store: Store,
        projects: Projects,
        changes: Changes,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        every: timedelta = EVERY,
        first_after: timedelta = FIRST_AFTER,
    ) -> None:
        self._store = store
        self._projects = projects
        self._changes = changes
        self._clock = clock
        self._wake = wake
        self._every = every
        self._first_after = first_after
        self._reverting = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at each project, every ten minutes, until `stop`."""
        wait = self._first_after
        while not await stopped_within(stop, wait.total_seconds()):
            wait = self._every
            for scope in self._projects:
                try:
                    await unless_stopped(stop, self.look(scope))
                except CsmsError as error:
                    log.warning(
                        "events not compared",
                        extra={"action": "look_failed", "project": scope.name, "error": str(error)},
                    )
                except Exception:
                    log.exception(
                        "events not compared", extra={"action": "look_crashed", "project": scope.name}
                    )

    async def look(self, scope: Scope) -> list[Found]:
        """One look at one project: what was done without the bot since the last one. CsmsError."""
        held = await self._store.leases.take(
            f"look/{scope.name}", holder=self._store.holder, ttl=2 * self._every, now=self._clock()
        )
        if held is None:
            return []
        head, _ = await self._store.audit.head()
        seen = await _images(scope)
        leave: set[str] = set()
        if differing := await self._store.sidedoors.differing(scope.name, seen, head):
            # A list is read page by page while others write: only what two lists agree on is believed.
            again = await _images(scope)
            leave = {name for name in seen.keys() | again.keys() if seen.get(name) != again.get(name)}
            leave |= await _not_surely_gone(scope, sorted(differing - seen.keys() - leave))
        found = await self._store.sidedoors.look(
            scope.name, seen, head=head, leave=leave, channel=scope.approval_channel, now=self._clock()
        )
        if found:
            log.warning(
                "changed outside", extra={"action": "outside", "project": scope.name, "events": len(found)}
            )
            self._wake()
        return found

    async def accept(self, actor: Actor, key: str, *, everything: bool = False) -> list[Found]:
        """Says that one change, or `everything` that was found with it, is meant to be. Refused."""
        await self._one(actor, key, "outside.accept")
        accepted = await self._store.sidedoors.accept(
            key, actor.user_id, self._clock(), everything=everything
        )
        if not accepted:
            raise Refused("It was accepted already.")
        return accepted

    async def revert(self, actor: Actor, key: str, *, origin: str) -> Change:
        """A change request that makes the event what it was. Refused, CsmsError."""
        async with self._reverting:  # Two clicks at once make one request.
            return await self._revert(actor, key, origin)

    async def _revert(self, actor: Actor, key: str, origin: str) -> Change:
        if made := await self._store.changes.by_origin(origin):
            await self._store.sidedoors.reverting(key, made.id)
            return made  # The same click, looked at again after a crash.
        one = await self._one(actor, key, "outside.revert")
        finding, scope = one.finding, self._projects.named(one.project)
        try:
            if finding.what is not Outside.CHANGED or finding.before is None or finding.after is None:
                raise Refused("This bot neither creates nor deletes events, so it cannot take this back.")
            await self._not_under_way(one)
            wish = wish_back(finding.after, finding.before)
            reason = reason_for(f"Revert of a change made outside (audit row {one.seq})", "")
            event = await get_event(scope, finding.event)
            still_as_left(event, finding.after, finding.before, "this was found")
        except BotError as error:
            await self._refused(actor, "outside.revert", error, one)
            raise
        change = await self._changes.ask(
            actor, scope, event.name, wish, reason=reason, origin=origin, shown=event.image()
        )
        await self._store.sidedoors.reverting(key, change.id)
        return change

    async def _not_under_way(self, one: Found) -> None:
        number = one.change.removeprefix("CR-")
        change = await self._store.changes.by_number(int(number)) if number else None
        if change is not None and (change.state.open or change.state is ChangeState.APPLIED):
            raise Refused(f"It is being taken back already, by {change.id}, which is {change.state}.")

    async def _one(self, actor: Actor, key: str, action: str) -> Found:
        one = await self._store.sidedoors.get(key)
        if one is None:
            raise Refused("This button is not known here any more.")
        try:
            authorize(actor, Action.ASK, self._projects.named(one.project).policy).enforce()
        except NotAllowed as error:
            await self._refused(actor, action, error, one)
            raise
        return one

    async def _refused(self, actor: Actor, action: str, error: BotError, one: Found) -> None:
        rule = f"{error.rule}: {error}" if isinstance(error, NotAllowed) else str(error)
        outcome = "failed" if isinstance(error, CsmsError) else "refused"
        entry = Entry(
            actor.user_id, action, outcome, one.project, one.finding.event, reason=rule[:MAX_REASON]
        )
        await self._store.audit.append(entry, self._clock())


async def _images(scope: Scope) -> dict[str, dict[str, Any]]:
    events = await scope.csms.list_events()
    scope.names = tuple(event.name for event in events)
    return {event.name: event.image() for event in events}


async def _not_surely_gone(scope: Scope, missing: Sequence[str]) -> set[str]:
    """Of the events that a list does not have, those that CSMS has all the same or does not say it has not.

    A list may be cut short without a sign of it. More than MOST_ASKED are left for the next looks.
    """
    kept = set(missing[MOST_ASKED:])
    for name in missing[:MOST_ASKED]:
        try:
            await scope.csms.show_event(name)
        except CsmsNotFound:
            continue
        except CsmsError as error:
            log.info(
                "event not compared", extra={"action": "gone_unknown", "event": name, "error": str(error)}
            )
        else:
            log.warning(
                "the list of events is incomplete",
                extra={"action": "list_incomplete", "project": scope.name, "event": name},
            )
        kept.add(name)
    return kept
