"""The audit log in the forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from bot.model import AuditRow
from bot.rules.exporting import cell, csv_lines, jsonl, ocsf, ocsf_lines

IMAGE = {"state": "ENABLED", "types": ["SECRET_DELETED"], "target": None}
ROW = AuditRow(
    7, "2026-11-23T04:05:06.789012Z", "U0ENGINEER", "change.apply", "default", "prod-db", "CR-12", IMAGE,
    IMAGE | {"state": "DISABLED"}, "applied", "needed", "0" * 64, "a" * 64,
)  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str):
    assert cell(text) == f"'{text}"


def test_a_cell_with_an_image_is_json_also_when_it_is_a_list():
    assert json.loads(cell(IMAGE)) == IMAGE
    assert json.loads(cell(["-1"])) == ["-1"]
    assert cell(None) == ""


def test_csv_and_jsonl_hold_every_column():
    [row] = csv.DictReader(io.StringIO("".join(csv_lines([ROW]))))
    [line] = jsonl([ROW])
    assert list(row) == list(json.loads(line))
    assert json.loads(line)["after"] == ROW.after
    assert row["seq"] == "7"


def test_an_ocsf_event_has_what_the_class_api_activity_requires():
    event = ocsf(ROW)
    required = {
        "activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id", "src_endpoint",
        "time", "type_uid",
    }  # fmt: skip
    assert required <= set(event)
    assert (event["category_uid"], event["class_uid"], event["type_uid"]) == (6, 6003, 600303)
    assert event["time"] == 1795406706789
    assert event["metadata"]["product"]["vendor_name"]
    assert event["actor"]["user"]["uid"] == "U0ENGINEER"
    assert event["resources"][0]["data"] == {"before": ROW.before, "after": ROW.after}
    assert json.loads(next(ocsf_lines([ROW]))) == event


@pytest.mark.parametrize(
    ("action", "outcome", "type_uid", "status"),
    [
        ("change.apply", "applied", 600303, 1),
        ("change.apply", "failed", 600399, 2),
        ("change.approve", "refused", 600399, 2),
        ("change.apply", "intent", 600399, 99),
        ("event.outside", "changed", 600399, 99),
    ],
)
def test_an_ocsf_event_tells_what_was_updated_from_what_was_not(
    action: str, outcome: str, type_uid: int, status: int
):
    event = ocsf(replace(ROW, action=action, outcome=outcome, event=""))
    assert (event["type_uid"], event["status_id"]) == (type_uid, status)
    assert "resources" not in event
