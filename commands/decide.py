"""The buttons of a change request: Approve, Reject, Cancel."""

from __future__ import annotations

from bot.slack.desk import Command, Press
from bot.views.change import APPROVE, CANCEL, REJECT, decided


async def approve(press: Press) -> None:
    """Counts an approval; the last one needed applies the change."""
    change = await press.services.changes.approve(await press.actor(), press.key)
    await press.answer.say(decided(change))


async def reject(press: Press) -> None:
    """Ends the request."""
    change = await press.services.changes.reject(await press.actor(), press.key)
    await press.answer.say(decided(change))


async def cancel(press: Press) -> None:
    """Takes the request back."""
    change = await press.services.changes.cancel(await press.actor(), press.key)
    await press.answer.say(decided(change))


COMMAND = Command(name="", buttons={APPROVE: approve, REJECT: reject, CANCEL: cancel})
