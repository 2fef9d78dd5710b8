"""Many incidents at once: each can be looked into from the digest, and what people do about it is seen by all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.slack import Message
from bot.views.digest import PER_PAGE, SHOWN
from tests.scenarios.test_alerts import add, records_named
from tests.scenarios.test_incident_life import EVENT, thread
from tests.support.stage import Stage, blocks_text, stage, text_of, until


@pytest.fixture
async def many(tmp_path: Path, unpaced: None) -> AsyncIterator[Stage]:
    """A bot that has just found thirty incidents at once."""
    async with stage(tmp_path) as bot:
        bot.slack.rate_limits.enabled = False
        storm(bot, 30)
        await bot.alert("30 incidents")
        yield bot


def storm(bot: Stage, number: int) -> None:
    for one in range(number):
        add(bot, secret=f"s-{one}", target=f"urn:smn:r:p:t{one}")


def digest(bot: Stage) -> Message:
    """The digest as it is now."""
    (found,) = [one for one in bot.slack.messages(bot.alerts) if "incidents; the records" in text_of(one)]
    return found


def looks(message: Message) -> list[str]:
    """The incidents that have a button in a message."""
    return [block["accessory"]["value"] for block in message.blocks if "accessory" in block]


async def look(bot: Stage, who: str, source: Message, number: int) -> Message:
    """Presses a *Look into it*, the first being 0, and waits for the incident's own card."""
    before = {one.ts for one in bot.slack.ephemerals(bot.people[who])}
    block = [one for one in source.blocks if "accessory" in one][number]
    outcome = await bot.slack.click(
        bot.people[who], source, action_id="incident.look", block_id=block["block_id"]
    )
    assert outcome.error is None, outcome.error
    return await bot.answer(who, before)


async def test_an_incident_of_a_digest_is_acknowledged_snoozed_and_fixed_from_it_and_everybody_sees_that(
    many: Stage,
):
    assert len(looks(digest(many))) == SHOWN
    card = await look(many, "engineer", digest(many), 3)
    assert "s-3" in text_of(card)
    assert card.ephemeral_to == many.people["engineer"]

    assert "You acknowledged" in text_of(await many.click("engineer", card, "Acknowledge"))
    await until(lambda: f":eyes: <@{many.people['engineer']}>" in blocks_text(digest(many)))
    again = await look(many, "approver", digest(many), 3)
    assert "Acknowledged by" in blocks_text(again)
    asked = await many.click("approver", again, "Snooze")
    await many.press("approver", asked, "1 hour")
    await until(lambda: ":zzz: until" in blocks_text(digest(many)))

    await many.press("approver", again, "Fix target")
    user = many.people["approver"]
    assert await many.slack.wait_for(
        lambda: next((one for one in many.slack.views(user) if one.body.get("submit")), None)
    )

    add(many, secret="fine", status="SUCCESS", target="urn:smn:r:p:t3")
    await until(lambda: "delivering again" in blocks_text(digest(many)))
    assert records_named([digest(many)]) == []
    rows = [row for row in many.audit() if row[1].startswith("incident.")]
    assert rows == [
        (many.people["engineer"], "incident.acknowledge", "done"),
        (many.people["approver"], "incident.snooze", "done"),
    ]


async def test_all_incidents_of_a_digest_are_reached_page_by_page(many: Stage):
    page = await many.click("subscriber", digest(many), "Show all 30")
    assert "page 1 of 2" in text_of(page)
    found = looks(page)
    await many.press("subscriber", page, "Next")
    user = many.people["subscriber"]
    second = await until(
        lambda: next((one for one in many.slack.ephemerals(user) if "page 2" in text_of(one)), None)
    )
    found += looks(second)

    assert len(set(found)) == len(found) == 30
    assert len(looks(page)) == PER_PAGE
    assert "s-29" in text_of(await look(many, "subscriber", second, 9))
    await many.press("subscriber", second, "Previous")
    await until(lambda: any("page 1 of" in text_of(one) for one in many.slack.ephemerals(user)))


