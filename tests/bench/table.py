"""What a measurement says, and how the table shows it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TIMES = "\N{MULTIPLICATION SIGN}"
"""The unit of a ratio."""
HEADINGS = ("measure", "ours", "peer", "figure", "goal", "holds")


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for a figure, in the figure's own unit. Exactly on it counts as held."""

    limit: float
    at_least: bool = False
    strict: bool = False
    """Below the limit, and not on it."""

    def holds(self, figure: float) -> bool:
        """Whether the figure is on the right side."""
        if self.strict:
            return figure < self.limit
        return figure >= self.limit if self.at_least else figure <= self.limit

    @property
    def sign(self) -> str:
        """The comparison, as it is printed."""
        return "<" if self.strict else "≥" if self.at_least else "≤"


@dataclass(frozen=True, slots=True)
class Line:
    """One measure. `figure` is what the goal is about, in `unit`; without a goal it is only shown."""

    measure: str
    figure: float
    unit: str
    ours: str = ""
    peer: str = ""
    goal: Goal | None = None

    @property
    def held(self) -> bool:
        """False only where there is a goal that was missed."""
        return self.goal is None or self.goal.holds(self.figure)

    def cells(self) -> tuple[str, ...]:
        """The texts of its row, in the order of HEADINGS."""
        goal = f"{self.goal.sign} {number(self.goal.limit, self.unit)}" if self.goal else ""
        holds = ("yes" if self.held else "NO") if self.goal else ""
        return (self.measure, self.ours, self.peer, number(self.figure, self.unit), goal, holds)


def number(value: float, unit: str) -> str:
    """Three figures or so, and the unit, set off but for TIMES: `1.25 ms`, `78.4 MB`, `1,234 /s`."""
    decimals = 0 if abs(value) >= 1000 else 1 if abs(value) >= 20 else 2 if abs(value) >= 1 else 3
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text}{unit}" if unit == TIMES else f"{text} {unit}".rstrip()


def interleaved(contenders: Sequence[str], rounds: int) -> Iterable[str]:
    """Whose turn it is, `rounds` turns each; each round begins with the next one, so that no order favours anybody."""
    for turn in range(rounds):
        start = turn % len(contenders)
        yield from (*contenders[start:], *contenders[:start])


def render(lines: Sequence[Line]) -> str:
    """The aligned table: words to the left, numbers to the right."""
    rows = [HEADINGS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_row(row, widths) for row in (rows[0], rule, *rows[1:]))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if column in (0, len(widths) - 1) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()
