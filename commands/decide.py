"""The buttons of a change request: Approve, Reject with its reason, Cancel, and Reviewed."""

from __future__ import annotations

import contextlib

from bot.errors import BotError, Refused
from bot.slack.desk import Command, Form, Press, Services, Sheet
from bot.slack.interactions import FormValues
from bot.views.change import APPROVE, CANCEL, REJECT, REVIEW, decided
from bot.views.forms import REASON, REASON_FORM, noting, outcome, reason_form


async def approve(press: Press) -> None:
    """Counts an approval; the last one needed applies the change."""
    change = await press.services.changes.approve(await press.actor(), press.key)
    await press.answer.say(decided(change))


async def reject(press: Press) -> None:
    """Ends the request, then asks why: the rejection counts even if the form is closed."""
    change = await press.services.changes.reject(await press.actor(), press.key)
    with contextlib.suppress(BotError):  # A click that was kept for long cannot open a form any more.
        await press.answer.open_form(reason_form(change))
    await press.answer.say(decided(change))


async def check_reason(_services: Services, _key: str, values: FormValues) -> dict[str, str]:
    """Inside the ack."""
    return {} if values.texts.get(REASON, "").strip() else {REASON: "Say why, or close this form."}


async def give_reason(sheet: Sheet) -> None:
    """Adds the reason to the card, the log and the message to the requester."""
    reason = sheet.values.texts.get(REASON, "").strip()
    if not reason:
        raise Refused("The reason is empty.")
    change = await sheet.services.changes.explain(await sheet.actor(), sheet.key, reason)
    await sheet.answer.show_form(sheet.view_id, outcome(decided(change)))


async def cancel(press: Press) -> None:
    """Takes the request back."""
    change = await press.services.changes.cancel(await press.actor(), press.key)
    await press.answer.say(decided(change))


async def review(press: Press) -> None:
    """Pays the debt of a break-glass change."""
    change = await press.services.changes.review(await press.actor(), press.key)
    await press.answer.say(decided(change))


COMMAND = Command(
    name="",
    buttons={APPROVE: approve, REJECT: reject, CANCEL: cancel, REVIEW: review},
    forms={REASON_FORM: Form(give_reason, check_reason, noting)},
)
