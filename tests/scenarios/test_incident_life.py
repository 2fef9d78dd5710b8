"""What becomes of an alert: snoozed, fixed, explained, routed, or held up by a channel that is closed."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from bot.sandbox.csms.faults import Fault as CsmsFault
from bot.sandbox.csms.model import Record
from bot.sandbox.slack import Message
from tests.scenarios.test_alerts import EVENT, add, records_named
from tests.support.stage import Stage, blocks_text, stage, text_of, until


def thread(bot: Stage, alert: Message) -> list[str]:
    """The secrets that are named below an alert."""
    return records_named(bot.slack.replies(bot.alerts, alert.ts))


async def test_a_snoozed_alert_is_quiet_and_tells_afterwards_what_came_meanwhile(quick: Stage):
    add(quick, secret="first")
    alert = await quick.alert("FAIL", "first")

    asked = await quick.click("engineer", alert, "Snooze")
    labels = [one["text"]["text"] for block in asked.blocks for one in block.get("elements", [])]
    assert labels == ["1 hour", "8 hours", "Until tomorrow 9:00", "7 days"]
    await quick.press("engineer", asked, "8 hours")
    shown = await until(
        lambda: next(
            (one for one in quick.slack.messages(quick.alerts) if "Snoozed by" in blocks_text(one)), None
        )
    )
    assert shown.ts == alert.ts
    for number in range(3):
        add(quick, secret=f"meanwhile-{number}")
    await until(lambda: "3 notices came meanwhile" in blocks_text(quick.slack.messages(quick.alerts)[1]))
    add(quick, secret="other", target="urn:smn:r:p:other")
    await quick.alert("FAIL", "other")
    assert thread(quick, alert) == []
    await quick.restart()

    again = await quick.click("engineer", alert, "Snooze")
    await quick.press("engineer", again, "End the snooze")
    await until(lambda: len(thread(quick, alert)) == 3)
    (reply,) = quick.slack.replies(quick.alerts, alert.ts)
    assert text_of(reply).startswith("The snooze is over. Meanwhile 3 notices")
    assert thread(quick, alert) == ["meanwhile-0", "meanwhile-1", "meanwhile-2"]
    add(quick, secret="later")
    await until(lambda: thread(quick, alert)[3:] == ["later"])


async def test_a_guest_cannot_snooze(quick: Stage):
    add(quick, secret="first")
    alert = await quick.alert("FAIL", "first")

    assert "Guests" in text_of(await quick.click("guest", alert, "Snooze"))
    assert quick.audit() == [(quick.people["guest"], "incident.snooze", "refused")]


async def fix(bot: Stage, alert: Message) -> None:
    """Sends the event of an alert to another topic, by way of its *Fix target* button."""
    user = bot.people["engineer"]
    await bot.press("engineer", alert, "Fix target")
    view = await bot.slack.wait_for(
        lambda: next((one for one in bot.slack.views(user) if one.body.get("submit")), None)
    )
    good = bot.world.event("search-cluster-token").notification
    values = {"target_id": good.target_id, "target_name": good.target_name}
    assert (await bot.slack.submit(user, view.id, {name: {name: value} for name, value in values.items()})).ok
    card = await bot.card("CR-1", "pending")
    await until(lambda: "CR-1, asked by" in blocks_text(bot.slack.messages(bot.alerts)[-1]))
    await bot.press("approver", card, "Approve")
    await bot.card("CR-1", "applied")
    await bot.alert("Fix applied, waiting for the next notice", EVENT)


async def test_a_failure_after_the_fix_reopens_the_alert(quick: Stage):
    record = quick.world.trigger(EVENT, "SECRET_ROTATED", secret="first")
    alert = await quick.alert("INVALID", EVENT)
    await fix(quick, alert)

    add(quick, secret="again", status="INVALID", target=record.notification_target_id)
    reopened = await quick.alert("Notice not delivered", "first")
    assert reopened.ts == alert.ts
    assert "A fix was applied, but a later notice failed too" in blocks_text(reopened)
    await until(lambda: thread(quick, alert) == ["again"])


async def test_a_failure_at_the_new_target_has_its_own_alert_and_reopens_the_old_one(quick: Stage):
    quick.world.trigger(EVENT, "SECRET_ROTATED", secret="first")
    alert = await quick.alert("INVALID", EVENT)
    await fix(quick, alert)

    quick.world.trigger(EVENT, "SECRET_ROTATED", secret="again", status="FAIL")
    other = await quick.alert("Notice not delivered", "FAIL", "again")
    assert other.ts != alert.ts
    assert (await quick.alert("Notice not delivered", "INVALID", "first")).ts == alert.ts


async def test_a_failure_that_comes_late_and_is_older_than_the_fix_is_named_and_reopens_nothing(quick: Stage):
    record = quick.world.trigger(EVENT, "SECRET_ROTATED", secret="first")
    alert = await quick.alert("INVALID", EVENT)
    await fix(quick, alert)
    (incident,) = (await quick.app.store.incidents.some([_key(alert)])).values()
    assert incident.as_of is not None
    assert incident.as_of.timestamp() * 1000 == quick.world.event(EVENT).update_time

    for number, words in enumerate(("Fix applied, waiting for the next notice", "Delivering again")):
        if number:
            add(quick, secret="fine", status="SUCCESS", target=record.notification_target_id)
            await quick.alert(words, "first")
        quick.world.add_record(
            Record(
                event_name=EVENT, trigger_event_type="SECRET_ROTATED", secret_name=f"late-{number}",
                notification_status="INVALID", create_time=record.create_time - 3000,
                notification_target_id=record.notification_target_id, notification_target_name="t",
            )
        )  # fmt: skip
        shown = await until(
            lambda words=words, number=number: _with(quick, alert, f"{number + 2} (see the thread)")
        )
        assert text_of(shown).startswith(words)
    await until(lambda: thread(quick, alert) == ["late-0", "late-1"])
    add(quick, secret="again", status="INVALID", target=record.notification_target_id)
    await quick.alert("Notice not delivered", "first")


async def test_failing_targets_are_not_suggested_for_a_fix(quick: Stage):
    sick = quick.world.event("search-cluster-token").notification
    add(quick, secret="a", event="search-cluster-token", target=sick.target_id)
    await quick.alert("FAIL", "search-cluster-token")
    quick.world.trigger(EVENT, "SECRET_ROTATED", secret="b")
    alert = await quick.alert("INVALID", EVENT)

    await quick.press("engineer", alert, "Fix target")
    user = quick.people["engineer"]
    view = await quick.slack.wait_for(
        lambda: next((one for one in quick.slack.views(user) if one.body.get("submit")), None)
    )
    offered = str(await quick.slack.options(user, view, action_id="target", value=""))
    assert sick.target_id not in offered
    assert "options" in offered


async def test_a_failed_rotation_says_why_when_the_tasks_may_be_read(quick: Stage):
    quick.world.add_task("db", failed=True)
    quick.world.add_record(_rotation_failed("db"))
    alert = await quick.alert("FAIL", "SECRET_ROTATED_FAILED")

    shown = await until(lambda: _with(quick, alert, "The database refused the new password."))
    assert "CSMS.0401" in blocks_text(shown)
    assert "the rotation is overdue" in blocks_text(shown)


async def test_without_the_permission_a_failed_rotation_is_alerted_all_the_same(quick: Stage):
    quick.world.faults.add("list_tasks", CsmsFault(status=403))
    quick.world.add_task("db", failed=True)
    quick.world.add_record(_rotation_failed("db"))
    alert = await quick.alert("FAIL", "SECRET_ROTATED_FAILED")

    add(quick, secret="after")
    await quick.alert("after")
    assert _with(quick, alert, "refused the new password") is None
    assert "The last poll" not in text_of(await quick.ask("engineer", "status"))


def _rotation_failed(secret: str) -> Record:
    return Record(
        event_name=EVENT, trigger_event_type="SECRET_ROTATED_FAILED", secret_name=secret, notification_status="FAIL",
        notification_target_id="urn:smn:r:p:t", notification_target_name="t",
    )  # fmt: skip


def _key(alert: Message) -> str:
    return str(
        next(one["value"] for block in alert.blocks for one in block.get("elements", []) if "value" in one)
    )


def _buttons(message: Message) -> list[str]:
    return [
        one["text"]["text"]
        for block in message.blocks
        for one in block.get("elements", [])
        if "action_id" in one
    ]


async def test_after_an_alert_is_deleted_its_later_records_have_one_message_with_its_buttons(quick: Stage):
    add(quick, secret="first")
    alert = await quick.alert("FAIL", "first")
    quick.slack.remove(alert, method="person")
    add(quick, secret="second")
    await quick.alert("second")
    instead: Any = await until(
        lambda: next(
            (one for one in quick.slack.messages(quick.alerts) if "Acknowledge" in _buttons(one)), None
        )
    )
    assert text_of(instead).startswith(f"1 more notice of `{EVENT}` to `t` not delivered (FAIL)")
    await quick.press("engineer", instead, "Acknowledge")
    await until(lambda: _with(quick, instead, "Acknowledged by"))
    for secret in ("third", "fourth"):
        add(quick, secret=secret)
        await until(lambda secret=secret: secret in thread(quick, instead))

    assert thread(quick, instead) == ["third", "fourth"]
    posts = [
        one.text
        for one in quick.slack.journal.entries
        if one.effect == "post" and one.channel == quick.alerts
    ]
    named = re.findall(r"secret `([\w-]+)`", " ".join(text or "" for text in posts))
    assert named == ["first", "second", "third", "fourth"]


def _with(bot: Stage, alert: Message, words: str) -> Message | None:
    found = bot.slack.message(bot.alerts, alert.ts)
    return found if found is not None and words in blocks_text(found) else None


async def ready(bot: Stage) -> tuple[int, list[str]]:
    """What `/readyz` says."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{bot.app.base_url}/readyz")
    return answer.status_code, answer.json()["reasons"]


