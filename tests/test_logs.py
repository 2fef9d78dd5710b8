"""The log: one line for each thing that happens, and no secret in any of them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot import logs
from bot.sandbox.csms.faults import Fault as CsmsFault
from bot.sandbox.slack.fault import Fault, FaultKind
from bot.sandbox.slack.seed import demo_seed
from tests.support.console import logging_as_it_was
from tests.support.stage import Stage, change_of, stage, until

IAM_USER = {
    "HUAWEICLOUD_SDK_AK": "",
    "HUAWEICLOUD_SDK_SK": "",
    "HW_USER_NAME": "csms-bot",
    "HW_USER_PASSWORD": "demo-password",
    "HW_DOMAIN_NAME": "demo-account",
}

ACCESS_KEY, SECRET_KEY = "DEMOACCESSKEY0000001", "demo-sk-0000000000000000000000000000001"

SECRET = {
    "the bot token": re.escape(demo_seed().app.bot_token),
    "the app token": re.escape(demo_seed().app.app_token),
    "the signing secret": re.escape(demo_seed().app.signing_secret),
    "the access key id": ACCESS_KEY,
    "the secret key": SECRET_KEY,
    "a wrong secret key": "another-secret-key",
    "the password": "demo-password",
    "an IAM token": r"MII[\w+/=-]{20,}",
    "a CSMS signature": r"(?i)signature\s*[=:]\s*[0-9a-f]{16,}",
    "a Slack signature": r"v0=[0-9a-f]{16,}",
    "a ticket of a socket": r"ticket=[\w-]+",
    "a response_url": r"https?://\S+/_?(?:commands|actions|response\w*)/\S+",
}
"""What must not be in a log, as patterns."""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Every test sets logging up anew."""
    with logging_as_it_was():
        yield


def leaks(text: str) -> list[str]:
    """What of `SECRET` the text holds."""
    return [name for name, pattern in SECRET.items() if re.search(pattern, text)]


def line_of(message: str, *args: object, level: int = logging.INFO, **extra: object) -> str:
    """How a record is written."""
    record = logging.makeLogRecord(
        {
            "name": "bot.test",
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": message,
            "args": args,
        }
        | extra
    )
    record.created = datetime(2026, 11, 23, 4, 5, 6, 123000, UTC).timestamp()
    return logs.Line().format(record)


def test_a_line_has_time_level_action_message_and_fields():
    line = line_of(
        "CSMS %s", "unreachable", level=logging.WARNING, action="poll_failed", project="default", tries=3
    )

    assert line == '2026-11-23T04:05:06.123Z WARNING poll_failed "CSMS unreachable" project="default" tries=3'


def test_without_an_action_the_loggers_name_stands_in_its_place():
    assert line_of("hello") == '2026-11-23T04:05:06.123Z INFO bot.test "hello"'


def test_a_text_with_line_breaks_stays_on_one_line():
    line = line_of("one\ntwo", reason="three\r\n2026-11-23T04:05:06.123Z ERROR forged")

    assert len(line.splitlines()) == 1


def test_a_traceback_follows_on_its_own_lines_without_secrets():
    try:
        raise ValueError(f"Authorization: SDK-HMAC-SHA256 Access={ACCESS_KEY}, Signature={'ab' * 32}")
    except ValueError as error:
        line = line_of("failed", exc_info=(ValueError, error, error.__traceback__))

    assert "Traceback" in line.splitlines()[1]
    assert leaks(line) == []


@pytest.mark.parametrize(
    "text",
    [
        "token xoxb-123-456-abc refused",
        "xapp-1-A0-123-abcdef",
        f"X-Subject-Token: MII{'S' * 60}",
        f"Authorization: SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders=host, Signature={'0f' * 32}",
    ],
)
def test_a_secret_in_a_message_or_in_a_field_is_hidden(text: str):
    for line in (line_of(text), line_of("failed", error=text)):
        assert "[hidden]" in line
        assert leaks(line) == []
        assert "abc" not in line


