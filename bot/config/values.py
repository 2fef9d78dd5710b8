"""The values of settings: what each kind may look like, and what is said of one that does not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field

from bot.addresses import checked

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = timedelta(days=3650)
"""Far above any sense, and small enough to be added to and taken from any date."""


def duration(value: object) -> timedelta:
    """`90s`, `15m`, `1h`, `7d`, or seconds. ValueError otherwise, and for more than ten years."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([smhd]?)\s*", str(value).lower())
    if match is None:
        raise ValueError("is not a duration; write 90s, 15m, 1h, 7d, or seconds")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"is too long; at most {LONGEST.days}d")
    return timedelta(seconds=seconds)


def _positive(value: object) -> timedelta:
    found = duration(value)
    if found <= timedelta(0):
        raise ValueError("must be more than nothing; write 90s, 15m, 1h, or seconds")
    return found


def _number(value: object) -> object:
    """Numbers and digits alone: pydantic would read `false` as 0, which for the approvals says that none is needed."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("must be a whole number")
    return value


def _shown(value: object) -> str:
    """A wrong value in an error, unless it might be a token that was put into the wrong setting."""
    text = str(value)
    return "a value" if len(text) > 30 or re.match(r"x(ox|app)", text) else repr(text)


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for part in re.split(r"[,\s]+", value) if part)
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of ids, or one text with commas")
    return tuple(value)


def _people(value: object) -> object:
    names = _names(value)
    for name in names if isinstance(names, tuple) else ():
        if not re.fullmatch(r"[UWS][A-Za-z0-9_]+", str(name)):
            raise ValueError(f"{_shown(name)} is neither a user id (U…) nor a user group id (S…)")
    return names


def _people_or_all(value: object) -> object:
    names = _names(value)
    return names if names == ("*",) else _people(names)


def _channel(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"[CGD][A-Za-z0-9_]+", value):
        raise ValueError(
            f"{_shown(value)} is not a channel id (C…); Slack shows it at the bottom of the channel's details"
        )
    return value


def _address(value: object) -> object:
    return "" if value in ("", None) else checked(str(value))


def _command(value: object) -> object:
    text = str(value).strip()
    text = text if text.startswith("/") else f"/{text}"
    if not re.fullmatch(r"/[a-z0-9_-]{1,31}", text):
        raise ValueError("is not a slash command: a /, then up to 31 of a-z, 0-9, - and _")
    return text


def _region(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"[a-z0-9-]{2,32}", value):
        raise ValueError("is not a region like ap-southeast-3")
    return value


def _mention(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"[UWS][A-Za-z0-9_]+", value):
        raise ValueError(f"{_shown(value)} is neither a user id (U…) nor a user group id (S…)")
    return value


def _hours(value: object) -> object:
    text = str(value)
    if text and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("must be written as 22:00-07:00")
    return text


def _zone(value: object) -> object:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{_shown(value)} is not a time zone like Europe/Berlin that this machine knows"
        ) from None
    return value


Duration = Annotated[timedelta, BeforeValidator(_positive)]
People = Annotated[tuple[str, ...], BeforeValidator(_people)]
Operators = Annotated[tuple[str, ...], BeforeValidator(_people_or_all)]
Channel = Annotated[str, BeforeValidator(_channel)]
Region = Annotated[str, BeforeValidator(_region)]
Address = Annotated[str, BeforeValidator(_address)]
Glob = Annotated[str, Field(min_length=1, max_length=200)]
Mention = Annotated[str, BeforeValidator(_mention)]
Hours = Annotated[str, BeforeValidator(_hours)]
Zone = Annotated[str, BeforeValidator(_zone)]
SlashCommand = Annotated[str, BeforeValidator(_command)]
Approvals = Annotated[int, Field(ge=0, le=20), BeforeValidator(_number)]
Port = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_number)]
