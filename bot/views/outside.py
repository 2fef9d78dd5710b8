"""What was done to events without the bot, told in the approval channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.model import Event, Found, Outside, Target
from bot.rules.updates import differences
from bot.views.blocks import Block, Message, actions, button, confirm, context, header, rows_that_fit, section
from bot.views.diff import full, sections, short
from bot.views.text import clean, code, count, cut, esc, people

ACCEPT, ACCEPT_ALL, REVERT = "outside.accept", "outside.accept_all", "outside.revert"

DID = {Outside.CHANGED: "changed", Outside.CREATED: "created", Outside.DELETED: "deleted"}
NO_REVERT = "there is no *Revert*: this bot neither creates nor deletes events"
BLANK: dict[str, Any] = {"state": "", "types": None, "target": None}


def outside(found: Sequence[Found]) -> Message | None:
    """One message for what was found together; None when there is nothing any more."""
    if not found:
        return None
    return _one(found[0]) if len(found) == 1 else _many(found)


def _one(one: Found) -> Message:
    finding = one.finding
    did = DID[finding.what]
    text = f"{code(finding.event)} of project {code(one.project, 64)} was {did} outside this bot"
    blocks: list[Block] = [
        header(f"{clean(finding.event, 100)} was {did} outside"),
        section(f":door: {text}: in the console, by Terraform or by another tool."),
    ]
    if finding.before is not None and finding.after is not None:
        changed = differences(finding.before, finding.after)
        blocks += sections(changed)
        text += f" ({full(changed)})"
    else:
        words = settings_in_words(finding.after or finding.before or BLANK)
        blocks.append(section(f"*{'It is' if finding.after else 'It was'}*\n{words}"))
        text += f" ({words})"
    small = [
        f"Audit row {one.seq}",
        esc(finding.note, 200),
        "" if finding.what is Outside.CHANGED else NO_REVERT,
    ]
    blocks.append(context(" · ".join(part for part in small if part)))
    blocks += _state(one)
    return Message(cut(text, 3000), tuple(blocks))


def _many(found: Sequence[Found]) -> Message:
    """Some of those that were found at one look: the first of them, or more of them in the first message's thread."""
    place, together = found[0].place, max(len(found), found[0].together)
    text = f"{count(together, 'event')} of project {code(found[0].project, 64)} were touched outside this bot"
    rows = [[section(_line(one)), *_state(one)] for one in found]
    fit = rows_that_fit(rows, spent=len(text) + 600)
    last = place + fit - 1
    if place == 1:
        more = f" The others are in the thread below: {last} are here." if len(found) < together else ""
        blocks = [header(f"{count(together, 'event')} touched outside"), section(f":door: {text}.{more}")]
    else:
        blocks = [context(f":door: {place} to {last} of {together}")]
    blocks += [block for row in rows[:fit] for block in row]
    if fit < len(found):
        blocks.append(context(f"and {len(found) - fit} more: audit rows {found[fit].seq} to {found[-1].seq}"))
    if any(one.finding.what is not Outside.CHANGED for one in found[:fit]):
        blocks.append(context(f"Where one was created or deleted, {NO_REVERT}."))
    if waiting := [one for one in found if not one.accepted_by]:
        blocks.append(actions(button(f"Accept all {together}", ACCEPT_ALL, waiting[0].key)))
    names = ", ".join(code(one.finding.event, 64) for one in found[:20])
    return Message(cut(f"{text}: {names}", 3000), tuple(blocks))


def _line(one: Found) -> str:
    finding = one.finding
    text = f"{code(finding.event, 64)} {DID[finding.what]}"
    if finding.before is not None and finding.after is not None:
        text += f": {short(differences(finding.before, finding.after), 300)}"
    return text


def settings_in_words(image: Mapping[str, Any]) -> str:
    """What an event is, as `Event.settings()` has it, in one line."""
    target = Target(**image["target"]) if image["target"] else None
    event = Event("", state=image["state"], types=tuple(image["types"] or ()), target=target)
    at = f"{code(event.target.type, 20)} {code(event.target.name, 64)}" if event.target else "no target"
    types = ", ".join(code(name, 64) for name in (event.types or ())[:14]) or "no types"
    return f"{code(event.state, 20)} · {types} · {at}"


def _state(one: Found) -> list[Block]:
    """What people did about it, and the buttons for what they still can do."""
    blocks: list[Block] = []
    if one.change:
        blocks.append(context(f"Revert asked for: {esc(one.change, 20)}"))
    if one.accepted_by:
        return [*blocks, context(f":white_check_mark: Accepted by {people([one.accepted_by])}")]
    shown = [button("Accept", ACCEPT, one.key)]
    if one.finding.what is Outside.CHANGED:
        what = f"A change request brings {code(one.finding.event, 64)} back to what it was."
        shown.append(button("Revert", REVERT, one.key, ask=confirm("Ask to revert it?", what, "Ask")))
    return [*blocks, actions(*shown)]


def accepted(found: Sequence[Found]) -> Message:
    """What the one who accepted sees."""
    names = ", ".join(code(one.finding.event, 64) for one in found[:20])
    return Message(f"Accepted: {names}{f' and {len(found) - 20} more' if len(found) > 20 else ''}.")
