"""The applying of an approved change: read, write once, read back; and its carrying on where it was interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.errors import CsmsError, CsmsForbidden, CsmsNotFound, Landed, StoreFailed, Unfinished
from bot.model import Actor, Change, ChangeState, Event
from bot.rules.access import Action, authorize
from bot.rules.incidents import CLOCKS_DIFFER
from bot.rules.updates import differences, same_settings
from bot.services.projects import Projects, Scope
from bot.store import Store

log = logging.getLogger(__name__)

AskAgain = Callable[[str], Awaitable[Actor]]
"""Asks Slack anew who a user is."""


LANDING = timedelta(seconds=5)
"""How long the write of a process that died may still take to land; a shorter settle time shortens it."""


class Applying:
    """From the last approval to the reading back."""

    def __init__(
        self,
        *,
        store: Store,
        projects: Projects,
        clock: Callable[[], datetime],
        ask_again: AskAgain,
        landing: timedelta = LANDING,
    ) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock
        self._ask_again = ask_again
        self._landing = min(landing, LANDING)
        self._in_hand: set[str] = set()
        """Keys of the changes that this process is applying."""

    async def resume(self, left_for: timedelta = timedelta(0)) -> None:
        """Carries on what is approved or being applied and in nobody's hands: a process died, or could not write it down.

        `left_for`: how long ago the last approval must be, so that the click that gave it goes first.
        """
        now = self._clock()
        projects = {scope.name for scope in self._projects}
        steps: list[Coroutine[Any, Any, None]] = []
        for change in await self._store.changes.open():
            if change.project not in projects and now < change.expires:
                continue  # It may come back to the settings.
            if change.project not in projects and change.state is ChangeState.APPLYING:
                note = "Applying it was interrupted, and its project is not in the settings any more. Look at the event."
                steps.append(self._finish(change, ChangeState.FAILED, note, None))
            elif change.state is ChangeState.APPLYING and change.key not in self._in_hand:
                steps.append(self._recover(change))
            elif change.state is ChangeState.APPROVED and now - (change.decided or now) >= left_for:
                steps.append(self._too_late(change) if now >= change.expires else self.apply(change.key))
        for problem in await asyncio.gather(*steps, return_exceptions=True):
            if problem is not None:
                raise problem

    async def apply(self, key: str, clicked: str = "") -> None:
        """approved → applying → an end. Only one caller gets past the first step. Unfinished."""
        try:
            change = await self._store.changes.begin_apply(key, self._clock())
        except StoreFailed as error:
            raise Unfinished(
                f"It is approved, but the audit log could not be written ({error}), so nothing was sent to CSMS. "
                "It is tried again until it expires."
            ) from error
        if change is None:
            return
        with self._holding(change):
            await self._apply(change, clicked)

    @contextlib.contextmanager
    def _holding(self, change: Change) -> Iterator[None]:
        self._in_hand.add(change.key)
        try:
            yield
        finally:
            self._in_hand.discard(change.key)

    async def _too_late(self, change: Change) -> None:
        await self._store.changes.end(
            change.key, frm=ChangeState.APPROVED, to=ChangeState.EXPIRED, by="system",
            reason="It was approved, but the bot could not begin it in time, so nothing was written.",
            now=self._clock(),
        )  # fmt: skip

    async def _apply(self, change: Change, clicked: str) -> None:
        scope = self._projects.named(change.project)
        if problem := await self._approvers_lost(change, scope, clicked):
            await self._finish(change, ChangeState.FAILED, problem, None)
            return
        try:
            event = await scope.csms.show_event(change.event)
        except CsmsNotFound:
            await self._finish(
                change, ChangeState.STALE, "The event does not exist any more. Nothing was written.", None
            )
            return
        except CsmsError as error:
            note = f"The event could not be read, so nothing was written: {_why(error)}"
            await self._finish(change, ChangeState.FAILED, note, None)
            return
        if event.image() != change.before:
            await self._finish(change, ChangeState.STALE, _what_moved(change, event), event)
            return
        await self._put(change, scope)

    async def _put(self, change: Change, scope: Scope) -> None:
        try:
            answered = await scope.csms.update_event(change.event, change.patch)
        except CsmsError as error:
            await self._put_failed(change, scope, error)
            return
        try:
            event = await scope.csms.show_event(change.event)
        except CsmsError as error:
            event, unread = (
                answered,
                f" It could not be read back ({error}); CSMS's answer to the update shows it.",
            )
        else:
            unread = ""
        if same_settings(event, change.after):
            await self._finish(change, ChangeState.APPLIED, unread.strip(), event)
        else:
            note = (
                f"CSMS said yes, but the event is not what was asked.{unread} {_what_differs(change, event)}"
            )
            await self._finish(change, ChangeState.FAILED, note, event)

    async def _put_failed(self, change: Change, scope: Scope, error: CsmsError) -> None:
        if error.landed is Landed.NO:
            await self._finish(change, ChangeState.FAILED, f"Nothing was written: {_why(error)}", None)
            return
        try:
            event = await scope.csms.show_event(change.event)
        except CsmsError:
            note = (
                f"It is not known whether the change was written: {_why(error)}. "
                "Look at the event before asking again."
            )
            await self._finish(change, ChangeState.FAILED, note, None)
            return
        if same_settings(event, change.after):
            note = "CSMS's answer was lost, but the event reads as asked."
            await self._finish(change, ChangeState.APPLIED, note, event)
        else:
            note = (
                f"CSMS did not confirm it ({_why(error)}), and read back at once the event is not as asked. "
                f"It may still become so: look at it before asking again. {_what_differs(change, event)}"
            )
            await self._finish(change, ChangeState.FAILED, note, event)

    async def _recover(self, change: Change) -> None:
        """Applying this was interrupted: look, and finish; write again only over the approved *before*.

        The write may still be on its way, so *before* is only believed at a second look.
        """
        with self._holding(change):
            await self._look_again(change)

    async def _look_again(self, change: Change) -> None:
        scope = self._projects.named(change.project)
        for wait_s in (self._landing.total_seconds(), 0.0):
            try:
                event = await scope.csms.show_event(change.event)
            except CsmsError as error:
                log.warning(
                    "change left in applying",
                    extra={"action": "apply_unknown", "change": change.id, "error": str(error)},
                )
                note = f"Applying it was interrupted, and the event cannot be read now ({error}). Look at it."
                await self._finish(change, ChangeState.FAILED, note, None)
                return
            if same_settings(event, change.after):
                note = "It was interrupted; the event reads as asked."
                await self._finish(change, ChangeState.APPLIED, note, event)
                return
            if event.image() != change.before:
                note = (
                    "Applying it was interrupted, and the event is neither what it was nor what was asked. "
                    f"{_what_differs(change, event)}"
                )
                await self._finish(change, ChangeState.FAILED, note, event)
                return
            await asyncio.sleep(wait_s)
        if problem := await self._approvers_lost(change, scope, ""):
            await self._finish(change, ChangeState.FAILED, problem, None)
            return
        note = "interrupted before anything was written; writing now"
        await self._store.changes.note(change.key, "change.apply", note, self._clock())
        await self._put(change, scope)

    async def _approvers_lost(self, change: Change, scope: Scope, clicked: str) -> str:
        """Why the approvals do not stand any more: membership is asked at the click and again before the PUT."""
        for voter in change.approved_by:
            if voter == clicked:
                continue  # Asked a moment ago, at the click itself.
            actor = await self._ask_again(voter)
            pending = _as_if_pending(change, without=voter)
            decision = authorize(actor, Action.APPROVE, scope.policy, change=pending, now=change.created)
            if not decision.allowed:
                return (
                    f"Nothing was written: the approval of <@{voter}> could not be confirmed. {decision.text}"
                )
        return ""

    async def _finish(self, change: Change, to: ChangeState, note: str, event: Event | None) -> None:
        found, now = None if event is None else event.settings(), self._clock()
        try:
            await self._store.changes.finish_apply(
                change.key, to=to, note=note, found=found, now=now, written=written(change, event, now)
            )
        except StoreFailed as error:
            raise Unfinished(
                f"What became of {change.id} could not be written to the audit log ({error}). The event is looked at "
                "again, and the card follows."
            ) from error


def written(change: Change, event: Event | None, now: datetime) -> datetime:
    """When the change was applied, as far as the times of CSMS's records can be compared with it.

    That is CSMS's own word. Where it says nothing new, it is our clock's, less what the two can differ by: a failure from just
    before the fix may reopen the alert then, one from after it surely does.
    """
    says = None if event is None else event.updated
    return now - CLOCKS_DIFFER if says is None or says.isoformat() == change.before["updated"] else says


def _why(error: CsmsError) -> str:
    """What CSMS said, and which permission would mend it."""
    if isinstance(error, CsmsForbidden) and error.permission:
        return f"{error} (the bot's credential needs the permission {error.permission})"
    return str(error)


def _as_if_pending(change: Change, *, without: str) -> Change:
    others = tuple(voter for voter in change.approved_by if voter != without)
    return replace(change, state=ChangeState.PENDING, approved_by=others)


def _what_moved(change: Change, event: Event) -> str:
    differing = differences({key: change.before[key] for key in change.after}, event.settings())
    what = "; ".join(f"{one.name}: {one.before} → {one.after}" for one in differing)
    return (
        "The event was changed since this was asked, so nothing was written"
        + (f" ({what})." if what else " (it was written to, though it reads the same).")
        + " Ask again if it is still wanted."
    )


def _what_differs(change: Change, event: Event) -> str:
    differing = differences(change.after, event.settings())
    return "; ".join(f"{one.name}: asked {one.before}, is {one.after}" for one in differing)
