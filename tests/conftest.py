"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.stage import Stage, stage


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the home directory of whoever runs it."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Stage]:
    """The whole program in HTTP mode."""
    async with stage(tmp_path) as running:
        yield running


@pytest.fixture(params=["http", "socket"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """The whole program, once in HTTP mode and once in Socket Mode."""
    async with stage(tmp_path, socket_mode=request.param == "socket") as running:
        yield running
