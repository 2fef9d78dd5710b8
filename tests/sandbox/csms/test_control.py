"""Faults, the journal, and what else is done from outside."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.sandbox.csms.tools import EVENTS, NOW, PROJECT, RECORDS, Cloud

DISABLE = {"state": "DISABLED"}


def effects(cloud: Cloud) -> list[tuple[str, str]]:
    return [(effect.operation, effect.event) for effect in cloud.world.journal]


@pytest.mark.parametrize(
    ("effect", "left"), [("none", []), ("before", []), ("after", [("update_event", "alpha")])]
)
async def test_a_reset_before_the_effect_leaves_none_and_one_after_it_leaves_it(
    cloud: Cloud, effect: str, left: list[tuple[str, str]]
) -> None:
    await cloud.control("faults", {"operation": "update_event", "reset": True, "effect": effect})
    with pytest.raises(httpx.TransportError):
        await cloud.call("PUT", f"{EVENTS}/alpha", data=DISABLE)
    assert effects(cloud) == left
    assert (await cloud.call("PUT", f"{EVENTS}/alpha", data=DISABLE)).status_code == 200


async def test_a_late_effect_lands_after_the_connection_was_reset(cloud: Cloud) -> None:
    await cloud.control("faults", {"operation": "update_event", "effect": "late", "delay_s": 0.1})
    with pytest.raises(httpx.TransportError):
        await cloud.call("PUT", f"{EVENTS}/alpha", data=DISABLE)
    assert effects(cloud) == []
    async with asyncio.timeout(2):
        while not cloud.world.journal:
            await asyncio.sleep(0.01)
    assert effects(cloud) == [("update_event", "alpha")]


async def test_a_status_takes_the_place_of_the_nth_answer_with_or_without_the_effect(cloud: Cloud) -> None:
    body = {"error": {"error_code": "CSMS.9999", "error_msg": "planned"}}
    await cloud.control(
        "faults",
        {
            "operation": "update_event",
            "nth": 2,
            "status": 500,
            "body": body,
            "headers": {"X-Mark": "1"},
            "effect": "after",
        },
    )
    answers = [await cloud.call("PUT", f"{EVENTS}/alpha", data=DISABLE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 500, 200]
    assert answers[1].json() == body
    assert answers[1].headers["X-Mark"] == "1"
    assert len(cloud.world.journal) == 3
    await cloud.control("faults", {"operation": "update_event", "status": 503})
    assert (await cloud.call("PUT", f"{EVENTS}/alpha", data=DISABLE)).status_code == 503
    assert len(cloud.world.journal) == 3


async def test_a_fault_without_a_body_has_the_gateways_own(cloud: Cloud) -> None:
    await cloud.control("faults", {"operation": "list_records", "status": 429})
    answer = await cloud.call("GET", RECORDS)
    assert answer.status_code == 429
    assert answer.json()["error_code"] == "APIGW.0308"
    assert "over ratelimit,limit:20,time:1 second" in answer.json()["error_msg"]


async def test_a_text_body_is_sent_as_it_is(cloud: Cloud) -> None:
    await cloud.control("faults", {"operation": "list_records", "status": 502, "body": "<html>bad</html>"})
    answer = await cloud.call("GET", RECORDS)
    assert (answer.status_code, answer.text) == (502, "<html>bad</html>")
    assert answer.headers["Content-Type"].startswith("text/html")


async def test_a_fault_that_only_delays_gives_the_true_answer(cloud: Cloud) -> None:
    await cloud.control("faults", {"operation": "list_records", "delay_s": 0.2})
    began = time.monotonic()
    assert (await cloud.call("GET", RECORDS)).json() == {"records": []}
    assert time.monotonic() - began >= 0.2


async def test_a_fault_for_every_call_ends_when_faults_are_cleared(cloud: Cloud) -> None:
    await cloud.control("faults", {"operation": "*", "times": None, "status": 503})
    assert [(await cloud.call("GET", path)).status_code for path in (EVENTS, RECORDS, EVENTS)] == [503] * 3
    await cloud.control("faults", method="DELETE")
    assert (await cloud.call("GET", EVENTS)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{"operation": "fly"}, {"nth": 0}, {"times": 0}, {"stats": 503}, {"effect": "sometimes"}, [], "x"],
)
async def test_a_fault_that_cannot_be_is_refused_and_not_planned(cloud: Cloud, body: Any) -> None:
    answer = await cloud.control("faults", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert len(cloud.world.faults) == 0


async def test_the_journal_tells_each_effect_in_order_with_its_caller(cloud: Cloud) -> None:
    await cloud.call("PUT", f"{EVENTS}/alpha", data=DISABLE)
    await cloud.call("GET", EVENTS)
    await cloud.call("PUT", f"{EVENTS}/alpha", data={"state": "wrong"})
    await cloud.control("trigger", {"event": "beta", "type": "SECRET_VERSION_EXPIRED"})
    journal = (await cloud.control("journal", method="GET")).json()["journal"]
    assert [(line["seq"], line["operation"], line["event"], line["caller"]) for line in journal] == [
        (1, "update_event", "alpha", "tester"),
        (2, "record", "beta", "control"),
    ]
    assert journal[0]["body"] == DISABLE
    assert journal[0]["after"]["state"] == "DISABLED"
    assert journal[0]["at_ms"] == NOW * 1000 + 750
    assert journal[1]["body"] == (await cloud.call("GET", RECORDS)).json()["records"][0]
    since = (await cloud.http.get(f"{cloud.base}/_control/journal?since=1")).json()["journal"]
    assert [line["seq"] for line in since] == [2]


async def test_calls_are_counted_by_operation_refused_or_not(cloud: Cloud) -> None:
    await cloud.call("GET", EVENTS)
    await cloud.call("GET", EVENTS, sk="wrong")
    await cloud.call("GET", RECORDS)
    assert (await cloud.control("calls", method="GET")).json() == {
        "calls": {"list_events": 2, "list_records": 1}
    }


async def test_a_change_in_the_console_keeps_the_events_identity(cloud: Cloud) -> None:
    before = (await cloud.call("GET", f"{EVENTS}/alpha")).json()["event"]
    changed = {
        "name": "alpha",
        "state": "DISABLED",
        "event_types": [],
        "notification": before["notification"],
    }
    assert (await cloud.control("events", changed)).status_code == 200
    after = (await cloud.call("GET", f"{EVENTS}/alpha")).json()["event"]
    assert after == before | {"state": "DISABLED", "event_types": [], "update_time": NOW * 1000}


async def test_arbitrary_records_can_be_added_one_or_many(cloud: Cloud) -> None:
    record = {
        "event_name": "gone",
        "trigger_event_type": "SECRET_NEW",
        "secret_name": "s<1>",
        "notification_status": "ODD",
    }
    assert (await cloud.control("records", record)).status_code == 200
    content = {"notification_content": "not json", "create_time": -3_600_000}
    assert (await cloud.control("records", [record | content, record | content])).status_code == 200
    shown = (await cloud.call("GET", RECORDS)).json()["records"]
    assert [item["notification_content"] for item in shown[1:]] == ["not json"] * 2
    assert [item["create_time"] for item in shown] == [NOW * 1000] + [(NOW - 3600) * 1000] * 2
    assert {item["notification_status"] for item in shown} == {"ODD"}


async def test_topics_can_be_broken_mended_and_deleted(cloud: Cloud) -> None:
    trigger = {"event": "beta", "type": "SECRET_VERSION_EXPIRED"}
    statuses = []
    for change in ({"name": "oncall", "failing": True}, {"name": "oncall"}):
        await cloud.control("topics", change)
        statuses.append((await cloud.control("trigger", trigger)).json()["record"]["notification_status"])
    assert (await cloud.control("topics/oncall", method="DELETE")).status_code == 200
    statuses.append((await cloud.control("trigger", trigger)).json()["record"]["notification_status"])
    assert statuses == ["FAIL", "SUCCESS", "INVALID"]
    assert (await cloud.control("topics/oncall", method="DELETE")).status_code == 400
    assert (await cloud.call("GET", f"/v2/{PROJECT}/notifications/topics")).json()["topic_count"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"event": "nobody", "type": "SECRET_VERSION_EXPIRED"},
        {"event": "beta", "type": "SECRET_ROTATED"},
        {"event": "beta"},
        {"event": "beta", "type": "SECRET_VERSION_EXPIRED", "extra": 1},
    ],
)
async def test_a_trigger_that_cannot_be_is_refused(cloud: Cloud, body: dict[str, Any]) -> None:
    assert (await cloud.control("trigger", body)).status_code == 400
    assert cloud.world.journal == []


async def test_the_clock_can_be_moved_and_switches_set(cloud: Cloud) -> None:
    assert (await cloud.control("clock", {"advance_s": 60})).json() == {"now_ms": NOW * 1000 + 60_750}
    switched = (await cloud.control("behaviour", {"next_marker": "absent"})).json()
    assert switched == {"next_marker": "absent", "token_lifetime_s": 86400, "echo_signed_request": True}
    page = (await cloud.call("GET", EVENTS)).json()["page_info"]
    assert "next_marker" not in page
