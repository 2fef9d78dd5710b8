"""Who is let in: signatures, skew, locks, temporary keys, tokens, projects, permissions."""

from __future__ import annotations

import httpx
import pytest

from bot.sandbox.csms.model import AccessKey, Behaviour
from tests.sandbox.csms.tools import AK, EVENTS, HOUR, MINUTE, PROJECT, RECORDS, SK, Cloud, CloudOf

UPDATE = {"state": "DISABLED"}


def why(answer: httpx.Response, code: str = "APIGW.0301") -> str:
    """The gateway's message; fails unless it is a 401 of the gateway with `code`."""
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (401, code)
    assert set(body) == {"error_msg", "error_code", "request_id"}
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Server"] == "api-gateway"
    assert answer.text.endswith("}\n")
    message: str = body["error_msg"]
    return message


async def test_a_request_signed_by_the_official_signer_is_let_in(cloud: Cloud) -> None:
    assert (await cloud.call("GET", EVENTS, query={"limit": "5", "marker": "beta"})).status_code == 200
    assert (await cloud.call("PUT", f"{EVENTS}/alpha", data=UPDATE)).status_code == 200
    assert cloud.world.journal[-1].caller == "tester"


async def test_a_request_without_credentials_is_refused(cloud: Cloud) -> None:
    assert "x-auth-token not found" in why(await cloud.http.get(cloud.base + EVENTS))


@pytest.mark.parametrize(
    "header",
    ["", "Bearer x", "SDK-HMAC-SHA256 Access=a", "SDK-HMAC-SHA256 Access=a, SignedHeaders=b, Signature=c"],
)
async def test_an_authorization_of_another_shape_is_refused(cloud: Cloud, header: str) -> None:
    answer = await cloud.http.get(cloud.base + EVENTS, headers={"Authorization": header})
    assert "format error" in why(answer)


@pytest.mark.parametrize("part", ["path", "query", "header", "body", "method", "signature"])
async def test_one_tampered_byte_in_any_part_is_refused_and_has_no_effect(cloud: Cloud, part: str) -> None:
    sent = cloud.request(
        "PUT", f"{EVENTS}/alpha", query={"limit": "5"}, data=UPDATE, headers={"X-Project-Id": PROJECT}
    )
    headers, content, url, method = dict(sent.headers), sent.content, str(sent.url), sent.method
    match part:
        case "path":
            url = url.replace("/alpha", "/alphb")
        case "query":
            url = url.replace("limit=5", "limit=6")
        case "header":
            headers["x-sdk-date"] = headers["x-sdk-date"].replace("20Z", "21Z")
            assert headers["x-sdk-date"] != sent.headers["x-sdk-date"]
        case "body":
            content = content.replace(b"DISABLED", b"DISABLEE")
        case "method":
            method = "DELETE"
        case "signature":
            last = headers["authorization"][-1]
            headers["authorization"] = headers["authorization"][:-1] + ("0" if last != "0" else "1")
    answer = await cloud.http.request(method, url, headers=headers, content=content)
    assert "verify aksk signature fail" in why(answer)
    assert cloud.world.journal == []
    assert (await cloud.http.send(sent)).status_code == 200  # the same bytes, untouched


async def test_bytes_that_are_no_text_in_a_query_are_told_apart(cloud: Cloud) -> None:
    sent = cloud.request("GET", EVENTS)
    answer = await cloud.http.get(f"{cloud.base}{EVENTS}?x=%FF", headers=sent.headers)
    assert "verify aksk signature fail" in why(answer)


async def test_a_header_that_was_signed_must_be_there(cloud: Cloud) -> None:
    sent = cloud.request("GET", EVENTS, headers={"X-Extra": "1"})
    del sent.headers["X-Extra"]
    assert "x-extra" in why(await cloud.http.send(sent))


async def test_a_wrong_secret_key_and_an_unknown_access_key_are_refused(cloud: Cloud) -> None:
    assert "verify aksk signature fail" in why(await cloud.call("GET", EVENTS, sk="wrong"))
    assert "ak not exist" in why(await cloud.call("GET", EVENTS, ak="NOBODY"))


@pytest.mark.parametrize(
    ("off", "let_in"),
    [(-15 * MINUTE + 1, True), (15 * MINUTE, True), (-15 * MINUTE - 1, False), (15 * MINUTE + 2, False)],
)
async def test_a_clock_may_be_fifteen_minutes_off(cloud: Cloud, off: int, let_in: bool) -> None:
    answer = await cloud.call("GET", EVENTS, signed_at=cloud.clock() + off)
    assert (answer.status_code == 200) is let_in
    assert let_in or "expired" in why(answer)


async def test_more_than_five_wrong_signatures_in_a_row_lock_the_key_for_five_minutes(cloud: Cloud) -> None:
    for _ in range(6):
        assert "verify aksk signature fail" in why(await cloud.call("GET", EVENTS, sk="wrong"))
    assert "reach the limit" in why(await cloud.call("GET", EVENTS))
    cloud.clock.now += 5 * MINUTE - 1
    assert "reach the limit" in why(await cloud.call("GET", EVENTS))
    cloud.clock.now += 1
    assert (await cloud.call("GET", EVENTS)).status_code == 200


async def test_five_wrong_signatures_and_a_right_one_begin_the_count_again(cloud: Cloud) -> None:
    for _ in range(2):
        for _ in range(5):
            why(await cloud.call("GET", EVENTS, sk="wrong"))
        assert (await cloud.call("GET", EVENTS)).status_code == 200


