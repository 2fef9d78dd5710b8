"""The audit log, and one event's history, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.model import AuditRow
from bot.rules.updates import differences
from bot.views.blocks import Block, Message, context, header, section
from bot.views.text import code, count, esc, local, person

WORDS = {
    ("change.request", "pending"): "asked for a change",
    ("change.request", "refused"): "was refused a change request",
    ("change.request", "failed"): "could not ask for a change",
    ("change.approve", "approved"): "approved, the last approval needed",
    ("change.approve", "refused"): "was refused to approve",
    ("change.reject", "rejected"): "rejected",
    ("change.reject", "refused"): "was refused to reject",
    ("change.cancel", "cancelled"): "cancelled",
    ("change.cancel", "refused"): "was refused to cancel",
    ("change.expire", "expired"): "let expire",
    ("change.apply", "intent"): "began to apply",
    ("change.apply", "applied"): "applied",
    ("change.apply", "failed"): "failed to apply",
    ("change.apply", "stale"): "did not apply: the event had changed",
}


def _line(row: AuditRow, *, name_event: bool) -> str:
    words = WORDS.get((row.action, row.outcome), f"{esc(row.action, 40)} ({esc(row.outcome, 40)})")
    parts = [f"{local(datetime.fromisoformat(row.at))}  {person(row.actor)} {words}"]
    about = " ".join(
        part
        for part in (esc(row.change, 20), code(row.event, 64) if name_event and row.event else "")
        if part
    )
    if about:
        parts.append(about)
    text = " · ".join(parts)
    changed = _changed(row.before, row.after)
    if changed and row.outcome in ("pending", "applied"):
        text += f"\n      {changed}"
    if row.reason:
        text += f"\n      _{esc(row.reason, 200)}_"
    return text


def _changed(before: Any, after: Any) -> str:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return ""
    found = differences(before, after)
    return "; ".join(f"{one.name}: {code(one.before, 80)} → {code(one.after, 80)}" for one in found)


def _rows(rows: Sequence[AuditRow], *, name_event: bool) -> list[Block]:
    return [section(_line(row, name_event=name_event)) for row in rows]


def history(name: str, rows: Sequence[AuditRow], *, more: bool) -> Message:
    """One event's history, newest first."""
    if not rows:
        text = f"Nothing has been done to {code(name)} through this bot yet."
        return Message(text, (section(text),))
    blocks = [header(f"History of {name[:100]}"), *_rows(rows, name_event=False)]
    if more:
        blocks.append(context(f"Older rows: `csms-bot audit export --event {esc(name, 64)}`"))
    text = f"History of {code(name)}: " + "; ".join(
        f"{row.action} {row.outcome} {row.change}".strip() for row in rows
    )
    return Message(text, tuple(blocks))


def audit_log(rows: Sequence[AuditRow], *, more: bool) -> Message:
    """The log, newest first."""
    if not rows:
        text = "No row of the audit log matches."
        return Message(text, (section(text),))
    blocks = [header("Audit log"), *_rows(rows, name_event=True)]
    small = f"{count(len(rows), 'row')}, newest first · head {rows[0].seq} {code(rows[0].hash[:12])}"
    blocks.append(context(small + (" · older ones: `csms-bot audit export`" if more else "")))
    text = f"Audit log, {small}: " + "; ".join(
        f"{row.seq} {person(row.actor)} {row.action} {row.outcome} {row.change} {row.event}".strip()
        for row in rows
    )
    return Message(text, tuple(blocks))
