"""IAM, SMN and ECS metadata."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.csms.tools import EVENTS, HOUR, PROJECT, Cloud

TOPICS = f"/v2/{PROJECT}/notifications/topics"


@pytest.mark.parametrize("project", [{"id": PROJECT}, {"name": "cn-north-4"}])
async def test_a_right_password_gets_a_token_in_the_header_of_a_201(
    cloud: Cloud, project: dict[str, str]
) -> None:
    answer = await cloud.login(project=project)
    assert answer.status_code == 201
    body = answer.json()["token"]
    assert body["project"]["id"] == PROJECT
    assert (body["issued_at"], body["expires_at"]) == (
        "2023-11-14T22:13:20.750000Z",
        "2023-11-15T22:13:20.750000Z",
    )
    token = answer.headers["X-Subject-Token"]
    assert len(token) > 1000
    assert token not in answer.text
    assert (await cloud.with_token(token)).status_code == 200


async def test_a_wrong_password_is_told_in_iams_own_envelope(cloud: Cloud) -> None:
    answer = await cloud.login("wrong horse")
    assert answer.status_code == 401
    assert answer.json() == {
        "error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}
    }
    assert "X-Subject-Token" not in answer.headers


async def test_another_project_gets_no_token(cloud: Cloud) -> None:
    assert (await cloud.login(project={"id": "f" * 32})).status_code == 401


@pytest.mark.parametrize("body", [None, {}, {"auth": 1}, {"auth": {"identity": {"password": {"user": {}}}}}])
async def test_a_token_request_of_another_shape_is_refused(cloud: Cloud, body: Any) -> None:
    answer = await cloud.http.post(f"{cloud.base}/v3/auth/tokens", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "The request body is invalid"


async def test_a_login_for_two_scopes_or_none_is_refused(cloud: Cloud) -> None:
    both = await cloud.login(project={"id": PROJECT}, domain={"name": "account"})
    nothing = await cloud.login(project={})
    assert (both.status_code, nothing.status_code) == (400, 400)


async def test_a_project_is_found_by_its_region(cloud: Cloud) -> None:
    found = (await cloud.call("GET", "/v3/projects", query={"name": "cn-north-4"})).json()["projects"]
    assert [(project["id"], project["name"]) for project in found] == [(PROJECT, "cn-north-4")]
    assert (await cloud.call("GET", "/v3/projects", query={"name": "elsewhere"})).json()["projects"] == []


async def test_topics_are_paged_by_offset_and_found_by_name(cloud: Cloud) -> None:
    everything = (await cloud.call("GET", TOPICS, query={"offset": "0", "limit": "1"})).json()
    assert (everything["topic_count"], len(everything["topics"])) == (2, 1)
    rest = (await cloud.call("GET", TOPICS, query={"offset": "1", "limit": "100"})).json()
    names = [topic["name"] for topic in everything["topics"] + rest["topics"]]
    assert sorted(names) == ["broken", "oncall"]
    named = (await cloud.call("GET", TOPICS, query={"name": "oncall"})).json()["topics"]
    assert [topic["topic_urn"] for topic in named] == [f"urn:smn:cn-north-4:{PROJECT}:oncall"]
    assert (await cloud.call("GET", TOPICS, query={"name": "onca"})).json()["topics"] == []


async def test_smn_refuses_in_its_own_envelope(cloud: Cloud) -> None:
    answer = await cloud.call("GET", TOPICS, query={"limit": "101"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"request_id", "code", "message"}
    await cloud.control("permissions", {"deny": ["smn:topic:list"]})
    denied = await cloud.call("GET", TOPICS)
    assert (denied.status_code, denied.json()["code"]) == (403, "SMN.0011")


async def test_an_instance_gets_a_temporary_key_that_works(cloud: Cloud) -> None:
    path = "/openstack/latest/securitykey"
    token = await cloud.http.put(
        f"{cloud.base}/meta-data/latest/api/token", headers={"X-Metadata-Token-Ttl-Seconds": "21600"}
    )
    assert token.status_code == 200
    answer = await cloud.http.get(cloud.base + path, headers={"X-Metadata-Token": token.text})
    key = answer.json()["credential"]
    assert set(key) == {"access", "secret", "securitytoken", "expires_at"}
    how: dict[str, Any] = {"ak": key["access"], "sk": key["secret"]}
    assert (await cloud.call("GET", EVENTS, **how)).status_code == 401
    how["headers"] = {"X-Security-Token": key["securitytoken"]}
    assert (await cloud.call("GET", EVENTS, **how)).status_code == 200
    cloud.clock.now += 6 * HOUR
    late = await cloud.http.get(cloud.base + path, headers={"X-Metadata-Token": token.text})
    assert late.status_code == 401


@pytest.mark.parametrize("ttl", ["", "0", "21601", "soon"])
async def test_a_metadata_token_needs_a_lifetime_within_six_hours(cloud: Cloud, ttl: str) -> None:
    answer = await cloud.http.put(
        f"{cloud.base}/meta-data/latest/api/token", headers={"X-Metadata-Token-Ttl-Seconds": ttl}
    )
    assert answer.status_code == 400
