"""The audit log in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.model import AuditRow
from bot.rules.updates import FieldChange, differences
from bot.views.blocks import Block, Message, actions, button, context, header, rows_that_fit, section
from bot.views.diff import short
from bot.views.text import code, count, esc, local, person

NEWER, OLDER = "audit.newer", "audit.older"
EXPORT_CSV, EXPORT_JSONL = "audit.export_csv", "audit.export_jsonl"

SETTINGS = {"state", "types", "target"}
SPENT = 150
"""Characters that the head and the small print of a page take."""


@dataclass(frozen=True, slots=True)
class Turning:
    """The random keys that the buttons of a page carry; empty where there is no such page."""

    this: str = ""
    newer: str = ""
    older: str = ""


WORDS = {
    ("change.request", "pending"): "asked for a change",
    ("change.request", "refused"): "asked for a change and was refused",
    ("change.request", "failed"): "asked for a change, which failed",
    ("change.break_glass", "approved"): "broke the glass: asked, and nobody else approved",
    ("change.break_glass", "refused"): "tried to break the glass and was refused",
    ("change.break_glass", "failed"): "tried to break the glass, which failed",
    ("change.review", "reviewed"): "reviewed what nobody had approved",
    ("change.review", "refused"): "tried to review a change and was refused",
    ("change.approve", "approved"): "approved, the last approval needed",
    ("change.approve", "refused"): "tried to approve and was refused",
    ("change.reject", "rejected"): "rejected",
    ("change.reject", "explained"): "said why it was rejected",
    ("change.reject", "refused"): "tried to reject and was refused",
    ("change.cancel", "cancelled"): "cancelled",
    ("change.cancel", "refused"): "tried to cancel and was refused",
    ("change.expire", "expired"): "let expire",
    ("change.apply", "intent"): "began to apply",
    ("change.apply", "noted"): "began anew to apply, after a stop",
    ("change.apply", "applied"): "applied",
    ("change.apply", "failed"): "failed to apply",
    ("change.apply", "stale"): "did not apply: the event had changed",
    ("change.undo", "refused"): "tried to undo and was refused",
    ("change.undo", "failed"): "tried to undo, which failed",
    ("change.reconcile", "applied"): "found a change applied, after a restore",
    ("change.reconcile", "failed"): "found a change failed, after a restore",
    (
        "change.reconcile",
        "stale",
    ): "found a change not applied because the event had changed, after a restore",
    ("change.reconcile", "rejected"): "found a change rejected, after a restore",
    ("change.reconcile", "cancelled"): "found a change cancelled, after a restore",
    ("change.reconcile", "expired"): "found a change expired, after a restore",
    ("event.baseline", "noted"): "took note of what the events are",
    ("event.outside", "changed"): "found a change made outside this bot",
    ("event.outside", "created"): "found an event created outside this bot",
    ("event.outside", "deleted"): "found an event deleted outside this bot",
    ("outside.accept", "accepted"): "accepted what was done outside this bot",
    ("outside.accept", "refused"): "tried to accept what was done outside and was refused",
    ("outside.revert", "refused"): "tried to revert what was done outside and was refused",
    ("outside.revert", "failed"): "tried to revert what was done outside, which failed",
    ("incident.acknowledge", "done"): "acknowledged an alert",
    ("incident.acknowledge", "refused"): "tried to acknowledge an alert and was refused",
    ("incident.snooze", "done"): "snoozed an alert",
    ("incident.snooze", "refused"): "tried to snooze an alert and was refused",
    ("incident.wake", "done"): "ended the snooze of an alert",
    ("audit.export", "intent"): "began to export the audit log",
    ("audit.export", "sent"): "was sent an export of the audit log",
    ("audit.export", "refused"): "tried to export the audit log and was refused",
    ("audit.export", "failed"): "tried to export the audit log, which failed",
    ("audit.archive", "done"): "archived the oldest rows of the audit log",
    ("database.restore", "done"): "was put back from a copy",
}
"""What the bot writes about what people here and it itself do; docs/audit-format.md lists the same."""


def words_of(row: AuditRow) -> str:
    """What the actor did, as the rest of a sentence."""
    found = WORDS.get((row.action, row.outcome)) or _made_up(row.action, row.outcome)
    return found or f"{esc(row.action, 40)} ({esc(row.outcome, 40)})"


def _made_up(action: str, outcome: str) -> str:
    """Words for what has a number or a name in it; "" for what the bot does not write."""
    if action == "change.approve" and re.fullmatch(r"\d+ of \d+", outcome):
        return f"approved ({outcome})"
    if outcome != "refused":
        return ""
    # Whoever is not of this workspace gets nothing, whatever it is.
    family, _, what = action.partition(".")
    if family == "command":
        return f"typed the command {code(what, 40)} and was refused"
    if family == "form":
        return f"sent the form {code(what, 40)} and was refused"
    if action == "home.open":
        return "opened the home tab and was refused"
    return f"pressed the button {code(action, 40)} and was refused"


def _line(row: AuditRow) -> str:
    parts = [f"{local(datetime.fromisoformat(row.at))}  {person(row.actor)} {words_of(row)}"]
    about = " ".join(part for part in (esc(row.change, 20), code(row.event, 64) if row.event else "") if part)
    if about:
        parts.append(about)
    text = " · ".join(parts)
    if row.outcome in ("pending", "applied", "changed") and (changed := changed_in(row)):
        text += f"\n      {short(changed, 400)}"
    if row.reason:
        text += f"\n      _{esc(row.reason, 200)}_"
    return text


def changed_in(row: AuditRow) -> list[FieldChange]:
    """Before → after, where a row has both and they are images of an event; a row that was tampered with has not."""
    images = [
        image for image in (row.before, row.after) if isinstance(image, dict) and image.keys() >= SETTINGS
    ]
    return differences(*images) if len(images) == 2 else []


def in_words(row: AuditRow, event: str = "") -> str:
    """A row in a few plain words, for notifications and screen readers."""
    parts = [esc(row.action, 40), esc(row.outcome, 40), esc(row.change, 20), event]
    return " ".join(part for part in parts if part)


def _older(command: str) -> str:
    return f"older ones: {code(command, 90)}"


def how_many_fit(rows: Sequence[AuditRow]) -> int:
    """How many of the rows one page of the log can show, at least one."""
    return max(1, rows_that_fit([[section(_line(row))] for row in rows], spent=SPENT))


def exported(name: str, rows: int, *, left_out: bool) -> Message:
    """What goes with the file, and what the one who pressed Export sees."""
    text = f"{code(name)} with {count(rows, 'row')} of the audit log was sent to you as a direct message."
    if left_out:
        text += f" Older ones did not fit; {code('csms-bot audit export')} has them all."
    return Message(text)


def _turning(keys: Turning) -> list[Block]:
    shown = [
        *([button("Newer", NEWER, keys.newer)] if keys.newer else []),
        *([button("Older", OLDER, keys.older)] if keys.older else []),
        *(
            [button("Export CSV", EXPORT_CSV, keys.this), button("Export JSONL", EXPORT_JSONL, keys.this)]
            if keys.this
            else []
        ),
    ]
    return [actions(*shown)] if shown else []


def audit_log(rows: Sequence[AuditRow], *, more: bool, turning: Turning = Turning()) -> Message:
    """The log, newest first; `more`: there are older rows. `turning`: the buttons below it."""
    if not rows:
        text = "No row of the audit log matches."
        return Message(text, (section(text),))
    lines = [[section(_line(row))] for row in rows]
    fit = rows_that_fit(lines, spent=SPENT)
    small = f"{count(fit, 'row')}, newest first · head {rows[0].seq} {code(rows[0].hash[:12])}"
    cut_off = fit < len(rows) or (more and not turning.older)
    older = f" · {_older('csms-bot audit export')}" if cut_off else ""
    blocks: list[Block] = [header("Audit log"), *(block for line in lines[:fit] for block in line)]
    blocks.append(context(small + older))
    blocks += _turning(turning)
    text = f"Audit log, {small}: " + "; ".join(
        f"{row.seq} {person(row.actor)} {in_words(row, code(row.event, 64) if row.event else '')}"
        for row in rows[:fit]
    )
    return Message(text, tuple(blocks))
