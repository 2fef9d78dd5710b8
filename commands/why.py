"""`why CHANGE`: which rule lets whom approve it, and why the asker may or may not."""

from __future__ import annotations

import re

from bot.errors import Refused, Usage
from bot.rules.access import Action, authorize
from bot.slack.handling import Command, SlashCommand
from bot.views.why import Answer, Why, why

TRIES = 5
"""Refusals of the asker that are shown."""


async def handle(call: SlashCommand) -> None:
    """Shows the rules, the asker's standing, and why clicks of theirs were refused."""
    usage = COMMAND.usage(call.services.command)
    given = call.argument("The change request", usage)
    number = re.fullmatch(r"(?:CR-)?(\d{1,12})", given, re.IGNORECASE)
    if number is None:
        raise Usage(f"`{given[:40]}` is not a change request; they are called `CR-12`.", usage)
    store = call.services.store
    change = await store.changes.by_number(int(number[1]))
    if change is None:
        raise Refused(f"There is no change request `CR-{number[1]}`; `pending` shows those that are open.")
    scope = call.services.projects.named(change.project)
    actor = await call.actor()
    now = call.services.clock()
    actions = [Action.REVIEW] if change.review_owed else [Action.APPROVE, Action.REJECT, Action.CANCEL]
    answers = tuple(
        Answer(action, authorize(actor, action, scope.policy, change=change, now=now)) for action in actions
    )
    rows = await store.audit.read(change=change.id, actor=actor.user_id, newest_first=True, limit=50)
    refused = tuple(row for row in rows if row.outcome == "refused")[:TRIES]
    await call.say(why(Why(change, scope.policy, answers, refused)))


COMMAND = Command(
    name="why",
    summary="which rule lets whom approve a change request, and why you may or may not",
    words="CHANGE",
    example="why CR-12",
    handle=handle,
)
