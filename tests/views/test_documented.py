"""What people read of the events and records that CSMS's own pages show."""

from __future__ import annotations

import json

import pytest

from bot.csms.wire import event_page, record_page
from bot.model import FAIL, INVALID, SUCCESS, Incident, IncidentState, record_data
from bot.rules.listing import Filter, Listing
from bot.views.alerts import alert
from bot.views.blocks import Message
from bot.views.events import EventDetail, ListPage, event_detail, list_page
from bot.views.forms import EditForm, edit_form
from bot.views.posts import draw_lines
from bot.views.records import RecordList, record_list
from tests.views.gallery import KEY
from tests.views.liveness import T0, read

TOPIC = "urn:smn:cn-north-4:dc3b7c85759141a991da17423c0f2068:smn-target-name"
TYPES = ["SECRET_VERSION_CREATED", "SECRET_VERSION_EXPIRED", "SECRET_VERSION_NEAR_EXPIRY", "SECRET_DELETED"]


def _event(name: str, event_id: str, at: int) -> dict:
    target = {"target_type": "SMN", "target_id": TOPIC, "target_name": "smn-target-name"}
    return {
        "state": "ENABLED", "name": name, "event_id": event_id, "event_types": TYPES, "create_time": at, "update_time": at,
        "notification": target,
    }  # fmt: skip


EVENTS = json.dumps(
    {
        "events": [
            _event("TestEvent1", "120eeafd-eca5-4098-8733-c1b369f3a450", 1669042498000),
            _event("TestEvent2", "1d251c99-37d2-4396-86ce-f000d3aa9850", 1669041491000),
        ],
        "page_info": {"next_marker": "TestEvent2", "previous_marker": "TestEvent3", "current_count": 2},
    }
).encode()
"""CSMS: ListSecretEvents page, example response. NEAR_EXPIRY stands there and in no list of types."""

CONTENT = {
    "eventName": "TestEvent20221112",
    "eventType": "SECRET_VERSION_EXPIRED",
    "eventTime": "2023-04-14T20:25:10.126Z",
    "data": {
        "secretId": "fde3d6ba-cb31-40b0-b6c4-78757050f8c8",
        "secretName": "Secret20230325",
        "createTime": "2023-03-22T20:43:04.000Z",
        "updateTime": "2023-04-14T20:18:29.000Z",
        "versionId": "v18",
        "versionExpireTime": "2023-03-29T17:07:23.000Z",
    },
}


def _records(status: str, content: object) -> bytes:
    record = {
        "event_name": "demo-event", "trigger_event_type": "SECRET_VERSION_EXPIRED", "create_time": 1581507580000,
        "secret_name": "demo-secret", "secret_type": "COMMON",
        "notification_target_name": "SecretExpirationNotificationTest",
        "notification_target_id": "urn:smn:cn-north-4:SecretExpirationTest",
        "notification_content": content, "notification_status": status,
    }  # fmt: skip
    return json.dumps({"records": [record]}).encode()


def _text(message: Message) -> str:
    return "\n".join(read(list(message.blocks)).texts)


def test_the_sample_events_are_listed_with_the_type_that_nobody_documented():
    events = tuple(event_page(EVENTS).items)

    text = _text(list_page(ListPage(Listing("demo", events, 2, 2, 0, Filter()), 0, {})))

    assert "2 events · 2 enabled · 0 disabled · project `demo`" in text
    for name in ("TestEvent1", "TestEvent2"):
        assert f":large_green_circle: *`{name}`*  enabled" in text
    assert text.count(" ".join(f"`{one}`" for one in TYPES)) == 2
    assert text.count("→ SMN `smn-target-name`") == 2


def test_one_sample_event_is_shown_with_every_field():
    event = event_page(EVENTS).items[0]

    message = event_detail(EventDetail(event, "demo", KEY))

    text = _text(message)
    assert "*Event `TestEvent1`*" in text
    assert "`120eeafd-eca5-4098-8733-c1b369f3a450`" in text
    assert f"*Target id*\n`{TOPIC}`" in text
    assert text.count("2022-11-21 14:54:58 UTC") == 2, (
        "created and changed; the samples' times are milliseconds"
    )
    assert "• `SECRET_VERSION_NEAR_EXPIRY`  _(not in CSMS's documentation)_" in text
    assert "• `SECRET_DELETED`\n" in text + "\n"
    assert "Other fields" not in text
    for shown in ("TestEvent1", "ENABLED", "SECRET_VERSION_NEAR_EXPIRY", "smn-target-name", TOPIC):
        assert shown in message.text


