"""The console commands: what they print, and with what they end."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from bot import __version__
from bot.cli import cli, main
from bot.model import Entry
from bot.store import Store
from tests.support.console import Ended, environment, logging_as_it_was, started
from tests.support.stage import Stage, change_of

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-a-token",
    "SLACK_APP_TOKEN": "xapp-a-token",
    "HUAWEICLOUD_SDK_AK": "AKAKAKAKAKAKAKAKAKAK",
    "HUAWEICLOUD_SDK_SK": "a-secret-key",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef",
    "HW_REGION_NAME": "eu-west-101",
    "CSMS_BOT_ALERT_CHANNEL": "C0123456789",
    "CSMS_BOT_APPROVERS": "U0123456789",
}
"""Settings with nothing wrong in them."""

FIELDS = (
    "seq", "at", "actor", "action", "project", "event", "change", "before", "after", "outcome", "reason",
    "prev_hash", "hash",
)  # fmt: skip
"""What an entry of the audit log has, by the contract."""

Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a console command in this process: `run("audit", "list", SOME_VARIABLE="x")`."""
    for name in list(os.environ):
        if name.startswith(("CSMS_BOT_", "SLACK_", "HW_", "HUAWEICLOUD_")):
            monkeypatch.delenv(name)

    def command(*words: str, **env: str) -> Ended:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["csms-bot", *words])
            for name, value in env.items():
                patch.setenv(name, value)
            code: object = 0
            try:
                main()
            except SystemExit as end:
                code = end.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ended(int(code or 0) if isinstance(code, int | None) else 1, out, err)

    with logging_as_it_was():
        yield command


