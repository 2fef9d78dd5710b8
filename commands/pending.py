"""`pending`: the change requests that are open and the reviews that are owed, what waits on the asker first."""

from __future__ import annotations

from bot.rules.access import Action, authorize
from bot.slack.handling import Command, SlashCommand
from bot.views.change import pending


async def handle(call: SlashCommand) -> None:
    """Shows them, each with its buttons."""
    call.at_most(0, COMMAND.usage(call.services.command))
    scope = call.scope
    actor = await call.actor()
    now = call.services.clock()
    store = call.services.store
    changes = await store.changes.open(scope.name) + await store.deadlines.owed(scope.name)
    yours = frozenset(
        change.id
        for change in changes
        if authorize(
            actor,
            Action.REVIEW if change.review_owed else Action.APPROVE,
            scope.policy,
            change=change,
            now=now,
        ).allowed
    )
    changes.sort(key=lambda change: (change.id not in yours, change.number))
    await call.say(pending(changes, yours=yours, project=scope.name))


COMMAND = Command(
    name="pending",
    summary="change requests that are open, each with its buttons",
    example="pending",
    handle=handle,
)
