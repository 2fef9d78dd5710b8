"""The values of flags that several verbs take."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.config import duration
from bot.errors import Usage
from bot.model import EVENT_TYPES
from bot.nearest import did_you_mean
from bot.slack.handling import SlashCommand


def since(call: SlashCommand, usage: str) -> datetime | None:
    """`--since 7d`: the earliest time that is wanted, UTC; None without the flag. Usage for no length of time."""
    given = call.words.one("--since")
    if given is None:
        return None
    try:
        return call.services.clock() - duration(given)
    except ValueError as error:
        raise Usage(f"`{given[:40]}` {error}.", usage) from None


def event_type(given: str, seen: Iterable[str], usage: str) -> str:
    """`--type T`: a documented type, or one of those `seen` at the service, which knows more. Usage for another."""
    known = (*EVENT_TYPES, *sorted(set(seen) - set(EVENT_TYPES)))
    for name in (given, given.upper()):
        if name in known:
            return name
    listed = ", ".join(f"`{name}`" for name in known)
    raise Usage(f"`{given[:80]}` is not an event type.{did_you_mean(given, known)} Known: {listed}.", usage)
