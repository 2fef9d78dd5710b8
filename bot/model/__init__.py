"""The vocabulary: frozen values that every layer shares. Nothing here does I/O or knows Slack, HTTP or SQL.

Times are timezone-aware datetimes in UTC; a time that the service did not report is None, never 1970.
"""

from bot.model.audit import AuditRow, Entry
from bot.model.changes import Change, ChangeState
from bot.model.events import (
    DISABLED,
    ENABLED,
    EVENT_TYPES,
    STATES,
    TARGET_TYPES,
    Event,
    Patch,
    Target,
    canonical_json,
)
from bot.model.incidents import Incident, IncidentState, Plan
from bot.model.outside import Finding, Found, Outside
from bot.model.people import Actor, Kind
from bot.model.posts import Post, PostKind
from bot.model.records import (
    FAIL,
    FAILURES,
    INVALID,
    RECORD_STATUSES,
    SUCCESS,
    Record,
    RecordPage,
    record_data,
)

__all__ = [
    "DISABLED",
    "ENABLED",
    "EVENT_TYPES",
    "FAIL",
    "FAILURES",
    "INVALID",
    "RECORD_STATUSES",
    "STATES",
    "SUCCESS",
    "TARGET_TYPES",
    "Actor",
    "AuditRow",
    "Change",
    "ChangeState",
    "Entry",
    "Event",
    "Finding",
    "Found",
    "Incident",
    "IncidentState",
    "Kind",
    "Outside",
    "Patch",
    "Plan",
    "Post",
    "PostKind",
    "Record",
    "RecordPage",
    "Target",
    "canonical_json",
    "record_data",
]
