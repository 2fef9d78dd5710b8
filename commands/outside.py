"""The buttons of what was done without the bot: Accept, Accept all, Revert."""

from __future__ import annotations

from bot.slack.handling import ButtonPress, Command
from bot.views.change import asked
from bot.views.outside import ACCEPT, ACCEPT_ALL, REVERT, accepted


async def accept(press: ButtonPress) -> None:
    """It is meant to be so; nothing is changed."""
    found = await press.services.sidedoors.accept(await press.actor(), press.key)
    await press.answer.say(accepted(found))


async def accept_all(press: ButtonPress) -> None:
    """So is everything else that was found with it."""
    found = await press.services.sidedoors.accept(await press.actor(), press.key, everything=True)
    await press.answer.say(accepted(found))


async def revert(press: ButtonPress) -> None:
    """Asks for the change that makes the event what it was."""
    services = press.services
    change = await services.sidedoors.revert(
        await press.actor(), press.key, origin=f"inbox:{press.origin.id}"
    )
    await press.answer.say(asked(change, services.projects.named(change.project).approval_channel))


COMMAND = Command(name="", buttons={ACCEPT: accept, ACCEPT_ALL: accept_all, REVERT: revert})
