"""Settings to start from, and what must never be shown of them."""

from __future__ import annotations

from collections.abc import Mapping

from bot.config import load, projects_of

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
