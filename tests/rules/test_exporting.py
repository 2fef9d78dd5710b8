"""The audit log in the forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from bot.model import AuditRow
from bot.rules.exporting import cell, csv_lines, jsonl

IMAGE = {"state": "ENABLED", "types": ["SECRET_DELETED"], "target": None}
ROW = AuditRow(
    7, "2026-11-23T04:05:06.789012Z", "U0ENGINEER", "change.apply", "default", "prod-db", "CR-12", IMAGE,
    IMAGE | {"state": "DISABLED"}, "applied", "needed", "0" * 64, "a" * 64,
)  # fmt: skip


COMPUTED = (
    "=1+1", "+1", "-1", "@x", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20x", "\ufe661", "\ufe621", "\ufe631", "\ufe6bx",
    "\u22121", " =1", "\u00a0=1", "\u3000=1", "\u200b=1", "\ufeff=1", "\x00=1", '"=1', "'=1", '" =1', "`+1", "\tx", "\rx", "\t=1", "\r=1",
)  # fmt: skip
"""Also full-width and small forms, and what a spreadsheet trims before it looks."""
TRICKS = (
    "x{}=1+1",
    'x"{}=1+1',
    "x{}\n=1+1",
    'x"\r\n"{}"=1+1',
    "{}@x",
    "a{} -1{}+1",
    "x{}\uff1d1",
    'x"{}" =1"',
)


@pytest.mark.parametrize("text", COMPUTED)
def test_a_cell_that_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "x=1", "a-b", "CR-12", "7", "a; b=c", "prod-db", "naïve", "🔑 = key"])
def test_a_cell_that_is_only_text_stays_as_it_is(text: str):
    assert cell(text) == text


def live(lines: str, separator: str) -> list[str]:
    """The cells that a spreadsheet with this separator would compute."""
    rows = csv.reader(io.StringIO(lines, newline=""), delimiter=separator)
    trimmed = (one.lstrip(' \t\r\n"') for row in rows for one in row)
    return [one for one in trimmed if one[:1] in {"=", "+", "-", "@", "\uff1d"}]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("trick", TRICKS)
def test_no_formula_comes_out_of_a_text_whatever_separates_the_cells(separator: str, trick: str):
    row = replace(ROW, reason=trick.replace("{}", separator), event="", before=None, after=None)

    assert live("".join(csv_lines([row])), separator) == []


def test_an_apostrophe_at_the_beginning_alone_would_let_a_formula_out():
    out = io.StringIO()
    csv.writer(out).writerow(["CR-12", "x;=1+1"])

    assert live(out.getvalue(), ";") == ["=1+1"]


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
