"""Why somebody may or may not decide a change request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.model import AuditRow, Change, ChangeState
from bot.rules.access import Action, Decision, Policy
from bot.views.blocks import Block, Message, context, header, section
from bot.views.change import FACE
from bot.views.text import clean, code, cut, esc, local, people, person

MAY = {
    Action.APPROVE: "approve it",
    Action.REJECT: "reject it",
    Action.CANCEL: "cancel it",
    Action.REVIEW: "review it",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One action, and whether the asker may."""

    action: Action
    decision: Decision


@dataclass(frozen=True, slots=True)
class Why:
    """A change request, the rules over it, and how the asker stands to them."""

    change: Change
    policy: Policy
    answers: tuple[Answer, ...]
    refused: tuple[AuditRow, ...]
    """The asker's own clicks on it that were refused, newest first."""


def why(shown: Why) -> Message:
    """The rules first, then the asker."""
    change = shown.change
    lines = [_answer(answer) for answer in shown.answers]
    blocks: list[Block] = [
        header(f"{change.id}: change {clean(change.event, 100)}"),
        section(f"{FACE[change.state]}\n{_rule(change, shown.policy)}"),
        section("*You*\n" + "\n".join(lines)),
    ]
    if shown.refused:
        tries = [
            f"• {local(datetime.fromisoformat(row.at))}  {esc(row.reason, 300)}" for row in shown.refused
        ]
        blocks.append(section("*Your refused clicks*\n" + "\n".join(tries)))
    blocks.append(
        context("Settings: `CSMS_BOT_APPROVERS`, `CSMS_BOT_APPROVALS_REQUIRED`, `CSMS_BOT_OPERATORS`")
    )
    return Message(
        f"{change.id} ({code(change.event, 64)}) is {change.state}. " + " ".join(lines), tuple(blocks)
    )


def _rule(change: Change, policy: Policy) -> str:
    if change.break_glass:
        rule = f"{person(change.requester)} applied it with `--break-glass`; one approver who is not them reviews it."
    elif change.required == 0:
        rule = f"No approval is required: {person(change.requester)}, who asked for it, confirms it."
    else:
        rule = (
            f"{change.required} of the approvers must approve it, {person(change.requester)}, who asked for it, not "
            f"among them. So far: {people(change.approved_by) or 'nobody'}."
        )
    who = people(policy.approvers) or "nobody (the setting is empty)"
    until = f" It expires {local(change.expires)}." if change.state is ChangeState.PENDING else ""
    return f"{rule} Approvers: {who}.{until}"


def _answer(answer: Answer) -> str:
    if answer.decision.allowed:
        return f":white_check_mark: You may {MAY[answer.action]} (rule: {answer.decision.rule})."
    return f":no_entry_sign: You may not {MAY[answer.action]}: {cut(answer.decision.text, 300)}"
