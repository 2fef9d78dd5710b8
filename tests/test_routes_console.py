"""`csms-bot routes test` and the routes of the settings file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.config import problems_of
from tests.test_docs import README, blocks

ENV = {
    "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "HUAWEICLOUD_SDK_PROJECT_ID": "p",
    "HW_REGION_NAME": "eu-west-101", "CSMS_BOT_ALERT_CHANNEL": "C0ALERTS",
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The routes that the README has as an example."""
    (tmp_path / "bot.toml").write_text(blocks(README, "toml")[1], encoding="utf-8")
    return str(tmp_path / "bot.toml")


def said(config: str, *words: str) -> tuple[int, str]:
    outcome = CliRunner(env=ENV).invoke(cli, ["routes", "test", "--config", config, *words])
    return outcome.exit_code, outcome.output.strip()


def test_the_example_of_the_readme_is_accepted_and_does_what_it_says(config: str):
    assert problems_of(ENV, config) == []
    assert said(config, "--event", "staging-db") == (
        0, "Dropped by route 1 (event=staging-*): nobody is on call for staging",
    )  # fmt: skip
    code, words = said(config, "--event", "db", "--secret", "payments-db", "--status", "INVALID")
    assert code == 0
    assert words.startswith("To C0123456789, mentioning S0123456789")
    assert words.endswith("by route 2 (secret=payments-* status=INVALID).")
    assert said(config, "--event", "db") == (
        0, "To C0ALERTS: no route matches it, so it goes to the project's alert channel.",
    )  # fmt: skip


def test_a_success_is_told_nowhere(config: str):
    assert said(config, "--event", "db", "--status", "SUCCESS") == (
        0,
        "Nowhere: only FAIL and INVALID are told.",
    )


def test_a_status_may_be_typed_in_any_case_and_one_that_does_not_exist_is_a_usage_error(config: str):
    assert said(config, "--event", "db", "--status", "fail") == said(config, "--event", "db")
    code, words = said(config, "--event", "db", "--status", "banana")
    assert code == 2
    assert "is not one of" in words


def test_an_unknown_project_is_a_usage_error_that_names_the_known_ones(config: str):
    code, words = said(config, "--event", "db", "--project", "other")

    assert code == 2
    assert "Known: default." in words


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('chanel = "C0A"', "routes.0.chanel is not a setting of a route; did you mean channel?"),
        ('channel = "general"', "routes.0.channel: 'general' is not a channel id"),
        ('mention = "@here"', "routes.0.mention: '@here' is neither a user id"),
        ('quiet = "10pm to 7am"', "routes.0.quiet must be written as 22:00-07:00"),
        ('timezone = "Mars"', "routes.0.timezone: 'Mars' is not a time zone like Europe/Berlin"),
        ('drop = "x"\nchannel = "C0A"', "routes.0 must not have `drop` together with"),
    ],
)
def test_a_wrong_route_is_named_in_one_line(tmp_path: Path, line: str, problem: str):
    (tmp_path / "bot.toml").write_text(f"[[routes]]\n{line}\n", encoding="utf-8")

    (found,) = problems_of(ENV, str(tmp_path / "bot.toml"))

    assert found.startswith(problem)


def test_routes_that_are_no_tables_are_named(tmp_path: Path):
    (tmp_path / "bot.toml").write_text('routes = ["a"]\n', encoding="utf-8")

    assert problems_of(ENV, str(tmp_path / "bot.toml")) == ["routes.0 must be written as [[routes]] tables"]
