"""Makes things happen to secrets over time, so that a demo has something to show."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from bot.sandbox.csms.model import EventType, Record, State
from bot.sandbox.csms.world import CsmsWorld

# Only managed secrets are rotated by the service, and nothing here would bring a deleted one back.
_KINDS = {"COMMON": (EventType.VERSION_EXPIRED, EventType.VERSION_CREATED)}
_MANAGED = (EventType.ROTATED, EventType.VERSION_EXPIRED, EventType.VERSION_CREATED, EventType.ROTATED_FAILED)


def dice(seed: int) -> random.Random:
    """Chance that falls the same way for the same seed."""
    return random.Random(seed)  # noqa: S311 - nothing secret hangs on it


def happen(world: CsmsWorld, chance: random.Random) -> Record | None:
    """Picks a secret and a type that its enabled event lists, and triggers it; None when there is nothing to pick."""
    choices = [
        (event.name, secret.name, kind)
        for event in world.events()
        if event.state == State.ENABLED
        for secret in world.attached(event.name)
        if secret.state == State.ENABLED
        for kind in _KINDS.get(secret.secret_type, _MANAGED)
        if kind in event.event_types
    ]
    if not choices:
        return None
    # The event first, then what of it, so that a bad target shows up as often as any other.
    event = chance.choice(sorted({name for name, _, _ in choices}))
    _, secret, kind = chance.choice([choice for choice in choices if choice[0] == event])
    return world.trigger(event, kind, secret=secret)


async def run_generator(world: CsmsWorld, pace_s: float, stop: asyncio.Event, *, seed: int = 0) -> None:
    """Lets something happen every `pace_s` seconds until `stop` is set; 0 is off. The same seed, the same choices."""
    chance = dice(seed)
    while pace_s > 0 and not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pace_s)
            return
        happen(world, chance)
