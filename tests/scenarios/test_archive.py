"""The oldest rows of the log are archived while the whole program runs, and nothing that reads the log minds."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest

from bot.model import PostKind
from bot.sandbox.slack import Message
from bot.store import archive as steps
from bot.store import outbox
from bot.verify import check
from bot.views.witness import MARK
from tests.support.console import Ended, csms_bot
from tests.support.stage import Stage, blocks_text, change_of, text_of, until

EVENT, OTHER = "legacy-ftp-password", "prod-db-password-expiry"
SAID = "Rows before "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the segments go."""
    (tmp_path / "segments").mkdir()
    return tmp_path / "segments"


async def apply(on: Stage, text: str) -> Message:
    """Asks for a change, approves it, and gives the finished card."""
    change = change_of(await on.ask("engineer", text))
    await on.press("approver", await on.card(change, "pending"), "Approve")
    return await on.card(change, "applied")


async def archive(on: Stage, folder: Path) -> Ended:
    """`csms-bot audit archive` of everything but the newest row, as a process of its own."""
    ended = await csms_bot("audit", "archive", "--older-than", "0.001s", "--to", str(folder), env=on.env)
    assert (ended.code, ended.err) == (0, "")
    return ended


async def verify(on: Stage, *more: str) -> Ended:
    """`csms-bot audit verify`, as a process of its own."""
    return await csms_bot("audit", "verify", *more, env=on.env)


def heads(message: Message) -> list[str]:
    """The heads in a message: `seq.hash`."""
    ids = [str(block.get("block_id", "")) for block in message.blocks]
    return [one.removeprefix(f"{MARK}.") for one in ids if one.startswith(f"{MARK}.")]


async def looked(on: Stage) -> list[str]:
    """The events that one look finds changed from outside."""
    found = await on.app.sidedoors.look(next(iter(on.app.projects)))
    return [one.finding.event for one in found]


async def test_rows_are_archived_beside_the_running_bot_which_goes_on(quick: Stage, folder: Path):
    await apply(quick, f"enable {EVENT}")
    await until(lambda: len(quick.audit()) == 4)

    ended = await archive(quick, folder)
    assert ended.out.startswith(
        f"Rows 1 to 3 are now in {folder / 'audit-0000000001-0000000003.jsonl'}, SHA-256 "
    )
    assert quick.audit() == [("system", "change.apply", "applied"), ("system", "audit.archive", "done")]

    await apply(quick, f"disable {EVENT}")
    ended = await verify(quick)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("6 rows, the chain holds; head 9 ")
    assert ended.out.endswith(
        "; rows 1 to 3 are in audit-0000000001-0000000003.jsonl, not looked at; name its folder with --segments DIR\n"
    )
    ended = await verify(quick, "--segments", str(folder))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("9 rows, 3 of them in 1 archived segment, the chain holds; head 9 ")
    assert len(ended.out.split("; ")) == 2, "nothing is left to be looked at"

    await archive(quick, folder)
    await quick.restart()
    await apply(quick, f"enable {EVENT}")
    ended = await verify(quick, "--segments", str(folder))
    assert (ended.code, "8 of them in 2 archived segments" in ended.out) == (0, True)
    assert "and the segments before it, not looked at" in (await verify(quick)).out


async def test_heads_in_slack_of_archived_rows_are_compared_with_the_segments(quick: Stage, folder: Path):
    await apply(quick, f"enable {EVENT}")
    await apply(quick, f"disable {EVENT}")
    await apply(quick, f"enable {EVENT}")
    await archive(quick, folder)

    ended = await verify(quick, "--witness")
    assert (ended.code, "; 1 heads in Slack agree; 2 of archived rows were not compared; " in ended.out) == (
        0,
        True,
    )
    ended = await verify(quick, "--witness", "--segments", str(folder))
    assert (ended.code, ended.out.endswith("; 3 heads in Slack agree\n")) == (0, True)

    [file] = folder.iterdir()
    file.unlink()
    ended = await verify(quick, "--witness", "--segments", str(folder))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"The audit log is broken: {file.name} cannot be read (No such file or directory).\n"


async def test_a_log_of_which_slack_holds_only_archived_rows_has_no_witness_without_the_segments(
    quick: Stage, folder: Path
):
    await apply(quick, f"enable {EVENT}")
    await quick.ask("engineer", f"disable {EVENT}")
    await quick.ask("engineer", f"enable {OTHER}")
    await archive(quick, folder)

    ended = await verify(quick, "--witness")
    assert (ended.code, ended.out) == (1, "")
    assert "Slack holds no head of the rows that were looked at; name the folder of the others" in ended.err
    assert (await verify(quick, "--witness", "--segments", str(folder))).code == 0


async def test_a_finished_card_that_is_drawn_again_still_shows_a_head_that_holds(quick: Stage, folder: Path):
    card = await apply(quick, f"enable {EVENT}")
    was = heads(card)
    await quick.ask("engineer", f"disable {EVENT}")
    await archive(quick, folder)

    change = await quick.app.store.changes.by_number(1)
    assert change is not None
    await quick.app.store.audit._engine.run(lambda tx: outbox.touch(tx, PostKind.CARD, change.key))
    quick.app.poster.wake()
    card = await until(lambda: (now := quick.find_card("CR-1")) and heads(now) != was and now)

    [shown] = heads(card)
    assert shown.startswith("6.")
    ended = await verify(quick, "--witness")
    assert (ended.code, "; 1 heads in Slack agree" in ended.out) == (0, True)


