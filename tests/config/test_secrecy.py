"""No secret is shown by the settings, nor by what is said of wrong ones."""

from __future__ import annotations

import pytest

from bot.config import fields, load, problems_of, projects_of
from tests.config.support import ENV, KEYS, SECRETS, SLACK, TWO, WRONG, projects


@pytest.mark.parametrize(
    "shown",
    [repr, str, lambda settings: settings.model_dump_json(), lambda settings: str(settings.model_dump())],
    ids=["repr", "str", "json", "dump"],
)
def test_no_secret_is_shown(shown):
    assert "hunter2" not in shown(load(ENV | SECRETS))


def test_no_secret_is_shown_by_a_project_either(file):
    found = projects(SLACK | KEYS, file(TWO)) + projects_of(load(ENV | SECRETS), ENV | SECRETS)

    assert "hunter2" not in repr(found)
    assert "hunter2" not in f"{[one.credentials for one in found]}"


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_no_secret_is_shown_when_something_else_is_wrong(name, value):
    assert "hunter2" not in " ".join(problems_of(ENV | SECRETS | {name: value}))


@pytest.mark.parametrize("name", [name for name, _, _ in fields()])
def test_a_token_in_the_wrong_setting_is_not_repeated(name):
    for token in ("xoxb-hunter2-token", "xapp-1-hunter2", "hunter2" * 9):
        assert "hunter2" not in " ".join(problems_of(ENV | {name: token}))
