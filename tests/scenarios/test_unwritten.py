"""An audit log that cannot be written: nothing is done without its row, the person is told, and the bot recovers."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import timedelta

import pytest

import bot.app
from bot.verify import check
from tests.support.stage import Stage, blocks_text, change_of, text_of, until

EVENT = "legacy-ftp-password"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is carried on after a moment."""
    monkeypatch.setattr(bot.app, "RESUME_AFTER", timedelta(seconds=0.3))


@contextlib.contextmanager
def broken(on: Stage, outcome: str, how: str = "abort, 'disk I/O error'") -> Iterator[None]:
    """While this holds no row with that outcome can be written."""
    with contextlib.closing(sqlite3.connect(on.database, timeout=30, isolation_level=None)) as db:
        db.execute(
            f"create trigger in_the_way before insert on audit when new.outcome = '{outcome}' "
            f"begin select raise({how}); end"
        )
        try:
            yield
        finally:
            db.execute("drop trigger in_the_way")


@pytest.mark.parametrize("how", ["abort, 'disk I/O error'", "ignore"])
async def test_without_its_row_of_intent_nothing_is_sent_and_it_is_tried_again(quick: Stage, how: str):
    change = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    card = await quick.card(change, "pending")
    with broken(quick, "intent", how):
        said = text_of(await quick.click("approver", card, "Approve"))
        assert "the audit log could not be written" in said
        assert "nothing was sent to CSMS" in said
        assert quick.puts() == []

    await quick.card(change, "applied")
    assert quick.puts() == [{"state": "ENABLED"}]
    assert check(quick.database).doubts == []


async def test_an_outcome_that_could_not_be_written_is_found_out_by_looking_again(quick: Stage):
    change = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    card = await quick.card(change, "pending")
    with broken(quick, "applied"):
        said = text_of(await quick.click("approver", card, "Approve"))
        assert f"What became of {change} could not be written" in said
        assert "nothing" not in said

    await quick.card(change, "applied")
    assert quick.puts() == [{"state": "ENABLED"}], "it was written once"
    assert check(quick.database).doubts == []


async def test_a_request_without_its_row_is_not_made(quick: Stage):
    with broken(quick, "pending", "ignore"):
        said = text_of(await quick.ask("engineer", f"enable {EVENT}"))

    assert "could not be written, so nothing was done" in said
    assert await quick.app.store.changes.newest() == 0


async def test_what_was_approved_in_time_and_cannot_be_begun_in_time_expires(quick: Stage):
    await quick.restart(CSMS_BOT_APPROVAL_TTL="2s")
    change = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    card = await quick.card(change, "pending")
    with broken(quick, "intent"):
        await quick.press("approver", card, "Approve")
        await until(lambda: ("system", "change.expire", "expired") in quick.audit(change=change), 8)

    assert "could not begin it in time" in blocks_text(await quick.ask("engineer", f"history {EVENT}"))
    assert quick.puts() == []


async def test_what_was_being_applied_in_a_project_that_is_gone_ends_when_its_time_is_over(quick: Stage):
    change = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    await quick.card(change, "pending")
    quick.stop.set()
    await quick.task
    with contextlib.closing(sqlite3.connect(quick.database)) as db, db:
        db.execute("update changes set state = 'applying', project = 'gone', expires = created")
    await quick.start()

    await until(lambda: ("system", "change.apply", "failed") in quick.audit(change=change))
    assert "not in the settings any more" in blocks_text(await quick.card(change, "failed"))
