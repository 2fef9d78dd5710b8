"""Fixtures of the scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.slack.outbox import Poster
from tests.support.stage import Stage, stage


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot does not wait a second between two posts; for tests that are about something else."""
    defaults = Poster.__init__.__kwdefaults__
    assert defaults is not None
    for name in ("pace_s", "idle_s"):
        monkeypatch.setitem(defaults, name, 0.02)


@pytest.fixture
async def quick(tmp_path: Path, unpaced: None) -> AsyncIterator[Stage]:
    """The whole program in HTTP mode, posting as fast as it can into a workspace that lets it."""
    async with stage(tmp_path) as running:
        running.slack.rate_limits.enabled = False
        yield running
