"""What goes with a decision: its reason, its warnings, its reminders, break-glass and its review, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox.slack import View
from tests.support.stage import Stage, blocks_text, change_of, stage, text_of, until

EVENT = "legacy-ftp-password"
TOPIC = "urn:smn:cn-north-4:5f1d7c0e9a3b4c6d8e2f0a1b2c3d4e5f"


@pytest.fixture
async def rushed(tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot whose engineer may break the glass."""
    async with stage(tmp_path, CSMS_BOT_BREAK_GLASS="U00ENGINEER", CSMS_BOT_BACKFILL="none") as running:
        yield running


def forms(bot: Stage, who: str) -> tuple[View, ...]:
    return bot.slack.views(bot.people[who])


async def test_a_rejection_counts_at_once_and_its_reason_reaches_card_requester_and_log(bot: Stage):
    change = change_of(await bot.ask("engineer", f"enable {EVENT}"))
    card = await bot.card(change, "pending")

    await bot.press("approver", card, "Reject")
    await bot.card(change, "rejected")
    form = (await until(lambda: forms(bot, "approver")))[-1]
    refused = await bot.slack.submit(bot.people["approver"], form.id, {"reason": {"reason": "   "}})
    assert set(refused.errors) == {"reason"}
    await bot.slack.submit(bot.people["approver"], form.id, {"reason": {"reason": "not before <Friday>"}})

    await until(lambda: "not before &lt;Friday&gt;" in blocks_text(bot.find_card(change)))
    dm = bot.slack.open_im(bot.people["engineer"]).id
    await until(lambda: [one for one in bot.slack.messages(dm) if "not before" in blocks_text(one)])
    assert bot.audit(change=change)[-2:] == [
        (bot.people["approver"], "change.reject", "rejected"),
        (bot.people["approver"], "change.reject", "explained"),
    ]
    assert bot.puts() == []


async def test_nobody_else_can_put_a_reason_into_a_rejection(bot: Stage):
    change = change_of(await bot.ask("engineer", f"enable {EVENT}"))
    await bot.press("approver", await bot.card(change, "pending"), "Reject")
    form = (await until(lambda: forms(bot, "approver")))[-1]
    found = await bot.app.store.changes.by_number(1)

    assert (
        await bot.app.store.deadlines.explain(found.key, bot.people["engineer"], "mine", found.created)
        is None
    )
    await bot.slack.submit(bot.people["approver"], form.id, {"reason": {"reason": "first"}})
    await until(lambda: "first" in blocks_text(bot.find_card(change)))
    assert (
        await bot.app.store.deadlines.explain(found.key, bot.people["approver"], "second", found.created)
        is None
    )


async def test_the_card_warns_of_what_is_known_against_a_change(bot: Stage):
    cases = {
        "disable audit-stream-events": ["Used by"],
        "disable search-cluster-token": ["Used by"],
        f"update prod-db-password-expiry --target-id {TOPIC}:no-such-topic": [
            "The topic was not found in SMN."
        ],
        "update prod-db-password-expiry --target-id "
        "urn:smn:eu-west-101:00000000000000000000000000000000:security-oncall": [
            "The target is in another region or project."
        ],
    }
    for text, said in cases.items():
        card = await bot.card(change_of(await bot.ask("engineer", text)), "pending")
        assert [one for one in said if one not in blocks_text(card)] == [], blocks_text(card)
    quiet = await bot.card(change_of(await bot.ask("engineer", f"enable {EVENT}")), "pending")
    assert "not found" not in blocks_text(quiet)


async def test_a_type_that_nothing_covers_any_more_and_a_failing_target_are_warned_of(bot: Stage):
    for name in ("audit-stream-events", "search-cluster-token"):
        body = {"state": "DISABLED"}
        if name == "audit-stream-events":
            bot.world.update_event(name, body, caller="somebody")
    for _ in range(3):
        bot.world.trigger("mail-gateway-credentials", "SECRET_VERSION_EXPIRED")

    alone = await bot.card(change_of(await bot.ask("engineer", "disable search-cluster-token")), "pending")
    text = f"update payments-api-key-rotation --target-id {TOPIC}:mail-relay"
    failing = await bot.card(change_of(await bot.ask("engineer", text)), "pending")

    assert "No other enabled event covers SECRET_DELETED after this." in blocks_text(alone)
    assert "The last 3 notices to this target failed." in blocks_text(failing)


async def test_break_glass_is_applied_at_once_announced_and_owed_until_another_reviews_it(rushed: Stage):
    text = f"enable {EVENT} --break-glass 'the vault is down'"

    answer = await rushed.ask("engineer", text)
    change = change_of(answer)
    card = await rushed.card(change, "applied")
    assert rushed.puts() == [{"state": "ENABLED"}]
    assert "without an approval" in blocks_text(card)
    assert "the vault is down" in blocks_text(card)
    own = await rushed.click("engineer", card, "Reviewed")
    assert "your own change" in text_of(own)
    stranger = await rushed.click("subscriber", card, "Reviewed")
    assert "not an approver" in text_of(stranger)
    waiting = await rushed.ask("approver", "pending")
    assert "waits on you" in blocks_text(waiting)

    await rushed.press("approver", card, "Reviewed")
    await until(lambda: "Reviewed by" in blocks_text(rushed.find_card(change)))
    again = await rushed.click("approver", card, "Reviewed")
    assert "reviewed already" in text_of(again)
    assert rushed.audit(change=change) == [
        (rushed.people["engineer"], "change.break_glass", "approved"),
        ("system", "change.apply", "intent"),
        ("system", "change.apply", "applied"),
        (rushed.people["engineer"], "change.review", "refused"),
        (rushed.people["subscriber"], "change.review", "refused"),
        (rushed.people["approver"], "change.review", "reviewed"),
        (rushed.people["approver"], "change.review", "refused"),
    ]


