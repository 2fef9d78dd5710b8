"""Rows of the audit log as OCSF events: held to what the published schema says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.model import AuditRow
from bot.rules.exporting import ocsf_lines
from bot.rules.ocsf import ocsf
from bot.views.audit import WORDS
from tests.support.ocsf import problems

BEFORE = {"state": "ENABLED", "types": ["SECRET_DELETED"], "target": None}
AFTER = BEFORE | {"state": "DISABLED"}
ROW = AuditRow(
    7, "2026-11-23T04:05:06.789012Z", "U0ENGINEER", "change.apply", "default", "prod-db", "CR-12", BEFORE, AFTER,
    "applied", "needed", "0" * 64, "a" * 64,
)  # fmt: skip
KINDS = [*WORDS, ("change.approve", "1 of 2"), ("command.list", "refused"), ("bot.start", "done")]


@pytest.mark.parametrize(("action", "outcome"), KINDS)
def test_a_row_of_each_kind_is_an_event_as_the_schema_has_it(action: str, outcome: str):
    row = replace(ROW, action=action, outcome=outcome)
    about_nothing = replace(row, actor="system", event="", change="", before=None, after=None, reason="")

    for one in (row, about_nothing, replace(row, before=None), replace(row, after=None)):
        assert problems(ocsf(one)) == []
        assert json.loads(next(ocsf_lines([one]))) == ocsf(one)


WRONG = {"refused", "failed", "stale"}
RIGHT = {
    "pending", "approved", "1 of 2", "reviewed", "rejected", "explained", "cancelled", "expired", "applied", "changed",
    "created", "deleted", "accepted", "done", "sent",
}  # fmt: skip
OPEN = {"intent", "noted"}


@pytest.mark.parametrize(("action", "outcome"), KINDS)
def test_each_kind_has_a_status_of_success_of_failure_or_of_something_that_goes_on(action: str, outcome: str):
    wanted = {**dict.fromkeys(WRONG, 2), **dict.fromkeys(RIGHT, 1), **dict.fromkeys(OPEN, 99)}

    assert ocsf(replace(ROW, action=action, outcome=outcome))["status_id"] == wanted[outcome]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"class_uid": 6003}, "class_uid cannot be 6003"),
        ({"category_uid": 6}, "category_uid cannot be 6"),
        ({"type_uid": 300499}, "type_uid is not class_uid * 100 + activity_id"),
        ({"activity_id": 14}, "activity_id cannot be 14"),
        ({"activity_name": "change.apply"}, "activity_name is not that of activity_id"),
        ({"status_id": 3}, "status_id cannot be 3"),
        ({"status": "applied"}, "status is not that of status_id"),
        ({"severity_id": 7}, "severity_id cannot be 7"),
        ({"time": 1795406706}, "time is not in milliseconds"),
        ({"time": "2026-11-23T04:05:06Z"}, "time is no int"),
        ({"api": {"operation": "change.apply"}}, "api is unknown"),
        ({"entity": None}, "entity is required, and missing"),
        ({"metadata": {"version": "1.3.0"}}, "metadata.product is required, and missing"),
        ({"entity": {"type": "CSMS event", "type_id": 99}}, "entity has none of ['name', 'uid']"),
        ({"comment": ""}, "comment is empty"),
    ],
)
def test_the_check_sees_what_is_wrong(broken: dict[str, Any], problem: str):
    event = {name: value for name, value in (ocsf(ROW) | broken).items() if value is not None}

    assert problem in problems(event)


@pytest.mark.parametrize(
    "name", ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time"]
)
def test_the_check_sees_what_is_missing(name: str):
    event = ocsf(ROW)
    del event[name]

    assert problems(event) == [f"{name} is required, and missing"]


def test_a_change_that_was_written_is_an_update_of_the_event_by_its_before_and_after():
    event = ocsf(ROW)

    assert (event["activity_name"], event["type_uid"], event["status"]) == ("Update", 300403, "Success")
    assert event["time"] == 1795406706789
    assert event["entity"] == {"name": "prod-db", "type": "CSMS event", "type_id": 99, "data": BEFORE}
    assert event["entity_result"]["data"] == AFTER
    assert event["actor"]["user"]["uid"] == "U0ENGINEER"
    assert event["metadata"]["sequence"] == 7
    assert event["metadata"]["correlation_uid"] == "CR-12"


def test_what_was_asked_for_is_no_result_yet_and_its_reason_is_a_persons_comment():
    event = ocsf(replace(ROW, action="change.request", outcome="pending"))

    assert (event["activity_name"], event["type_uid"]) == ("change.request", 300499)
    assert "entity_result" not in event
    assert event["unmapped"]["after"] == AFTER
    assert event["comment"] == "needed"
    assert "comment" not in ocsf(replace(ROW, action="change.request", outcome="refused"))


@pytest.mark.parametrize(
    ("action", "outcome", "type_uid", "status"),
    [
        ("change.apply", "intent", 300499, "intent"),
        ("change.apply", "failed", 300403, "Failure"),
        ("change.apply", "stale", 300403, "Failure"),
        ("change.approve", "refused", 300499, "Failure"),
        ("change.approve", "approved", 300499, "Success"),
        ("event.outside", "changed", 300403, "Success"),
        ("event.outside", "created", 300401, "Success"),
        ("event.outside", "deleted", 300404, "Success"),
    ],
)
def test_what_was_done_is_told_from_what_was_only_tried(
    action: str, outcome: str, type_uid: int, status: str
):
    event = ocsf(replace(ROW, action=action, outcome=outcome))

    assert (event["type_uid"], event["status"], event["status_code"]) == (type_uid, status, outcome)
