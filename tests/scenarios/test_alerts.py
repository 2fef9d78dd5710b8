"""What an alert says and does: incidents, their threads, many at once, and a target that delivers again."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from bot.sandbox.csms.model import Record
from bot.sandbox.slack import Message
from tests.support.stage import Stage, blocks_text, change_of, stage, text_of, until

EVENT = "checkout-db-rotation"
"""Its topic does not exist in the demo's project, so that its notices end as INVALID."""


def records_named(messages: list[Message]) -> list[str]:
    """Each failing record that the messages name, by its secret, as often as they do."""
    return [secret for one in messages for secret in re.findall(r"secret `([\w-]+)`", text_of(one))]


def add(
    bot: Stage, *, event: str = EVENT, secret: str, status: str = "FAIL", target: str = "urn:smn:r:p:t"
) -> None:
    """A record of now."""
    bot.world.add_record(
        Record(
            event_name=event, trigger_event_type="SECRET_ROTATED", secret_name=secret, notification_status=status,
            notification_target_id=target, notification_target_name="t",
        )
    )  # fmt: skip


async def test_an_alert_names_all_that_matters_in_its_text_and_carries_only_an_opaque_key(quick: Stage):
    record = quick.world.trigger(EVENT, "SECRET_ROTATED", secret="checkout-db")
    alert = await quick.alert("INVALID", EVENT)

    at = f"{record.create_time // 1000}"
    for part in (EVENT, "SECRET_ROTATED", "checkout-db", "platform-oncall-old", "INVALID", "UTC"):
        assert part in text_of(alert)
    assert f"<!date^{at}^" in blocks_text(alert)
    assert alert.metadata is not None
    assert set(alert.metadata["event_payload"]) == {"k"}
    assert re.fullmatch(r"[0-9a-f]{32}", alert.metadata["event_payload"]["k"])
    buttons = [
        one["text"]["text"]
        for block in alert.blocks
        for one in block.get("elements", [])
        if "action_id" in one
    ]
    assert buttons[:3] == ["View event", "Fix target", "Acknowledge"]
    values = {one["value"] for block in alert.blocks for one in block.get("elements", []) if "value" in one}
    assert all(re.fullmatch(r"[0-9a-f]{32}", value) for value in values)


async def test_the_buttons_of_an_alert_work_and_acknowledging_counts_once(quick: Stage):
    quick.world.trigger(EVENT, "SECRET_ROTATED")
    alert = await quick.alert("INVALID", EVENT)

    seen = await quick.click("subscriber", alert, "View event")
    assert text_of(seen).startswith(f"Event `{EVENT}`")
    assert seen.ephemeral_to == quick.people["subscriber"]

    assert "Guests" in text_of(await quick.click("guest", alert, "Acknowledge"))
    assert quick.audit() == [(quick.people["guest"], "incident.acknowledge", "refused")]
    first, second = await asyncio.gather(
        quick.click("engineer", alert, "Acknowledge"), quick.click("approver", alert, "Acknowledge")
    )
    texts = sorted((text_of(first), text_of(second)), key=lambda text: "already" in text)
    assert texts[0] == f"You acknowledged the alert of `{EVENT}`."
    winner = quick.people["engineer" if text_of(first) == texts[0] else "approver"]
    assert texts[1].startswith(f"<@{winner}> acknowledged it already")
    shown = await quick.slack.wait_for(
        lambda: next(
            (one for one in quick.slack.messages(quick.alerts) if "Acknowledged by" in blocks_text(one)), None
        )
    )
    assert shown.ts == alert.ts
    assert "Acknowledge " not in [
        one["text"]["text"]
        for block in shown.blocks
        for one in block.get("elements", [])
        if "action_id" in one
    ]

    await quick.press("engineer", alert, "Fix target")
    user = quick.people["engineer"]
    view = await quick.slack.wait_for(
        lambda: next((one for one in quick.slack.views(user) if one.body.get("submit")), None)
    )
    good = quick.world.event("search-cluster-token").notification
    offered = await quick.slack.options(user, view, action_id="target", value="security")
    assert [one["description"]["text"] for one in offered["options"]] == [good.target_id]
    values = {"target_id": good.target_id, "target_name": good.target_name}
    sent = await quick.slack.submit(user, view.id, {name: {name: value} for name, value in values.items()})
    assert sent.ok
    card = await quick.card("CR-1", "pending")
    await quick.press("approver", card, "Approve")
    await quick.card("CR-1", "applied")
    quick.world.trigger(EVENT, "SECRET_ROTATED")
    await until(lambda: quick.world.event(EVENT).notification.target_name == "security-oncall")
    assert (
        len([one for one in quick.slack.messages(quick.alerts) if "Notice not delivered" in text_of(one)])
        == 1
    )


