"""Every error as one sentence for a person: what is wrong, and what to do."""

from __future__ import annotations

from bot.errors import (
    BotError,
    CsmsDown,
    CsmsError,
    CsmsForbidden,
    CsmsGarbled,
    CsmsNotFound,
    CsmsUnauthorized,
    Landed,
    NameMissing,
    NotAllowed,
    Refused,
    SlackError,
    StoreError,
    StoreFailed,
    Unfinished,
    Usage,
)
from bot.rules.updates import differences
from bot.services.changes import Moved
from bot.views.blocks import Message, actions, context, event_search, section
from bot.views.diff import full, sections
from bot.views.text import code, cut, esc

PICK = "pick."
"""The action of a search for an event begins so, and ends with the verb that it is for."""
MOST = 1500
"""Characters of a sentence: it may repeat what somebody typed."""


def sentence(error: BotError, command: str) -> Message:
    """What a person reads. `command` is the slash command's name."""
    if isinstance(error, Usage):
        said = _said(error)
        blocks = [section(f":grey_question: {said}")]
        if error.usage:
            blocks.append(
                context(f"Usage: {code(error.usage, 900)} · {code(f'{command} help')} shows examples.")
            )
        if isinstance(error, NameMissing):
            blocks.append(actions(event_search(f"{PICK}{error.verb}")))
        return Message(f"{said} Usage: {code(error.usage, 900)}" if error.usage else said, tuple(blocks))
    if isinstance(error, Moved):
        return _moved(error)
    if isinstance(error, NotAllowed):
        # Our own words, and who may instead is a mention; Slack's ids are all that is put into them.
        return _with(":no_entry_sign:", cut(str(error), MOST))
    if isinstance(error, Refused):
        return _with(":no_entry_sign:", _said(error))
    if isinstance(error, CsmsError):
        return _with(":warning:", _csms(error), _details(error))
    if isinstance(error, SlackError):
        return _with(":warning:", _slack(error))
    if isinstance(error, StoreError):
        return _with(
            ":warning:", f"The bot's database cannot be used, so nothing was done: {esc(str(error), MOST)}."
        )
    if isinstance(error, StoreFailed) and not isinstance(error, Unfinished):
        return _with(
            ":warning:",
            f"The bot's database and audit log could not be written, so nothing was done: {esc(str(error), MOST)}.",
        )
    return _with(":warning:", _said(error))


def _moved(error: Moved) -> Message:
    """Both versions: what the form showed, and what the event is now."""
    was = {name: error.shown[name] for name in error.event.settings()}
    found = differences(was, error.event.settings())
    blocks = [section(f":no_entry_sign: {_said(error)}")]
    blocks += [context("What the form showed → what it is now"), *sections(found)] if found else []
    return Message(f"{_said(error)} {full(found)}".strip(), tuple(blocks))


def _said(error: BotError) -> str:
    return esc(str(error), MOST) or "That did not work, and nothing was done."


def _with(face: str, text: str, small: str = "") -> Message:
    blocks = [section(f"{face} {text}")]
    if small:
        blocks.append(context(small))
    return Message(f"{text} {small}".strip(), tuple(blocks))


def _csms(error: CsmsError) -> str:
    if isinstance(error, CsmsForbidden):
        needs = f": give it {code(error.permission)}" if error.permission else ""
        return f"CSMS refused it because the bot's credential lacks a permission{needs}."
    if isinstance(error, CsmsUnauthorized):
        return (
            "CSMS did not accept the bot's credential (or this machine's clock is off). "
            "The operator can check it with `csms-bot doctor`."
        )
    if isinstance(error, CsmsNotFound):
        return "CSMS does not have that event."
    if isinstance(error, CsmsGarbled):
        return (
            "CSMS gave an answer that could not be understood, so nothing was concluded from it. Try again."
        )
    if isinstance(error, CsmsDown):
        if error.status == 429:
            return "CSMS has had too many requests for now. Try again in a minute."
        known = (
            "nothing was changed"
            if error.landed is Landed.NO
            else "it is not known whether anything was changed"
        )
        return f"CSMS could not be reached or failed; {known}. Try again in a minute."
    return "CSMS refused it."


def _details(error: CsmsError) -> str:
    parts = [
        esc(error.operation, 40),
        f"HTTP {error.status}" if error.status else "",
        code(error.code, 40) if error.code else "",
        esc(error.message, 240),
        f"request {code(error.request_id, 64)}" if error.request_id else "",
    ]
    return " · ".join(part for part in parts if part)


def _slack(error: SlackError) -> str:
    if error.code == "missing_scope":
        scope = f" {code(error.needed)}" if error.needed else ""
        return f"The Slack app lacks the scope{scope}; reinstall it from `manifest.yml`."
    if error.code in ("not_in_channel", "channel_not_found"):
        return "The bot is not in that channel; type `/invite @csms-bot` there."
    return f"Slack did not take it ({code(error.code, 80)}). Please try again."