async def test_answers_in_slack_say_from_when_on_rows_are_not_archived(quick: Stage, folder: Path):
    await apply(quick, f"enable {EVENT}")
    for command in ("audit", f"history {EVENT}"):
        answer = await quick.ask("engineer", command)
        assert SAID not in text_of(answer) + blocks_text(answer)
    await archive(quick, folder)

    for command in ("audit", f"history {EVENT}", "history billing-api-token", "audit --event nothing"):
        answer = await quick.ask("engineer", command)
        assert re.search(
            r"Rows before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? UTC are archived\.", text_of(answer)
        )
        assert SAID in blocks_text(answer), command
    page = await quick.ask("engineer", "audit --since 0.001s")
    assert SAID not in text_of(page) + blocks_text(page), "nothing that old was asked for"


async def test_a_page_of_the_log_leaves_that_to_the_last_one(quick: Stage, folder: Path):
    await apply(quick, f"enable {EVENT}")
    await archive(quick, folder)
    for _ in range(22):
        await quick.ask("guest", f"enable {EVENT}")

    assert SAID not in blocks_text(await quick.ask("engineer", "audit"))


async def test_an_export_says_from_when_on_rows_are_not_archived(quick: Stage, folder: Path):
    await apply(quick, f"enable {EVENT}")
    await archive(quick, folder)

    answer = await quick.click("engineer", await quick.ask("engineer", "audit"), "Export JSONL")
    assert SAID in text_of(answer)
    for command in ("export", "list"):
        ended = await csms_bot("audit", command, env=quick.env)
        assert (ended.code, ended.err.startswith("rows before 20")) == (0, True)
        assert "archived" not in (await csms_bot("audit", command, "--since", "0.001s", env=quick.env)).err


async def test_the_bots_own_changes_are_not_called_changes_from_outside_after_an_archiving(
    quick: Stage, folder: Path
):
    assert await looked(quick) == []
    await apply(quick, f"enable {EVENT}")
    await quick.ask("guest", f"enable {EVENT}")

    ended = await archive(quick, folder)

    assert "has compared the events of project" in ended.out
    assert await looked(quick) == []
    await archive(quick, folder)
    assert await looked(quick) == []


async def test_control_without_the_rows_of_its_own_changes_it_would_accuse_itself(
    quick: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    assert await looked(quick) == []
    await apply(quick, f"enable {EVENT}")
    await quick.ask("guest", f"enable {EVENT}")
    head = (await quick.app.store.audit.head())[0]
    monkeypatch.setattr(steps, "old_rows", lambda _db, _before: (head - 1, ""))
    now = quick.app.services.clock()

    steps.archive(quick.database, folder, now, now)

    assert await looked(quick) == [EVENT]


async def test_a_change_whose_rows_are_archived_can_be_undone(quick: Stage, folder: Path):
    await apply(quick, f"enable {EVENT}")
    await quick.ask("guest", f"enable {EVENT}")
    await archive(quick, folder)

    await apply(quick, "undo CR-1")

    assert quick.world.event(EVENT).state == "DISABLED"


async def test_a_copy_from_before_an_archiving_is_put_back_and_archived_anew(
    quick: Stage, folder: Path, tmp_path: Path
):
    await apply(quick, f"enable {EVENT}")
    await csms_bot("backup", str(tmp_path / "copy.db"), env=quick.env)
    await apply(quick, f"disable {EVENT}")
    await archive(quick, folder)
    await csms_bot("backup", str(tmp_path / "later.db"), env=quick.env)
    for file, rows in (("copy.db", 4), ("later.db", 9)):
        quick.task.cancel()
        with contextlib.suppress(BaseException):
            await quick.task
        ended = await csms_bot("restore", str(tmp_path / file), env=quick.env)
        assert (ended.code, ended.err) == (0, "")
        assert f" {rows} audit rows, the chain holds" in ended.out
        await quick.start()
        await quick.ask("guest", f"enable {EVENT}")
        await archive(quick, folder)

        ended = await verify(quick, "--segments", str(folder))
        assert (ended.code, ended.err) == (0, "")
        assert check(quick.database).begins > rows


async def test_restore_waits_for_an_archiving_to_end(quick: Stage, tmp_path: Path):
    await csms_bot("backup", str(tmp_path / "copy.db"), env=quick.env)
    quick.stop.set()
    await quick.task
    with steps.alone(quick.database):
        ended = await csms_bot("restore", str(tmp_path / "copy.db"), env=quick.env)

    assert (ended.code, "are being archived; let that end first" in ended.err) == (2, True)


async def test_the_number_of_rows_in_the_metrics_counts_archived_ones(quick: Stage, folder: Path):
    await apply(quick, f"enable {EVENT}")
    await archive(quick, folder)

    report = await quick.app.status.report()

    assert report.head[0] == 5
    [line] = [json.loads(line) for file in folder.iterdir() for line in file.read_text().splitlines()][-1:]
    assert line["seq"] == 3
