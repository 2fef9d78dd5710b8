"""Reading events."""

from __future__ import annotations

import contextlib
from collections import Counter

from bot.errors import CsmsError, CsmsNotFound, Refused
from bot.model import DISABLED, ENABLED, Event
from bot.nearest import nearest
from bot.rules.listing import Filter, Listing
from bot.rules.updates import check_event_name
from bot.services.projects import Scope


async def list_events(scope: Scope, wanted: Filter) -> Listing:
    """Every event of the project, narrowed. CsmsError."""
    events = await scope.csms.list_events()
    scope.names = tuple(event.name for event in events)
    states = Counter(event.state for event in events)
    shown = sorted((event for event in events if wanted.lets_through(event)), key=lambda event: event.name)
    return Listing(scope.name, tuple(shown), len(events), states[ENABLED], states[DISABLED], wanted)


async def get_event(scope: Scope, name: str) -> Event:
    """One event. Refused, naming the nearest event, when there is none of that name; CsmsError."""
    check_event_name(name)
    try:
        return await scope.csms.show_event(name)
    except CsmsNotFound:
        raise Refused(await _no_such_event(scope, name)) from None


async def _no_such_event(scope: Scope, name: str) -> str:
    with contextlib.suppress(CsmsError):  # The names at hand are good enough for a hint.
        scope.names = tuple(event.name for event in await scope.csms.list_events())
    close = nearest(name, scope.names)
    hint = f" Did you mean `{close}`?" if close else " `list` shows those that exist."
    return f"There is no event `{name}` in project `{scope.name}`.{hint}"
