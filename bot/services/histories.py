"""What became of one event, story by story, from the audit log."""

from __future__ import annotations

from dataclasses import replace

from bot.rules.timeline import Story, Telling
from bot.store import Store

CHUNK = 200
"""Rows read in one step of the store."""
MOST_STEPS = 100
"""Rows of one change request that are read; attempts that were refused can be many."""


async def stories(store: Store, project: str, event: str, *, until: int, most: int) -> list[Story]:
    """The newest `most` stories of the event that begin at or before row `until`, newest first, each to its end."""
    telling = Telling(most)
    before, rows = until, []
    while not telling.enough:
        rows = await store.audit.read(
            project=project, event=event, until=before, newest_first=True, limit=CHUNK
        )
        telling.read(rows)
        if len(rows) < CHUNK:
            break
        before = rows[-1].seq - 1
    found = telling.told(end=not telling.enough)
    return [await _whole(store, project, event, story, until) for story in found]


async def _whole(store: Store, project: str, event: str, story: Story, until: int) -> Story:
    """With what happened to it behind the row `until`, at which the reading began."""
    if not story.change:
        return story
    later = await store.audit.read(
        project=project, event=event, change=story.change, after=until, limit=MOST_STEPS
    )
    return replace(story, rows=(*story.rows, *later))
