"""Rows of the audit log in the forms that other programs read: JSONL, CSV, OCSF."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from bot import __version__
from bot.model import AuditRow

COLUMNS = tuple(one.name for one in fields(AuditRow))
OCSF_VERSION = "1.3.0"
UPDATE, OTHER = 3, 99
"""OCSF: `activity_id` of API Activity."""
WENT_WELL = frozenset({"applied", "approved", "accepted", "sent", "done", "pending", "rejected", "cancelled"})
WENT_WRONG = frozenset({"refused", "failed", "stale"})


def jsonl(rows: Iterable[AuditRow]) -> Iterator[str]:
    """One object a line, with every column."""
    for row in rows:
        # `asdict` would copy each image, which takes longer than to write it.
        yield json.dumps({name: getattr(row, name) for name in COLUMNS}, ensure_ascii=False) + "\n"


def csv_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """A head, and a line for each row; no cell of it is a formula."""
    yield _csv(COLUMNS)
    for row in rows:
        yield _csv(cell(value) for value in asdict(row).values())


def ocsf_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """One event of the Open Cybersecurity Schema Framework a line, class API Activity."""
    for row in rows:
        yield json.dumps(ocsf(row), ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Iterable[AuditRow]], Iterator[str]]] = {
    "jsonl": jsonl,
    "csv": csv_lines,
    "ocsf": ocsf_lines,
}


def cell(value: Any) -> str:
    """A spreadsheet must not take a cell for a formula."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def ocsf(row: AuditRow) -> dict[str, Any]:
    """A row as an event of class 6003, API Activity (OCSF 1.3.0). What has no place there is in `unmapped`."""
    activity = UPDATE if row.action == "change.apply" and row.outcome == "applied" else OTHER
    status = 1 if row.outcome in WENT_WELL else 2 if row.outcome in WENT_WRONG else 99
    made: dict[str, Any] = {
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": 6003,
        "class_name": "API Activity",
        "activity_id": activity,
        "activity_name": "Update" if activity == UPDATE else row.action,
        "type_uid": 6003 * 100 + activity,
        "time": int(datetime.fromisoformat(row.at).timestamp() * 1000),
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status,
        "status": {1: "Success", 2: "Failure"}.get(status, row.outcome),
        "status_detail": row.reason,
        "message": " ".join(part for part in (row.action, row.outcome, row.change, row.event) if part),
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "csms-bot", "vendor_name": "csms-bot", "version": __version__},
            "uid": row.hash,
            "sequence": row.seq,
            "correlation_uid": row.change,
        },
        "actor": {"user": {"uid": row.actor, "type_id": 3 if row.actor == "system" else 1}},
        "api": {"operation": row.action, "service": {"name": "CSMS"}},
        "src_endpoint": {"svc_name": "csms-bot"},
        "unmapped": {"project": row.project, "outcome": row.outcome, "prev_hash": row.prev_hash},
    }
    if row.event:
        images = {"before": row.before, "after": row.after}
        made["resources"] = [{"name": row.event, "type": "CSMS event", "data": images}]
    return made


def _csv(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(list(cells))
    return out.getvalue()
