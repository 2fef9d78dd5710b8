"""Many incidents in one message, each with a button that shows it whole to the one who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.model import Incident, IncidentState
from bot.views.alerts import FACES, LOOK, SHOW_ALL, in_project, mention
from bot.views.blocks import Block, Message, actions, button, context, divider, header, section
from bot.views.text import code, count, esc, local, person

PREVIOUS, NEXT = "digest.previous", "digest.next"
SHOWN = 25
"""Incidents that a digest shows; a channel is read by many, and all of them are one click away."""
PER_PAGE = 20


def digest(key: str, data: Mapping[str, Any], now: Mapping[str, Incident] | None = None) -> Message:
    """Many incidents that one poll saw, and what people do about them; the records are in its thread, or each in the thread
    of its incident where that has one.

    `now`: the incidents as they are, by key.
    """
    incidents: Sequence[Mapping[str, Any]] = data["incidents"]
    notices = sum(int(one["count"]) for one in incidents)
    known = sum("known" in one for one in incidents)
    more, those = "notice", ""
    if known == len(incidents):
        more, those = "more notice", " that was known before" if known == 1 else " that were known before"
    elif known:
        those = f" ({known} of them known before)"
    text = f"{count(notices, more)} not delivered, {count(len(incidents), 'incident')}{those}; {_where(incidents)}"
    title = "Many notices were not delivered"
    if data.get("away_since"):
        title = "While I was away"
        since = local(datetime.fromtimestamp(data["away_since"], UTC))
        text = f"While I was away (since {since}): {text}"
    text = in_project(data) + text
    mentions = " ".join(mention(whom) for whom in data.get("mentions", ())[:5])
    text = f"{mentions} {text}" if mentions else text
    blocks: list[Block] = [header(title), section(f":rotating_light: {text}.")]
    blocks += _rows(incidents[:SHOWN], now or {}, kept=True)
    if len(incidents) > SHOWN:
        blocks.append(context(f"and {len(incidents) - SHOWN} more"))
        blocks.append(actions(button(f"Show all {len(incidents)}", SHOW_ALL, key)))
    return Message(text, tuple(blocks))


def _where(incidents: Sequence[Mapping[str, Any]]) -> str:
    """Where the records are named."""
    elsewhere = sum("own_thread" in one for one in incidents)
    if elsewhere == len(incidents):
        return "the records are in their own threads"
    return "the records are in the thread" + (
        ", or in the incident's own where it says so" if elsewhere else ""
    )


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a digest's incidents, for the one who asks."""

    incidents: Sequence[Mapping[str, Any]]
    """All of them, as the digest was made with them."""
    number: int
    """From 0."""
    previous: str = ""
    next: str = ""
    """Keys of the buttons; empty: there is no such page."""

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """Those of this page."""
        return self.incidents[self.number * PER_PAGE :][:PER_PAGE]

    @property
    def pages(self) -> int:
        """How many there are."""
        return max(1, -(-len(self.incidents) // PER_PAGE))


def all_incidents(page: Page, now: Mapping[str, Incident]) -> Message:
    """A page of the incidents of a digest."""
    text = f"{count(len(page.incidents), 'incident')}, page {page.number + 1} of {page.pages}"
    blocks: list[Block] = [section(f"*{text}*"), *_rows(page.shown, now)]
    turns = [("Previous", PREVIOUS, page.previous), ("Next", NEXT, page.next)]
    if buttons := [button(label, action, key) for label, action, key in turns if key]:
        blocks += [divider(), actions(*buttons)]
    return Message(text, tuple(blocks))


def _rows(
    incidents: Sequence[Mapping[str, Any]], now: Mapping[str, Incident], *, kept: bool = False
) -> list[Block]:
    """`kept`: in a message that stays, and is drawn anew as the incidents that it opened move on, but no others."""
    rows = []
    for one in incidents:
        incident = now.get(one.get("key", ""))
        words = [
            f"{code(one['event'], 64)} {esc(str(one['status']), 20)} → {code(str(one['target']), 64)} · "
            + count(int(one["count"]), "notice")
        ]
        if one.get("own_thread"):
            words.append("in its own thread")
        elif one.get("known"):
            words.append("known before")
        if incident is not None and not (kept and one.get("known")):
            words += _story(incident)
        look = None if incident is None else button("Look into it", LOOK, incident.key)
        rows.append(section(" · ".join(words), accessory=look))
    return rows


def _story(incident: Incident) -> list[str]:
    """What became of it, in few words."""
    story = []
    if incident.state is not IncidentState.FAILING:
        face, title = FACES[incident.state]
        story.append(f"{face} {title.lower()}")
    if incident.acknowledged_by:
        story.append(f":eyes: {person(incident.acknowledged_by)}")
    if incident.snoozed_until is not None:
        story.append(f":zzz: until {local(incident.snoozed_until)}")
    return story