async def test_a_refused_signature_is_echoed_as_the_real_gateway_does_unless_switched_off(
    cloud: Cloud, cloud_of: CloudOf
) -> None:
    answer = why(await cloud.call("GET", EVENTS, sk="wrong"))
    assert f"canonicalRequest:GET|{EVENTS}/|" in answer
    assert f"Access={AK}" in answer
    assert SK not in answer
    quiet = cloud_of(behaviour=Behaviour(echo_signed_request=False))
    assert AK not in why(await quiet.call("GET", EVENTS, sk="wrong"))


async def test_a_temporary_key_needs_its_security_token_and_ends(cloud_of: CloudOf) -> None:
    clock_end = 1_700_000_000_000 + HOUR * 1000
    key = AccessKey(ak="TEMPORARY", sk="sk", security_token="security", expires_at=clock_end)
    cloud = cloud_of(credentials=(key,))
    how = {"ak": "TEMPORARY", "sk": "sk"}
    assert "security token" in why(await cloud.call("GET", EVENTS, **how))
    token = {"X-Security-Token": "security"}
    assert (await cloud.call("GET", EVENTS, headers=token, **how)).status_code == 200
    cloud.clock.now += HOUR
    assert "security token expired" in why(await cloud.call("GET", EVENTS, headers=token, **how))


async def test_a_token_lets_in_for_a_day_and_is_then_to_be_renewed(cloud: Cloud) -> None:
    token = (await cloud.login()).headers["X-Subject-Token"]
    cloud.clock.now += 24 * HOUR - 1
    assert (await cloud.with_token(token)).status_code == 200
    cloud.clock.now += 1
    why(await cloud.with_token(token), code="APIGW.0307")
    renewed = (await cloud.login()).headers["X-Subject-Token"]
    assert (await cloud.with_token(renewed)).status_code == 200


async def test_a_token_that_was_never_issued_is_refused(cloud: Cloud) -> None:
    assert "decrypt token fail" in why(await cloud.with_token("MIIS" + "x" * 100))


async def test_tokens_can_be_ended_and_their_lifetime_set_from_outside(cloud: Cloud) -> None:
    token = (await cloud.login()).headers["X-Subject-Token"]
    assert (await cloud.control("tokens", method="DELETE")).json() == {"expired": 1}
    why(await cloud.with_token(token), code="APIGW.0307")
    await cloud.control("behaviour", {"token_lifetime_s": 5})
    short = (await cloud.login()).headers["X-Subject-Token"]
    await cloud.control("clock", {"advance_s": 5})
    why(await cloud.with_token(short), code="APIGW.0307")


@pytest.mark.parametrize("headers", [{}, {"X-Project-Id": PROJECT}])
async def test_another_project_is_refused(cloud: Cloud, headers: dict[str, str]) -> None:
    path = f"/v1/{'f' * 32}/csms/events"
    answer = await cloud.call("GET", path, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["error_code"] == "CSMS.0302"


async def test_a_project_header_that_differs_from_the_path_is_refused(cloud: Cloud) -> None:
    assert (await cloud.call("GET", EVENTS, headers={"X-Project-Id": "f" * 32})).status_code == 403


async def test_a_token_for_the_whole_account_does_not_do_for_a_project(cloud: Cloud) -> None:
    token = (await cloud.login(domain={"name": "account"})).headers["X-Subject-Token"]
    assert (await cloud.with_token(token)).status_code == 403


async def test_a_missing_permission_is_named_and_takes_no_other_away(cloud: Cloud) -> None:
    await cloud.control("permissions", {"deny": ["csms:event:update"]})
    answer = await cloud.call("PUT", f"{EVENTS}/alpha", data=UPDATE)
    assert answer.status_code == 403
    assert answer.json() == {
        "error": {
            "error_code": "CSMS.0302",
            "error_msg": "Policy doesn't allow csms:event:update to be performed.",
        }
    }
    assert (await cloud.call("GET", RECORDS)).status_code == 200
    await cloud.control("permissions", {"deny": []})
    assert (await cloud.call("PUT", f"{EVENTS}/alpha", data=UPDATE)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1.0/{PROJECT}/csms/events"),
        ("PATCH", EVENTS),
        ("GET", EVENTS + "/"),
        ("GET", f"{EVENTS}/a%2Fb"),
        ("POST", "/"),
    ],
)
async def test_an_unknown_path_or_method_is_the_gateways_404_not_a_missing_event(
    cloud: Cloud, method: str, path: str
) -> None:
    answer = await cloud.http.request(method, cloud.base + path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "APIGW.0101")


async def test_a_body_over_twelve_megabytes_is_refused(cloud: Cloud) -> None:
    answer = await cloud.http.put(f"{cloud.base}{EVENTS}/alpha", content=b" " * (12 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["error_code"]) == (413, "APIGW.0201")


async def test_no_key_password_or_token_shows_in_what_the_server_prints_of_itself(cloud: Cloud) -> None:
    token = (await cloud.login()).headers["X-Subject-Token"]
    seen = repr(
        (cloud.world.access._keys, cloud.world.access._users, list(cloud.world.access._tokens.values()))
    )
    assert "TESTACCESSKEY" in seen
    assert [leak for leak in (SK, "right horse", token) if leak in seen] == []
