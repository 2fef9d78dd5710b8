"""What OCSF 1.3.0 says of an event of the class Entity Management, copied by hand into a small table.

Source: github.com/ocsf/ocsf-schema, tag 1.3.0: events/base_event.json, events/iam/iam.json,
events/iam/entity_management.json, includes/classification.json, includes/occurrence.json; objects/metadata.json,
product.json, actor.json, user.json, managed_entity.json, _entity.json; dictionary.json for types and enums.
Attributes that this product can have no use for are left out, so that one of them by mistake is found too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

R, S, O = "required", "recommended", "optional"  # noqa: E741 (the three words of the schema)
NORMALIZED = {0, 99}
"""Unknown and Other, which the dictionary gives every `…_id` that is an enum."""

EVENT: dict[str, tuple[str, Any]] = {
    "activity_id": (R, {*range(1, 14), *NORMALIZED}),
    "activity_name": (O, str),
    "actor": (O, "actor"),
    "category_name": (O, str),
    "category_uid": (R, {3}),
    "class_name": (O, str),
    "class_uid": (R, {3004}),
    "comment": (S, str),
    "entity": (R, "managed_entity"),
    "entity_result": (S, "managed_entity"),
    "message": (S, str),
    "metadata": (R, "metadata"),
    "severity": (O, str),
    "severity_id": (R, {*range(1, 7), *NORMALIZED}),
    "status": (S, str),
    "status_code": (S, str),
    "status_detail": (S, str),
    "status_id": (S, {1, 2, *NORMALIZED}),
    "time": (R, int),
    "timezone_offset": (S, int),
    "type_name": (O, str),
    "type_uid": (R, int),
    "unmapped": (O, dict),
}
OBJECTS: dict[str, dict[str, tuple[str, Any]]] = {
    "metadata": {
        "correlation_uid": (O, str),
        "event_code": (O, str),
        "log_name": (S, str),
        "log_provider": (S, str),
        "product": (R, "product"),
        "profiles": (O, list),
        "sequence": (O, int),
        "uid": (O, str),
        "version": (R, {"1.3.0"}),
    },
    "product": {"name": (S, str), "uid": (S, str), "vendor_name": (R, str), "version": (S, str)},
    "actor": {"app_name": (O, str), "user": (S, "user")},
    "user": {
        "name": (S, str),
        "type": (O, str),
        "type_id": (S, {0, 1, 2, 3, 99}),
        "uid": (S, str),
    },
    "managed_entity": {
        "data": (O, dict),
        "name": (O, str),
        "type": (S, str),
        "type_id": (S, {*range(1, 7), *NORMALIZED}),
        "uid": (O, str),
        "version": (S, str),
    },
}
AT_LEAST_ONE = {
    "actor": {"app_name", "user"},
    "user": {"name", "uid"},
    "managed_entity": {"name", "uid"},
    "product": {"name", "uid"},
}
ACTIVITY_NAMES = {1: "Create", 3: "Update", 4: "Delete"}
STATUS_NAMES = {1: "Success", 2: "Failure"}
UNKNOWABLE = {
    "comment", "status_detail", "entity_result", "product.uid", "actor.user.name", "entity.version",
    "entity_result.version", "metadata.product.uid",
}  # fmt: skip
"""Recommended, and not there where a row has no reason or result, or where nobody knows it."""
EARLIEST, LATEST = 1_600_000_000_000, 4_100_000_000_000
"""In milliseconds: 2020 to 2099. Seconds or microseconds are outside."""


def problems(event: Mapping[str, Any]) -> list[str]:
    """What the schema has against an event; empty when it is right."""
    found = _against(event, EVENT, "")
    if found:
        return found
    activity, status = event["activity_id"], event["status_id"]
    if event["type_uid"] != event["class_uid"] * 100 + activity:
        found.append("type_uid is not class_uid * 100 + activity_id")
    if event["class_uid"] // 1000 != event["category_uid"]:
        found.append("class_uid is not of the category")
    if not EARLIEST < event["time"] < LATEST:
        found.append("time is not in milliseconds")
    if activity in ACTIVITY_NAMES and event["activity_name"] != ACTIVITY_NAMES[activity]:
        found.append("activity_name is not that of activity_id")
    if status in STATUS_NAMES and event["status"] != STATUS_NAMES[status]:
        found.append("status is not that of status_id")
    return found


def _against(given: Mapping[str, Any], rules: Mapping[str, tuple[str, Any]], path: str) -> list[str]:
    found = [f"{path}{name} is unknown" for name in given if name not in rules]
    for name, (needed, kind) in rules.items():
        where = f"{path}{name}"
        if name not in given:
            if needed == R or (needed == S and where not in UNKNOWABLE):
                found.append(f"{where} is {needed}, and missing")
            continue
        value = given[name]
        if isinstance(kind, str):
            if not isinstance(value, dict):
                found.append(f"{where} is no object")
                continue
            found += _against(value, OBJECTS[kind], f"{where}.")
            if not AT_LEAST_ONE.get(kind, set(value)) & set(value):
                found.append(f"{where} has none of {sorted(AT_LEAST_ONE[kind])}")
        elif isinstance(kind, set):
            if value not in kind:
                found.append(f"{where} cannot be {value!r}")
        elif not isinstance(value, kind) or isinstance(value, bool):
            found.append(f"{where} is no {kind.__name__}")
        elif value == "":
            found.append(f"{where} is empty")
    return found
