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
    rows_that_fit,
    section,
)
from bot.views.diff import full, sections, short
from bot.views.text import channel, clean, code, count, esc, local, people, person

APPROVE, REJECT, CANCEL = "change.approve", "change.reject", "change.cancel"

MOST_PENDING = 12

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
        *sections(found),
    ]
    if change.reason:
        blocks += [context("Reason"), quote(clean(change.reason, 500))]
    if change.state is ChangeState.PENDING:
        blocks += _while_pending(shown)
    else:
        blocks.append(context(_how_it_ended(change)))
    return Message(
        f"{change.id} {change.state}: {person(change.requester)} asks to change {code(change.event)} ({full(found)})",
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
    # In one line: the dialog shows 300 characters in one piece.
    what = f"{code(change.event, 64)}: {short(_differences(change), 230)}"
    ask = confirm(f"Apply {change.id}?", what, "Approve")
    no = confirm(f"Reject {change.id}?", f"{code(change.event, 64)} stays as it is.", "Reject", danger=True)
    return actions(
        button("Approve", APPROVE, change.key, style="primary", ask=ask),
        button("Reject", REJECT, change.key, style="danger", ask=no),
        button("Cancel", CANCEL, change.key),
        block_id=f"change.{change.number}",
    )


def _how_it_ended(change: Change) -> str:
    who = f"Approved by {people(change.approved_by)}" if change.approved_by else ""
    if change.state in (ChangeState.REJECTED, ChangeState.CANCELLED) and change.decided_by:
        who = f"{change.state.capitalize()} by {person(change.decided_by)}"
    elif change.state is ChangeState.EXPIRED:
        who = "Expired"
    when = local(change.decided) if change.decided else ""
    return " · ".join(part for part in (who, when, _note(change, 1200)) if part) or FACE[change.state]


def _note(change: Change, limit: int) -> str:
    """The note, in which nobody is mentioned but those who decided: it may hold what CSMS answered."""
    note = esc(change.note, limit)
    for one in {change.requester, change.decided_by, *change.approved_by}:
        mention = person(one)
        if mention.startswith("<@"):
            note = note.replace(esc(mention), mention)
    return note


def asked(change: Change, approval_channel: str) -> Message:
    """What the requester sees at once."""
    where = "Confirm it on its card" if change.required == 0 else "It waits for approval"
    text = f"{change.id} was asked for. {where} in {channel(approval_channel)}."
    return Message(text, (section(f":hourglass_flowing_sand: {text}"), *sections(_differences(change))))


def decided(change: Change) -> Message:
    """What the one who clicked sees."""
    if change.state is ChangeState.PENDING:
        text = f"Your approval of {change.id} counts: {len(change.approved_by)} of {change.required}."
    else:
        text = f"{change.id} ({code(change.event)}) is {change.state}."
    return Message(text if not change.note else f"{text} {_note(change, 1200)}")


def told(change: Change) -> Message:
    """The direct message to the requester when it has ended."""
    text = f"Your change {change.id} of {code(change.event)}: {change.state}."
    return Message(
        f"{text} {_note(change, 600)}".strip(),
        (
            section(f"{FACE[change.state]}: *{change.id}*, {code(change.event)}"),
            context(_how_it_ended(change)),
        ),
    )


def pending(changes: Sequence[Change], *, yours: frozenset[str], project: str) -> Message:
    """Open change requests, each with its buttons; `yours` are the ids that the reader may decide."""
    if not changes:
        text = f"No change request is open in project {code(project)}."
        return Message(text, (section(text),))
    rows = [_row(change, yours=change.id in yours) for change in changes[:MOST_PENDING]]
    fit = rows_that_fit(rows, spent=30)
    blocks: list[Block] = [header("Open change requests"), *(block for row in rows[:fit] for block in row)]
    if fit < len(changes):
        blocks.append(context(f"and {len(changes) - fit} more"))
    ids = ", ".join(f"{change.id} ({code(change.event, 64)})" for change in changes[:fit])
    return Message(
        f"{count(len(changes), 'open change request')} in project {code(project)}: {ids}", tuple(blocks)
    )


def _row(change: Change, *, yours: bool) -> list[Block]:
    mark = " · _waits on you_" if yours else ""
    what = section(
        f"*{change.id}*  {code(change.event, 64)} · {FACE[change.state]}{mark}\n"
        f"{person(change.requester)} · expires {local(change.expires)}\n{short(_differences(change), 400)}"
    )
    return [what, buttons(change), divider()] if change.state is ChangeState.PENDING else [what, divider()]
