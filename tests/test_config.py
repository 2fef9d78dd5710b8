"""Settings: what each may be, and that every mistake is one line that names the setting and shows no secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import (
    Settings,
    database_of,
    duration,
    fields,
    file_name,
    is_loopback,
    load,
    problems_of,
    projects_of,
)
from bot.errors import SettingsError

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-hunter2-bot",
    "SLACK_APP_TOKEN": "xapp-hunter2-app",
    "SLACK_SIGNING_SECRET": "hunter2-signing",
    "HUAWEICLOUD_SDK_AK": "hunter2-ak",
    "HUAWEICLOUD_SDK_SK": "hunter2-sk",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "hunter2-security-token",
    "HW_USER_PASSWORD": "hunter2-password",
    "HW_AUTH_TOKEN": "hunter2-auth-token",
}
ENV = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef",
    "HW_REGION_NAME": "eu-west-101",
    "CSMS_BOT_ALERT_CHANNEL": "C0ALERTS",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in ENV.items() if name not in names}


@pytest.fixture
def file(tmp_path: Path):
    """Writes a settings file and gives its name."""

    def write(content: str) -> str:
        path = tmp_path / "csms-bot.toml"
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


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


WRONG = [
    ("CSMS_BOT_COMMAND", "two words"),
    ("CSMS_BOT_COMMAND", "/CSMS"),
    ("CSMS_BOT_COMMAND", "/" + "a" * 32),
    ("CSMS_BOT_ALERT_CHANNEL", "#alerts"),
    ("CSMS_BOT_ALERT_CHANNEL", "c0alerts"),
    ("CSMS_BOT_APPROVAL_CHANNEL", "alerts"),
    ("CSMS_BOT_OPERATORS", "somebody"),
    ("CSMS_BOT_OPERATORS", "U0A *"),
    ("CSMS_BOT_APPROVERS", "*"),
    ("CSMS_BOT_APPROVERS", "U0A,@lead"),
    ("CSMS_BOT_BREAK_GLASS", "u0a"),
    ("CSMS_BOT_APPROVALS_REQUIRED", "-1"),
    ("CSMS_BOT_APPROVALS_REQUIRED", "21"),
    ("CSMS_BOT_APPROVALS_REQUIRED", "one"),
    ("CSMS_BOT_APPROVALS_REQUIRED", "false"),
    ("CSMS_BOT_APPROVALS_REQUIRED", "1.5"),
    ("CSMS_BOT_HTTP_PORT", "65536"),
    ("CSMS_BOT_HTTP_PORT", "http"),
    ("CSMS_BOT_APPROVAL_TTL", "soon"),
    ("CSMS_BOT_APPROVAL_TTL", "0"),
    ("CSMS_BOT_APPROVAL_TTL", "-5m"),
    ("CSMS_BOT_APPROVAL_TTL", "1h30m"),
    ("CSMS_BOT_POLL_INTERVAL", "0s"),
    ("CSMS_BOT_POLL_INTERVAL", "inf"),
    ("CSMS_BOT_POLL_INTERVAL", "1e3"),
    ("CSMS_BOT_SETTLE", "9" * 12 + "d"),
    ("CSMS_BOT_SETTLE", "9" * 400),
    ("CSMS_BOT_BACKFILL", "ALL"),
    ("CSMS_BOT_BACKFILL", "some"),
    ("CSMS_BOT_ENDPOINT", "kms.example"),
    ("CSMS_BOT_ENDPOINT", "ftp://kms.example"),
    ("CSMS_BOT_ENDPOINT", "http://kms.example"),
    ("CSMS_BOT_ENDPOINT", "http://127.0.0.1.example"),
    ("CSMS_BOT_ENDPOINT", "https://"),
    ("CSMS_BOT_ENDPOINT", "https://[::1"),
    ("CSMS_BOT_ENDPOINT", "https://kms.example:99999"),
    ("CSMS_BOT_ENDPOINT", "https://kms.example?x=1"),
    ("CSMS_BOT_ENDPOINT", "https://kms.example#x"),
    ("CSMS_BOT_ENDPOINT", "https://kms example"),
    ("CSMS_BOT_ENDPOINT", "https://kms.example/\r\nHost: x"),
    ("SLACK_API_URL", "http://slack.example/api/"),
    ("HUAWEICLOUD_SDK_IAM_ENDPOINT", "iam"),
    ("HW_REGION_NAME", "eu/west"),
    ("HW_REGION_NAME", "EU-WEST-101"),
    ("CSMS_BOT_DATABASE", "postgresql://u:hunter2@h/db"),
]


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


# Projects.

TWO = """
alert_channel = "C0ALL"
approvers = ["U0A"]

[[projects]]
name = "prod"
project_id = "p1"
region = "eu-west-101"
ak_env = "PROD_AK"
sk_env = "PROD_SK"
alert_channel = "C0PROD"
approvers = ["S0PROD"]

