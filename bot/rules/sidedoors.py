"""What was done to events without the bot: what it last knew, and its own writes since, against what is there now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model import AuditRow, Finding, Outside

SETTINGS = ("state", "types", "target")
Image = Mapping[str, Any]
"""`Event.image()`, or the part of it that an update can change."""


@dataclass(frozen=True, slots=True)
class Write:
    """One of the bot's own writes, from the audit log."""

    change: str
    before: Image
    after: Image
    sure: bool
    """False: nobody knows whether CSMS took it."""


def writes(rows: Iterable[AuditRow]) -> list[Write]:
    """The bot's writes to one event, from its rows of `change.apply`, oldest first."""
    wanted: dict[str, Image] = {}
    found: list[Write] = []
    for row in rows:
        if row.outcome == "intent":
            wanted[row.change] = row.after
        elif row.outcome in ("applied", "failed") and row.before is not None and row.change in wanted:
            asked = wanted.pop(row.change)
            if row.after is None:
                found.append(Write(row.change, row.before, asked, sure=False))
            elif not same(row.after, row.before):
                found.append(Write(row.change, row.before, _filled(row.after, asked), sure=True))
    return found


def compare(known: Image | None, seen: Image | None, ours: Sequence[Write], name: str) -> list[Finding]:
    """What happened to the event `name` without the bot, in order. Images of None: it was not, or is not, there."""
    if known is None:
        return [] if seen is None else [Finding(name, Outside.CREATED, None, settings(seen))]
    found: list[Finding] = []
    expected = settings(known)
    unsure: list[Write] = []
    for write in ours:
        if not write.sure:
            unsure.append(write)
            continue
        if not same(expected, write.before):
            found.append(_changed(name, expected, write.before, unsure))
        expected = settings(write.after)
    if seen is None:
        return [*found, Finding(name, Outside.DELETED, expected, None)]
    if known["event_id"] and seen["event_id"] and known["event_id"] != seen["event_id"]:
        gone = Finding(name, Outside.DELETED, expected, None)
        return [*found, gone, Finding(name, Outside.CREATED, None, settings(seen))]
    if not same(expected, seen):
        found.append(_changed(name, expected, seen, unsure))
    return found


def settings(image: Image) -> dict[str, Any]:
    """The part of an image that an update can change."""
    return {key: image[key] for key in SETTINGS}


def same(one: Image, other: Image) -> bool:
    """True when nothing that an update can change differs. Types that CSMS did not report cannot contradict."""
    if one["types"] is not None and other["types"] is not None and one["types"] != other["types"]:
        return False
    return bool(one["state"] == other["state"] and one["target"] == other["target"])


def _filled(found: Image, other: Image) -> dict[str, Any]:
    return settings(found) | ({"types": other["types"]} if found["types"] is None else {})


def _changed(name: str, before: Image, after: Image, unsure: Sequence[Write]) -> Finding:
    maybe = next((write.change for write in reversed(unsure) if same(write.after, after)), "")
    note = f"It may be {maybe}, of which nobody knows whether CSMS took it." if maybe else ""
    return Finding(name, Outside.CHANGED, settings(before), _filled(after, before), note)
