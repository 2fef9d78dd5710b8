"""Lists in pages: by name, newest first, with an exclusive marker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from bot.sandbox.csms.errors import Refusal
from bot.sandbox.csms.model import NextMarker


class Named(Protocol):
    """What can be paged."""

    @property
    def name(self) -> str:
        """Unique among its kind."""

    @property
    def create_time(self) -> int:
        """In ms."""


NamedT = TypeVar("NamedT", bound=Named)


@dataclass(frozen=True, slots=True)
class Page(Generic[NamedT]):
    """A page of a list and its `page_info`."""

    items: list[NamedT]
    info: dict[str, Any]


def newest_first(items: Iterable[NamedT]) -> list[NamedT]:
    """By time of making; of one second, the last added first."""
    return sorted(items, key=lambda item: item.create_time)[::-1]


def cut(items: Sequence[NamedT], *, limit: int, marker: str | None, next_marker: NextMarker) -> Page[NamedT]:
    """The `limit` items after the one named `marker`.

    Nobody says what a marker does whose item is gone: it is refused here, as a sister service does.
    """
    start = 0
    if marker is not None:
        start = 1 + next((at for at, item in enumerate(items) if item.name == marker), -1)
        if not start:
            raise Refusal(400, "CSMS.0005", "The marker does not exist.")
    page = list(items[start : start + limit])
    first, last = (page[0].name, page[-1].name) if page else (None, None)
    info = {"next_marker": last, "previous_marker": marker or first, "current_count": len(page)}
    if start + limit >= len(items):
        match next_marker:
            case NextMarker.ALWAYS:
                pass
            case NextMarker.EMPTY:
                info["next_marker"] = ""
            case NextMarker.ABSENT:
                del info["next_marker"]
    return Page(page, info)
