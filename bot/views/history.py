"""What became of one event: its change requests and what was done outside, newest first, each with its steps in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.model import AuditRow, ChangeState
from bot.rules.timeline import ASKED, Story
from bot.views.audit import SETTINGS, Turning, changed_in, in_words, words_of
from bot.views.blocks import Block, Message, actions, button, context, divider, header, rows_that_fit, section
from bot.views.change import FACE
from bot.views.diff import whole
from bot.views.outside import settings_in_words
from bot.views.text import clean, code, count, esc, local, person

NEWER, OLDER = "history.newer", "history.older"

SPENT = 300
"""Characters that the head and the small print of a page take."""
MOST_STEPS = 8
"""Of one change request; with reasons of 200 characters they fit into one block."""
DOORS = {
    "changed": "Changed outside this bot",
    "created": "Created outside this bot",
    "deleted": "Deleted outside this bot",
}


def history(name: str, stories: Sequence[Story], *, command: str, turning: Turning) -> Message:
    """A page of it. `command` is the slash command's name; `turning` has the keys of the buttons below."""
    if not stories:
        text = f"Nothing has been done to {code(name)} through this bot yet."
        return Message(text, (section(text),))
    told = [_blocks(story) for story in stories]
    fit = max(1, rows_that_fit(told, spent=SPENT))
    blocks: list[Block] = [
        header(f"History of {clean(name, 100)}"),
        *(block for story in told[:fit] for block in story),
        context(f"Newest first · every row: {code(f'{command} audit --event {clean(name, 64)}', 120)}"),
    ]
    shown = [
        *([button("Newer", NEWER, turning.newer)] if turning.newer else []),
        *([button("Older", OLDER, turning.older)] if turning.older else []),
    ]
    blocks += [actions(*shown)] if shown else []
    text = f"History of {code(name)}: " + "; ".join(_in_short(story) for story in stories[:fit])
    return Message(text, tuple(blocks))


def how_many_fit(stories: Sequence[Story]) -> int:
    """How many of the stories one page can show, at least one."""
    return max(1, rows_that_fit([_blocks(story) for story in stories], spent=SPENT))


def _blocks(story: Story) -> list[Block]:
    steps = story.steps
    if not story.change:
        return [section("\n".join(_alone(steps[0]))), divider()]
    face = FACE[ChangeState(story.state)] if story.state else "what came before is not in the log any more"
    asked = [row for row in steps if (row.action, row.outcome) in ASKED]
    head = [f"*{esc(story.change, 20)}* · {face}", *(line for row in asked[:1] for line in _changed(row))]
    return [section("\n".join(head)), section("\n".join(_steps(steps))), divider()]


def _steps(steps: Sequence[AuditRow]) -> list[str]:
    """All of them, or the first and the last ones."""
    if len(steps) <= MOST_STEPS:
        return [_step(row) for row in steps]
    half = MOST_STEPS // 2
    left_out = f"      … {count(len(steps) - 2 * half, 'more step')} …"
    return [*map(_step, steps[:half]), left_out, *map(_step, steps[-half:])]


def _alone(row: AuditRow) -> list[str]:
    """A row that belongs to no change request: done outside, accepted, refused."""
    if row.action == "event.outside" and row.outcome in DOORS:
        lines = [f":door: *{DOORS[row.outcome]}* · found {_when(row)}", *_changed(row)]
        image = row.after if row.before is None else row.before if row.after is None else None
        if isinstance(image, dict) and image.keys() >= SETTINGS:
            lines.append(settings_in_words(image))
        return [*lines, *_reason(row)]
    mark = ":no_entry_sign: " if row.outcome == "refused" else ""
    return [f"{mark}{_who(row)} {words_of(row)} · {_when(row)}", *_reason(row)]


def _step(row: AuditRow) -> str:
    mark = ":no_entry_sign:" if row.outcome == "refused" else "•"
    return "\n".join([f"{mark} {_when(row)}  {_who(row)} {words_of(row)}", *_reason(row)])


def _reason(row: AuditRow) -> list[str]:
    return [f"      _{esc(row.reason, 200)}_"] if row.reason else []


def _changed(row: AuditRow) -> list[str]:
    """Before → after, a line for each field."""
    return [whole(one) for one in changed_in(row)]


def _who(row: AuditRow) -> str:
    return "the bot" if row.actor == "system" else person(row.actor)


def _when(row: AuditRow) -> str:
    return local(datetime.fromisoformat(row.at))


def _in_short(story: Story) -> str:
    row = story.steps[0]
    if story.change and (row.action, row.outcome) not in ASKED:
        # What asked for it was archived.
        return f"{esc(story.change, 20)} {story.state}".strip()
    if not story.change:
        return in_words(row)
    return f"{esc(story.change, 20)} {story.state}, asked by {_who(row)}: {'; '.join(_changed(row))}"