async def test_five_failed_polls_are_told_once_and_once_more_when_they_work_again(quick: Stage):
    def told(words: str) -> list[Message]:
        return [one for one in quick.slack.messages(quick.alerts) if words in text_of(one)]

    quick.world.access.denied = frozenset({"csms:event:listNotificationRecords"})
    await until(lambda: told("cannot be read"))
    assert "403" in text_of(told("cannot be read")[0])
    status, reasons = await ready(quick)
    assert status == 503
    assert "poll of default" in reasons[0]
    add(quick, secret="during")

    quick.world.access.denied = frozenset()
    await until(lambda: told("can be read again"))
    await until(lambda: records_named(quick.slack.messages(quick.alerts)) == ["during"])
    assert (len(told("cannot be read")), len(told("can be read again"))) == (1, 1)
    assert (await ready(quick))[0] == 200


async def test_a_closed_channel_is_told_once_in_the_approval_channel_and_its_alerts_wait(quick: Stage):
    channel = quick.slack.channels[quick.alerts]
    quick.slack.put_channel(replace(channel, is_archived=True))
    add(quick, secret="a")
    add(quick, secret="b", target="urn:smn:r:p:u")

    def told() -> list[Message]:
        return [one for one in quick.slack.messages(quick.approvals) if "is_archived" in text_of(one)]

    await until(told)
    assert f"<#{quick.alerts}>" in text_of(told()[0])
    status, reasons = await ready(quick)
    assert status == 503
    assert "is_archived" in reasons[0]
    assert "is_archived" in text_of(await quick.ask("engineer", "status", channel=quick.approvals))

    quick.slack.put_channel(channel)
    await until(lambda: sorted(records_named(quick.slack.messages(quick.alerts))) == ["a", "b"], 10)
    assert len(told()) == 1
    assert (await ready(quick))[0] == 200


