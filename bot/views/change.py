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

APPROVE, REJECT, CANCEL, REVIEW = "change.approve", "change.reject", "change.cancel", "change.review"

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
    title = f"{change.id}: change {clean(change.event, 100)}"
    asked = f"{person(change.requester)} asked for this in project {code(change.project)}."
    if change.break_glass:
        title = f"Break-glass, {change.id}: {clean(change.event, 90)}"
        asked = (
            f":rotating_light: *{person(change.requester)} applied this at once, without an approval*, in project "
            f"{code(change.project)}."
        )
    blocks: list[Block] = [header(title), section(f"{FACE[change.state]}\n{asked}"), *sections(found)]
    if change.reason:
        blocks += [context("Reason"), quote(clean(change.reason, 500))]
    if change.warnings:
        blocks.append(section("\n".join(f":warning: {esc(one, 300)}" for one in change.warnings[:6])))
    if change.state is ChangeState.PENDING:
        blocks += _while_pending(shown)
    else:
        blocks.append(context(_how_it_ended(change)))
    blocks += _review(shown)
    asks = "changed at once, without an approval," if change.break_glass else "asks to change"
    return Message(
        f"{change.id} {change.state}: {person(change.requester)} {asks} {code(change.event)} ({full(found)})",
        tuple(blocks),
    )


def _review(shown: Card) -> list[Block]:
    """A change that nobody approved is a debt until somebody else has looked at it."""
    change = shown.change
    if change.reviewed:
        return [context(f":eyes: Reviewed by {person(change.reviewed_by)} · {local(change.reviewed)}")]
    if not change.review_owed:
        return []
    who = (
        people(shown.approvers) if shown.approvers else "nobody may: the setting CSMS_BOT_APPROVERS is empty"
    )
    return [
        context(f":eyes: A second person has to review it: {who}, not {person(change.requester)}"),
        _review_button(change),
    ]


def _review_button(change: Change) -> Block:
    ask = confirm(
        f"Reviewed {change.id}?", f"You looked at {code(change.event, 64)} and it is right.", "Reviewed"
    )
    return actions(
        button("Reviewed", REVIEW, change.key, style="primary", ask=ask), block_id=f"review.{change.number}"
    )


def half_time(shown: Card) -> Message | None:
    """A reminder in the card's thread; none once it is decided."""
    change = shown.change
    if change.state is not ChangeState.PENDING:
        return None
    who = people(shown.approvers) if change.required else person(change.requester)
    text = f"{change.id} still waits: half of its time is over. {who}, it expires {local(change.expires)}."
    return Message(text, (section(f":hourglass_flowing_sand: {text}"),))


def review_reminder(shown: Card) -> Message | None:
    """The daily reminder of a review that is owed; none once it is paid."""
    change = shown.change
    if not change.review_owed:
        return None
    text = f"{change.id} was applied without an approval, and its review is still owed. {people(shown.approvers)}"
    return Message(text.strip(), (section(f":eyes: {text.strip()}"),))


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
    if change.break_glass:
        who = "Approved by nobody"
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
        verb = "has" if change.state in (ChangeState.FAILED, ChangeState.EXPIRED) else "is"
        text = f"{change.id} ({code(change.event)}) {verb} {change.state}."
    if change.reviewed:
        text = f"{text} Reviewed by {person(change.reviewed_by)}."
    elif change.review_owed:
        text = f"{text} It was applied without an approval: a second person has to review it."
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
    until = ":eyes: its review is owed" if change.review_owed else f"expires {local(change.expires)}"
    what = section(
        f"*{change.id}*  {code(change.event, 64)} · {FACE[change.state]}{mark}\n"
        f"{person(change.requester)} · {until}\n{short(_differences(change), 400)}"
    )
    if change.review_owed:
        return [what, _review_button(change), divider()]
    return [what, buttons(change), divider()] if change.state is ChangeState.PENDING else [what, divider()]