[[projects]]
name = "lab"
project_id = "p2"
endpoint = "http://127.0.0.1:5"
operators = []
"""
SLACK = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
KEYS = {"PROD_AK": "hunter2-prod-ak", "PROD_SK": "hunter2-prod-sk"}


def projects(env: Mapping[str, str], name: str):
    return projects_of(load(env, name), env)


def test_projects_have_their_own_settings_and_take_the_others_from_around_them(file):
    prod, lab = projects(SLACK | KEYS | {"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "s"}, file(TWO))

    assert (prod.name, prod.project_id, prod.alert_channel, prod.approval_channel) == (
        "prod",
        "p1",
        "C0PROD",
        "C0PROD",
    )
    assert prod.endpoint == "https://kms.eu-west-101.myhuaweicloud.com"
    assert prod.iam_endpoint == "https://iam.eu-west-101.myhuaweicloud.com"
    assert prod.smn_endpoint == "https://smn.eu-west-101.myhuaweicloud.com"
    assert (prod.operators, prod.approvers) == (("*",), ("S0PROD",))
    assert (prod.credentials.ak, prod.credentials.sk) == ("hunter2-prod-ak", "hunter2-prod-sk")
    assert (lab.endpoint, lab.smn_endpoint, lab.iam_endpoint) == ("http://127.0.0.1:5",) * 3
    assert (lab.operators, lab.approvers, lab.alert_channel) == ((), ("U0A",), "C0ALL")
    assert (lab.credentials.ak, lab.credentials.sk) == ("a", "s")


def test_credentials_of_a_project_are_not_mixed_with_the_shared_ones(file):
    env = SLACK | KEYS | {"HW_AUTH_TOKEN": "shared", "HUAWEICLOUD_SDK_SECURITY_TOKEN": "shared"}

    prod, lab = projects(env, file(TWO))

    assert (prod.credentials.auth_token, prod.credentials.security_token) == ("", "")
    assert (lab.credentials.auth_token, lab.credentials.ak) == ("shared", "")
    assert prod.credentials.as_env()["HUAWEICLOUD_SDK_AK"] == "hunter2-prod-ak"


def test_without_projects_there_is_one():
    (only,) = projects_of(load(ENV), ENV)

    assert (only.name, only.alert_channel, only.approval_channel) == ("default", "C0ALERTS", "C0ALERTS")
    assert only.endpoint == "https://kms.eu-west-101.myhuaweicloud.com"


def test_a_variable_that_a_project_names_must_be_set(file):
    env = SLACK | {"PROD_AK": "a"}

    with pytest.raises(SettingsError) as caught:
        projects(env, file(TWO))

    assert (
        str(caught.value) == "projects.prod: sk_env names an environment variable that is not set (PROD_SK)"
    )


@pytest.mark.parametrize(
    "secret", ["Hunter2SecretKeyOfFortyCharactersInAllxxx", "HUNTER2ACCESSKEY1234", "hunter2_x"]
)
def test_a_secret_where_a_variable_should_be_named_is_not_shown(file, secret):
    with pytest.raises(SettingsError) as caught:
        projects(SLACK | KEYS, file(TWO.replace('"PROD_SK"', f'"{secret}"')))

    assert secret not in str(caught.value)
    assert "sk_env" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "prod"\n', "", "projects.0.name is missing"),
        ('name = "prod"', 'name = "a b"', "projects.0.name is empty, too long, or has other characters"),
        ('project_id = "p2"\n', "", "projects.1.project_id is missing"),
        ('project_id = "p2"', 'project_id = ""', "projects.1.project_id is empty"),
        ('project_id = "p2"', 'project_id = "../x"', "projects.1.project_id is empty, too long, or has"),
        ('project_id = "p2"', 'projct_id = "p2"', "did you mean project_id?"),
        ('ak_env = "PROD_AK"', 'ak = "hunter2"', "projects.0.ak is not a setting of a project"),
        ('region = "eu-west-101"', 'region = "eu/x"', "projects.0.region is not a region"),
        ('"http://127.0.0.1:5"', '"http://kms.example"', "projects.1.endpoint must begin with https://"),
        ('"C0PROD"', '"prod"', "projects.0.alert_channel: 'prod' is not a channel id"),
        ('["S0PROD"]', '["lead"]', "projects.0.approvers: 'lead' is neither"),
        ("operators = []", "operators = 1", "projects.1.operators must be a list"),
        ('name = "lab"', 'name = "prod"', "projects: two of them are called prod"),
        ('alert_channel = "C0ALL"', "", "CSMS_BOT_ALERT_CHANNEL is missing"),
        ('endpoint = "http://127.0.0.1:5"', "", "HW_REGION_NAME is missing"),
    ],
)
def test_a_wrong_project_is_one_line_that_says_where(file, old, new, problem):
    assert old in TWO
    found = problems_of(SLACK | KEYS, file(TWO.replace(old, new, 1)))

    assert any(problem in one for one in found), found
    assert all(len(one.splitlines()) == 1 and "hunter2" not in one for one in found)


# Secrets.


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


# Durations, and the table of settings.


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h", 3600),
        ("7d", 604_800),
        ("45", 45),
        (45, 45),
        (1.5, 1.5),
        (" 2 H ", 7200),
        ("0", 0),
    ],
)
def test_a_duration_has_a_unit_or_is_seconds(text, seconds):
    assert duration(text) == timedelta(seconds=seconds)
    assert duration(timedelta(seconds=seconds)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "s", "1w", "1 h 5", "-1s", "\u0661s", "nan", "1e9", "0x10", None, [], True, "3651d", "9" * 30],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is "):
        duration(text)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_is_known_by_its_addresses(host):
    assert is_loopback(host)
    assert not is_loopback(f"{host}.example")


def test_every_setting_is_described_for_people():
    rows = fields()

    assert len(rows) == len(Settings.model_fields) - 1, "all but the projects"
    assert all(name.isupper() and meaning for name, meaning, _ in rows)
    assert len({file_name(name) for name, _, _ in rows}) == len(rows)
