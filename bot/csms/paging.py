"""How a list is walked that continues after a name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from bot.csms.wire import Page
from bot.errors import CsmsRefused

T = TypeVar("T")
Fetch = Callable[[str], Awaitable[Page[T]]]


class Endless(Exception):
    """The list was not over after the pages that a walk takes at most."""


async def walk(
    fetch: Fetch[T], key: Callable[[T], str], *, limit: int, max_pages: int
) -> AsyncGenerator[list[T], None]:
    """The pages, each without what an earlier one held, until the list ends; never an empty one.

    `fetch` gets the marker, "" at first. The list ends at an empty or a short page (CSMS: "if the number of records
    returned on the last page is less than the value of limit, the query ends"), at a page that holds nothing new,
    and where a marker comes up again. `next_marker` is not believed: CSMS's own sample sets it on its only page.
    Endless after `max_pages`, when all that was read has been given.

    A server that begins a page with the last element of the page before (what the documentation of `next_marker`
    suggests) is walked to its end too.
    """
    seen: set[str] = set()
    used: set[str] = set()
    markers: tuple[str, ...] = ("",)
    for _ in range(max_pages):
        page = await _after(markers, fetch)
        fresh = {key(item): item for item in page.items}
        for name in seen.intersection(fresh):
            del fresh[name]
        if fresh:
            seen.update(fresh)
            yield list(fresh.values())
        if not fresh or page.count < limit or page.markers[0] in used:
            return
        markers = page.markers
        used.add(markers[0])
    raise Endless


async def _after(markers: tuple[str, ...], fetch: Fetch[T]) -> Page[T]:
    """The page after the first marker that still exists: its event may have been deleted since it was read."""
    for marker in markers[:-1]:
        try:
            return await fetch(marker)
        except CsmsRefused as error:
            if error.status != 404 and error.code != "CSMS.0005":
                raise
    return await fetch(markers[-1])
