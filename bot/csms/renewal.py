"""One value that expires, kept and renewed by one caller at a time: a token, or temporary keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from bot.errors import CsmsError, CsmsRefused

log = logging.getLogger(__name__)

T = TypeVar("T")
Clock = Callable[[], datetime]

EARLY_EVERY = timedelta(minutes=1)
"""How often an early renewal is tried while the old value still works."""
REFUSED_FOR = timedelta(minutes=5)
"""How long a refusal is believed without asking again: repeated wrong passwords lock the account (IAM)."""


def utc_now() -> datetime:
    """The clock of a running program."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """A value, when it stops working, and from when on a new one is wanted."""

    value: T
    expires: datetime
    renew: datetime


class Renewed(Generic[T]):
    """Gives the value out; fetches when there is none, it is due, or a caller says that it was refused."""

    def __init__(self, fetch: Callable[[], Awaitable[Held[T]]], *, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._held: Held[T] | None = None
        self._tried: datetime | None = None
        self._refusal: CsmsError | None = None

    @property
    def current(self) -> T | None:
        """The value at hand, whatever its age."""
        return self._held.value if self._held else None

    async def get(self, *, refused: T | None = None) -> T:
        """A value that should work. `refused`: one that does not, so it is never the answer.

        CsmsError when none can be had. While an old value still works, failing to renew it is only logged.
        """
        async with self._lock:
            now = self._clock()
            held = self._held
            usable = held is not None and held.value != refused and now < held.expires
            if held is not None and usable and not self._due(held, now):
                return held.value
            if self._refusal is not None and self._tried is not None and now - self._tried < REFUSED_FOR:
                raise self._refusal.with_traceback(None)
            self._tried = now
            try:
                self._held = await self._fetch()
            except CsmsError as error:
                if held is not None and usable:
                    log.warning(
                        "credential not renewed", extra={"action": "renewal_failed", "error": str(error)}
                    )
                    return held.value
                self._refusal = error if isinstance(error, CsmsRefused) else None
                raise
            self._refusal = None
            return self._held.value

    def _due(self, held: Held[T], now: datetime) -> bool:
        return now >= held.renew and (self._tried is None or now - self._tried >= EARLY_EVERY)
