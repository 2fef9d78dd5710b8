"""The vocabulary: what counts when two values are compared."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.model import (
    FAIL,
    INVALID,
    SUCCESS,
    Actor,
    Change,
    ChangeState,
    Event,
    Kind,
    Patch,
    Record,
    Target,
    canonical_json,
    record_data,
)

AT = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
EVENT = Event(
    "db", "e-1", "ENABLED", ("A", "B"), Target("SMN", "urn:a", "a"), AT - timedelta(days=1), AT, {"new": [1]}
)
CHANGE = Change(
    12, "key", "prod", "db", EVENT.image(), Patch(), "U0A", "", ChangeState.PENDING, 1, AT, AT + timedelta(hours=1)
)  # fmt: skip


def test_one_value_has_one_text():
    assert canonical_json({"b": [1, None], "a": "é<"}) == '{"a":"é<","b":[1,null]}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


def test_an_image_is_json_and_comes_back_as_the_event_that_it_was_taken_of():
    stored = json.loads(json.dumps(EVENT.image()))

    back = Event.from_image(stored)

    assert back == replace(EVENT, created=None, unknown={})
    assert back.image() == stored


@pytest.mark.parametrize("bare", [Event("db"), Event("db", types=()), Event("db", target=Target("", "", ""))])
def test_what_was_not_reported_stays_so_in_an_image(bare):
    assert Event.from_image(json.loads(json.dumps(bare.image()))) == bare


@pytest.mark.parametrize(
    "other",
    [
        replace(EVENT, name="other"),
        replace(EVENT, event_id="e-2"),
        replace(EVENT, state="DISABLED"),
        replace(EVENT, types=("A",)),
        replace(EVENT, types=None),
        replace(EVENT, types=()),
        replace(EVENT, target=None),
        replace(EVENT, target=Target("EG", "urn:a", "a")),
        replace(EVENT, target=Target("SMN", "urn:b", "a")),
        replace(EVENT, target=Target("SMN", "urn:a", "b")),
        replace(EVENT, updated=AT + timedelta(milliseconds=1)),
        replace(EVENT, updated=None),
    ],
)
def test_a_digest_differs_with_each_thing_that_an_approval_is_bound_to(other):
    assert other.digest() != EVENT.digest()
    assert len(other.digest()) == 64


def test_the_order_of_types_and_the_zone_of_a_time_do_not_count():
    assert replace(EVENT, types=("B", "A")).digest() == EVENT.digest()
    assert replace(EVENT, types=("A", "B")).settings() == replace(EVENT, types=("B", "A")).settings()


def test_the_settings_are_what_an_update_can_change():
    assert set(EVENT.settings()) == {"state", "types", "target"}
    assert replace(EVENT, name="x", event_id="y", updated=None).settings() == EVENT.settings()


def test_a_patch_says_whether_it_names_anything():
    assert Patch().empty
    assert not any(one.empty for one in (Patch(state=""), Patch(types=()), Patch(target=Target("", "", ""))))


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        (Patch(), {}),
        (Patch(state="DISABLED"), {"state": "DISABLED"}),
        (Patch(types=("D", "C")), {"types": ["C", "D"]}),
        (Patch(target=Target("EG", "c", "n")), {"target": {"type": "EG", "id": "c", "name": "n"}}),
    ],
)
def test_a_change_ends_in_what_it_was_with_what_it_names(patch, after):
    changed = replace(CHANGE, patch=patch)

    assert changed.after == EVENT.settings() | after
    assert changed.id == "CR-12"


def test_a_change_is_open_until_it_has_ended():
    assert [state for state in ChangeState if state.open] == [
        ChangeState.PENDING, ChangeState.APPROVED, ChangeState.APPLYING,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("allowed", "among"),
    [
        ((), False),
        (("U0A",), True),
        (("S0A",), True),
        (("U0B", "S0B"), False),
        (("u0a",), False),
        (("*",), False),
    ],
)
def test_a_person_is_among_those_listed_by_id_or_by_group(allowed, among):
    assert Actor("U0A", "T", Kind.MEMBER, frozenset({"S0A"})).among(allowed) is among


@pytest.mark.parametrize(
    ("status", "failed"), [(FAIL, True), (INVALID, True), (SUCCESS, False), ("", False), ("fail", False)]
)
def test_a_record_failed_when_somebody_was_not_told(status, failed):
    record = Record("db", "A", AT, "s", "COMMON", "t", "urn", "x" * 9000, status, "f")

    assert record.failed is failed
    data = json.loads(json.dumps(record_data(record)))
    assert data["at"] == 1795406706
    assert len(data["content"]) == 4000


def test_a_record_without_a_time_keeps_none():
    record = Record("db", "A", None, "s", "COMMON", "t", "urn", "", FAIL, "f")

    assert record_data(record)["at"] is None


def test_times_of_records_are_seconds_of_utc_whatever_their_zone():
    here = datetime(2026, 11, 23, 5, 5, 6, tzinfo=timezone(timedelta(hours=1)))

    assert record_data(Record("db", "A", here, "s", "", "t", "u", "", FAIL, "f"))["at"] == 1795406706
