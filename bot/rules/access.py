"""Who may do what. The one place that says so, for commands, buttons and forms; it denies by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.errors import NotAllowed
from bot.model import Actor, Change, ChangeState, Kind


class Action(StrEnum):
    """What can be asked of the bot."""

    READ = "read"
    ASK = "ask"
    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    ACKNOWLEDGE = "acknowledge"
    BREAK_GLASS = "break_glass"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decide, for one project."""

    operators: tuple[str, ...]
    """User ids, user group ids, or `*` for every full member."""
    approvers: tuple[str, ...]
    required: int
    break_glass: tuple[str, ...] = ()


NOBODY = Policy(operators=(), approvers=(), required=1)
"""For reading, about which no project has a setting."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with the rule that gave it and a sentence for the person."""

    allowed: bool
    rule: str
    text: str = ""

    def enforce(self) -> None:
        """NotAllowed when the answer is no."""
        if not self.allowed:
            raise NotAllowed(self.rule, self.text)


def _no(rule: str, text: str) -> Decision:
    return Decision(False, rule, text)


_NOT_A_MEMBER = {
    Kind.GUEST: _no(
        "guest", "Guests of this workspace can read here, and change nothing. Ask a full member to do it."
    ),
    Kind.BOT: _no("bot", "Bots and apps can change nothing here."),
    Kind.DEACTIVATED: _no("deactivated", "This account is deactivated."),
    Kind.FOREIGN: _no("foreign", "Only people of the workspace that this bot belongs to can use it."),
}


def _not_a_member(actor: Actor) -> Decision:
    if actor.kind in _NOT_A_MEMBER:
        return _NOT_A_MEMBER[actor.kind]
    why = f" ({_plain(actor.problem)})" if actor.problem else ""
    return _no("unknown", f"Slack did not say who you are, so nothing was done{why}. Please try again.")


def _mention(user_id: str) -> str:
    return f"<@{user_id}>" if re.fullmatch(r"[UW][A-Za-z0-9_]{1,30}", user_id) else "the requester"


def _plain(text: str) -> str:
    """What is left of foreign words in our own sentence: nothing that Slack would read as markup."""
    return "".join(char for char in text if char.isalnum() or char in " .,:;_-()")[:200]


def authorize(
    actor: Actor, action: Action, policy: Policy, *, change: Change | None = None, now: datetime | None = None
) -> Decision:
    """Whether `actor` may do `action`. APPROVE, REJECT, CANCEL and REVIEW need the change and the time."""
    if action is Action.READ:
        if actor.kind in (Kind.FOREIGN, Kind.UNKNOWN, Kind.DEACTIVATED):
            return _not_a_member(actor)
        return Decision(True, "member")
    if actor.kind is not Kind.MEMBER:
        return _not_a_member(actor)
    if action is Action.ACKNOWLEDGE:
        return Decision(True, "member")
    if action is Action.ASK:
        return _ask(actor, policy)
    if action is Action.BREAK_GLASS:
        return _break_glass(actor, policy)
    if change is None or now is None:
        return _no("no-change", "This change request does not exist any more.")
    if action is Action.REVIEW:
        return _review(actor, policy, change)
    if change.state is not ChangeState.PENDING:
        return _no("decided", f"{change.id} is {change.state} already, so this click changes nothing.")
    if now >= change.expires:
        return _no("expired", f"{change.id} has expired. Ask for the change again.")
    if action is Action.CANCEL:
        if actor.user_id == change.requester:
            return Decision(True, "requester")
        return _no(
            "not-requester", f"Only {_mention(change.requester)}, who asked for {change.id}, can cancel it."
        )
    return _decide(actor, action, policy, change)


def _ask(actor: Actor, policy: Policy) -> Decision:
    if "*" in policy.operators or actor.among(policy.operators):
        return Decision(True, "operator")
    return _no(
        "not-operator",
        "You are not among those who may ask for a change (setting CSMS_BOT_OPERATORS).",
    )


def _break_glass(actor: Actor, policy: Policy) -> Decision:
    asked = _ask(actor, policy)
    if not asked.allowed:
        return asked
    if actor.among(policy.break_glass):
        return Decision(True, "break-glass")
    return _no(
        "not-break-glass",
        "You are not among those who may apply a change at once (setting CSMS_BOT_BREAK_GLASS). Ask for it without "
        "`--break-glass`.",
    )


def _review(actor: Actor, policy: Policy, change: Change) -> Decision:
    if not change.review_owed:
        by = f" by {_mention(change.reviewed_by)}" if change.reviewed_by else ""
        done = (
            f"{change.id} was reviewed already{by}." if change.reviewed else f"{change.id} needs no review."
        )
        return _no("no-review", done)
    if actor.user_id == change.requester:
        return _no("own-request", f"{change.id} is your own change; somebody else has to review it.")
    if not actor.among(policy.approvers):
        return _no("not-approver", f"You are not an approver, so the review of {change.id} is still owed.")
    return Decision(True, "approver")


def _decide(actor: Actor, action: Action, policy: Policy, change: Change) -> Decision:
    own = actor.user_id == change.requester
    if change.required == 0 and action is Action.APPROVE:
        if own:
            return _ask(actor, policy)
        return _no(
            "not-requester", f"{change.id} is confirmed by {_mention(change.requester)}, who asked for it."
        )
    if own:
        hint = (
            "use *Cancel* to take it back" if action is Action.REJECT else "somebody else has to approve it"
        )
        return _no("own-request", f"{change.id} is your own request; {hint}.")
    if not policy.approvers:
        return _no("no-approvers", "Nobody may approve: the setting CSMS_BOT_APPROVERS is empty.")
    if not actor.among(policy.approvers):
        return _no("not-approver", f"You are not an approver, so {change.id} stays as it is.")
    if action is Action.APPROVE and actor.user_id in change.approved_by:
        return _no("voted", f"Your approval of {change.id} is counted already; it needs another person's.")
    return Decision(True, "approver")
