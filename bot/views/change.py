"""The card of a change request, what its requester is told, and the list of open ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model import Change, ChangeState
from bot.rules.updates import FieldChange, differences
from bot.views.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    divider,
    header,
    quote,
    section,
)
from bot.views.text import clean, code, count, esc, local, people, person, utc

APPROVE, REJECT, CANCEL = "change.approve", "change.reject", "change.cancel"

FACE = {
    ChangeState.PENDING: ":hourglass_flowing_sand: Waiting for approval",
    ChangeState.APPROVED: ":arrows_counterclockwise: Approved, about to be applied",
    ChangeState.APPLYING: ":arrows_counterclockwise: Approved, being applied",
    ChangeState.APPLIED: ":white_check_mark: Applied",
    ChangeState.REJECTED: ":no_entry: Rejected",
    ChangeState.CANCELLED: ":heavy_multiplication_x: Cancelled",
    ChangeState.EXPIRED: ":alarm_clock: Expired",
    ChangeState.STALE: ":warning: Stale, nothing was written",
    ChangeState.FAILED: ":x: Failed",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A change with what its card says besides: who may approve it."""

    change: Change
    approvers: tuple[str, ...]


def diff_lines(found: Sequence[FieldChange]) -> str:
    """Before → after of each field that differs; event types as added and removed."""
    lines = []
    for one in found:
        if one.added or one.removed:
            words = [f":heavy_plus_sign: {code(name)}" for name in one.added]
            words += [f":heavy_minus_sign: {code(name)}" for name in one.removed]
            lines.append(f"*{one.name}*\n" + "\n".join(words))
        else:
            lines.append(f"*{one.name}*\n{code(one.before, 256)} → {code(one.after, 256)}")
    return "\n".join(lines)


def _differences(change: Change) -> list[FieldChange]:
    return differences({key: change.before[key] for key in change.after}, change.after)


def card(shown: Card) -> Message:
    """The card, in every state of the change's life."""
    change = shown.change
    found = _differences(change)
    blocks: list[Block] = [
        header(f"{change.id}: change {clean(change.event, 100)}"),
        section(
            f"{FACE[change.state]}\n{person(change.requester)} asked for this in project {code(change.project)}."
        ),
        section(diff_lines(found)),
    ]
    if change.reason:
        blocks += [context("Reason"), quote(clean(change.reason, 500))]
    if change.state is ChangeState.PENDING:
        blocks += _while_pending(shown)
    else:
        blocks.append(context(_how_it_ended(change)))
    summary = "; ".join(f"{one.name}: {code(one.before, 256)} → {code(one.after, 256)}" for one in found)
    return Message(
        f"{change.id} {change.state}: {person(change.requester)} asks to change {code(change.event)} ({summary})",
        tuple(blocks),
    )


def _while_pending(shown: Card) -> list[Block]:
    change = shown.change
    if change.required == 0:
        who = f"{person(change.requester)} confirms it"
    elif shown.approvers:
        others = "one person" if change.required == 1 else f"{change.required} different people"
        who = f"{others} of {people(shown.approvers)}, not the requester"
    else:
        who = "*nobody may approve it*: the setting CSMS_BOT_APPROVERS is empty"
    progress = f" · {len(change.approved_by)} of {change.required}" if change.required > 1 else ""
    by = f" · approved by {people(change.approved_by)}" if change.approved_by else ""
    return [
        context(f"Approval: {who}{progress}{by}", f"Expires {local(change.expires)}"),
        buttons(change),
    ]


def buttons(change: Change) -> Block:
    """Approve and Reject, each with Slack's confirm dialog, and Cancel. They carry the change's random key."""
    # Commas and a full stop instead of line breaks: the dialog shows 300 characters in one piece.
    what = "; ".join(
        f"{one.name}: {code(one.before, 60)} → {code(one.after, 60)}" for one in _differences(change)
    )
    ask = confirm(f"Apply {change.id}?", f"{code(change.event, 64)}: {what}"[:299], "Approve")
    no = confirm(f"Reject {change.id}?", f"{code(change.event, 64)} stays as it is.", "Reject", danger=True)
    return actions(
        button("Approve", APPROVE, change.key, style="primary", ask=ask),
        button("Reject", REJECT, change.key, style="danger", ask=no),
        button("Cancel", CANCEL, change.key),
        block_id=f"change.{change.number}",
    )


def _how_it_ended(change: Change) -> str:
    when = f" · {local(change.decided)}" if change.decided else ""
    approved = f"Approved by {people(change.approved_by)}" if change.approved_by else ""
    who = {
        ChangeState.REJECTED: f"Rejected by {person(change.decided_by)}",
        ChangeState.CANCELLED: f"Cancelled by {person(change.decided_by)}",
        ChangeState.EXPIRED: "Expired",
    }.get(change.state, approved)
    note = f" · {esc(change.note, 1200)}" if change.note else ""
    return f"{who}{when}{note}"


def asked(change: Change, approval_channel: str) -> Message:
    """What the requester sees at once."""
    where = "Confirm it on its card" if change.required == 0 else "It waits for approval"
    text = f"{change.id} was asked for. {where} in <#{approval_channel}>."
    return Message(
        text, (section(f":hourglass_flowing_sand: {text}"), section(diff_lines(_differences(change))))
    )


def decided(change: Change) -> Message:
    """What the one who clicked sees."""
    if change.state is ChangeState.PENDING:
        text = f"Your approval of {change.id} counts: {len(change.approved_by)} of {change.required}."
    else:
        text = f"{change.id} ({code(change.event)}) is {change.state}."
    return Message(text if not change.note else f"{text} {esc(change.note, 1200)}")


def told(change: Change) -> Message:
    """The direct message to the requester when it has ended."""
    text = f"Your change {change.id} of {code(change.event)}: {change.state}."
    detail = _how_it_ended(change)
    return Message(
        f"{text} {esc(change.note, 600)}".strip(),
        (
            section(f"{FACE[change.state]}: *{change.id}*, {code(change.event)}"),
            context(detail or utc(change.decided)),
        ),
    )


def pending(changes: Sequence[Change], *, yours: frozenset[str], project: str) -> Message:
    """Open change requests, each with its buttons; `yours` are the ids that the reader may decide."""
    if not changes:
        text = f"No change request is open in project {code(project)}."
        return Message(text, (section(text),))
    text = f"{count(len(changes), 'open change request')} in project {code(project)}"
    blocks: list[Block] = [header("Open change requests")]
    for change in changes[:12]:
        mark = " · _waits on you_" if change.id in yours else ""
        blocks += [
            section(
                f"*{change.id}*  {code(change.event)} · {FACE[change.state]}{mark}\n"
                f"{person(change.requester)} · expires {local(change.expires)}\n{diff_lines(_differences(change))}"
            )
        ]
        if change.state is ChangeState.PENDING:
            blocks.append(buttons(change))
        blocks.append(divider())
    if len(changes) > 12:
        blocks.append(context(f"and {len(changes) - 12} more, newer ones"))
    ids = ", ".join(f"{change.id} ({code(change.event)})" for change in changes[:12])
    return Message(f"{text}: {ids}", tuple(blocks))
