"""What can be made to go wrong with a call to this server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """How a call fails; "effect" is what the call would have changed."""

    RATELIMITED = "ratelimited"
    """HTTP 429 with Retry-After, no effect."""
    STATUS = "status"
    """Another HTTP status, no effect."""
    ERROR = "error"
    """HTTP 200 with `{"ok": false, "error": …}`, no effect."""
    ERROR_AFTER = "error_after"
    """The effect takes place, then the answer is an error all the same."""
    RESET_BEFORE = "reset_before"
    """The connection is cut, no effect."""
    RESET_AFTER = "reset_after"
    """The effect takes place, then the connection is cut without an answer."""
    DELAY = "delay"
    """Effect and answer come `delay_s` later."""
    LATE = "late"
    """The connection is cut at once; the effect takes place `delay_s` later."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned failure. Times are in seconds."""

    kind: FaultKind
    error: str = "internal_error"
    status: int = 500
    retry_after: int = 1
    delay_s: float = 0.5
