"""The way of a change: asked, decided, applied once, read back. The audit rows are written by the store's verbs,
each in the transaction that it speaks of; refusals are written here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.errors import (
    BotError,
    CsmsError,
    CsmsForbidden,
    CsmsNotFound,
    Landed,
    NotAllowed,
    Refused,
    StoreFailed,
    Unfinished,
)
from bot.model import Actor, Change, ChangeState, Entry, Event, Kind
from bot.rules.access import Action, authorize
from bot.rules.alerts import CLOCKS_DIFFER
from bot.rules.updates import MAX_REASON, Wish, differences, make_patch, same_settings
from bot.services.events import get_event
from bot.services.outlook import warnings_for
from bot.services.projects import Projects, Scope
from bot.store import Proposal, Store

log = logging.getLogger(__name__)

AskAgain = Callable[[str], Awaitable[Actor]]
"""Asks Slack anew who a user is."""


LANDING = timedelta(seconds=5)
"""How long the write of a process that died may still take to land; a shorter settle time shortens it."""


class Moved(Refused):
    """The event is no longer what the form was filled with; carries both, for showing."""

    def __init__(self, event: Event, shown: Mapping[str, Any]) -> None:
        super().__init__(
            f"`{event.name}` was changed while the form was open; nothing was asked. Open it again."
        )
        self.event = event
        self.shown = shown


class Changes:
    """Change requests, from the asking to the reading back."""

    def __init__(
        self,
        *,
        store: Store,
        projects: Projects,
        clock: Callable[[], datetime],
        ttl: timedelta,
        ask_again: AskAgain,
        landing: timedelta = LANDING,
    ) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock
        self._ttl = ttl
        self._ask_again = ask_again
        self._landing = min(landing, LANDING)
        self._in_hand: set[str] = set()
        """Keys of the changes that this process is applying."""

    async def ask(
        self,
        actor: Actor,
        scope: Scope,
        name: str,
        wish: Wish,
        *,
        reason: str,
        origin: str,
        shown: Mapping[str, Any] | None = None,
    ) -> Change:
        """Makes a change request. `shown` is the event's image that a form was filled with. Refused, CsmsError."""
        await self.may_ask(actor, scope, name)
        return await self._propose(actor, scope, name, wish, reason, origin, shown=shown)

    async def break_glass(
        self, actor: Actor, scope: Scope, name: str, wish: Wish, *, reason: str, origin: str
    ) -> Change:
        """Applies a change at once, and leaves a review as a debt. Refused, CsmsError."""
        await self.may_ask(actor, scope, name, Action.BREAK_GLASS)
        change = await self._propose(actor, scope, name, wish, reason, origin, break_glass=True)
        await self.apply(change.key)
        return await self._store.changes.get(change.key) or change

    async def _propose(
        self,
        actor: Actor,
        scope: Scope,
        name: str,
        wish: Wish,
        reason: str,
        origin: str,
        *,
        shown: Mapping[str, Any] | None = None,
        break_glass: bool = False,
    ) -> Change:
        if made := await self._store.changes.by_origin(origin):
            return made  # The same delivery, looked at again after a crash.
        try:
            if len(reason) > MAX_REASON:
                raise Refused(f"The reason is too long: {len(reason)} characters, {MAX_REASON} fit.")
            if break_glass and not reason.strip():
                raise Refused('A change that nobody approves needs a reason: `--break-glass "reason"`.')
            event = await get_event(scope, name)
            if shown is not None and event.image() != shown:
                raise Moved(event, shown)
            patch = make_patch(event, wish)
        except BotError as error:
            action = "change.break_glass" if break_glass else "change.request"
            await self._refused(actor, action, error, project=scope.name, event=name[:64])
            raise
        now = self._clock()
        return await self._store.changes.propose(
            Proposal(
                warnings=await warnings_for(scope, event, patch),
                break_glass=break_glass,
                origin=origin,
                project=scope.name,
                event=event.name,
                before=event.image(),
                patch=patch,
                requester=actor.user_id,
                reason=reason,
                required=scope.policy.required,
                channel=scope.approval_channel,
                created=now,
                expires=now + self._ttl,
            )
        )

    async def may_ask(self, actor: Actor, scope: Scope, name: str, action: Action = Action.ASK) -> None:
        """NotAllowed, with its row in the audit log, when `actor` may not ask for a change of the event `name`."""
        try:
            authorize(actor, action, scope.policy).enforce()
        except NotAllowed as error:
            what = "change.break_glass" if action is Action.BREAK_GLASS else "change.request"
            await self._refused(actor, what, error, project=scope.name, event=name[:64])
            raise

    async def approve(self, actor: Actor, key: str, *, again: bool = False) -> Change:
        """Counts the approval; the one that completes the quorum applies the change. Refused.

        `again`, here and below: the same click, looked at once more after a crash. What it did the first time stands.
        """
        if again and (done := await self._done_by(actor, key)):
            return done
        change = await self._decide(actor, key, Action.APPROVE)
        vote = await self._store.changes.vote(key, actor.user_id, self._clock())
        if vote is None or not vote.counted:
            # Somebody else's click won the race, or this is the same click again.
            return await self._decide(actor, key, Action.APPROVE)
        if vote.complete:
            await self.apply(key, clicked=actor.user_id)
        return await self._store.changes.get(key) or change

    async def reject(self, actor: Actor, key: str, *, again: bool = False) -> Change:
        """pending → rejected. Refused."""
        if again and (done := await self._done_by(actor, key)):
            return done
        return await self._end(actor, key, Action.REJECT, ChangeState.REJECTED)

    async def explain(self, actor: Actor, key: str, reason: str) -> Change:
        """Adds why it was rejected, by whom rejected it, once. Refused."""
        member = actor.kind is Kind.MEMBER
        change = (
            await self._store.deadlines.explain(key, actor.user_id, reason[:MAX_REASON], self._clock())
            if member
            else None
        )
        if change is None:
            error = Refused("The reason could not be added: only who rejected a request can give it, once.")
            await self._refused(actor, "change.reject", error)
            raise error
        return change

    async def review(self, actor: Actor, key: str, *, again: bool = False) -> Change:
        """Pays the debt of a change that was applied before anybody approved it. Refused."""
        if again and (done := await self._done_by(actor, key)):
            return done
        await self._decide(actor, key, Action.REVIEW)
        reviewed = await self._store.deadlines.review(key, actor.user_id, self._clock())
        return reviewed or await self._decide(actor, key, Action.REVIEW)

    async def cancel(self, actor: Actor, key: str, *, again: bool = False) -> Change:
        """pending → cancelled, by the requester. Refused."""
        if again and (done := await self._done_by(actor, key)):
            return done
        return await self._end(actor, key, Action.CANCEL, ChangeState.CANCELLED)

    async def _done_by(self, actor: Actor, key: str) -> Change | None:
        """The change, when this person's click on it has counted already."""
        change = await self._store.changes.get(key)
        if change is None:
            return None
        ended = change.decided_by if change.state in (ChangeState.REJECTED, ChangeState.CANCELLED) else ""
        return change if actor.user_id in {*change.approved_by, ended, change.reviewed_by} else None

    async def expire_due(self) -> list[Change]:
        """pending → expired, for all whose time is over."""
        now = self._clock()
        expired = []
        for change in await self._store.changes.open():
            if change.state is ChangeState.PENDING and now >= change.expires:
                ended = await self._store.changes.end(
                    change.key, frm=ChangeState.PENDING, to=ChangeState.EXPIRED, by="system",
                    reason="Nobody decided in time.", now=now,
                )  # fmt: skip
                expired += [ended] if ended else []
        return expired

    async def remind_due(self) -> bool:
        """Reminds of requests whose time is half over, and daily of reviews that are owed; whether it said anything."""
        now = self._clock()
        pending = await self._store.deadlines.remind_pending(now)
        return bool(pending or await self._store.deadlines.remind_reviews(now))

    async def resume(self, left_for: timedelta = timedelta(0)) -> None:
        """Carries on what is approved or being applied and in nobody's hands: a process died, or could not write it down.

        `left_for`: how long ago the last approval must be, so that the click that gave it goes first.
        """
        now = self._clock()
        steps = []
        for change in await self._store.changes.open():
            if change.state is ChangeState.APPLYING and change.key not in self._in_hand:
                steps.append(self._recover(change))
            elif change.state is ChangeState.APPROVED and now - (change.decided or now) >= left_for:
                steps.append(self._too_late(change) if now >= change.expires else self.apply(change.key))
        await asyncio.gather(*steps)

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

    async def _end(self, actor: Actor, key: str, action: Action, to: ChangeState) -> Change:
        await self._decide(actor, key, action)
        ended = await self._store.changes.end(
            key,
            frm=ChangeState.PENDING,
            to=to,
            by=actor.user_id,
            reason="",
            now=self._clock(),
        )
        # None: it was decided between the look and the step; the rule now says so.
        return ended or await self._decide(actor, key, action)

    async def _decide(self, actor: Actor, key: str, action: Action) -> Change:
        change = await self._store.changes.get(key)
        if change is None:
            error = NotAllowed("no-change", "This change request does not exist any more.")
            await self._refused(actor, f"change.{action}", error)
            raise error
        scope = self._projects.named(change.project)
        decision = authorize(actor, action, scope.policy, change=change, now=self._clock())
        try:
            decision.enforce()
        except NotAllowed as error:
            await self._refused(
                actor, f"change.{action}", error, project=change.project, event=change.event, change=change.id
            )
            raise
        return change

    async def _refused(
        self,
        actor: Actor,
        action: str,
        error: BotError,
        *,
        project: str = "",
        event: str = "",
        change: str = "",
    ) -> None:
        rule = f"{error.rule}: {error}" if isinstance(error, NotAllowed) else str(error)
        outcome = "failed" if isinstance(error, CsmsError) else "refused"
        entry = Entry(actor.user_id, action, outcome, project, event, change, reason=rule[:MAX_REASON])
        await self._store.audit.append(entry, self._clock())


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
