"""Reads what the warnings on a card are made of, all at once and never for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from bot.errors import CsmsError
from bot.model import ENABLED, Event, Patch, Target
from bot.rules.warnings import Known, warnings
from bot.services.projects import Scope

T = TypeVar("T")

PATIENCE_S = 4.0
"""A warning that takes longer is left out: the request itself must not wait for it."""


async def warnings_for(scope: Scope, event: Event, patch: Patch) -> tuple[str, ...]:
    """The warnings that can be known now; whatever cannot be read, for want of a permission say, is left out."""
    topics = (
        scope.csms.topics(patch.target.name) if patch.target and patch.target.type == "SMN" else _nothing()
    )
    events, found, records, secrets = await asyncio.gather(
        _try(scope.csms.list_events()),
        _try(topics),
        _try(scope.csms.notification_records() if patch.target else _nothing()),
        _try(scope.csms.secrets_of(event.name)),
    )
    known = Known(
        project_id=scope.project_id,
        region=scope.region,
        events=events,
        topics=None if found is None else frozenset(topic.id for topic in found),
        records=None if records is None else records.records,
        secrets=None if secrets is None else len(secrets),
    )
    return warnings(event, patch, known)


async def targets_for(scope: Scope, event: Event) -> tuple[Target, ...]:
    """Targets to choose from: those of other enabled events first, then the project's SMN topics; each once."""
    events, topics = await asyncio.gather(_try(scope.csms.list_events()), _try(scope.csms.topics()))
    used = [other.target for other in events or () if other.state == ENABLED and other.name != event.name]
    found = dict.fromkeys(target for target in (*used, *(topics or ())) if target is not None)
    found.pop(event.target, None)
    return tuple(found)


async def _nothing() -> None:
    return None


async def _try(read: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await read
    except (CsmsError, TimeoutError):
        return None