def every_command(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command and group."""
    yield path
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from every_command(one, (*path, name))


async def made(path: Path, *entries: Entry) -> Path:
    """A database as the bot makes it, with these entries."""
    store = Store(path)
    await store.open(datetime.now(UTC))
    for entry in entries:
        await store.audit.append(entry, datetime.now(UTC))
    await store.close()
    return path


# -- usage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", list(every_command(cli)), ids=lambda words: " ".join(words) or "csms-bot")
def test_every_command_explains_itself(run: Run, words: tuple[str, ...]):
    ended = run(*words, "--help")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(" ".join(("Usage: csms-bot", *words)))
    assert len(ended.out.splitlines()) > 4


def test_both_ways_to_ask_for_the_version_agree(run: Run):
    assert run("version").out == run("--version").out == f"csms-bot {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rnu",), "There is no command 'rnu'. Did you mean run?"),
        (("doktor",), "There is no command 'doktor'. Did you mean doctor?"),
        (("xyzzy",), "There is no command 'xyzzy'."),
        (("audit", "exprot"), "There is no command 'exprot'. Did you mean export?"),
        (("sandbox", "csmss"), "There is no command 'csmss'. Did you mean csms?"),
        (("run", "--nothing"), "No such option"),
        (("run", "now"), "unexpected extra argument"),
        (("demo", "--port", "65536"), "'--port': 65536 is not in the range"),
        (("demo", "--port", "http"), "'http' is not a valid integer"),
        (("sandbox", "csms", "--pace", "-1"), "'--pace'"),
        (("audit", "export", "--format", "xml"), "'xml' is not one of"),
        (("audit", "list", "--limit", "0"), "'--limit'"),
        (("audit", "list", "--since", "soon"), "'soon' is not a duration"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong_in_one_line(
    run: Run, words: tuple[str, ...], said: str
):
    ended = run(*words)

    assert (ended.code, ended.out) == (2, "")
    errors = [line for line in ended.err.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    assert said in errors[0]


# -- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN"),
        ({"SLACK_APP_TOKEN": ""}, "SLACK_SIGNING_SECRET"),
        ({"HUAWEICLOUD_SDK_PROJECT_ID": ""}, "HUAWEICLOUD_SDK_PROJECT_ID"),
        ({"HUAWEICLOUD_SDK_PROJECT_ID": "../admin"}, "HUAWEICLOUD_SDK_PROJECT_ID"),
        ({"HW_REGION_NAME": ""}, "HW_REGION_NAME"),
        ({"HW_REGION_NAME": "evil.example.com/"}, "HW_REGION_NAME"),
        ({"CSMS_BOT_ALERT_CHANNEL": ""}, "CSMS_BOT_ALERT_CHANNEL"),
        ({"CSMS_BOT_ALERT_CHANNEL": "#alerts"}, "CSMS_BOT_ALERT_CHANNEL"),
        ({"CSMS_BOT_APPROVAL_CHANNEL": "alerts"}, "CSMS_BOT_APPROVAL_CHANNEL"),
        ({"CSMS_BOT_APPROVERS": "*"}, "CSMS_BOT_APPROVERS"),
        ({"CSMS_BOT_OPERATORS": "@somebody"}, "CSMS_BOT_OPERATORS"),
        ({"CSMS_BOT_APPROVALS_REQUIRED": "-1"}, "CSMS_BOT_APPROVALS_REQUIRED"),
        ({"CSMS_BOT_APPROVALS_REQUIRED": "two"}, "CSMS_BOT_APPROVALS_REQUIRED"),
        ({"CSMS_BOT_APPROVAL_TTL": "0"}, "CSMS_BOT_APPROVAL_TTL"),
        ({"CSMS_BOT_POLL_INTERVAL": "soon"}, "CSMS_BOT_POLL_INTERVAL"),
        ({"CSMS_BOT_SETTLE": "-5s"}, "CSMS_BOT_SETTLE"),
        ({"CSMS_BOT_BACKFILL": "some"}, "CSMS_BOT_BACKFILL"),
        ({"CSMS_BOT_COMMAND": "/CSMS now"}, "CSMS_BOT_COMMAND"),
        ({"CSMS_BOT_ENDPOINT": "http://kms.example.com"}, "CSMS_BOT_ENDPOINT"),
        ({"CSMS_BOT_ENDPOINT": "kms.example.com"}, "CSMS_BOT_ENDPOINT"),
        ({"HUAWEICLOUD_SDK_IAM_ENDPOINT": "ftp://iam.example.com"}, "HUAWEICLOUD_SDK_IAM_ENDPOINT"),
        ({"SLACK_API_URL": "http://slack.example.com/api/"}, "SLACK_API_URL"),
        ({"CSMS_BOT_HTTP_PORT": "70000"}, "CSMS_BOT_HTTP_PORT"),
        ({"CSMS_BOT_DATABASE": "postgresql://db/bot"}, "CSMS_BOT_DATABASE"),
        ({"CSMS_BOT_ALERT_CHANEL": "C1"}, "CSMS_BOT_ALERT_CHANNEL"),
        ({"HUAWEICLOUD_SDK_SK": ""}, "HUAWEICLOUD_SDK_SK"),
        ({"HUAWEICLOUD_SDK_AK": ""}, "HUAWEICLOUD_SDK_AK"),
        ({"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": "", "HW_USER_NAME": "u"}, "HW_USER_PASSWORD"),
        ({"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": "", "HW_AUTH_TOKEN": "a to\nken"}, "HW_AUTH_TOKEN"),
        ({"CSMS_BOT_CONFIG": "/nowhere/bot.toml"}, "/nowhere/bot.toml"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_run_with_a_wrong_setting_ends_with_2_and_one_line_that_names_it(
    run: Run, tmp_path: Path, change: dict[str, str], named: str
):
    env = {
        name: value
        for name, value in (GOOD | {"CSMS_BOT_DATABASE": str(tmp_path / "b.db")} | change).items()
        if value
    }

    ended = run("run", **env)

    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith("csms-bot: ")
    assert named in line
    for secret in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "HUAWEICLOUD_SDK_SK", "HW_AUTH_TOKEN"):
        assert not env.get(secret) or env[secret] not in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("alert_chanel = 'C1'", "alert_channel"),
        ("alert_channel = ", "is not TOML"),
        ("[[projects]]\nname = 'a'\nproject_id = 'p'\nchannel = 'C1'", "channel"),
        ("[[projects]]\nname = 'a'\nproject_id = 'p'\nak_env = 'NOT_SET'\nsk_env = 'NOT_SET'", "NOT_SET"),
        ("poll_interval = 'soon'", "CSMS_BOT_POLL_INTERVAL"),
    ],
)
def test_run_with_a_wrong_settings_file_ends_with_2_and_one_line(
    run: Run, tmp_path: Path, content: str, said: str
):
    file = tmp_path / "bot.toml"
    file.write_text(content)

    ended = run("run", "--config", str(file), **GOOD)

    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert said in line


# -- the audit log -----------------------------------------------------------------------------------------------


async def test_export_writes_every_entry_with_its_fields_beside_a_running_bot(bot: Stage, run: Run):
    answer = await bot.ask("engineer", "enable legacy-ftp-password --reason 'the FTP server is back'")
    card = await bot.card(change_of(answer), "pending")
    await bot.press("approver", card, "Approve")
    await bot.card(change_of(answer), "applied")

    ended = run("audit", "export", "--database", str(bot.database))

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert all(set(row) >= set(FIELDS) for row in rows)
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert [(row["action"], row["outcome"]) for row in rows] == [
        ("change.request", "pending"),
        ("change.approve", "approved"),
        ("change.apply", "intent"),
        ("change.apply", "applied"),
    ]
    assert rows[0]["actor"] == bot.people["engineer"]
    assert rows[0]["reason"] == "the FTP server is back"
    assert (rows[3]["before"]["state"], rows[3]["after"]["state"]) == ("DISABLED", "ENABLED")
    for row in rows:
        at = datetime.fromisoformat(row["at"])
        assert at.utcoffset() == timedelta(0)
        assert datetime.now(UTC) - at < timedelta(minutes=1)
    assert [row["prev_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]
    verified = run("audit", "verify", CSMS_BOT_DATABASE=str(bot.database))
    assert verified.code == 0
    assert verified.out.startswith("4 rows, the chain holds; head 4 ")
    assert verified.out.split()[-1] == rows[-1]["hash"]


HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("https://example.com","x")', 'a "b", c\nd')


async def test_no_cell_of_the_csv_is_a_formula_and_no_text_is_lost(run: Run, tmp_path: Path):
    entries = [Entry(actor="U1", action="test", outcome="ok", reason=text, event=text) for text in HOSTILE]
    database = await made(tmp_path / "bot.db", *entries)

    ended = run("audit", "export", "--format", "csv", "--database", str(database))

    header, *rows = csv.reader(io.StringIO(ended.out))
    assert ended.code == 0
    assert tuple(header) == FIELDS
    assert len(rows) == len(HOSTILE)
    for row, text in zip(rows, HOSTILE, strict=True):
        assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        assert row[FIELDS.index("reason")].removeprefix("'") == text
    plain = [
        json.loads(line) for line in run("audit", "export", "--database", str(database)).out.splitlines()
    ]
    assert [row["reason"] for row in plain] == list(HOSTILE)


async def test_export_into_a_file_writes_the_same_and_prints_nothing(run: Run, tmp_path: Path):
    database = str(
        await made(tmp_path / "bot.db", Entry(actor="U1", action="test", outcome="ok", reason="Grüße"))
    )
    target = tmp_path / "log.jsonl"

    ended = run("audit", "export", "--output", str(target), "--database", database)

    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert target.read_text(encoding="utf-8") == run("audit", "export", "--database", database).out
    assert "Grüße" in target.read_text(encoding="utf-8")


async def test_export_into_a_place_that_cannot_be_written_ends_with_1_and_one_line(run: Run, tmp_path: Path):
    database = str(await made(tmp_path / "bot.db"))

    ended = run("audit", "export", "-o", str(tmp_path), "--database", database)

    assert (ended.code, ended.out) == (1, "")
    [line] = ended.err.splitlines()
    assert "cannot be written" in line


async def test_output_that_cannot_be_written_or_is_not_wanted_ends_with_1_and_no_traceback(tmp_path: Path):
    entries = [Entry(actor="U1", action="test", outcome="ok", reason="x" * 1000) for _ in range(200)]
    words = ("audit", "export", "--database", str(await made(tmp_path / "bot.db", *entries)))

    async with started(*words, env={}) as process:
        assert process.stdout is not None
        first = await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]
        code = await process.wait()
        assert process.stderr is not None
        said = (await process.stderr.read()).decode()

    assert json.loads(first)["seq"] == 1
    assert (code, said) == (1, "")


async def test_filters_choose_by_event_user_action_and_project(run: Run, tmp_path: Path):
    database = await made(
        tmp_path / "bot.db",
        Entry(actor="U1", action="change.request", outcome="pending", project="a", event="one"),
        Entry(actor="U2", action="change.approve", outcome="approved", project="a", event="one"),
        Entry(actor="U1", action="change.request", outcome="refused", project="b", event="two"),
    )

    def chosen(*words: str) -> list[int]:
        ended = run("audit", "export", *words, "--database", str(database))
        return [json.loads(line)["seq"] for line in ended.out.splitlines()]

    assert chosen("--event", "one") == [1, 2]
    assert chosen("--user", "U1") == [1, 3]
    assert chosen("--action", "change.approve") == [2]
    assert chosen("--action", "change") == [1, 2, 3]
    assert chosen("--project", "b") == [3]
    assert chosen("--user", "U1", "--project", "a") == [1]
    assert chosen("--since", "1h") == [1, 2, 3]
    assert chosen("--event", "three") == []


async def test_list_prints_the_newest_first_and_no_more_than_asked(run: Run, tmp_path: Path):
    entries = [Entry(actor="U1", action="test", outcome=f"outcome-{number}") for number in range(5)]
    database = await made(tmp_path / "bot.db", *entries)

    ended = run("audit", "list", "--limit", "2", "--database", str(database))

    assert ended.code == 0
    header, _, *lines = ended.out.splitlines()
    assert header.split()[:2] == ["seq", "at"]
    assert [line.split()[0] for line in lines] == ["5", "4"]


async def test_an_empty_log_lists_exports_and_verifies(run: Run, tmp_path: Path):
    database = ("--database", str(await made(tmp_path / "bot.db")))

    assert run("audit", "export", *database) == Ended(0, "", "")
    assert run("audit", "export", "--format", "csv", *database).out.splitlines() == [",".join(FIELDS)]
    assert len(run("audit", "list", *database).out.splitlines()) == 2
    assert run("audit", "verify", *database).out == f"0 rows, the chain holds; head 0 {'0' * 64}\n"


@pytest.mark.parametrize(
    "statement", ["update audit set reason = 'x' where seq = 2", "delete from audit where seq = 2"]
)
async def test_verify_of_a_changed_log_ends_with_1_and_names_the_row(
    run: Run, tmp_path: Path, statement: str
):
    entries = [Entry(actor="U1", action="test", outcome="ok", reason=str(number)) for number in range(3)]
    database = await made(tmp_path / "bot.db", *entries)
    with sqlite3.connect(database) as db:
        for (name,) in db.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            db.execute(f"drop trigger {name}")
        db.execute(statement)
    db.close()

    ended = run("audit", "verify", "--database", str(database))

    assert (ended.code, ended.out) == (1, "")
    [line] = ended.err.splitlines()
    assert "row 2" in line


def _missing(path: Path) -> None:
    assert not path.exists()


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _letter(path: Path) -> None:
    path.write_bytes(b"This is a letter, and not a database at all. " * 50)


def _of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("create table songs (name text)")
    db.close()


@pytest.mark.parametrize("make", [_missing, _folder, _empty, _letter, _of_another_program])
@pytest.mark.parametrize("command", ["export", "list"])
def test_a_file_that_is_no_database_of_the_bot_ends_with_2_and_one_line(
    run: Run, tmp_path: Path, command: str, make: Callable[[Path], None]
):
    path = tmp_path / "bot.db"
    make(path)

    ended = run("audit", command, CSMS_BOT_DATABASE=str(path))

    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert str(path) in line


@pytest.mark.parametrize("make", [_missing, _folder])
def test_where_there_is_no_file_verify_was_called_wrongly(
    run: Run, tmp_path: Path, make: Callable[[Path], None]
):
    path = tmp_path / "bot.db"
    make(path)

    ended = run("audit", "verify", CSMS_BOT_DATABASE=str(path))

    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)


@pytest.mark.parametrize("make", [_empty, _letter, _of_another_program])
def test_a_file_that_holds_no_log_is_a_doubt_for_verify(
    run: Run, tmp_path: Path, make: Callable[[Path], None]
):
    """Its first bytes may have been damaged, or the log dropped: verify cannot know that it never held one."""
    path = tmp_path / "bot.db"
    make(path)

    ended = run("audit", "verify", CSMS_BOT_DATABASE=str(path))

    assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1)
    assert ended.err.startswith("The audit log is broken: ")


async def test_a_column_that_does_not_belong_there_is_a_doubt_and_hinders_no_reader(run: Run, tmp_path: Path):
    database = await made(tmp_path / "bot.db", Entry(actor="U1", action="test", outcome="ok"))
    with sqlite3.connect(database) as db:
        db.execute("alter table audit add column extra text")
    db.close()

    verified = run("audit", "verify", "--database", str(database))

    assert verified.code == 1
    assert "has not the columns" in verified.err
    assert run("audit", "export", "--database", str(database)).code == 0


async def test_the_list_shows_names_as_they_are_and_steers_no_terminal(run: Run, tmp_path: Path):
    entries = [
        Entry(actor="U1", action="test", outcome="ok", event=name, reason="\x1b[2Jgone\nnew line")
        for name in ("007", "1e5")
    ]
    database = await made(tmp_path / "bot.db", *entries)

    printed = run("audit", "list", "--database", str(database)).out

    assert " 007 " in printed
    assert " 1e5 " in printed
    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 2 + len(entries)


async def test_an_export_over_the_database_itself_is_refused(run: Run, tmp_path: Path):
    database = await made(tmp_path / "bot.db", Entry(actor="U1", action="test", outcome="ok"))
    before = database.read_bytes()

    ended = run("audit", "export", "--database", str(database), "-o", str(database))

    assert ended.code == 2
    assert "is the database" in ended.err
    assert database.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", [("version",), ("audit", "list"), ("audit", "export"), ("audit", "verify")])
async def test_an_output_that_is_full_is_one_line(tmp_path: Path, words: tuple[str, ...]):
    database = await made(tmp_path / "bot.db", Entry(actor="U1", action="test", outcome="ok"))
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "bot", *words],
            env=environment({"CSMS_BOT_DATABASE": str(database)}), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1


# -- the embedded servers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["csms", "slack"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "seed.json"),
        ("{", "seed.json"),
        ("[]", "seed.json"),
        ('{"nothing": 1}', "seed.json"),
    ],
    ids=["missing", "not JSON", "a list", "a wrong key"],
)
def test_a_bad_seed_ends_with_2_and_one_line(
    run: Run, tmp_path: Path, server: str, content: str | None, said: str
):
    seed = tmp_path / "seed.json"
    if content is not None:
        seed.write_text(content)

    ended = run("sandbox", server, "--port", "0", "--seed", str(seed))

    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith("csms-bot: --seed: ")
    assert said in line
