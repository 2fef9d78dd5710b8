"""The list of events and one event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.model import DISABLED, ENABLED, EVENT_TYPES, Event
from bot.rules.listing import Filter, Listing
from bot.rules.updates import MAX_TYPES
from bot.views.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    divider,
    fields,
    header,
    section,
)
from bot.views.text import code, count, esc, local

PREVIOUS, NEXT, SHOW = "list.previous", "list.next", "list.show"
EDIT, ENABLE, DISABLE, HISTORY = "event.edit", "event.enable", "event.disable", "event.history"

PER_PAGE = 8
MOST = 24
"""Types that one event's page lists; it should have at most 12, but it shows what CSMS says."""
DOT = {ENABLED: ":large_green_circle:", DISABLED: ":white_circle:"}


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a listing, with the keys that its buttons carry."""

    listing: Listing
    page: int
    """From 0."""
    event_keys: Mapping[str, str]
    previous: str = ""
    next: str = ""

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-len(self.listing.events) // PER_PAGE))

    @property
    def events(self) -> tuple[Event, ...]:
        """Those of this page."""
        return self.listing.events[self.page * PER_PAGE : (self.page + 1) * PER_PAGE]


def list_page(page: ListPage) -> Message:
    """One page, with Previous and Next."""
    listing = page.listing
    summary = _summary(listing)
    blocks: list[Block] = [header("CSMS events"), context(summary)]
    for event in page.events:
        key = page.event_keys.get(event.name)
        accessory = button("Details", SHOW, key) if key else None
        blocks.append(section(_line(event), accessory=accessory))
    if not page.events:
        blocks.append(section("No event matches." if listing.total else "This project has no events yet."))
    turns = []
    if page.previous:
        turns.append(button("Previous", PREVIOUS, page.previous))
    if page.next:
        turns.append(button("Next", NEXT, page.next))
    if page.pages > 1:
        blocks += [divider(), context(f"Page {page.page + 1} of {page.pages}")]
    if turns:
        blocks.append(actions(*turns))
    names = ", ".join(code(event.name, 64) for event in page.events)
    return Message(f"{summary}: {names}" if names else summary, tuple(blocks))


def _summary(listing: Listing) -> str:
    shown = len(listing.events)
    wanted = _filter_words(listing.filter)
    start = (
        f"{shown} of {count(listing.total, 'event')} match {wanted}"
        if wanted
        else count(listing.total, "event")
    )
    return (
        f"{start} · {listing.enabled} enabled · {listing.disabled} disabled · project {code(listing.project)}"
    )


def _filter_words(wanted: Filter) -> str:
    words = [code(part) for part in (wanted.text, wanted.state.lower(), wanted.type, wanted.target) if part]
    return " and ".join(words)


def _line(event: Event) -> str:
    dot = DOT.get(event.state, ":grey_question:")
    target = f"{esc(event.target.type, 20)} {code(event.target.name, 64)}" if event.target else "_no target_"
    return f"{dot} *{code(event.name, 64)}*  {esc(event.state.lower(), 20) or 'state unknown'}\n{_types(event)}\n→ {target}"


def _types(event: Event) -> str:
    if event.types is None:
        return "_types not reported by CSMS_"
    more = f" and {len(event.types) - MAX_TYPES} more" if len(event.types) > MAX_TYPES else ""
    return " ".join(code(name, 64) for name in event.types[:MAX_TYPES]) + more or "_no types_"


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One event, and the key that its buttons carry."""

    event: Event
    project: str
    key: str


def event_detail(detail: EventDetail) -> Message:
    """Every field, with Edit, Enable or Disable, and History."""
    event = detail.event
    target = event.target
    pairs = [
        ("State", f"{DOT.get(event.state, ':grey_question:')} {esc(event.state, 40) or 'unknown'}"),
        ("Event id", code(event.event_id)),
        ("Target type", esc(target.type, 20) if target else "_none_"),
        ("Target name", code(target.name) if target else "_none_"),
        ("Created", local(event.created)),
        ("Last changed", local(event.updated)),
    ]
    blocks: list[Block] = [
        section(f"*Event {code(event.name)}*"),
        fields(pairs),
        section(f"*Target id*\n{code(target.id, 256) if target else '_none_'}"),
        section(f"*Types*\n{_type_list(event)}"),
    ]
    if event.unknown:
        extra = "\n".join(
            f"{code(name, 60)}: {code(str(value), 200)}" for name, value in list(event.unknown.items())[:10]
        )
        blocks.append(section(f"*Other fields*\n{extra}"))
    flip = button("Enable", ENABLE, detail.key, style="primary")
    if event.state == ENABLED:
        flip = button("Disable", DISABLE, detail.key)
    blocks.append(
        actions(
            button("Edit", EDIT, detail.key), flip, button("History", HISTORY, detail.key), block_id="event"
        )
    )
    blocks.append(context(f"Project {code(detail.project)} · read from CSMS just now"))
    types = (
        "types not reported"
        if event.types is None
        else ", ".join(esc(name, 64) for name in event.types[:MOST])
    )
    where = f"{esc(target.type, 20)} {code(target.name)} ({code(target.id, 256)})" if target else "no target"
    return Message(
        f"Event {code(event.name)}: {esc(event.state, 40) or 'state unknown'}; {types}; to {where}",
        tuple(blocks),
    )


def _type_list(event: Event) -> str:
    if event.types is None:
        return "_CSMS did not report them_"
    lines = [
        f"• {code(name, 64)}" + ("" if name in EVENT_TYPES else "  _(not in CSMS's documentation)_")
        for name in event.types[:MOST]
    ]
    if len(event.types) > MOST:
        lines.append(f"and {len(event.types) - MOST} more")
    return "\n".join(lines) or "_none_"
