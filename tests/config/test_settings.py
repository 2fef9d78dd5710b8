"""The table of settings."""

from __future__ import annotations

from bot.config import Settings, fields, file_name


def test_every_setting_is_described_for_people():
    rows = fields()

    assert len(rows) == len(Settings.model_fields) - 2, "all but the projects and the routes"
    assert all(name.isupper() and meaning for name, meaning, _ in rows)
    assert len({file_name(name) for name, _, _ in rows}) == len(rows)
