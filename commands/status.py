"""`status`: versions, projects, last poll, backlog, chain head, what is wrong."""

from __future__ import annotations

from bot.slack.handling import Command, SlashCommand
from bot.views.status import status


async def handle(call: SlashCommand) -> None:
    """Shows the report."""
    call.at_most(0, COMMAND.usage(call.services.command))
    await call.say(status(await call.services.status.report(), call.services.clock()))


COMMAND = Command(name="status", summary="how the bot is, and what is wrong", example="status", handle=handle)
