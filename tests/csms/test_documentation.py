"""The samples of the published pages, word for word, where a copy of the pages lies beside the checkout."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest

from bot.csms import wire
from bot.model import canonical_json

PAGES = Path(__file__).parents[2] / "../shared/reference/huawei-docs"


def samples(page: str, key: str) -> list[bytes]:
    """The JSON examples of a page that have `key`; none where there is no copy of it."""
    path = PAGES / f"{page}.txt"
    if not path.exists():
        print(f"no copy of the page {page}, nothing to compare")
        return []
    text = path.read_text("utf-8")
    found = []
    for start in re.finditer(r"^\{", text, re.M):
        with contextlib.suppress(json.JSONDecodeError):
            sample, _ = json.JSONDecoder().raw_decode(text, start.start())
            if key in sample:
                found.append(sample)
    assert found, f"{page} has no sample with {key}"
    return [json.dumps(sample).encode() for sample in found]


@pytest.mark.parametrize("page", ["list-events", "list-events-2024"])
def test_the_sample_of_the_event_list_is_read_whole(page):
    for sample in samples(page, "events"):
        events = wire.event_page(sample).items
        assert [back(event) for event in events] == json.loads(sample)["events"]


@pytest.mark.parametrize("page", ["update-event", "show-event"])
def test_the_sample_of_one_event_is_read_whole(page):
    for sample in samples(page, "event"):
        assert back(wire.one_event(sample)) == json.loads(sample)["event"]


def test_the_sample_of_the_records_is_read_whole():
    for sample in samples("list-notification-records", "records"):
        (raw,) = json.loads(sample)["records"]
        (record,) = wire.record_page(sample).records
        assert record.content == raw["notification_content"]
        assert record.created is not None
        assert {
            "event_name": record.event_name,
            "trigger_event_type": record.trigger_type,
            "create_time": record.created.timestamp() * 1000,
            "secret_name": record.secret_name,
            "secret_type": record.secret_type,
            "notification_target_name": record.target_name,
            "notification_target_id": record.target_id,
            "notification_content": record.content,
            "notification_status": record.status,
        } == raw
        assert record.fingerprint == wire.fingerprint(json.loads(canonical_json(raw)))


def back(event):
    """The JSON that an event came from."""
    assert event.unknown == {}
    return {
        "name": event.name,
        "event_id": event.event_id,
        "state": event.state,
        "event_types": list(event.types),
        "create_time": event.created.timestamp() * 1000,
        "update_time": event.updated.timestamp() * 1000,
        "notification": {
            "target_type": event.target.type,
            "target_id": event.target.id,
            "target_name": event.target.name,
        },
    }
