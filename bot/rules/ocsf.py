"""Rows of the audit log as events of the Open Cybersecurity Schema Framework, version 1.3.0, for a SIEM.

Each is of the class Entity Management (3004): what the bot is about is changes of an entity, by people, with a before and
an after. API Activity (6003) would need the caller's network endpoint, which Slack tells nobody.
(OCSF: github.com/ocsf/ocsf-schema, tag 1.3.0, events/iam/entity_management.json and what it extends.)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot import __version__
from bot.model import AuditRow, Outside

VERSION = "1.3.0"
CATEGORY, CLASS = 3, 3004
CREATE, UPDATE, DELETE, OTHER = 1, 3, 4, 99
ACTIVITIES = {CREATE: "Create", UPDATE: "Update", DELETE: "Delete"}
SUCCESS, FAILURE = 1, 2
STATUSES = {SUCCESS: "Success", FAILURE: "Failure"}
WENT_WRONG = frozenset({"refused", "failed", "stale"})
NEITHER = frozenset({"intent", "noted"})
"""Outcomes of what has not come to an end."""
_OUTSIDE: dict[str, int] = {Outside.CHANGED: UPDATE, Outside.CREATED: CREATE, Outside.DELETED: DELETE}
ASKED = frozenset({"change.request", "change.break_glass", "change.reject"})
"""Actions whose reason is what a person wrote."""


def ocsf(row: AuditRow) -> dict[str, Any]:
    """A row as an event. What has no place in the class is in `unmapped`; what is not known is left out."""
    activity, status = _activity(row), _status(row)
    name = ACTIVITIES.get(activity, row.action)
    made: dict[str, Any] = {
        "category_uid": CATEGORY,
        "category_name": "Identity & Access Management",
        "class_uid": CLASS,
        "class_name": "Entity Management",
        "activity_id": activity,
        "activity_name": name,
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Entity Management: {ACTIVITIES.get(activity, 'Other')}",
        "time": int(datetime.fromisoformat(row.at).timestamp() * 1000),
        "timezone_offset": 0,
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status,
        "status": STATUSES.get(status, row.outcome),
        "status_code": row.outcome,
        "message": " ".join(part for part in (row.action, row.outcome, row.change, row.event) if part),
        "metadata": {
            "version": VERSION,
            "product": {"name": "csms-bot", "vendor_name": "csms-bot", "version": __version__},
            "log_name": "audit",
            "log_provider": "csms-bot",
            "event_code": row.action,
            "uid": row.hash,
            "sequence": row.seq,
            **({"correlation_uid": row.change} if row.change else {}),
        },
        "actor": {"user": _user(row.actor)},
        "entity": _entity(row, row.before),
        "unmapped": {"project": row.project, "prev_hash": row.prev_hash},
    }
    if row.reason:
        written = row.action in ASKED and row.outcome not in WENT_WRONG
        made["comment" if written else "status_detail"] = row.reason
    if row.after is not None:
        if activity == OTHER:
            made["unmapped"]["after"] = row.after  # What is asked for is not a result yet.
        else:
            made["entity_result"] = _entity(row, row.after)
    return made


def _activity(row: AuditRow) -> int:
    """What was done to the event, or tried; approvals and the like are of no kind that OCSF has."""
    if row.action == "change.apply" and row.outcome not in NEITHER:
        return UPDATE
    if row.action == "event.outside":
        return _OUTSIDE.get(row.outcome, OTHER)
    return OTHER


def _status(row: AuditRow) -> int:
    if row.outcome in WENT_WRONG:
        return FAILURE
    return OTHER if row.outcome in NEITHER else SUCCESS


def _user(actor: str) -> dict[str, Any]:
    kind, label = (3, "System") if actor == "system" else (1, "User")
    return {"uid": actor, "type_id": kind, "type": label}


def _entity(row: AuditRow, image: Any) -> dict[str, Any]:
    """The event that a row is about; the bot itself where it is about none."""
    if not row.event:
        return {"name": "csms-bot", "type_id": OTHER, "type": "Slack app"}
    made = {"name": row.event, "type_id": OTHER, "type": "CSMS event"}
    return made if image is None else made | {"data": image}
