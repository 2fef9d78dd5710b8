"""The CSMS calls over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.sandbox.csms.model import Record, Task
from tests.sandbox.csms.tools import (
    DAY,
    EVENTS,
    HOUR,
    NOW,
    PROJECT,
    RECORDS,
    TARGET,
    Cloud,
    CloudOf,
    event,
)

BODY: dict[str, Any] = {
    "name": "gamma",
    "state": "ENABLED",
    "event_types": ["SECRET_VERSION_CREATED"],
    "notification": {"target_type": "SMN", "target_id": "demo-smn-id", "target_name": "demo-smn-name"},
}


def refused(answer: httpx.Response, status: int, code: str) -> bool:
    return answer.status_code == status and answer.json()["error"]["error_code"] == code


async def test_a_created_event_is_answered_with_200_and_can_be_shown(cloud: Cloud) -> None:
    made = await cloud.call("POST", EVENTS, data=BODY)
    assert made.status_code == 200
    shown = made.json()["event"]
    assert {key: shown[key] for key in BODY} == BODY
    assert shown["create_time"] == shown["update_time"] == NOW * 1000
    assert (await cloud.call("GET", f"{EVENTS}/gamma")).json() == {"event": shown}


async def test_a_target_that_does_not_exist_is_accepted_on_write(cloud: Cloud) -> None:
    target = {"target_type": "SMN", "target_id": "urn:smn:x:y:nowhere", "target_name": "nowhere"}
    answer = await cloud.call("PUT", f"{EVENTS}/alpha", data={"notification": target})
    assert answer.status_code == 200
    assert answer.json()["event"]["notification"] == target


@pytest.mark.parametrize("left_out", BODY)
async def test_an_event_cannot_be_created_without_all_four_fields(cloud: Cloud, left_out: str) -> None:
    body = {key: value for key, value in BODY.items() if key != left_out}
    assert refused(await cloud.call("POST", EVENTS, data=body), 400, "CSMS.0002")
    assert cloud.world.journal == []


async def test_a_name_can_be_taken_once(cloud: Cloud) -> None:
    assert refused(await cloud.call("POST", EVENTS, data=BODY | {"name": "alpha"}), 400, "CSMS.0003")


async def test_an_event_made_again_under_its_old_name_has_another_id(cloud: Cloud) -> None:
    first = (await cloud.call("POST", EVENTS, data=BODY)).json()["event"]["event_id"]
    assert (await cloud.call("DELETE", f"{EVENTS}/gamma")).status_code == 204
    assert (await cloud.call("POST", EVENTS, data=BODY)).json()["event"]["event_id"] != first


async def test_no_more_events_can_be_created_than_the_quota_of_thirty(cloud_of: CloudOf) -> None:
    cloud = cloud_of(events=[event(f"e{n}") for n in range(29)], secrets=())
    assert (await cloud.call("POST", EVENTS, data=BODY)).status_code == 200
    refusal = await cloud.call("POST", EVENTS, data=BODY | {"name": "one-too-many"})
    assert refused(refusal, 400, "CSMS.0202")


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ({"state": "DISABLED"}, {"state": "DISABLED"}),
        (
            {"event_types": ["SECRET_ROTATED", "SECRET_DELETED"]},
            {"event_types": ["SECRET_ROTATED", "SECRET_DELETED"]},
        ),
        ({"event_types": []}, {"event_types": []}),
        ({"notification": BODY["notification"]}, {"notification": BODY["notification"]}),
        ({}, {}),
    ],
)
async def test_an_update_changes_the_fields_it_names_and_no_others(
    cloud: Cloud, body: dict[str, Any], changed: dict[str, Any]
) -> None:
    before = (await cloud.call("GET", f"{EVENTS}/alpha")).json()["event"]
    cloud.clock.now += HOUR
    answer = await cloud.call("PUT", f"{EVENTS}/alpha", data=body)
    assert answer.status_code == 200
    assert answer.json() == {"event": before | changed | {"update_time": (NOW + HOUR) * 1000}}


@pytest.mark.parametrize(
    "body",
    [
        {"state": "enabled"},
        {"state": None},
        {"state": ["ENABLED"]},
        {"event_types": "SECRET_ROTATED"},
        {"event_types": ["SECRET_BURNT"]},
        {"event_types": [["SECRET_ROTATED"]]},
        {"event_types": ["SECRET_ROTATED", "SECRET_ROTATED"]},
        {"event_types": ["SECRET_ROTATED"] * 13},
        {"event_types": ["SECRET_VERSION_NEAR_EXPIRY"]},
        {"notification": {"target_type": "SMN", "target_id": "x"}},
        {"notification": {"target_type": "SMN", "target_name": "x"}},
        {"notification": {"target_id": "x", "target_name": "x"}},
        {"notification": {"target_type": "MAIL", "target_id": "x", "target_name": "x"}},
        {"notification": {"target_type": "SMN", "target_id": "x y", "target_name": "x"}},
        {"notification": {"target_type": "SMN", "target_id": "x", "target_name": "x.y"}},
        {"notification": {"target_type": "SMN", "target_id": "x", "target_name": "x\n"}},
        {"notification": {"target_type": "SMN", "target_id": "x" * 257, "target_name": "x"}},
        {"notification": None},
    ],
)
async def test_an_update_with_a_wrong_value_changes_nothing(cloud: Cloud, body: dict[str, Any]) -> None:
    before = cloud.world.event("alpha")
    assert refused(
        await cloud.call("PUT", f"{EVENTS}/alpha", data=body | {"state": body.get("state", "DISABLED")}),
        400,
        "CSMS.0002",
    )
    assert cloud.world.event("alpha") == before
    assert cloud.world.journal == []


async def test_near_expiry_may_be_kept_by_an_event_that_has_it(cloud_of: CloudOf) -> None:
    near = ("SECRET_VERSION_NEAR_EXPIRY", "SECRET_DELETED")
    cloud = cloud_of(events=(event("old", event_types=near), event("new")), secrets=())
    kept = await cloud.call("PUT", f"{EVENTS}/old", data={"event_types": [near[0], "SECRET_ROTATED"]})
    assert kept.json()["event"]["event_types"] == [near[0], "SECRET_ROTATED"]
    assert refused(
        await cloud.call("PUT", f"{EVENTS}/new", data={"event_types": [near[0]]}), 400, "CSMS.0002"
    )


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"state": NaN}', b'{"x": "\\ud800"}', b"[" * 100_000]
)
async def test_a_malformed_body_is_refused(cloud: Cloud, body: bytes) -> None:
    assert refused(await cloud.call("PUT", f"{EVENTS}/alpha", body=body), 400, "CSMS.0004")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_missing_event_is_404_and_a_name_out_of_pattern_400(cloud: Cloud, method: str) -> None:
    data = {"state": "ENABLED"} if method == "PUT" else None
    assert refused(await cloud.call(method, f"{EVENTS}/nobody", data=data), 404, "CSMS.0005")
    assert refused(await cloud.call(method, f"{EVENTS}/no.body", data=data), 400, "CSMS.0002")


async def test_an_event_is_not_deleted_while_a_secret_has_it(cloud: Cloud) -> None:
    assert refused(await cloud.call("DELETE", f"{EVENTS}/beta"), 400, "CSMS.0003")
    assert (await cloud.control("secrets", {"name": "db-password"})).status_code == 200
    deleted = await cloud.call("DELETE", f"{EVENTS}/beta")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert refused(await cloud.call("GET", f"{EVENTS}/beta"), 404, "CSMS.0005")


async def test_secrets_can_be_listed_by_their_event(cloud: Cloud) -> None:
    path = f"/v1/{PROJECT}/secrets"
    of_beta = (await cloud.call("GET", path, query={"event_name": "beta"})).json()
    assert [secret["name"] for secret in of_beta["secrets"]] == ["db-password"]
    assert of_beta["secrets"][0]["event_subscriptions"] == ["beta"]
    assert (await cloud.call("GET", path, query={"event_name": "alpha"})).json()["secrets"] == []
    refusal = await cloud.call("GET", path, query={"limit": "0"})
    assert refusal.status_code == 400
    assert refusal.json()["error_code"] == "CSMS.0002"  # this call's envelope is flat


async def test_records_come_newest_first_with_no_page_info_whatever_is_asked(cloud: Cloud) -> None:
    for hours in (3, 1, 2):
        made = Record(
            event_name="beta",
            trigger_event_type="SECRET_VERSION_EXPIRED",
            secret_name=f"secret-{hours}",
            create_time=(NOW - hours * HOUR) * 1000 + 123,
        )
        cloud.world.add_record(made)
    answer = (await cloud.call("GET", RECORDS, query={"limit": "1", "marker": "1692846677000"})).json()
    assert list(answer) == ["records"]
    assert [record["secret_name"] for record in answer["records"]] == ["secret-1", "secret-2", "secret-3"]
    assert all(record["create_time"] % 1000 == 0 for record in answer["records"])
    assert answer["records"][0]["notification_target_id"] == TARGET.target_id


async def test_at_most_a_thousand_records_of_three_months_are_shown(cloud: Cloud) -> None:
    for number in range(1001):
        made = Record(
            event_name="beta",
            trigger_event_type="SECRET_VERSION_EXPIRED",
            secret_name=f"s{number}",
            create_time=(NOW - DAY + number) * 1000,
        )
        cloud.world.add_record(made)
    shown = (await cloud.call("GET", RECORDS)).json()["records"]
    assert len(shown) == 1000
    assert (shown[0]["secret_name"], shown[-1]["secret_name"]) == ("s1000", "s1")
    cloud.clock.now += 90 * DAY - DAY
    assert len((await cloud.call("GET", RECORDS)).json()["records"]) == 1000
    cloud.clock.now += 500
    kept = (await cloud.call("GET", RECORDS)).json()["records"]
    assert (len(kept), kept[-1]["secret_name"]) == (500, "s501")


async def test_tasks_can_be_filtered_and_paged(cloud: Cloud) -> None:
    path = f"/v1/{PROJECT}/csms/tasks"
    made: list[Task] = [cloud.world.add_task("db-password", failed=number % 2 == 0) for number in range(4)]
    failed = (await cloud.call("GET", path, query={"status": "FAILED"})).json()
    assert [task["task_id"] for task in failed["tasks"]] == [made[2].task_id, made[0].task_id]
    assert failed["tasks"][0]["task_error_code"] == "CSMS.0401"
    first = (await cloud.call("GET", path, query={"limit": "3"})).json()
    rest = (await cloud.call("GET", path, query={"limit": "3", "marker": first["next_marker"]})).json()
    seen = [task["task_id"] for task in first["tasks"] + rest["tasks"]]
    assert seen == [task.task_id for task in reversed(made)]
    assert "next_marker" not in rest
    one = await cloud.call("GET", path, query={"task_id": made[1].task_id})
    assert [task["task_status"] for task in one.json()["tasks"]] == ["SUCCESS"]
    both = await cloud.call("GET", path, query={"task_id": made[1].task_id, "status": "FAILED"})
    assert (both.status_code, both.json()["error_code"]) == (400, "CSMS.0002")


async def test_the_list_shows_what_was_written_a_moment_ago(cloud: Cloud) -> None:
    await cloud.call("POST", EVENTS, data=BODY)
    await cloud.call("PUT", f"{EVENTS}/beta", data={"state": "DISABLED"})
    await cloud.call("DELETE", f"{EVENTS}/alpha")
    shown = (await cloud.call("GET", EVENTS)).json()["events"]
    assert [(item["name"], item["state"]) for item in shown] == [("gamma", "ENABLED"), ("beta", "DISABLED")]