async def test_a_guest_may_look_but_not_acknowledge_from_a_digest(many: Stage):
    card = await look(many, "guest", digest(many), 0)

    assert "Guests" in text_of(await many.click("guest", card, "Acknowledge"))
    assert many.audit() == [(many.people["guest"], "incident.acknowledge", "refused")]


async def test_later_records_of_a_digest_are_named_in_its_thread_with_event_and_target(many: Stage):
    await until(lambda: len(thread(many, digest(many))) == 30)
    add(many, secret="later", target="urn:smn:r:p:t3")
    await until(lambda: "later" in thread(many, digest(many)))

    (reply,) = [one for one in many.slack.replies(many.alerts, digest(many).ts) if "later" in text_of(one)]
    assert re.match(rf"1 more notice of `{EVENT}` to `t` not delivered \(FAIL\)", text_of(reply))


async def test_when_a_digest_is_deleted_its_incidents_are_still_told_and_reached(many: Stage):
    await until(lambda: len(thread(many, digest(many))) == 30)
    gone = digest(many)
    replies = many.slack.replies(many.alerts, gone.ts)
    many.slack.remove(gone, method="person")
    for secret in ("later", "latest"):
        add(many, secret=secret, target="urn:smn:r:p:t3")
        await many.alert(secret)

    named = Counter(records_named(many.slack.messages(many.alerts)))
    assert named == Counter([*(f"s-{one}" for one in range(30)), "later", "latest"])
    assert [one.ts for one in many.slack.replies(many.alerts, gone.ts)][: len(replies)] == [
        one.ts for one in replies
    ]
    alone = await until(
        lambda: next(
            (
                one
                for one in many.slack.messages(many.alerts)
                if not one.is_reply and "Acknowledge" in blocks_text(one)
            ),
            None,
        )
    )
    assert "You acknowledged" in text_of(await many.click("engineer", alone, "Acknowledge"))
    await until(lambda: "Acknowledged by" in blocks_text(many.slack.message(many.alerts, alone.ts) or alone))


async def test_later_records_of_many_alerts_are_one_digest_and_each_alert_counts_its_own(
    tmp_path: Path, unpaced: None
):
    async with stage(tmp_path) as bot:
        bot.slack.rate_limits.enabled = False
        for start in (0, 8):
            for one in range(start, start + 8):
                add(bot, secret=f"s-{one}", target=f"urn:smn:r:p:t{one}")
            await until(lambda start=start: len(records_named(bot.slack.messages(bot.alerts))) == start + 8)
        alerts = [one for one in bot.slack.messages(bot.alerts) if "Notice not delivered" in text_of(one)]
        assert len(alerts) == 16

        for one in range(16):
            add(bot, secret=f"more-{one}", target=f"urn:smn:r:p:t{one}")
        told = await bot.alert("16 more notices not delivered, 16 incidents that were known before")
        await until(lambda: len(thread(bot, told)) == 16)

        assert sorted(thread(bot, told)) == sorted(f"more-{one}" for one in range(16))
        assert blocks_text(told).count("known before") == 17
        assert "in its own thread" not in blocks_text(told)
        assert re.search(
            rf"`{EVENT}` → `t` · .* secret `more-3`", text_of(bot.slack.replies(bot.alerts, told.ts)[0])
        )
        for alert in alerts:
            await until(lambda alert=alert: "2 (see" in blocks_text(_now(bot, alert)))
            assert thread(bot, alert) == []
        assert "s-3" in text_of(await look(bot, "engineer", told, 3))
        add(bot, secret="next", target="urn:smn:r:p:t3")
        await until(lambda: sum(thread(bot, alert) == ["next"] for alert in alerts) == 1)


def _now(bot: Stage, alert: Message) -> Message:
    found = bot.slack.message(bot.alerts, alert.ts)
    assert found is not None
    return found
