"""Every error as one sentence for a person: what is wrong, whether anything was changed, and what to do."""

from __future__ import annotations

import inspect

import pytest

from bot import errors
from bot.errors import (
    BotError,
    CsmsDown,
    CsmsForbidden,
    CsmsGarbled,
    CsmsNotFound,
    CsmsRefused,
    CsmsUnauthorized,
    Landed,
    NameMissing,
    NotAllowed,
    Refused,
    Sent,
    SlackError,
    StoreError,
    StoreFailed,
    Unfinished,
    Usage,
)
from bot.rules.updates import FieldProblem
from bot.views.errors import sentence
from tests.views.liveness import read

FACTS = {"code": "APIGW.0301", "message": "not this time", "request_id": "0123abcd"}
SAID = [
    (Usage("`x` is one word too many.", "/csms get NAME"), "Usage: `/csms get NAME`"),
    (Refused("Nothing to change."), "Nothing to change."),
    (NotAllowed("not-requester", "Only <@U0REQUESTER>, who asked for CR-1, can cancel it."), "Only <@U0REQUESTER>"),
    (CsmsRefused("UpdateSecretEvent", status=400, **FACTS), "CSMS refused it."),
    (CsmsUnauthorized("ShowSecretEvent", status=401, **FACTS), "`csms-bot doctor`"),
    (CsmsForbidden("UpdateSecretEvent", permission="csms:event:update"), "lacks a permission: give it `csms:event:update`."),
    (CsmsNotFound("ShowSecretEvent", status=404), "does not have that event"),
    (CsmsGarbled("ShowSecretEvent", status=200), "could not be understood"),
    (CsmsDown("ShowSecretEvent", status=429), "too many requests"),
    (CsmsDown("ShowSecretEvent", status=503), "; nothing was changed."),
    (CsmsDown("UpdateSecretEvent", landed=Landed.UNKNOWN), "it is not known whether anything was changed"),
    (SlackError("views.open", sent=Sent.REFUSED, code="missing_scope", needed="chat:write"), "lacks the scope `chat:write`"),
    (SlackError("chat.postMessage", sent=Sent.REFUSED, code="not_in_channel"), "`/invite @csms-bot`"),
    (SlackError("chat.postMessage", sent=Sent.UNKNOWN, code="timeout"), "Slack did not take it (`timeout`)"),
    (StoreError("it is in use"), "database cannot be used, so nothing was done: it is in use."),
    (StoreFailed("database or disk is full"), "could not be written, so nothing was done: database or disk is full."),
    (Unfinished("What became of CR-1 could not be written"), "What became of CR-1 could not be written"),
    (BotError("something of later"), "something of later"),
    (Refused(""), "nothing was done"),
    (NameMissing("The event's name is missing.", "/csms get NAME", "get"), "The event's name is missing."),
]  # fmt: skip


@pytest.mark.parametrize(("error", "says"), SAID)
def test_an_error_says_what_is_wrong_and_what_to_do(error, says):
    message = sentence(error, "/csms")

    assert says in message.text
    assert says in "\n".join(read(list(message.blocks)).texts)


def test_no_error_is_without_a_sentence():
    known = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BotError)}

    console = {errors.SettingsError, errors.ArchiveError, errors.CopyFailed}
    assert known - {type(error) for error, _ in SAID} == {errors.CsmsError} | console


def test_what_csms_answered_is_told_with_the_request_for_its_support():
    text = sentence(CsmsRefused("UpdateSecretEvent", status=400, **FACTS), "/csms").text

    assert "UpdateSecretEvent · HTTP 400 · `APIGW.0301` · not this time · request `0123abcd`" in text


def test_a_wrong_field_is_told_like_any_refusal():
    assert (
        sentence(FieldProblem("types", "`x` is not an event type."), "/csms").text
        == "`x` is not an event type."
    )


def test_a_usage_line_points_to_the_help_of_the_command_as_it_is_called_here():
    assert "`/secrets help` shows examples" in str(
        sentence(Usage("No.", "/secrets get NAME"), "/secrets").blocks
    )


def test_what_somebody_typed_mentions_nobody_in_the_answer():
    text = sentence(Usage("There is no command `<@U0REQUESTER>`."), "/csms").text

    assert text == "There is no command `&lt;@U0REQUESTER&gt;`."
