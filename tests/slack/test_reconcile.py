"""What the bot's messages in Slack name is read back, also where somebody deleted one of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from bot.slack.reconcile import named_since
from bot.store.restore import Told
from bot.views.posts import draw_incident, draw_lines
from tests.slack.test_outbox import ALERTS, BOT, ENGINEER, Desk, desk, workspace
from tests.store.support import NOW
from tests.views.gallery import an_incident

__all__ = ["desk", "workspace"]


async def _named(desk: Desk) -> int:
    return await _named_but(desk, Told([], set()))


async def _named_but(desk: Desk, told: Told) -> int:
    return (await named_since(desk.slack, {"user_id": BOT}, [ALERTS], NOW, told)).total()


async def test_replies_below_a_deleted_alert_are_read_back_and_those_of_others_are_not(desk: Desk):
    incident = an_incident("one")
    desk.shows["alert"] = draw_incident(incident)
    desk.shows["reply"] = draw_lines({"records": [incident.first] * 2}, None)
    parent = await desk.put("alert")
    await desk.put("reply", parent=parent)
    desk.start()
    await desk.settled()
    alert = next(one for one in desk.workspace.messages(ALERTS) if not one.is_reply)
    desk.workspace.say(ENGINEER, ALERTS, desk.shows["reply"].text, thread_ts=alert.ts)
    assert await _named(desk) == 3

    desk.workspace.remove(alert, method="person")

    assert await _named(desk) == 2


async def test_what_the_copy_knows_to_have_posted_counts_for_nothing(desk: Desk):
    """Or a twin of its record, which came after the copy and was not named, would be taken for named."""
    incident = an_incident("one")
    desk.shows["alert"] = draw_incident(incident)
    known = await desk.put("alert")
    desk.start()
    await desk.settled()

    assert await _named_but(desk, Told([], {known})) == 0
    assert await _named(desk) == 1


async def test_the_thread_of_an_alert_older_than_the_history_that_is_read_is_read_too(desk: Desk):
    incident = an_incident("one")
    desk.shows["alert"] = draw_incident(incident)
    desk.shows["reply"] = draw_lines({"records": [incident.first]}, None)
    parent = await desk.put("alert")
    desk.start()
    await desk.settled()
    (alert,) = desk.workspace.messages(ALERTS)
    await asyncio.sleep(0.01)
    later = datetime.now(UTC)
    await desk.put("reply", parent=parent)
    await desk.settled()

    async def named(told: Told) -> int:
        return (await named_since(desk.slack, {"user_id": BOT}, [ALERTS], later, told)).total()

    assert await named(Told([], set())) == 0, "the control: history alone does not show it"
    assert await named(Told([(ALERTS, alert.ts)], set())) == 1
    assert await named(Told([(ALERTS, "1.000001"), (ALERTS, alert.ts)], set())) == 1, (
        "one that is gone is no trouble"
    )