ROUTES = """
[[routes]]
event = "search-*"
drop = "nobody is on call for search"

[[routes]]
secret = "pay-*"
channel = "C00APPROVALS"
mention = "U00APPROVER"
"""


async def test_routes_send_alerts_elsewhere_mention_and_drop(tmp_path: Path, unpaced: None):
    (tmp_path / "bot.toml").write_text(ROUTES, encoding="utf-8")
    async with stage(tmp_path, CSMS_BOT_CONFIG=str(tmp_path / "bot.toml")) as bot:
        bot.slack.rate_limits.enabled = False
        add(bot, secret="dropped", event="search-cluster-token")
        add(bot, secret="pay-1")
        add(bot, secret="plain")
        await bot.alert("plain")
        (routed,) = await until(
            lambda: [one for one in bot.slack.messages(bot.approvals) if "pay-1" in text_of(one)]
        )
        assert text_of(routed).startswith("<@U00APPROVER> ")
        add(bot, secret="pay-2")
        await until(lambda: records_named(bot.slack.replies(bot.approvals, routed.ts)) == ["pay-2"])
        assert "<@" not in text_of(bot.slack.replies(bot.approvals, routed.ts)[0])

        assert sorted(records_named(bot.slack.messages(bot.alerts))) == ["plain"]
        status = await bot.ask("engineer", "status")
        assert "1 record: nobody is on call for search" in blocks_text(status)