async def test_nobody_but_those_named_may_break_the_glass_and_never_without_a_reason(rushed: Stage):
    for who in ("approver", "subscriber", "guest"):
        await rushed.ask(who, f"enable {EVENT} --break-glass 'now'")
    empty = await rushed.ask("engineer", f"enable {EVENT} --break-glass ''")

    assert "needs a reason" in text_of(empty)
    assert rushed.puts() == []
    assert [row[1:] for row in rushed.audit()] == [("change.break_glass", "refused")] * 4


async def test_a_reminder_comes_once_at_half_time_and_a_review_is_asked_for_daily(rushed: Stage):
    asked = change_of(await rushed.ask("engineer", "disable prod-db-password-expiry"))
    rushed_change = change_of(await rushed.ask("engineer", f"enable {EVENT} --break-glass 'now'"))
    cards = [await rushed.card(asked, "pending"), await rushed.card(rushed_change, "applied")]
    deadlines = rushed.app.store.deadlines
    now = datetime.now(UTC)

    assert await deadlines.remind_pending(now + timedelta(minutes=29)) == []
    assert [one.id for one in await deadlines.remind_pending(now + timedelta(minutes=31))] == [asked]
    assert await deadlines.remind_pending(now + timedelta(minutes=40)) == []
    assert await deadlines.remind_reviews(now + timedelta(hours=23)) == []
    for day in (1, 2):
        later = now + timedelta(days=day, minutes=day)
        assert [one.id for one in await deadlines.remind_reviews(later)] == [rushed_change]
        assert await deadlines.remind_reviews(later + timedelta(minutes=1)) == []
    rushed.app.poster.wake()
    await until(lambda: len(rushed.slack.replies(rushed.approvals, cards[0].ts)) == 1, 10)
    await until(lambda: len(rushed.slack.replies(rushed.approvals, cards[1].ts)) == 2, 10)


async def test_why_says_the_rule_the_standing_and_the_refused_clicks(bot: Stage):
    change = change_of(await bot.ask("engineer", f"enable {EVENT}"))
    await bot.click("engineer", await bot.card(change, "pending"), "Approve")

    own = await bot.ask("engineer", f"why {change.lower()}")
    theirs = await bot.ask("approver", f"why {change}")
    nobody = await bot.ask("approver", "why CR-99")
    wrong = await bot.ask("approver", "why me")

    assert "You may not approve it" in blocks_text(own)
    assert "You may cancel it" in blocks_text(own)
    assert "own-request" in blocks_text(own)
    assert "You may approve it" in blocks_text(theirs)
    assert "no change request `CR-99`" in text_of(nobody)
    assert "is not a change request" in text_of(wrong)


async def test_a_missing_name_can_be_chosen_as_one_types(bot: Stage):
    answer = await bot.ask("engineer", "get")
    engineer = bot.people["engineer"]

    offered = await bot.slack.options(engineer, answer, action_id="pick.get", value="ftp")
    before = {one.ts for one in bot.slack.ephemerals(engineer)}
    chosen = offered["options"][0]["value"]
    await bot.slack.click(engineer, answer, action_id="pick.get", chosen=chosen)
    detail = await bot.answer("engineer", before)

    assert [one["text"]["text"] for one in offered["options"]] == [EVENT]
    assert f"Event `{EVENT}`" in text_of(detail)


async def test_a_target_is_chosen_from_those_that_work(bot: Stage):
    engineer = bot.people["engineer"]
    await bot.command("engineer", "update checkout-db-rotation")
    view = await until(lambda: next((one for one in forms(bot, "engineer") if one.body.get("submit")), None))

    offered = await bot.slack.options(engineer, view, action_id="target", value="platform")
    options = {one["text"]["text"]: one["value"] for one in offered["options"]}
    both = {
        "target": {"target": options["platform-oncall · SMN"]},
        "target_id": {"target_id": f"{TOPIC}:mail-relay"},
    }
    assert set((await bot.slack.submit(engineer, view.id, both)).errors) == {"target"}
    back = {"target_id": {"target_id": f"{TOPIC}:platform-oncall-old"}}
    assert (await bot.slack.submit(engineer, view.id, back)).ok
    card = await bot.card("CR-1", "pending")
    await bot.press("approver", card, "Approve")
    await bot.card("CR-1", "applied")

    assert bot.puts() == [
        {
            "notification": {
                "target_type": "SMN",
                "target_id": f"{TOPIC}:platform-oncall",
                "target_name": "platform-oncall",
            }
        }
    ]


async def test_a_form_that_was_overtaken_shows_both_versions(bot: Stage):
    await bot.command("engineer", f"update {EVENT}")
    view = await until(lambda: next((one for one in forms(bot, "engineer") if one.body.get("submit")), None))
    bot.world.update_event(EVENT, {"event_types": ["SECRET_DELETED"]}, caller="somebody")

    await bot.slack.submit(bot.people["engineer"], view.id, {"state": {"state": "ENABLED"}})

    said = await until(
        lambda: next((one for one in forms(bot, "engineer") if "was changed" in blocks_text(one)), None)
    )
    assert "SECRET_DELETED" in blocks_text(said)
    assert "SECRET_VERSION_EXPIRED" in blocks_text(said)
    assert ("U00ENGINEER", "change.request", "refused") in bot.audit()
