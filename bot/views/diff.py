"""What differs between two settings of an event: on a card, in one line, and in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.rules.updates import FieldChange
from bot.views.blocks import Block, section
from bot.views.text import code, cut

MOST_TYPES = 14
"""Types that are listed of those added, and of those removed; an event has at most 12 (CSMS: UpdateSecretEvent)."""
SIDE_BY_SIDE = 70
"""Characters that fit into one line of a card."""
SHOWN_OF_A_NAME = 48


def sections(found: Iterable[FieldChange]) -> list[Block]:
    """A paragraph for each field that differs: before → after; event types as added and removed."""
    return [section(f"*{one.name}*\n{_lines(one)}") for one in found]


def _lines(one: FieldChange) -> str:
    if one.added or one.removed:
        added, removed = _some(one.added), _some(one.removed)
        return "\n".join(
            [f":heavy_plus_sign: {name}" for name in added]
            + [f":heavy_minus_sign: {name}" for name in removed]
        )
    before, after = code(one.before, 256), code(one.after, 256)
    # Two long values side by side wrap into each other; one under the other shows where they part.
    return f"{before}{' ' if len(one.before) + len(one.after) <= SIDE_BY_SIDE else chr(10)}→ {after}"


def _some(names: Sequence[str]) -> list[str]:
    shown = [code(name, 64) for name in names[:MOST_TYPES]]
    return shown if len(names) <= MOST_TYPES else [*shown, f"and {len(names) - MOST_TYPES} more"]


def short(found: Iterable[FieldChange], limit: int) -> str:
    """One line of at most `limit` characters: what it was and is; of event types only what came and went."""
    return cut("; ".join(f"{one.name}: {_words(one)}" for one in found), limit)


def whole(one: FieldChange) -> str:
    """One field with both sides whole, in a line; of event types what came and went."""
    words = _came_and_went(one) or f"{code(one.before, 256)} → {code(one.after, 256)}"
    return cut(f"{one.name}: {words}", 700)


def _came_and_went(one: FieldChange) -> str:
    return " ".join(
        [f"+{code(name, 64)}" for name in one.added] + [f"-{code(name, 64)}" for name in one.removed]
    )


def _words(one: FieldChange) -> str:
    return _came_and_went(one) or f"{code(_ends(one.before))} → {code(_ends(one.after))}"


def _ends(text: str) -> str:
    """A long name by its two ends: URNs begin alike and differ in the last word."""
    return text if len(text) <= SHOWN_OF_A_NAME else f"{text[:8]}…{text[9 - SHOWN_OF_A_NAME :]}"


def full(found: Iterable[FieldChange]) -> str:
    """One line with both sides whole, for notifications and screen readers."""
    return "; ".join(f"{one.name}: {code(one.before, 800)} → {code(one.after, 800)}" for one in found)
