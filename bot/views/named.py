"""Reads back from the bot's own messages which records they name: the other side of bot/views/alerts.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.model import Record
from bot.views.alerts import FACES
from bot.views.text import code, esc, utc

Named = tuple[str, str, str, str]
"""(event, status, secret, time), as they are drawn; long names cut to what every message shows of them."""

_TIME = r"(unknown|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3})? UTC)$"
_NAME = r"(`[^`]*`|_none_)"
_PROJECT = r"(?:Project `[^`]*`: )?"
_TITLES = "|".join(re.escape(title) for _, title in FACES.values())
_ALERT = re.compile(rf"^(?:<[^>]*> )?(?:{_TITLES}): (.*?) for event {_NAME}.*, secret {_NAME},.*?{_TIME}")
_LINES = re.compile(
    rf"^{_PROJECT}(?:The snooze is over\. Meanwhile )?\d+ (?:more )?notices? of {_NAME}(?: to {_NAME})? not delivered \((.*)\)$"
)
_MIXED_LINES = re.compile(rf"^{_PROJECT}\d+ (?:more )?notices? not delivered$")
_MIXED_LINE = re.compile(rf"^• (.*?) · {_NAME} → .* · secret {_NAME} · {_TIME}")
_LINE = re.compile(rf"^• (.*?) · .*secret (`[^`]*`|_none_).* · {_TIME}")
SHOWN = 60
"""Characters of a name that are compared: the shortest that a message cuts it to is 64."""


def named_by(text: str) -> Iterator[Named]:
    """The records that a message names, by its text as Slack holds it."""
    first, *rest = text.split("\n")
    if found := _ALERT.match(first):
        yield _cut(found[2], found[1], found[3], found[4])
    elif head := _LINES.match(first):
        for line in rest:
            if found := _LINE.match(line):
                yield _cut(head[1], found[1], found[2], found[3])
    elif _MIXED_LINES.match(first):
        for line in rest:
            if found := _MIXED_LINE.match(line):
                yield _cut(found[2], found[1], found[3], found[4])


def name_of(record: Record) -> Named:
    """How a message would name a record."""
    return _cut(
        code(record.event_name), esc(record.status, 20), code(record.secret_name), utc(record.created)
    )


def _cut(event: str, status: str, secret: str, time: str) -> Named:
    return event.strip("`")[:SHOWN], status, secret.strip("`")[:SHOWN], time
