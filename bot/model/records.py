"""Notification records: notices that CSMS sent, or failed to send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SUCCESS, FAIL, INVALID = "SUCCESS", "FAIL", "INVALID"
FAILURES = (FAIL, INVALID)
RECORD_STATUSES = (SUCCESS, FAIL, INVALID)


@dataclass(frozen=True, slots=True)
class Record:
    """One notification record: a notice that CSMS sent, or failed to send. The API gives it no id."""

    event_name: str
    trigger_type: str
    created: datetime | None
    secret_name: str
    secret_type: str
    target_name: str
    target_id: str
    content: str
    """`notification_content` as text; an object is kept as canonical JSON. Hostile text."""
    status: str
    fingerprint: str
    """SHA-256 of all nine fields as they came. Equal for identical twins, so it is counted, never looked up."""

    @property
    def failed(self) -> bool:
        """FAIL (the send failed) or INVALID (the topic is wrong): somebody was not told."""
        return self.status in FAILURES


@dataclass(frozen=True, slots=True)
class RecordPage:
    """What one look at the notification records gave."""

    records: tuple[Record, ...]
    maybe_incomplete: bool
    """The page was full (1,000) or named a next marker: CSMS may hold records that it did not show."""


def record_data(record: Record) -> dict[str, Any]:
    """A record as JSON values, for the store and for drawing."""
    return {
        "event": record.event_name,
        "type": record.trigger_type,
        "at": None if record.created is None else record.created.timestamp(),
        "secret": record.secret_name,
        "secret_type": record.secret_type,
        "target_name": record.target_name,
        "target_id": record.target_id,
        "content": record.content[:4000],
        "status": record.status,
    }
