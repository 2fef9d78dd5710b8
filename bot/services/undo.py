"""Asking for the reverse of an applied change, by the ordinary way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.errors import BotError, CsmsError, NotAllowed, Refused
from bot.model import Actor, Change, ChangeState, Entry
from bot.rules.undoing import failed, reason_for, still_as_left, wish_back
from bot.rules.updates import MAX_REASON
from bot.services.changes import Changes
from bot.services.events import get_event
from bot.services.projects import Projects, Scope
from bot.store import Store


class Undo:
    """Takes changes back; what it makes is a change request like any other."""

    def __init__(
        self, *, store: Store, projects: Projects, changes: Changes, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._projects = projects
        self._changes = changes
        self._clock = clock
        self._asking = asyncio.Lock()

    async def ask(self, actor: Actor, number: int, *, project: str, reason: str, origin: str) -> Change:
        """A request for the reverse of change `number`; `project` "" is the change's own. Refused, CsmsError."""
        change = await self._store.changes.by_number(number)
        if change is None or (project and change.project != project):
            error = Refused(
                f"There is no change request `CR-{number}`{f' in project `{project}`' if project else ''}."
            )
            await self._refused(actor, error, project=project, change=f"CR-{number}")
            raise error
        if made := await self._store.changes.by_origin(origin):
            return made  # The same delivery, looked at again after a crash.
        scope = self._projects.named(change.project)
        await self._changes.may_ask(actor, scope, change.event)
        try:
            async with self._asking:  # Two at once make one request.
                return await self._reverse(actor, scope, change, reason, origin)
        except _Asked as asked:
            raise asked.error from None
        except BotError as error:
            await self._refused(actor, error, project=scope.name, change=change.id, event=change.event)
            raise

    async def _reverse(self, actor: Actor, scope: Scope, change: Change, reason: str, origin: str) -> Change:
        before = {key: change.before[key] for key in change.after}
        if change.state is ChangeState.FAILED:
            raise failed(await get_event(scope, change.event), before, change.id)
        if change.state is not ChangeState.APPLIED:
            raise Refused(f"{change.id} is {change.state}, so there is nothing to undo.")
        wish = wish_back(change.after, before)
        why = reason_for(f"Undo of {change.id}", reason)
        event = await get_event(scope, change.event)
        if change.before["event_id"] and event.event_id != change.before["event_id"]:
            raise Refused(
                f"`{event.name}` was deleted and created anew since {change.id}; what it was before says nothing "
                "about this one."
            )
        still_as_left(event, change.after, before, change.id)
        await self._not_asked_yet(change, before)
        try:
            return await self._changes.ask(
                actor, scope, event.name, wish, reason=why, origin=origin, shown=event.image()
            )
        except BotError as error:
            raise _Asked(error) from None

    async def _not_asked_yet(self, change: Change, before: dict[str, Any]) -> None:
        """Two requests for the same would both be approved, and the second end as stale."""
        for other in await self._store.changes.open(change.project):
            if other.event == change.event and other.after == before:
                raise Refused(f"{other.id} asks for that already; it is {other.state}.")

    async def _refused(
        self, actor: Actor, error: BotError, *, project: str, change: str, event: str = ""
    ) -> None:
        rule = f"{error.rule}: {error}" if isinstance(error, NotAllowed) else str(error)
        outcome = "failed" if isinstance(error, CsmsError) else "refused"
        entry = Entry(actor.user_id, "change.undo", outcome, project, event, change, reason=rule[:MAX_REASON])
        await self._store.audit.append(entry, self._clock())


class _Asked(BotError):
    """The ordinary way said no, and has written its own row."""

    def __init__(self, error: BotError) -> None:
        super().__init__(str(error))
        self.error = error
