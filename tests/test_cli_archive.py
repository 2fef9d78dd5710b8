"""`csms-bot audit archive`: what it prints, and with what it ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.model import AuditRow
from bot.store import archive as steps
from bot.store import audit
from bot.store.engine import Tx
from tests.store.support import entry, opened
from tests.support.console import ROOT, csms_bot, environment
from tests.support.segments import Log, unguarded

OLD = 5


@pytest.fixture
async def log(tmp_path: Path) -> Log:
    """A log with five rows that are a year and a half old, and five of today."""
    made = Log(tmp_path / "db", tmp_path / "segments")
    made.folder.mkdir()
    now = datetime.now(UTC)
    async with opened(made.path) as store:
        for number in range(2 * OLD):
            await store.audit.append(entry(number), now - timedelta(days=500 if number < OLD else 0))
    return made


def words(log: Log, *more: str, older: str = "400d") -> Sequence[str]:
    """The command, for the database."""
    return (
        "audit",
        "archive",
        "--older-than",
        older,
        "--database",
        str(log.path),
        *(more or ("--to", str(log.folder))),
    )


async def test_it_says_what_went_where_and_then_that_no_more_is_that_old(log: Log):
    ended = await csms_bot(*words(log))

    [file] = log.files
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"Rows 1 to {OLD} are now in {file}, SHA-256 {sha256}.\n"
    ended = await csms_bot(*words(log))
    assert (ended.code, ended.out, ended.err) == (0, "No more rows are that old; nothing was archived.\n", "")
    assert len(log.files) == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--older-than", "soon"), "'soon' is not a duration"),
        (("--older-than", "0"), "'0' is no age; write 400d, say"),
        (("--older-than", "-3d"), "'-3d' is not a duration"),
        (("--older-than", "99999d"), "is too long"),
        (("--to", "/nowhere/at/all"), "'/nowhere/at/all' does not exist"),
        (("--to", "{file}"), "is a file"),
        ((), "Missing option"),
    ],
)
async def test_wrong_usage_ends_with_2_and_one_sentence(log: Log, more: tuple[str, ...], said: str):
    given = ["--older-than", "400d", "--to", str(log.folder)] if more else []
    given += [one.format(file=log.path) for one in more]

    ended = await csms_bot("audit", "archive", "--database", str(log.path), *given)

    assert (ended.code, ended.out) == (2, "")
    [line] = [line for line in ended.err.splitlines() if line.startswith("Error: ")]
    assert said in line
    assert log.files == []


async def test_a_file_that_is_no_database_ends_with_2(log: Log, tmp_path: Path):
    other = tmp_path / "letter"
    other.write_text("This is a letter. " * 100)

    ended = await csms_bot(*words(Log(other, log.folder)))

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"csms-bot: {other} is not a database of csms-bot ")


async def test_while_another_one_archives_it_ends_with_2(log: Log):
    with steps.alone(log.path):
        ended = await csms_bot(*words(log))

    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "are being archived; let that end first" in ended.err


async def test_what_fails_ends_with_1_and_one_sentence(log: Log):
    with unguarded(log.path) as db:
        db.execute("update audit set actor = 'U9' where seq = 3")

    ended = await csms_bot(*words(log))

    assert (ended.code, ended.out) == (1, "")
    said = "the rows do not hold as they were read back: row 3 is not what was written; nothing was archived"
    assert ended.err == f"Error: {said}.\n"


def test_a_file_that_can_grow_no_more_ends_with_1_and_one_sentence(log: Log):
    """A process that may write no file larger than a kilobyte, as on a disk that is full."""
    limited = ["sh", "-c", 'ulimit -f 2 && exec "$@"', "sh", sys.executable, "-m", "bot", *words(log)]
    with closing(sqlite3.connect(log.path)) as db:
        rows = db.execute("select * from audit").fetchall()

        ended = subprocess.run(limited, capture_output=True, text=True, env=environment({}), cwd=ROOT)

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == f"Error: {log.folder} cannot be written to (File too large).\n"
        assert db.execute("select * from audit").fetchall() == rows
    assert list(log.folder.iterdir()) == []


async def test_a_link_that_somebody_left_in_the_folder_is_not_followed(log: Log, tmp_path: Path):
    (tmp_path / "precious").write_text("precious")
    (log.folder / steps.PART).symlink_to(tmp_path / "precious")

    assert (await csms_bot(*words(log))).code == 0

    assert (tmp_path / "precious").read_text() == "precious"


async def test_an_export_that_rows_were_archived_under_ends_with_1_and_says_to_export_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit, "CHUNK", 2)
    read, now = audit.read, datetime.now(UTC)

    def archiving(db: Tx, **filters: Any) -> Iterator[AuditRow]:
        for row in read(db, **filters):
            if row.seq == 2:
                steps.archive(log.path, log.folder, now - timedelta(days=400), now)
            yield row

    monkeypatch.setattr(audit, "read", archiving)
    ended = await asyncio.to_thread(CliRunner().invoke, cli, ["audit", "export", "--database", str(log.path)])

    rows = [json.loads(line)["seq"] for line in ended.stdout.splitlines()]
    assert rows[:3] == [1, 2, OLD + 1], "control: rows are missing from it"
    assert (ended.exit_code, ended.stderr) == (
        1,
        "Error: Rows were archived meanwhile, and some may be missing; export again.\n",
    )
