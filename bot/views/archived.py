"""The line below an answer from the audit log that says from when on there are rows to answer from."""

from __future__ import annotations

from datetime import datetime

from bot.views.blocks import Message, context
from bot.views.text import local, utc


def say_archived(message: Message, begins: datetime | None, since: datetime | None = None) -> Message:
    """The answer, with that line where it is needed.

    `begins`: the time of the oldest row that is not archived, None where none is; `since`: nothing older was asked for.
    """
    if begins is None or (since and since >= begins):
        return message
    text = f"{message.text} Rows before {utc(begins)} are archived."
    line = context(f"Rows before {local(begins)} are archived.")
    return Message(text, (*message.blocks, line) if message.blocks else ())
