"""Rows of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit log, as it is exported."""

    seq: int
    at: str
    """RFC 3339 in UTC, microseconds."""
    actor: str
    action: str
    project: str
    event: str
    change: str
    before: Any
    after: Any
    outcome: str
    reason: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written to the audit log; the store adds seq, time and hashes."""

    actor: str
    """A Slack user id, or `system`."""
    action: str
    outcome: str
    project: str = ""
    event: str = ""
    change: str = ""
    before: Any = None
    after: Any = None
    reason: str = ""