async def test_later_records_of_an_incident_are_lines_in_its_thread_and_other_ones_are_alerts(quick: Stage):
    add(quick, secret="first")
    alert = await quick.alert("FAIL", "first")
    add(quick, secret="second")
    add(quick, secret="third")
    add(quick, secret="other-status", status="INVALID")
    add(quick, secret="other-target", target="urn:smn:r:p:u")
    add(quick, secret="other-event", event="search-cluster-token")
    await until(lambda: "third" in " ".join(map(text_of, quick.slack.replies(quick.alerts, alert.ts))))
    for secret in ("other-status", "other-target", "other-event"):
        await quick.alert(secret)

    replies = quick.slack.replies(quick.alerts, alert.ts)
    assert records_named(replies) == ["second", "third"]
    assert all("UTC" in text_of(one) for one in replies)
    assert len(records_named(quick.slack.messages(quick.alerts))) == 6
    shown = await until(lambda: "3 (see the thread)" in blocks_text(quick.slack.messages(quick.alerts)[1]))
    assert shown


async def test_a_success_turns_the_alert_to_delivering_and_a_new_failure_back(quick: Stage):
    add(quick, secret="first")
    alert = await quick.alert("FAIL", "first")
    add(quick, secret="fine", status="SUCCESS")
    await quick.alert("Delivering again", EVENT, "first")
    add(quick, secret="second")
    again = await quick.alert("Notice not delivered", EVENT, "first")

    assert again.ts == alert.ts
    assert "fine" not in " ".join(
        text_of(one) + blocks_text(one) for one in quick.slack.messages(quick.alerts)
    )
    await until(lambda: records_named(quick.slack.replies(quick.alerts, alert.ts)) == ["second"])


async def test_more_than_ten_incidents_at_once_are_one_digest_with_every_record_in_its_thread(
    tmp_path: Path, unpaced: None
):
    async with stage(tmp_path) as bot:
        bot.slack.rate_limits.enabled = False
        bot.world.access.denied = frozenset({"csms:event:list", "csms:records:list"})
        for number in range(11):
            for twin in range(2):
                add(bot, secret=f"s-{number}-{twin}", target=f"urn:smn:r:p:t{number}")
        bot.world.access.denied = frozenset()
        digest = await bot.alert("11 incidents")
        assert "22 notices" in text_of(digest)
        wanted = sorted(f"s-{number}-{twin}" for number in range(11) for twin in range(2))

        def in_thread() -> list[str]:
            return sorted(records_named(bot.slack.replies(bot.alerts, digest.ts)))

        await until(lambda: len(in_thread()) == 22, 10)
        assert in_thread() == wanted
        top = [
            one
            for one in bot.slack.messages(bot.alerts)
            if "not delivered" in text_of(one) and not one.is_reply
        ]
        assert [one.ts for one in top] == [digest.ts]
        add(bot, secret="one-more", target="urn:smn:r:p:t3")
        await until(lambda: "one-more" in in_thread())


async def test_ten_incidents_at_once_are_ten_alerts(quick: Stage):
    for number in range(10):
        add(quick, secret=f"s-{number}", target=f"urn:smn:r:p:t{number}")

    await until(lambda: len(records_named(quick.slack.messages(quick.alerts))) == 10)
    alerts = [one for one in quick.slack.messages(quick.alerts) if "Notice not delivered" in text_of(one)]
    assert sorted(records_named(alerts)) == [f"s-{number}" for number in range(10)]
    assert not any(one.is_reply for one in alerts)


async def test_a_hostile_record_is_shown_as_text_and_mentions_nobody(quick: Stage):
    quick.world.add_record(
        Record(
            event_name=EVENT, trigger_event_type="<!here>", secret_name="<!channel> `x` *y*",
            notification_status="FAIL", notification_content='{"data": "<@U00APPROVER> <!channel>"}',
            notification_target_name="<!everyone>", notification_target_id="<https://x|y>",
        )
    )  # fmt: skip
    alert = await quick.alert("FAIL", EVENT)

    live = [block for block in alert.blocks if block["type"] != "rich_text"]
    for text in (text_of(alert), str(live)):
        for markup in ("<!here>", "<!channel>", "<!everyone>", "<@U00APPROVER>", "<https"):
            assert markup not in text


async def test_the_change_that_an_alert_leads_to_names_the_event_of_the_alert(quick: Stage):
    quick.world.trigger(EVENT, "SECRET_ROTATED")
    alert = await quick.alert("INVALID", EVENT)
    seen = await quick.click("engineer", alert, "View event")

    asked = await quick.click("engineer", seen, "Disable")

    assert EVENT in text_of(await quick.card(change_of(asked), "pending"))