async def test_after_a_silence_the_backlog_is_one_digest(tmp_path: Path, unpaced: None):
    async with stage(tmp_path, CSMS_BOT_POLL_INTERVAL="0.5s") as bot:
        bot.slack.rate_limits.enabled = False
        add(bot, secret="known")
        alert = await bot.alert("known")
        bot.stop.set()
        await bot.task
        for number in range(3):
            add(bot, secret=f"away-{number}", target=f"urn:smn:r:p:{number}")
        add(bot, secret="away-known")
        with contextlib.closing(sqlite3.connect(bot.database)) as db, db:
            db.execute("update polls set last_ok = last_ok - 60")  # As if more than ten polls had passed.
        await bot.start()

        digest = await bot.alert("While I was away", "4 notices")
        await until(lambda: len(thread(bot, digest)) == 3)
        assert sorted(thread(bot, digest)) == ["away-0", "away-1", "away-2"]
        await until(lambda: thread(bot, alert) == ["away-known"])
        assert "in its own thread" in blocks_text(digest)
        top = [
            one
            for one in bot.slack.messages(bot.alerts)
            if not one.is_reply and "not delivered" in text_of(one)
        ]
        assert [one.ts for one in top] == [alert.ts, digest.ts]
        (reply, *_) = bot.slack.replies(bot.alerts, digest.ts)
        assert "acknowledged the alert" in text_of(await bot.click("engineer", reply, "Acknowledge"))
        shown: Any = await until(lambda: _with(bot, reply, "Acknowledged by"))
        assert "Acknowledge " not in _buttons(shown)
        assert records_named([shown]) == records_named([reply])
        asked = await bot.click("approver", shown, "Snooze")
        await bot.press("approver", asked, "1 hour")
        shown = await until(lambda: _with(bot, reply, "Snoozed by"))
        add(bot, secret="fine", status="SUCCESS", target=f"urn:smn:r:p:{records_named([reply])[0][-1]}")
        await until(lambda: _with(bot, shown, "Delivering again"))
        assert thread(bot, digest) == ["away-0", "away-1", "away-2"]


async def test_an_alert_shows_a_small_history_that_names_no_later_record(quick: Stage):
    add(quick, secret="first")
    alert = await quick.alert("FAIL", "first")
    add(quick, secret="second")
    await until(lambda: thread(quick, alert) == ["second"])
    add(quick, secret="third")
    await until(lambda: thread(quick, alert) == ["second", "third"])

    shown: Any = await until(lambda: _with(quick, alert, "Lately: "))
    assert "3 (see the thread)" in blocks_text(shown)
    assert len(re.findall(r": 1(?: ·|$| )", blocks_text(shown))) >= 3
    for later in ("second", "third"):
        assert later not in blocks_text(shown) + text_of(shown)
