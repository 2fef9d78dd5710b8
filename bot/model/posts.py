"""Messages to be posted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class PostKind(StrEnum):
    """What a message shows; `bot/views/posts.py` draws each."""

    CARD = "change_card"
    """A change request, for the approvers; one message, edited through its life."""
    TOLD = "change_told"
    """How a change ended, told to its requester."""
    ANSWER = "answer"
    """What a person is told in a direct message, because the form that they sent is closed; `data` is the message."""
    REMINDER = "change_reminder"
    """In a card's thread: half of the time is over, or a review is owed; `data` says which."""
    ALERT = "alert"
    """One incident; `ref` is its key."""
    LINES = "alert_lines"
    """Records in the thread of an alert or a digest."""
    DIGEST = "digest"
    """Many incidents that one poll opened, or found going on."""
    BACKFILL = "backfill"
    """What was there at the very first poll."""
    COVERAGE = "coverage"
    """CSMS showed only part of its records."""
    OUTAGE = "outage"
    """The notification records could not be read several times in a row."""
    BACK = "back"
    """They can be read again."""
    CLOSED = "channel_closed"
    """A channel cannot be posted to; told in another one."""
    OUTSIDE = "outside"
    """Events that somebody changed without this bot; `ref` is what was found together."""
    RESTORED = "restored"
    """The database was put back from a copy."""
    WITNESS = "witness"
    """The head of the audit log, for whoever doubts the file."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be: `kind` says how it is drawn and `ref` from what, so that it is drawn anew at each edit."""

    key: str
    """Random; the opaque key in the message's metadata, by which it is found again."""
    kind: PostKind
    ref: str
    project: str
    channel: str = ""
    user: str = ""
    """A user id instead of a channel: a direct message."""
    parent: str = ""
    """The key of the post in whose thread this goes."""
    data: Mapping[str, Any] = field(default_factory=dict)
    wait_until: datetime | None = None
    """Not to be sent before, as in quiet hours."""
