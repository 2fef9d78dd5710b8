"""What can be done, with an example each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.views.blocks import Block, Message, context, header, section
from bot.views.text import code, esc


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """One verb."""

    name: str
    summary: str
    usage: str
    example: str


def all_help(entries: Sequence[HelpEntry]) -> Message:
    """Every verb in a line or two."""
    lines = [
        f"*{esc(entry.name, 40)}*: {esc(entry.summary)}\n      {code(entry.example, 200)}"
        for entry in entries
    ]
    blocks: list[Block] = [header("What csms-bot can do")]
    blocks += [section("\n".join(lines[at : at + 5])) for at in range(0, len(lines), 5)]
    blocks.append(
        context(
            "Answers are for you alone unless you add `--share`. Every change is shown before and after, and approved."
        )
    )
    text = "What csms-bot can do:\n" + "\n".join(
        f"{esc(entry.name, 40)}: {code(entry.example, 200)}" for entry in entries
    )
    return Message(text, tuple(blocks))


def one_help(entry: HelpEntry) -> Message:
    """One verb, with its usage."""
    text = f"*{esc(entry.name, 40)}*: {esc(entry.summary)}"
    return Message(
        f"{text}\nUsage: {code(entry.usage, 900)}\nExample: {code(entry.example, 200)}",
        (section(f"{text}\nUsage: {code(entry.usage, 900)}\nExample: {code(entry.example, 200)}"),),
    )
