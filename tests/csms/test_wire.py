"""JSON → values: the samples of the documentation, and what services do besides."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest

from bot.csms import documented, wire
from bot.csms.wire import Malformed
from bot.model import Event, Patch, Target, canonical_json
from tests.csms.support import EVENT

CONTENT = {
    "eventName": "TestEvent20221112",
    "eventType": "SECRET_VERSION_EXPIRED",
    "eventTime": "2023-04-14T20:25:10.126Z",
    "data": {
        "secretName": "Secret20230325",
        "versionId": "v18",
        "versionExpireTime": "2023-03-29T17:07:23.000Z",
    },
}
RECORD = {
    "event_name": "demo-event",
    "trigger_event_type": "SECRET_VERSION_EXPIRED",
    "create_time": 1581507580000,
    "secret_name": "demo-secret",
    "secret_type": "COMMON",
    "notification_target_name": "SecretExpirationNotificationTest",
    "notification_target_id": "urn:smn:cn-north-4:SecretExpirationTest",
    "notification_content": json.dumps(CONTENT),
    "notification_status": "SUCCESS",
}
DAY = datetime(2020, 2, 12, 11, 39, 40, tzinfo=UTC)


def page(*events, **more):
    return json.dumps({"events": list(events), **more}).encode()


def records(*items, **more):
    return json.dumps({"records": list(items), **more}).encode()


def test_the_sample_of_the_list_page_is_read():
    """CSMS: ListSecretEvents page; an undocumented type among the documented ones."""
    types = [
        "SECRET_VERSION_CREATED",
        "SECRET_VERSION_EXPIRED",
        "SECRET_VERSION_NEAR_EXPIRY",
        "SECRET_DELETED",
    ]
    urn = "urn:smn:cn-north-4:dc3b7c85759141a991da17423c0f2068:smn-target-name"
    target = {"target_type": "SMN", "target_id": urn, "target_name": "smn-target-name"}
    sample = {
        "state": "ENABLED", "name": "TestEvent1", "event_id": "120eeafd-eca5-4098-8733-c1b369f3a450",
        "event_types": types, "create_time": 1669042498000, "update_time": 1669042498000, "notification": target,
    }  # fmt: skip
    info = {"next_marker": "TestEvent2", "previous_marker": "TestEvent3", "current_count": 2}

    found = wire.event_page(page(sample, {**sample, "name": "TestEvent2"}, page_info=info))

    made = datetime(2022, 11, 21, 14, 54, 58, tzinfo=UTC)
    first = Event(
        "TestEvent1", "120eeafd-eca5-4098-8733-c1b369f3a450", "ENABLED", tuple(types),
        Target("SMN", urn, "smn-target-name"), made, made,
    )  # fmt: skip
    assert found.items[0] == first
    assert (found.count, found.markers) == (2, ("TestEvent2", "TestEvent1"))


def test_the_sample_of_the_show_and_update_pages_is_read():
    event = wire.one_event(json.dumps({"event": EVENT}).encode())

    assert (event.name, event.state, event.types) == ("event-test", "ENABLED", ("SECRET_VERSION_EXPIRED",))
    assert (event.created, event.updated) == (DAY, DAY)
    assert event.target == Target("SMN", "urn:smn:cn-north-4:topic", "topic")


def test_the_sample_of_the_records_page_is_read():
    found = wire.record_page(records(RECORD))

    (record,) = found.records
    assert (record.event_name, record.trigger_type, record.created) == (
        "demo-event",
        "SECRET_VERSION_EXPIRED",
        DAY,
    )
    assert (record.secret_name, record.secret_type, record.status) == ("demo-secret", "COMMON", "SUCCESS")
    assert record.target_name == "SecretExpirationNotificationTest"
    assert record.target_id == "urn:smn:cn-north-4:SecretExpirationTest"
    assert json.loads(record.content) == CONTENT
    assert not record.failed
    assert not found.maybe_incomplete


@pytest.mark.parametrize(
    "value", [1581507580, 1581507580000, 1581507580.0, "1581507580", "1581507580000", " 1581507580000 "]
)
def test_a_time_in_seconds_milliseconds_or_digits_is_the_same_moment_in_utc(value):
    time = wire.parse_time(value)

    assert time == DAY
    assert time.tzinfo is UTC


def test_milliseconds_are_kept():
    assert wire.parse_time(1581507580126) == datetime(2020, 2, 12, 11, 39, 40, 126_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [None, 0, "0", "", 0.0, -1, True, False, "soon", "12 34", "-1", "٣", [], {}, 1e30, 10**30, "9" * 19,
     float("nan"), float("inf"), 253_402_300_800_000],
)  # fmt: skip
def test_what_is_no_time_is_unknown_and_not_1970(value):
    assert wire.parse_time(value) is None


ODD = [
    pytest.param({"create_time": 0, "update_time": None}, {"created": None, "updated": None}, {}, id="no times"),
    pytest.param({"create_time": "1581507580"}, {"created": DAY}, {}, id="digits"),
    pytest.param({"update_time": 1581507580}, {"updated": DAY}, {}, id="seconds"),
    pytest.param({"update_time": "soon"}, {"updated": None}, {"update_time": "soon"}, id="no time at all"),
    pytest.param({"update_time": 10**15}, {"updated": None}, {"update_time": 10**15}, id="after the year 9999"),
    pytest.param({"event_types": None}, {"types": None}, {}, id="types null"),
    pytest.param({"event_types": []}, {"types": ()}, {}, id="types empty"),
    pytest.param({"event_types": ["A", None, "B"]}, {"types": ("A", "B")}, {}, id="null among types"),
    pytest.param({"event_types": ["NEW_KIND"]}, {"types": ("NEW_KIND",)}, {}, id="unknown type"),
    pytest.param({"event_types": "A"}, {"types": None}, {"event_types": "A"}, id="types no list"),
    pytest.param({"notification": None}, {"target": None}, {}, id="target null"),
    pytest.param({"notification": "x"}, {"target": None}, {"notification": "x"}, id="target no object"),
    pytest.param({"notification": {}}, {"target": Target("", "", "")}, {}, id="target empty"),
    pytest.param(
        {"notification": {"target_type": "EG", "target_id": "c", "target_name": "n", "more": 1}},
        {"target": Target("EG", "c", "n")}, {"notification": {"more": 1}}, id="field in target",
    ),
    pytest.param({"state": None, "event_id": None}, {"state": "", "event_id": ""}, {}, id="nulls"),
    pytest.param({"state": 1}, {"state": "1"}, {}, id="number for text"),
    pytest.param({"description": "d", "tags": [1]}, {}, {"description": "d", "tags": [1]}, id="fields"),
    pytest.param({"unknown": {"a": 1}}, {}, {"unknown": {"a": 1}}, id="a field called unknown"),
    pytest.param({"types": ["x"], "target": 1}, {}, {"types": ["x"], "target": 1}, id="fields called as ours"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected", "unknown"), ODD)
def test_an_odd_event_is_read_and_what_has_no_place_is_kept(change, expected, unknown):
    (event,) = wire.event_page(page({**EVENT, **change})).items

    assert {name: getattr(event, name) for name in expected} == expected
    assert event.unknown == unknown


@pytest.mark.parametrize("key", [key for key in EVENT if key != "name"])
def test_an_absent_field_is_read_as_null(key):
    absent = {name: value for name, value in EVENT.items() if name != key}

    assert wire.event_page(page(absent)).items == wire.event_page(page({**EVENT, key: None})).items


def test_types_that_were_not_reported_are_not_none():
    (event,) = wire.event_page(page({"name": "e"})).items

    assert event.types is None


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"event_types": []},
        {"state": "ELSE"},
        {"event_types": ["ü", "密"]},
        {"create_time": 1581507580126},
    ],
)
def test_the_short_way_of_reading_gives_what_the_tolerant_one_gives(change):
    raw = {**EVENT, **change}

    assert documented.events(page(raw)) == [wire.event(raw)]


@pytest.mark.parametrize(
    "change", [case.values[0] for case in ODD if case.id not in ("types empty", "unknown type")]
)
def test_the_short_way_leaves_what_is_odd_to_the_tolerant_one(change):
    assert documented.events(page({**EVENT, **change})) is None


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{}", b'{"events": null}', b'{"events": [null]}', b"\xff"]
)
def test_the_short_way_leaves_odd_pages_too(content):
    assert documented.events(content) is None


@pytest.mark.parametrize(
    "body", [{"events": 1}, {"events": {}}, {"events": ["x"]}, {"events": [{}]}, {"events": [[]]}]
)
def test_a_list_with_something_else_in_it_is_malformed(body):
    with pytest.raises(Malformed):
        wire.event_page(json.dumps(body).encode())


def test_a_record_may_lack_everything():
    (record,) = wire.record_page(records({})).records

    assert (record.event_name, record.content, record.status, record.created) == ("", "", "", None)


def test_content_that_came_as_an_object_is_kept_as_canonical_json():
    (record,) = wire.record_page(records({**RECORD, "notification_content": CONTENT})).records

    assert record.content == canonical_json(CONTENT)


def test_a_fingerprint_covers_the_nine_fields_as_they_came():
    nine = json.dumps(RECORD, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    (record,) = wire.record_page(records({**RECORD, "tenth": "ignored"})).records

    assert record.fingerprint == hashlib.sha256(nine.encode()).hexdigest()


def test_the_encoder_made_once_writes_canonical_json():
    value = {"b": [1, None, True, 1.5, 'quote" \\ \x1b \n'], "a": {"ü": "密\U0001f511", "A": float("nan")}}

    assert wire._canonical(value) == canonical_json(value)


@pytest.mark.parametrize("key", RECORD)
def test_a_difference_in_any_field_is_another_fingerprint(key):
    first, second, absent = wire.record_page(
        records(
            RECORD, {**RECORD, key: "other"}, {name: value for name, value in RECORD.items() if name != key}
        )
    ).records

    assert len({first.fingerprint, second.fingerprint, absent.fingerprint}) == 3


def test_identical_twins_have_the_same_fingerprint_and_are_both_there():
    found = wire.record_page(records(RECORD, RECORD)).records

    assert len(found) == 2
    assert found[0].fingerprint == found[1].fingerprint


def test_a_time_that_is_written_otherwise_is_another_fingerprint_of_the_same_moment():
    first, second = wire.record_page(records(RECORD, {**RECORD, "create_time": "1581507580000"})).records

    assert first.created == second.created
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    ("count", "more", "incomplete"),
    [
        (1000, {}, True),
        (1001, {}, True),
        (999, {}, False),
        (50, {}, True),
        (49, {}, False),
        (51, {}, False),
        (0, {}, False),
        (1, {"page_info": {"next_marker": "1692846677000"}}, True),
        (1, {"page_info": {"next_marker": 1692846677000}}, True),
        (1, {"page_info": {"next_marker": ""}}, False),
        (1, {"page_info": {"next_marker": None}}, False),
        (1, {"page_info": {"current_count": 1}}, False),
        (1, {"page_info": None}, False),
        (1, {"page_info": "?"}, False),
    ],
)
def test_a_full_page_or_a_next_marker_says_that_there_may_be_more(count, more, incomplete):
    assert wire.record_page(records(*[{}] * count, **more)).maybe_incomplete is incomplete


def test_a_page_that_is_full_with_a_null_in_it_is_full():
    assert wire.record_page(records(None, *[{}] * 999)).maybe_incomplete


@pytest.mark.parametrize("body", [{"records": None}, {"records": []}, {}, {"records": [None]}])
def test_no_records_is_an_empty_page(body):
    assert wire.record_page(json.dumps(body).encode()).records == ()


@pytest.mark.parametrize("odd", ["x", 7, [], [RECORD]])
def test_what_is_no_record_does_not_hide_the_others_and_is_not_passed_over_in_silence(odd):
    found = wire.record_page(records(RECORD, odd, RECORD))

    assert len(found.records) == 2
    assert found.maybe_incomplete


def test_bytes_that_are_no_text_in_one_record_do_not_hide_the_others():
    broken = records(RECORD, {**RECORD, "secret_name": "?"}).replace(b'"?"', b'"a\xff\xfez"')

    first, second = wire.record_page(broken).records

    assert (first.secret_name, second.secret_name) == ("demo-secret", "a\ufffd\ufffdz")


def test_half_a_character_in_one_record_does_not_hide_the_others():
    """JSON can spell a lone surrogate; neither UTF-8 nor a database nor Slack can take one."""
    broken = records(RECORD, {**RECORD, "secret_name": "?"}).replace(b'"?"', b'"a\\ud83dz"')

    first, second = wire.record_page(broken).records

    assert first.secret_name == "demo-secret"
    assert second.secret_name == "a\ufffdz"
    assert len(second.fingerprint) == 64


def test_a_whole_pair_of_surrogates_stays_a_character():
    value = wire.parse_json(b'{"a": "\\ud83d\\udd11", "b\\udc00": ["\\ud800"]}')

    assert value == {"a": "\U0001f511", "b\ufffd": ["\ufffd"]}


@pytest.mark.parametrize(
    ("patch", "body"),
    [
        (Patch(state="DISABLED"), {"state": "DISABLED"}),
        (Patch(types=("B", "A", "B")), {"event_types": ["B", "A"]}),
        (
            Patch(target=Target("SMN", "demo-smn-id", "demo-smn-name")),
            {"notification": {"target_type": "SMN", "target_id": "demo-smn-id", "target_name": "demo-smn-name"}},
        ),
        (Patch(state="ENABLED", types=("SECRET_VERSION_NEAR_EXPIRY",)),
         {"state": "ENABLED", "event_types": ["SECRET_VERSION_NEAR_EXPIRY"]}),
    ],
)  # fmt: skip
def test_an_update_names_only_what_changes(patch, body):
    assert json.loads(wire.update_body(patch)) == body


@pytest.mark.parametrize(
    "patch",
    [
        Patch(),
        Patch(types=()),
        Patch(state=""),
        Patch(state="ENABLED", types=()),
        Patch(target=Target("SMN", "", "n")),
        Patch(target=Target("SMN", "i", "")),
        Patch(target=Target("", "i", "n")),
        Patch(types=("\ud800",)),
    ],
)
def test_an_update_that_must_not_be_sent_is_refused(patch):
    with pytest.raises(ValueError):  # noqa: PT011 (the kind is the contract, the words are not)
        wire.update_body(patch)
