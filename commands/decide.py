"""The buttons of a change request: Approve, Reject with its reason, Cancel, and Reviewed."""

from __future__ import annotations

import contextlib

from bot.errors import BotError, Refused
from bot.slack.handling import ButtonPress, Command, Form, FormSubmission, Services
from bot.slack.interactions import FormValues
from bot.views.change import APPROVE, CANCEL, REJECT, REVIEW, decided
from bot.views.forms import REASON, REASON_FORM, noting, outcome, reason_form


async def approve(press: ButtonPress) -> None:
    """Counts an approval; the last one needed applies the change."""
    change = await press.services.changes.approve(await press.actor(), press.key, again=press.origin.again)
    await press.answer.say(decided(change))


async def reject(press: ButtonPress) -> None:
    """Ends the request, then asks why: the rejection counts even if the form is closed."""
    change = await press.services.changes.reject(await press.actor(), press.key, again=press.origin.again)
    with contextlib.suppress(BotError):  # A click that was kept for long cannot open a form any more.
        await press.answer.open_form(reason_form(change))
    await press.answer.say(decided(change))


async def check_reason(_services: Services, _key: str, values: FormValues) -> dict[str, str]:
    """Inside the ack."""
    return {} if values.texts.get(REASON, "").strip() else {REASON: "Say why, or close this form."}


async def give_reason(sent: FormSubmission) -> None:
    """Adds the reason to the card, the log and the message to the requester."""
    reason = sent.values.texts.get(REASON, "").strip()
    if not reason:
        raise Refused("The reason is empty.")
    change = await sent.services.changes.explain(await sent.actor(), sent.key, reason)
    await sent.answer.show_form(sent.view_id, outcome(decided(change)))


async def cancel(press: ButtonPress) -> None:
    """Takes the request back."""
    change = await press.services.changes.cancel(await press.actor(), press.key, again=press.origin.again)
    await press.answer.say(decided(change))


async def review(press: ButtonPress) -> None:
    """Pays the debt of a break-glass change."""
    change = await press.services.changes.review(await press.actor(), press.key, again=press.origin.again)
    await press.answer.say(decided(change))


COMMAND = Command(
    name="",
    buttons={APPROVE: approve, REJECT: reject, CANCEL: cancel, REVIEW: review},
    forms={REASON_FORM: Form(give_reason, check_reason, noting)},
)