def test_the_form_keeps_the_type_that_nobody_documented():
    view = edit_form(EditForm(event_page(EVENTS).items[0], KEY, "demo"))

    (types,) = (block["element"] for block in view["blocks"] if block.get("block_id") == "types")
    assert {one["value"] for one in types["initial_options"]} == set(TYPES)
    assert len(types["options"]) == 6


@pytest.mark.parametrize("content", [json.dumps(CONTENT), CONTENT], ids=["a string", "an object"])
def test_the_sample_record_that_failed_is_an_alert_that_says_what_was_missed(content):
    (record,) = record_page(_records(FAIL, content)).records
    incident = Incident(
        "i",
        "demo",
        record.event_name,
        record.target_id,
        FAIL,
        record_data(record),
        1,
        T0,
        T0,
        IncidentState.FAILING,
        "i",
    )

    message = alert(incident)

    text = _text(message)
    assert "Notice not delivered: demo-event" in text
    assert "CSMS could not deliver the notice. Somebody was not told about secret `demo-secret`." in text
    assert "`SECRET_VERSION_EXPIRED` (a version expired)" in text
    assert "`SecretExpirationNotificationTest`\n`urn:smn:cn-north-4:SecretExpirationTest`" in text
    assert "2020-02-12 11:39:40 UTC" in text
    assert (
        "Secret Secret20230325: a version expired, version v18, expiry 2023-03-29T17:07:23.000Z, at 2023-04-14T20:25:10.126Z."
        in text
    )
    for shown in (
        "FAIL",
        "demo-event",
        "SECRET_VERSION_EXPIRED",
        "demo-secret",
        "SecretExpirationNotificationTest",
    ):
        assert shown in message.text
    assert "2020-02-12 11:39:40 UTC" in message.text
    buttons = [
        one["text"]["text"]
        for block in message.blocks
        if block["type"] == "actions"
        for one in block["elements"]
    ]
    assert buttons == ["View event", "Fix target", "Acknowledge", "Snooze"]


def test_an_invalid_topic_is_told_apart_from_a_send_that_failed():
    (record,) = record_page(_records(INVALID, "{}")).records
    incident = Incident(
        "i", "demo", "demo-event", "t", INVALID, record_data(record), 4, T0, T0, IncidentState.FAILING, "i"
    )

    text = _text(alert(incident))

    assert "The topic is missing or wrong" in text
    assert "4 (see the thread)" in text
    assert "What was missed (as CSMS sent it)" in text


def test_an_incident_that_delivers_again_says_so_and_who_looks_after_it():
    (record,) = record_page(_records(FAIL, "")).records
    incident = Incident(
        "i", "demo", "demo-event", "t", FAIL, record_data(record), 1, T0, T0, IncidentState.DELIVERING, "i", False, "U0APPROVER", T0
    )  # fmt: skip

    message = alert(incident)

    text = _text(message)
    assert "Delivering again: demo-event" in text
    assert ":eyes: Acknowledged by <@U0APPROVER>" in text
    assert "Acknowledge" not in [one["text"]["text"] for one in message.blocks[-1]["elements"]]
    assert "What was missed" not in text


def test_the_sample_record_is_listed_with_its_time_and_status():
    page = record_page(_records(SUCCESS, json.dumps(CONTENT)))

    text = _text(record_list(RecordList("demo", page.records, 1, page.maybe_incomplete)))

    assert "1 of 1 record match · 1 SUCCESS · project `demo`" in text
    assert ":white_check_mark: *SUCCESS*" in text
    assert "`SECRET_VERSION_EXPIRED` · secret `demo-secret` → `SecretExpirationNotificationTest`" in text
    assert "Coverage may be incomplete" not in text


def test_the_sample_record_is_one_line_in_a_thread():
    (record,) = record_page(_records(FAIL, json.dumps(CONTENT))).records

    message = draw_lines({"records": [record_data(record)]}, None)

    assert message.text.splitlines() == [
        "1 more notice of `demo-event` to `SecretExpirationNotificationTest` not delivered (FAIL)",
        "• FAIL · `SECRET_VERSION_EXPIRED` (a version expired) · secret `demo-secret` · 2020-02-12 11:39:40 UTC",
    ]
