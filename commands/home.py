"""The bot's home tab: what waits, how things are, what can be typed."""

from __future__ import annotations

from bot.rules.access import Action, authorize
from bot.slack.answer import Answer
from bot.slack.handling import Services
from bot.slack.interactions import Origin
from bot.views.home import home


async def opened(services: Services, answer: Answer, origin: Origin) -> None:
    """Draws the tab anew."""
    actor = services.actors.glance(origin.user, origin.team)
    scopes = list(services.projects)
    authorize(actor, Action.READ, scopes[0].policy).enforce()
    report = await services.status.report()
    changes = await services.store.changes.open()
    await answer.publish_home(home(report, changes, services.command))
