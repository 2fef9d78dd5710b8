"""Projects: what each has of its own, and what it takes from the settings around it."""

from __future__ import annotations

import pytest

from bot.config import load, problems_of, projects_of
from bot.errors import SettingsError
from tests.config.support import ENV, KEYS, SLACK, TWO, projects


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


def test_the_neighbours_of_an_endpoint_in_another_domain_are_in_that_domain():
    env = ENV | {
        "HW_REGION_NAME": "eu-west-101",
        "CSMS_BOT_ENDPOINT": "https://kms.eu-west-101.myhuaweicloud.eu",
    }
    (only,) = projects_of(load(env), env)

    assert only.smn_endpoint == "https://smn.eu-west-101.myhuaweicloud.eu"
