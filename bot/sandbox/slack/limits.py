"""Slack's rate limits, by the workspace's clock.

Figures are those of Slack's rate-limit page: tiers 2, 3 and 4 are 20, 50 and 100 calls a minute for each method;
chat.postMessage is about one a second for each channel, with short bursts.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

WINDOW_S = 60
POST_BURST = 3
POSTS_PER_S = 1.0


class RateLimits:
    """Counts calls and says how long to wait. Refused calls do not count."""

    def __init__(self, clock: Callable[[], float], *, enabled: bool = True) -> None:
        self._clock = clock
        self.enabled = enabled
        self._calls: dict[str, deque[float]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}

    def call(self, method: str, per_minute: int | None) -> int | None:
        """Counts one call of a tiered method; None when it may go on, else the whole seconds to wait."""
        if not self.enabled or per_minute is None:
            return None
        now = self._clock()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - WINDOW_S:
            calls.popleft()
        if len(calls) >= per_minute:
            return max(1, math.ceil(calls[0] + WINDOW_S - now))
        calls.append(now)
        return None

    def post(self, channel: str) -> int | None:
        """Counts one chat.postMessage into `channel`; None when it may go on, else the whole seconds to wait."""
        if not self.enabled:
            return None
        now = self._clock()
        tokens, at = self._buckets.get(channel, (float(POST_BURST), now))
        tokens = min(float(POST_BURST), tokens + (now - at) * POSTS_PER_S)
        if tokens < 1:
            self._buckets[channel] = (tokens, now)
            return max(1, math.ceil((1 - tokens) / POSTS_PER_S))
        self._buckets[channel] = (tokens - 1, now)
        return None
