"""A settings file that a test writes."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path):
    """Writes a settings file and gives its name."""

    def write(content: str) -> str:
        path = tmp_path / "csms-bot.toml"
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write
