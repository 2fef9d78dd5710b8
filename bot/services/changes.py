"""The way of a change until it is decided. The audit rows are written by the store's verbs, each in the transaction that
it speaks of; refusals are written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.errors import BotError, CsmsError, NotAllowed, Refused
from bot.model import Actor, Change, ChangeState, Entry, Event, Kind
from bot.rules.access import Action, authorize
from bot.rules.updates import MAX_REASON, Wish, make_patch
from bot.services.applying import Applying
from bot.services.events import get_event
from bot.services.outlook import warnings_for
from bot.services.projects import Projects, Scope
from bot.store import Proposal, Store


class Moved(Refused):
    """The event is no longer what the form was filled with; carries both, for showing."""

    def __init__(self, event: Event, shown: Mapping[str, Any]) -> None:
        super().__init__(
            f"`{event.name}` was changed while the form was open; nothing was asked. Open it again."
        )
        self.event = event
        self.shown = shown


class Changes:
    """Change requests, from the asking to the last approval."""

    def __init__(
        self,
        *,
        store: Store,
        projects: Projects,
        clock: Callable[[], datetime],
        ttl: timedelta,
        applying: Applying,
    ) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock
        self._ttl = ttl
        self._applying = applying

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
        await self._applying.apply(change.key)
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
            await self._applying.apply(key, clicked=actor.user_id)
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
