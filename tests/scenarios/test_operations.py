"""The program as an operator meets it: real processes, started, refused and ended."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bot.sandbox.slack.seed import demo_seed
from bot.serving import bind
from bot.store import open_read_only
from bot.store.audit import read
from tests.support.console import Ended, csms_bot, line_with, started, told_to_end
from tests.support.stage import Stage, blocks_text, change_of, stage, text_of

STOPS_WITHIN_S = 10


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    sock = bind("127.0.0.1", 0)
    try:
        yield sock.getsockname()[1]
    finally:
        sock.close()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def refused(ended: Ended, *words: str) -> None:
    """It ended with 2, and its last line has the words; there is no traceback."""
    assert ended.code == 2, ended.err
    assert ended.out == ""
    last = ended.err.splitlines()[-1]
    assert last.startswith("csms-bot: "), ended.err
    assert all(word in last for word in words), last
    assert "Traceback" not in ended.err


async def test_what_stands_in_the_way_of_a_start_ends_it_with_2_and_one_line(tmp_path: Path):
    async with stage(tmp_path, socket_mode=True, start=False) as ready:
        databases = [str(tmp_path / f"{number}.db") for number in range(5)]
        envs = [ready.env | {"CSMS_BOT_DATABASE": database} for database in databases]
        letter = tmp_path / "letter.db"
        letter.write_bytes(b"This is a letter, and not a database at all. " * 50)
        with taken_port() as port:
            bot_token, app_token, taken, no_database, no_folder = await asyncio.gather(
                csms_bot("run", env=envs[0] | {"SLACK_BOT_TOKEN": "xoxb-of-nobody"}),
                csms_bot("run", env=envs[1] | {"SLACK_APP_TOKEN": "xapp-of-nobody"}),
                csms_bot("run", env=envs[2] | {"CSMS_BOT_HTTP_PORT": str(port)}),
                csms_bot("run", env=envs[3] | {"CSMS_BOT_DATABASE": str(letter)}),
                csms_bot(
                    "run", env=envs[4] | {"CSMS_BOT_DATABASE": str(tmp_path / "no" / "folder" / "b.db")}
                ),
            )

    refused(bot_token, "SLACK_BOT_TOKEN", "invalid_auth")
    refused(app_token, "SLACK_APP_TOKEN", "connections:write")
    refused(taken, "CSMS_BOT_HTTP_PORT", str(port))
    refused(no_database, str(letter))
    refused(no_folder, "no/folder/b.db")
    assert "of-nobody" not in bot_token.err + app_token.err


async def test_a_second_bot_on_the_same_database_is_refused_and_the_first_goes_on(bot: Stage):
    second = await csms_bot("run", env=bot.env)

    refused(second, str(bot.database), "in use by another")
    assert "8 events" in text_of(await bot.ask("engineer", "list"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_bot_that_is_told_to_end_does_so_with_0(tmp_path: Path, how: signal.Signals):
    async with (
        stage(tmp_path, socket_mode=how is signal.SIGTERM, start=False) as ready,
        started("run", env=ready.env) as process,
    ):
        await line_with(process.stderr, "slack_ready")
        async with asyncio.timeout(STOPS_WITHIN_S):
            ended = await told_to_end(process, how)

    assert (ended.code, ended.out) == (0, "")
    assert '"stopped"' in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err


async def test_a_bot_that_waits_for_slack_ends_with_0_as_well(tmp_path: Path):
    async with stage(tmp_path, socket_mode=True, start=False) as ready:
        env = ready.env | {"SLACK_API_URL": "http://127.0.0.1:1/api/"}
        async with started("run", env=env) as process:
            await line_with(process.stderr, "slack_unreachable")
            ended = await told_to_end(process)

    assert ended.code == 0
    assert "Traceback" not in ended.err


async def test_the_demo_prints_its_address_serves_the_page_and_ends_with_0():
    port = free_port()
    async with started("demo", "--port", str(port), "--no-browser", env={}) as process:
        line = await line_with(process.stdout, f"http://127.0.0.1:{port}")
        async with httpx.AsyncClient() as client:
            page = await client.get(line.split()[-1])
        again = await csms_bot("demo", "--port", str(port), "--no-browser")
        ended = await told_to_end(process)

    assert page.status_code == 200
    assert "<html" in page.text
    assert "Type /csms list" in ended.out
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    refused(again, "--port", str(port))


async def test_the_embedded_servers_run_alone_with_a_seed_of_their_own(tmp_path: Path):
    csms_seed, slack_seed = tmp_path / "csms.json", tmp_path / "slack.json"
    csms_seed.write_text(json.dumps({"project_id": "p-of-the-seed", "region": "eu-west-101"}))
    team = dataclasses.replace(demo_seed().team, name="Workspace of the seed")
    slack_seed.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(demo_seed(), team=team))))

    async with (
        started("sandbox", "csms", "--port", "0", "--seed", str(csms_seed), env={}) as csms,
        started("sandbox", "slack", "--port", "0", "--seed", str(slack_seed), env={}) as slack,
        httpx.AsyncClient() as client,
    ):
        csms_line = await line_with(csms.stdout, "http://")
        slack_line = await line_with(slack.stdout, "http://")
        journal = await client.get(f"{csms_line.split()[5]}/_control/journal")
        [web_api] = re.findall(r"http://\S+/api/", slack_line)
        token = {"authorization": f"Bearer {demo_seed().app.bot_token}"}
        who = await client.post(f"{web_api}auth.test", headers=token)
        ends = await asyncio.gather(told_to_end(csms), told_to_end(slack, signal.SIGINT))

    assert "p-of-the-seed" in csms_line
    assert journal.json() == {"journal": []}
    assert who.json()["team"] == "Workspace of the seed"
    assert [(end.code, end.err) for end in ends] == [(0, ""), (0, "")]


async def test_a_port_that_is_taken_ends_an_embedded_server_with_2():
    with taken_port() as port:
        csms, slack = await asyncio.gather(
            csms_bot("sandbox", "csms", "--port", str(port)),
            csms_bot("sandbox", "slack", "--port", str(port)),
        )

    refused(csms, "--port", str(port))
    refused(slack, "--port", str(port))


def as_read(mrkdwn: str) -> str:
    """Text as a person reads it: without the escapes, and without invisible joiners that keep it from being live."""
    text = re.sub("[\u2060\u200b-\u200d]", "", mrkdwn)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


REASONS = (
    "see https://example.com/a?b=1&c=2 first",
    "if a < b && c > d, then <this>",
    "#secrets-alerts is loud; ask @approver",
)


async def test_a_reason_comes_back_as_it_was_typed(bot: Stage):
    for number, reason in enumerate(REASONS, start=1):
        answer = await bot.ask("engineer", f'disable prod-db-password-expiry --reason "{reason}"')
        assert change_of(answer) == f"CR-{number}"

    db = open_read_only(bot.database)
    try:
        kept = [row.reason for row in read(db, action="change.request")]
    finally:
        db.close()
    assert tuple(kept) == REASONS
    card = await bot.card("CR-1", "pending")
    assert REASONS[0] in as_read(blocks_text(card))


async def test_a_person_in_a_filter_is_one_account_whatever_its_name_looks_like(bot: Stage):
    await bot.ask("engineer", "disable prod-db-password-expiry")
    await bot.ask("approver", "disable payments-api-key-rotation")

    answer = await bot.ask("subscriber", "audit --user @approver")

    assert bot.people["approver"] in blocks_text(answer)
    assert bot.people["engineer"] not in blocks_text(answer)
