"""The table of contents of the bot: every verb and every family of buttons, in the order that `help` shows."""

from __future__ import annotations

from bot.slack.handling import Command
from commands import (
    audit,
    decide,
    disable,
    enable,
    get,
    help,
    history,
    incident,
    list,
    outside,
    pending,
    records,
    status,
    undo,
    update,
    why,
)

ALL: tuple[Command, ...] = (
    help.COMMAND,
    list.COMMAND,
    get.COMMAND,
    update.COMMAND,
    enable.COMMAND,
    disable.COMMAND,
    records.COMMAND,
    pending.COMMAND,
    why.COMMAND,
    history.COMMAND,
    undo.COMMAND,
    audit.COMMAND,
    status.COMMAND,
    decide.COMMAND,
    incident.COMMAND,
    outside.COMMAND,
)

help.CATALOGUE.extend(ALL)
