"""Narrowing a list of events."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model import Event


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listing is narrowed to; empty fields let everything through."""

    text: str = ""
    state: str = ""
    type: str = ""
    target: str = ""

    def lets_through(self, event: Event) -> bool:
        """`text` is looked for, without case, in the name and the target."""
        target = event.target
        hay = [event.name, target.name if target else "", target.id if target else ""]
        return (
            (not self.text or any(self.text.lower() in part.lower() for part in hay))
            and (not self.state or event.state == self.state)
            and (not self.type or self.type in (event.types or ()))
            and (not self.target or (target is not None and target.type.upper() == self.target))
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """The events that a filter let through, sorted by name, and counts over all of them."""

    project: str
    events: tuple[Event, ...]
    total: int
    enabled: int
    disabled: int
    filter: Filter
