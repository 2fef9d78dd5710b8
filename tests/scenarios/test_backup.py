"""A copy while the bot runs, and back from it: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.sandbox.slack import Fault, FaultKind
from bot.verify import check
from bot.views.alerts import FACES, alert, lines
from bot.views.named import name_of, named_by
from tests.scenarios.ledger import Verdict, compare
from tests.support.console import csms_bot
from tests.support.stage import Stage, change_of, stage, text_of, until
from tests.views.gallery import a_record, an_incident

EVENT, OTHER = "legacy-ftp-password", "prod-db-password-expiry"
INVALID, FAILING = "checkout-db-rotation", "mail-gateway-credentials"


def verdict(on: Stage) -> Verdict:
    """The journals of both sides, held against each other."""
    return compare(on.world.journal, on.slack.journal.entries, bot=on.people["bot"], alerts=on.alerts)


async def settled(on: Stage) -> None:
    """Waits until every failure is named, and then a little, for what would be named twice."""
    await until(lambda: not verdict(on).lost, 10)
    await asyncio.sleep(0.6)


async def ask(on: Stage, text: str) -> str:
    """The id of a new change request whose card is there."""
    change = change_of(await on.ask("engineer", text))
    await on.card(change, "pending")
    return change


async def approve(on: Stage, change: str) -> None:
    """Approves, and waits until it is applied."""
    await on.press("approver", await on.card(change, "pending"), "Approve")
    await on.card(change, "applied")


async def killed(on: Stage) -> None:
    """Ends the bot in the middle of whatever it does."""
    on.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await on.task


async def test_backup_traffic_crash_restore_loses_nothing_and_doubles_nothing(quick: Stage, tmp_path: Path):
    file = tmp_path / "copy.db"
    quick.world.trigger(FAILING, "SECRET_VERSION_EXPIRED")
    await settled(quick)
    decided = await ask(quick, f"enable {EVENT}")
    waiting = await ask(quick, f"update {EVENT} --add-type SECRET_DELETED")

    ended = await csms_bot("backup", str(file), env=quick.env)
    assert (ended.code, ended.err) == (0, "")
    assert "the chain holds" in ended.out

    for event, kind in ((FAILING, "SECRET_VERSION_EXPIRED"), (INVALID, "SECRET_ROTATED")) * 3:
        quick.world.trigger(event, kind)
        await settled(quick)
    await approve(quick, decided)
    later = await ask(quick, f"disable {OTHER}")
    await approve(quick, later)
    await killed(quick)
    quick.world.trigger(INVALID, "SECRET_ROTATED")
    ended = await csms_bot("restore", str(file), env=quick.env)
    assert (ended.code, ended.err) == (0, "")
    await quick.start()
    await settled(quick)

    found = verdict(quick)
    assert found.fine, found
    assert check(quick.database).doubts == []
    states = {change.id: change.state for change in await _changes(quick)}
    assert states == {decided: "applied", waiting: "pending"}
    assert ("system", "change.reconcile", "applied") in quick.audit(change=decided)
    told = await until(
        lambda: [one for one in quick.slack.messages(quick.approvals) if "put back" in text_of(one)]
    )
    assert [later in text_of(one) for one in told] == [True]
    new = await ask(quick, f"enable {OTHER}")
    assert int(new[3:]) > int(later[3:]), "no number is given twice"
    await approve(quick, new)
    await quick.restart()
    await settled(quick)
    assert verdict(quick).fine


async def test_control_an_old_copy_put_in_place_by_hand_alerts_again(quick: Stage, tmp_path: Path):
    file = tmp_path / "copy.db"
    quick.world.trigger(FAILING, "SECRET_VERSION_EXPIRED")
    await settled(quick)
    await csms_bot("backup", str(file), env=quick.env)
    quick.world.trigger(INVALID, "SECRET_ROTATED")
    await settled(quick)
    await killed(quick)
    quick.database.write_bytes(file.read_bytes())
    await quick.start()

    assert await until(lambda: verdict(quick).doubled)


ROUTE = f"""
[[routes]]
event = "{INVALID}"
channel = "C00APPROVALS"
"""


async def test_what_a_route_sent_elsewhere_is_not_sent_again_after_a_restore(tmp_path: Path, unpaced: None):
    (tmp_path / "bot.toml").write_text(ROUTE, encoding="utf-8")
    async with stage(tmp_path, CSMS_BOT_CONFIG=str(tmp_path / "bot.toml")) as running:
        running.slack.rate_limits.enabled = False
        file = tmp_path / "copy.db"
        assert (await csms_bot("backup", str(file), env=running.env)).code == 0
        running.world.trigger(INVALID, "SECRET_ROTATED")
        await until(lambda: routed(running))
        await killed(running)
        assert (await csms_bot("restore", str(file), env=running.env)).code == 0
        await running.start()
        await running.app.poller.looked.wait()
        running.world.trigger(FAILING, "SECRET_VERSION_EXPIRED")
        await running.alert(FAILING)
        await asyncio.sleep(0.5)

        assert routed(running) == 1


async def test_what_was_posted_since_the_copy_says_clearly_that_it_is_not_known_any_more(
    quick: Stage, tmp_path: Path
):
    file = tmp_path / "copy.db"
    assert (await csms_bot("backup", str(file), env=quick.env)).code == 0
    quick.world.trigger(INVALID, "SECRET_ROTATED")
    alert_of = await quick.alert(INVALID)
    await ask(quick, f"enable {EVENT}")
    card = await quick.card("CR-1", "pending")
    await settled(quick)
    await killed(quick)
    await csms_bot("restore", str(file), env=quick.env)
    await quick.start()
    await quick.app.poller.looked.wait()

    for button in ("View event", "Fix target", "Acknowledge", "Snooze"):
        assert "This alert is not known here any more" in text_of(
            await quick.click("engineer", alert_of, button)
        )
    for button in ("Approve", "Reject"):
        said = text_of(await quick.click("approver", card, button))
        assert "This change request does not exist any more" in said
    assert quick.puts() == []

    quick.world.trigger(INVALID, "SECRET_ROTATED")
    await settled(quick)
    assert verdict(quick).fine, "the next failure opens an alert of its own, and each record is named once"
    shown = [
        one for one in quick.slack.messages(quick.alerts) if text_of(one).count(INVALID) and not one.is_reply
    ]
    assert len(shown) == 2


def routed(on: Stage) -> int:
    """How many messages in the approval channel name a record of the routed event."""
    return sum(
        "not delivered" in text_of(one) and INVALID in text_of(one) for one in on.slack.messages(on.approvals)
    )


async def test_what_was_on_its_way_when_the_copy_was_made_is_posted_once(tmp_path: Path, unpaced: None):
    file = tmp_path / "copy.db"
    async with stage(tmp_path, CSMS_BOT_SETTLE="0.3s") as running:
        running.slack.rate_limits.enabled = False
        running.slack.faults.add("chat.postMessage", Fault(FaultKind.STATUS, status=503), times=2)
        running.world.trigger(FAILING, "SECRET_VERSION_EXPIRED")
        running.world.trigger(INVALID, "SECRET_ROTATED")
        await until(lambda: _outbox(running.database))
        assert (await csms_bot("backup", str(file), env=running.env)).code == 0
        await settled(running)
        await killed(running)
        assert (await csms_bot("restore", str(file), env=running.env)).code == 0
        await running.start()
        await settled(running)

        assert verdict(running).fine


async def test_a_reply_that_waited_when_the_copy_was_made_is_found_in_its_thread(
    tmp_path: Path, unpaced: None
):
    file = tmp_path / "copy.db"
    async with stage(tmp_path, CSMS_BOT_SETTLE="0.3s") as running:
        running.slack.rate_limits.enabled = False
        running.world.trigger(FAILING, "SECRET_VERSION_EXPIRED")
        await settled(running)
        # Another message holds the channel up, so that the reply has not been sent at all yet.
        running.slack.faults.add("chat.postMessage", Fault(FaultKind.DELAY, delay_s=4.0), times=1)
        running.world.trigger(INVALID, "SECRET_ROTATED")
        await until(lambda: len(_outbox(running.database)) == 1)
        running.world.trigger(FAILING, "SECRET_VERSION_EXPIRED")
        await until(lambda: len(_outbox(running.database)) == 2)
        assert (await csms_bot("backup", str(file), env=running.env)).code == 0
        assert len(_outbox(file)) == 2, "it waits in the copy"
        await settled(running)
        await killed(running)
        assert (await csms_bot("restore", str(file), env=running.env)).code == 0
        await running.start()
        await settled(running)
        await until(lambda: not _outbox(running.database))

        assert verdict(running).fine


async def test_nothing_is_sent_while_slack_cannot_be_asked_what_it_holds(quick: Stage, tmp_path: Path):
    file = tmp_path / "copy.db"
    await csms_bot("backup", str(file), env=quick.env)
    quick.world.trigger(FAILING, "SECRET_VERSION_EXPIRED")
    await settled(quick)
    await killed(quick)
    await csms_bot("restore", str(file), env=quick.env)
    quick.slack.faults.add("conversations.history", Fault(FaultKind.STATUS, status=503), times=None)
    posts = len(quick.slack.messages(quick.alerts))
    starting = asyncio.create_task(quick.start())
    await asyncio.sleep(1)
    assert len(quick.slack.messages(quick.alerts)) == posts
    starting.cancel()
    await killed(quick)
    quick.slack.faults.clear()
    await quick.start()
    await settled(quick)

    assert verdict(quick).fine


async def test_a_copy_is_for_its_owner_alone_and_never_over_another_file(quick: Stage, tmp_path: Path):
    file = tmp_path / "copy.db"
    assert (await csms_bot("backup", str(file), env=quick.env)).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()

    again = await csms_bot("backup", str(file), env=quick.env)

    assert again.code == 2
    assert "is there already" in again.err
    assert file.read_bytes() == content


async def test_restore_is_refused_while_the_bot_runs_and_for_a_copy_that_was_tampered_with(
    quick: Stage, tmp_path: Path
):
    file = tmp_path / "copy.db"
    await ask(quick, f"enable {EVENT}")
    await csms_bot("backup", str(file), env=quick.env)
    running = await csms_bot("restore", str(file), env=quick.env)
    assert (running.code, "stop it first" in running.err) == (2, True)
    await killed(quick)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("drop trigger audit_never_changes")
        db.execute("update audit set actor = 'U9' where seq = 1")
    before = quick.database.read_bytes()

    ended = await csms_bot("restore", str(file), env=quick.env)

    assert ended.code == 1
    assert "Nothing was changed: row 1 is not what was written" in ended.err
    assert quick.database.read_bytes() == before


async def test_a_place_that_cannot_be_written_is_said_in_one_line(quick: Stage, tmp_path: Path):
    file = tmp_path / "copy.db"
    assert (await csms_bot("backup", str(file), env=quick.env)).code == 0
    for words in (
        ("backup", str(tmp_path / "nowhere" / "copy.db")),
        ("backup", str(file / "copy.db")),
        ("restore", str(tmp_path / "nothing.db")),
        ("restore", str(file), "--database", str(tmp_path / "nowhere" / "bot.db")),
        ("backup", str(tmp_path / "other.db"), "--database", str(tmp_path / "nothing.db")),
    ):
        ended = await csms_bot(*words, env=quick.env)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1), words


async def _changes(on: Stage) -> list[object]:
    found = [await on.app.store.changes.by_number(number) for number in range(1, 10)]
    return [change for change in found if change is not None]


def _outbox(database: Path) -> Mapping[str, int]:
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
        return dict(db.execute("select key, 1 from outbox where state != 'posted'").fetchall())


def test_a_record_is_read_back_from_every_message_that_names_it():
    for text in ("plain-name", "n" * 300, "a`b", "<&>", "é ", ""):
        record = a_record(text)
        incident = an_incident(text, record.status)
        assert list(named_by(alert(incident).text)) == [name_of(record)], text
        of_many = replace(incident, first={**incident.first, "project": "prod"}, mention="U0ONCALL")
        assert list(named_by(alert(of_many).text)) == [name_of(record)], text
        for how in (
            {}, {"mixed": True}, {"mixed": True, "more": True}, {"incident": incident.key}, {"after_snooze": 2},
        ):  # fmt: skip
            for words in ({}, {"project": "prod"}):
                drawn = lines({"records": [incident.first, incident.first], **how, **words})
                assert list(named_by(drawn.text)) == [name_of(record)] * 2, (text, how, words)
        for state in FACES:
            shown = alert(replace(incident, state=state, mention="U0ONCALL"))
            assert list(named_by(shown.text)) == [name_of(record)], (text, state)
