"""What was done to events without this bot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outside(StrEnum):
    """What somebody did to an event without this bot."""

    CHANGED = "changed"
    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was done to an event without this bot: in the console, by Terraform, by another tool."""

    event: str
    what: Outside
    before: Mapping[str, Any] | None
    """`Event.settings()`; None for a created event."""
    after: Mapping[str, Any] | None
    """None for a deleted event."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as it is kept, and what people did about it."""

    key: str
    """Random; what the buttons carry."""
    group: str
    """What was found at one look and is shown in one message."""
    project: str
    finding: Finding
    seq: int
    """Its row in the audit log."""
    accepted_by: str = ""
    change: str = ""
    """The change request that takes it back, `CR-12`."""
    place: int = 1
    """Among those that were found at one look and are told together, from 1 on."""
    together: int = 1
    """How many those are."""
