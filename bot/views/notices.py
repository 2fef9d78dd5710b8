"""`notification_content` in words. It is documented for one type only, and may be anything: hostile text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.views.text import TYPE_WORDS

CONSEQUENCE = {
    "SECRET_VERSION_CREATED": "Whoever keeps a copy of the value should fetch the new version.",
    "SECRET_VERSION_EXPIRED": "That version is past its date: store a new one, or extend it.",
    "SECRET_ROTATED": "There is a new value; programs that read it only at their start need a restart.",
    "SECRET_ROTATED_FAILED": "The old value is still in use and the rotation is overdue: mend its cause, rotate again.",
    "SECRET_DELETED": "Programs that still read it will fail.",
}
"""What each documented type means for whoever missed the notice (CSMS: notification records page, event types)."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a record's content says: a sentence where its shape is known, the raw text elsewhere."""

    sentence: str = ""
    raw: str = ""


def read_notice(content: str) -> Notice:
    """Never fails: broken, empty, foreign and hostile contents come back raw. CSMS: notification records page."""
    if not content.strip():
        return Notice()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return Notice(raw=content)
    if not isinstance(found, dict):
        return Notice(raw=content)
    data = found.get("data")
    data = data if isinstance(data, dict) else {}
    secret = _word(data.get("secretName"))
    kind = TYPE_WORDS.get(_word(found.get("eventType")))
    if not secret or not kind:
        return Notice(raw=content)
    parts = [f"Secret {secret}: {kind}"]
    if version := _word(data.get("versionId")):
        parts.append(f"version {version}")
    if expiry := _word(data.get("versionExpireTime")):
        parts.append(f"expiry {expiry}")
    if at := _word(found.get("eventTime")):
        parts.append(f"at {at}")
    return Notice(sentence=", ".join(parts) + ".")


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
