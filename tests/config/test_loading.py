"""Settings: what each may be, and that every mistake is one line that names the setting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.config import database_of, fields, file_name, load, problems_of
from bot.errors import SettingsError
from tests.config.support import ENV, SECRETS, WRONG, without


def test_the_least_that_must_be_set_is_enough():
    settings = load(ENV)

    assert settings.socket_mode
    assert (settings.command, settings.backfill, settings.database) == ("/csms", "summary", "csms-bot.db")
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 3000)
    assert (settings.operators, settings.approvers, settings.break_glass) == (("*",), (), ())
    assert (settings.approvals_required, settings.approval_ttl) == (1, timedelta(hours=1))
    assert (settings.poll_interval, settings.settle) == (timedelta(seconds=60), timedelta(seconds=120))
    assert problems_of(ENV) == []


def test_a_signing_secret_instead_of_an_app_token_is_http_mode():
    assert not load(without("SLACK_APP_TOKEN") | {"SLACK_SIGNING_SECRET": "s"}).socket_mode


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("CSMS_BOT_COMMAND", "secrets", "command", "/secrets"),
        ("CSMS_BOT_COMMAND", " /secrets ", "command", "/secrets"),
        ("CSMS_BOT_OPERATORS", "*", "operators", ("*",)),
        ("CSMS_BOT_OPERATORS", "U0A, S0B  W0C,", "operators", ("U0A", "S0B", "W0C")),
        ("CSMS_BOT_APPROVERS", "U0A\nS0B", "approvers", ("U0A", "S0B")),
        ("CSMS_BOT_BREAK_GLASS", "U0A", "break_glass", ("U0A",)),
        ("CSMS_BOT_APPROVALS_REQUIRED", "0", "approvals_required", 0),
        ("CSMS_BOT_APPROVALS_REQUIRED", "20", "approvals_required", 20),
        ("CSMS_BOT_APPROVAL_TTL", "15m", "approval_ttl", timedelta(minutes=15)),
        ("CSMS_BOT_POLL_INTERVAL", "0.2s", "poll_interval", timedelta(milliseconds=200)),
        ("CSMS_BOT_SETTLE", "7d", "settle", timedelta(days=7)),
        ("CSMS_BOT_BACKFILL", "all", "backfill", "all"),
        ("CSMS_BOT_HTTP_PORT", "0", "http_port", 0),
        ("CSMS_BOT_HTTP_PORT", "65535", "http_port", 65535),
        ("CSMS_BOT_HTTP_HOST", "0.0.0.0", "http_host", "0.0.0.0"),  # noqa: S104 (a setting that is read back)
        ("CSMS_BOT_ENDPOINT", "https://kms.example:8443/", "endpoint", "https://kms.example:8443"),
        ("CSMS_BOT_ENDPOINT", "http://127.0.0.1:1", "endpoint", "http://127.0.0.1:1"),
        ("SLACK_API_URL", "http://[::1]:2/api/", "slack_api_url", "http://[::1]:2/api"),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT", "http://localhost", "iam_endpoint", "http://localhost"),
        ("CSMS_BOT_APPROVAL_CHANNEL", "G0PRIVATE", "approval_channel", "G0PRIVATE"),
        ("HW_REGION_NAME", "ap-southeast-3", "region", "ap-southeast-3"),
        ("HW_USER_NAME", "bot", "user_name", "bot"),
        ("HW_DOMAIN_NAME", "account", "domain_name", "account"),
        ("CSMS_BOT_DATABASE", "/var/lib/bot.db", "database", "/var/lib/bot.db"),
    ],
)
def test_a_good_value_is_read(name, value, field, expected):
    assert getattr(load(ENV | {name: value}), field) == expected


@pytest.mark.parametrize("name", [name for name, _, _ in fields()])
def test_an_empty_variable_is_as_good_as_none(name):
    rest = {other: value for other, value in (SECRETS | ENV).items() if other != name}

    assert problems_of(rest | {name: ""}) == problems_of(rest)
    if not problems_of(rest):
        assert load(rest | {name: ""}) == load(rest)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_one_line_that_names_the_setting(name, value):
    (problem,) = problems_of(ENV | {name: value})

    assert problem.startswith(name)
    assert len(problem.splitlines()) == 1
    assert len(problem) < 160
    assert "hunter2" not in problem
    with pytest.raises(SettingsError) as caught:
        load(ENV | {name: value})
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN is missing"),
        ("SLACK_APP_TOKEN", "SLACK_APP_TOKEN is missing (Socket Mode), and so is SLACK_SIGNING_SECRET"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "HUAWEICLOUD_SDK_PROJECT_ID is missing"),
        ("HW_REGION_NAME", "HW_REGION_NAME is missing"),
        ("CSMS_BOT_ALERT_CHANNEL", "CSMS_BOT_ALERT_CHANNEL is missing"),
    ],
)
def test_what_is_missing_is_named(missing, named):
    (problem,) = problems_of(without(missing))

    assert problem.startswith(named)
    assert problems_of(ENV | {missing: ""}) == [problem], "an empty variable is as good as none"


def test_all_problems_are_found_at_once():
    assert len(problems_of({})) == 5
    assert (
        len(problems_of(ENV | {"CSMS_BOT_BACKFILL": "x", "CSMS_BOT_HTTP_PORT": "x", "CSMS_BOT_SETTLE": "x"}))
        == 3
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CSMS_BOT_APROVERS", "CSMS_BOT_APPROVERS"),
        ("CSMS_BOT_ALERTS_CHANNEL", "CSMS_BOT_ALERT_CHANNEL"),
        ("CSMS_BOT_POLL_INTERVALL", "CSMS_BOT_POLL_INTERVAL"),
        ("CSMS_BOT_DB", None),
    ],
)
def test_an_unknown_variable_of_ours_is_an_error_with_the_nearest(name, meant):
    (problem,) = problems_of(ENV | {name: "hunter2"})

    assert problem.startswith(f"{name} is not a setting")
    assert meant is None or problem.endswith(f"did you mean {meant}?")
    assert "hunter2" not in problem


def test_variables_of_others_are_none_of_our_business():
    assert problems_of(ENV | {"PATH": "/bin", "SLACK_OTHER": "x", "HW_OTHER": "x"}) == []


# The file.


def test_a_file_holds_every_setting_in_its_own_types(file):
    name = file("""
        slack_bot_token = "xoxb-1"
        slack_signing_secret = "s"
        huaweicloud_sdk_project_id = "p1"
        hw_region_name = "eu-west-101"
        alert_channel = "C0ALERTS"
        operators = ["U0A", "S0B"]
        approvers = "U0C, U0D"
        approvals_required = 2
        approval_ttl = 900
        poll_interval = 0.5
        settle = "3m"
        http_port = 8080
        database = ""
    """)

    settings = load({}, name)

    assert (settings.operators, settings.approvers, settings.approvals_required) == (
        ("U0A", "S0B"),
        ("U0C", "U0D"),
        2,
    )
    assert (settings.approval_ttl, settings.poll_interval, settings.settle) == (
        timedelta(minutes=15), timedelta(seconds=0.5), timedelta(minutes=3),
    )  # fmt: skip
    assert (settings.http_port, settings.database) == (8080, "csms-bot.db")
    assert load({"CSMS_BOT_CONFIG": name}) == settings


def test_the_environment_wins_over_the_file(file):
    name = file('alert_channel = "C0FILE"\nbackfill = "none"\ndatabase = "file.db"')

    settings = load(ENV | {"CSMS_BOT_BACKFILL": "all", "CSMS_BOT_DATABASE": ""}, name)

    assert settings.alert_channel == "C0ALERTS"
    assert settings.backfill == "all"
    assert settings.database == "file.db", "an empty variable is as good as none"
    assert database_of({}, name) == "file.db"


def test_the_file_that_is_named_on_the_command_line_wins(file, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text('backfill = "none"')

    assert load(ENV | {"CSMS_BOT_CONFIG": str(other)}, file('backfill = "all"')).backfill == "all"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('aprovers = "U0A"', "aprovers is not a setting; did you mean approvers?"),
        ('csms_bot_command = "/x"', "csms_bot_command is not a setting"),
        ('SLACK_BOT_TOKEN = "hunter2"', "SLACK_BOT_TOKEN is not a setting"),
        ("approvers = 5", "CSMS_BOT_APPROVERS must be a list of ids"),
        ("approvers = [5]", "CSMS_BOT_APPROVERS: '5' is neither a user id"),
        ('operators = [["U0A"]]', "CSMS_BOT_OPERATORS: "),
        ("approvals_required = false", "CSMS_BOT_APPROVALS_REQUIRED must be a whole number"),
        ("approvals_required = 1.0", "CSMS_BOT_APPROVALS_REQUIRED must be a whole number"),
        ("approvals_required = 21", "CSMS_BOT_APPROVALS_REQUIRED must be a number from 0 to 20"),
        ("http_port = true", "CSMS_BOT_HTTP_PORT must be a whole number"),
        ("approval_ttl = true", "CSMS_BOT_APPROVAL_TTL is not a duration"),
        ("approval_ttl = -1", "CSMS_BOT_APPROVAL_TTL is not a duration"),
        ("approval_ttl = 07:32:00", "CSMS_BOT_APPROVAL_TTL is not a duration"),
        ('settle = ["3m"]', "CSMS_BOT_SETTLE is not a duration"),
        ("database = 5", "CSMS_BOT_DATABASE must be a text"),
        ("alert_channel = 5", "CSMS_BOT_ALERT_CHANNEL must be a text"),
        ("slack_bot_token = 5", "SLACK_BOT_TOKEN must be a text"),
        ("backfill = 1", "CSMS_BOT_BACKFILL must be one of"),
        ("projects = 5", "projects must be written as [[projects]] tables"),
        ('[projects]\nname = "a"', "projects must be written as [[projects]] tables"),
        ("projects = [5]", "projects.0 must be written as [[projects]] tables"),
        ("not toml at all", "is not TOML"),
    ],
)
def test_a_wrong_line_of_the_file_is_one_line_that_names_it(file, line, problem):
    env = {name: value for name, value in ENV.items() if not line.startswith(file_name(name))}

    (found,) = problems_of(env, file(line))

    assert problem in found
    assert len(found.splitlines()) == 1
    assert "hunter2" not in found


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        (problem,) = problems_of(ENV, str(path))
        assert problem.startswith(f"the settings file {path} cannot be read")
    broken = tmp_path / "latin.toml"
    broken.write_bytes(b'command = "\xff"')
    assert "is not TOML" in problems_of(ENV, str(broken))[0]
