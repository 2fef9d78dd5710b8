"""Draws what the outbox posts, from the values that the store holds at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.model import Change, Incident, PostKind
from bot.views.alerts import alert, back, backfill, closed, coverage, lines, outage
from bot.views.blocks import Message
from bot.views.change import Card, card, half_time, review_reminder, told
from bot.views.digest import digest
from bot.views.witness import head, restored, small_print


def draw_change(
    kind: str,
    change: Change,
    approvers: Sequence[str],
    data: Mapping[str, Any],
    ended: tuple[int, str] | None = None,
) -> Message | None:
    """A card, what its requester is told, or a reminder; None for a reminder that is not needed any more.

    `ended`: the audit row, and its hash, that ended the change.
    """
    if kind == PostKind.TOLD:
        return told(change)
    shown = Card(change, tuple(approvers))
    if kind == PostKind.CARD:
        drawn = card(shown)
        return Message(drawn.text, (*drawn.blocks, small_print(*ended))) if ended else drawn
    return review_reminder(shown) if data.get("what") == "review" else half_time(shown)


def draw_incident(incident: Incident, fix: Change | None = None) -> Message:
    """An alert; `fix` is the change request that it led to."""
    return alert(incident, fix)


def draw_lines(
    data: Mapping[str, Any], incident: Incident | None, fix: Change | None = None, *, digest: str = ""
) -> Message:
    """Later records; with `incident`, as it is now, and its buttons. `digest`: the key of the one that they belong to."""
    return lines(data, incident, fix, digest=digest if data.get("mixed") else "")


def draw_digest(key: str, data: Mapping[str, Any], now: Mapping[str, Incident]) -> Message:
    """Many incidents; `now` has them as they are, by key."""
    return digest(key, data, now)


def draw_data(kind: str, project: str, data: Mapping[str, Any]) -> Message:
    """The posts that show only what was kept with them."""
    if kind == PostKind.ANSWER:
        return Message(data["text"], tuple(data["blocks"]))
    if kind == PostKind.BACKFILL:
        return backfill({"project": project, **data})
    if kind == PostKind.COVERAGE:
        return coverage(project)
    if kind == PostKind.OUTAGE:
        return outage(project, data)
    if kind == PostKind.BACK:
        return back(project, data)
    if kind == PostKind.CLOSED:
        return closed(data)
    if kind == PostKind.RESTORED:
        return restored(data)
    if kind == PostKind.WITNESS:
        return head(data)
    raise ValueError(f"no view draws a {kind}")
