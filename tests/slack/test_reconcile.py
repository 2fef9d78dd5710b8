"""What the bot's messages in Slack name is read back, also where somebody deleted one of them."""

from __future__ import annotations

from bot.slack.reconcile import named_since
from bot.views.posts import draw_incident, draw_lines
from tests.slack.test_outbox import ALERTS, BOT, ENGINEER, Desk, desk, workspace
from tests.store.support import NOW
from tests.views.gallery import an_incident

__all__ = ["desk", "workspace"]


async def _named(desk: Desk) -> int:
    return (await named_since(desk.slack, {"user_id": BOT}, [ALERTS], NOW)).total()


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