def test_libraries_speak_up_only_when_something_is_wrong():
    logs.set_up(level=logging.DEBUG)

    for name in (
        "httpcore.http11",
        "httpx",
        "aiohttp.access",
        "uvicorn.access",
        "slack_bolt.App",
        "slack_sdk.web",
    ):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO), name
        assert logging.getLogger(name).isEnabledFor(logging.WARNING), name
    assert logging.getLogger("bot.poller").isEnabledFor(logging.DEBUG)


async def work(running: Stage) -> None:
    """A bit of everything: reading, a change, an alert, and what goes wrong on the way."""
    answer = await running.ask("engineer", "enable legacy-ftp-password --reason 'the FTP server is back'")
    card = await running.card(change_of(answer), "pending")
    await running.press("approver", card, "Approve")
    await running.card(change_of(answer), "applied")
    running.world.faults.add("list_events", CsmsFault(status=400))
    await running.ask("engineer", "list")
    running.slack.faults.add("users.info", Fault(FaultKind.RESET_AFTER))
    await running.ask("subscriber", "disable legacy-ftp-password")
    running.slack.faults.add("response_url", Fault(FaultKind.STATUS))
    await running.command("engineer", "status")
    running.world.trigger("checkout-db-rotation", "SECRET_ROTATED")
    await running.alert("INVALID", "checkout-db-rotation")
    running.world.access.expire_tokens()
    await running.ask("engineer", "get checkout-db-rotation")


@pytest.mark.parametrize(
    ("socket_mode", "env"), [(False, {}), (True, IAM_USER)], ids=["HTTP, access key", "Socket Mode, IAM user"]
)
async def test_a_whole_run_at_debug_holds_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], socket_mode: bool, env: dict[str, str]
):
    logs.set_up(level=logging.DEBUG)
    async with stage(tmp_path, socket_mode=socket_mode, start=False, **env) as running:
        if env:
            running.env["HUAWEICLOUD_SDK_IAM_ENDPOINT"] = running.env["CSMS_BOT_ENDPOINT"]
        await running.start()
        await work(running)
        if not socket_mode:
            async with httpx.AsyncClient(base_url=running.app.base_url) as client:
                forged = {"x-slack-signature": f"v0={'ab' * 32}", "x-slack-request-timestamp": "1"}
                refused = await client.post("/slack/events", content=b"payload={}", headers=forged)
            assert refused.status_code == 401

    written = capsys.readouterr().err
    assert "listening" in written
    assert "new records" in written
    assert leaks(written) == []


async def test_a_refused_signature_is_logged_without_what_the_gateway_echoes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    logs.set_up(level=logging.DEBUG)
    async with stage(tmp_path, start=False) as running:
        running.env["HUAWEICLOUD_SDK_SK"] = "another-secret-key"
        starting = asyncio.create_task(running.start(CSMS_BOT_POLL_INTERVAL="60s"))
        await until(lambda: running.app is not None and running.app.status.poll_errors)
        starting.cancel()

    written = capsys.readouterr().err
    assert "APIGW.0301" in written
    assert leaks(written) == []


async def test_without_the_quieting_the_same_search_finds_the_token(tmp_path: Path):
    heard = io.StringIO()
    logs.set_up(level=logging.DEBUG)
    loud = logging.StreamHandler(heard)
    logging.getLogger().addHandler(loud)
    logging.getLogger("httpcore").setLevel(logging.DEBUG)

    async with stage(tmp_path, start=False, **IAM_USER) as running:
        running.env["HUAWEICLOUD_SDK_IAM_ENDPOINT"] = running.env["CSMS_BOT_ENDPOINT"]
        await running.start()
        await until(lambda: "X-Subject-Token".lower() in heard.getvalue().lower())

    assert "an IAM token" in leaks(heard.getvalue())


def test_every_field_is_json_so_that_a_line_can_be_taken_apart():
    line = line_of(
        "done", action="polled", new=3, project='a "quoted" one', when=datetime(2026, 1, 1, tzinfo=UTC)
    )

    fields = dict(re.findall(r' (\w+)=("(?:[^"\\]|\\.)*"|\S+)', line))
    assert {name: json.loads(value) for name, value in fields.items()} == {
        "new": 3,
        "project": 'a "quoted" one',
        "when": "2026-01-01 00:00:00+00:00",
    }
