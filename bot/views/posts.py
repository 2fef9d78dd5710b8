"""Draws what the outbox posts, from the values that the store holds at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.model import Change, Incident, PostKind
from bot.views.alerts import alert, back, backfill, closed, coverage, digest, lines, outage
from bot.views.blocks import Message
from bot.views.change import Card, card, told


def draw_change(kind: str, change: Change, approvers: Sequence[str]) -> Message:
    """A card, or what its requester is told."""
    return told(change) if kind == PostKind.TOLD else card(Card(change, tuple(approvers)))


def draw_incident(incident: Incident, fix: Change | None = None) -> Message:
    """An alert; `fix` is the change request that it led to."""
    return alert(incident, fix)


def draw_data(kind: str, project: str, data: Mapping[str, Any]) -> Message:
    """The posts that show only what was kept with them."""
    if kind == PostKind.LINES:
        return lines(data)
    if kind == PostKind.DIGEST:
        return digest(data)
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
    raise ValueError(f"no view draws a {kind}")
