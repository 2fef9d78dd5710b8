"""Every envelope that CSMS, its gateway, IAM and SMN send becomes one error type, with all that it says."""

from __future__ import annotations

from contextlib import aclosing as closing

import httpx
import pytest

from bot.csms import AccessKeys, AkSkAuth
from bot.errors import (
    CsmsDown,
    CsmsError,
    CsmsForbidden,
    CsmsGarbled,
    CsmsNotFound,
    CsmsRefused,
    CsmsUnauthorized,
    Landed,
)
from bot.model import Patch
from tests.csms.support import client, ok, said, script

ENVELOPES = [
    pytest.param(
        400, {"error": {"error_code": "CSMS.0002", "error_msg": "invalid value"}}, {"X-Request-Id": "r1"},
        CsmsRefused, "CSMS.0002", "invalid value", "r1", id="CSMS events",
    ),
    pytest.param(
        500, {"error": {"error_code": "KMS.2702", "error_msg": "failed"}}, {},
        CsmsDown, "KMS.2702", "failed", "", id="KMS",
    ),
    pytest.param(
        404, {"error_code": "CSMS.0106", "error_msg": "no such secret"}, {},
        CsmsNotFound, "CSMS.0106", "no such secret", "", id="CSMS secrets",
    ),
    pytest.param(
        401, {"error_msg": "verify aksk signature fail", "error_code": "APIGW.0301", "request_id": "r2"}, {},
        CsmsUnauthorized, "APIGW.0301", "verify aksk signature fail", "r2", id="gateway",
    ),
    pytest.param(
        403, {"error_msg": "denied", "error_code": "APIG.0306", "request_id": "r3"}, {"X-Request-Id": "other"},
        CsmsForbidden, "APIG.0306", "denied", "r3", id="gateway, other prefix",
    ),
    pytest.param(
        401, {"error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}}, {},
        CsmsUnauthorized, "401", "The username or password is wrong.", "", id="IAM v3",
    ),
    pytest.param(
        400, {"error_code": "IAM.0011", "error_msg": "wrong"}, {}, CsmsRefused, "IAM.0011", "wrong", "", id="IAM",
    ),
    pytest.param(
        403, {"code": "SMN.0001", "message": "no", "request_id": "r4"}, {},
        CsmsForbidden, "SMN.0001", "no", "r4", id="SMN",
    ),
    pytest.param(
        400, {"errorCode": "X.1", "errorMsg": "bad", "encoded_authorization_message": "zzz"}, {},
        CsmsRefused, "X.1", "bad", "", id="camel case",
    ),
    pytest.param(400, {"error": {"title": "Bad Request"}}, {}, CsmsRefused, "", "Bad Request", "", id="title only"),
    pytest.param(400, {"error": "words"}, {}, CsmsRefused, "", "", "", id="error that is no object"),
    pytest.param(400, {"error": {"error_code": True, "error_msg": None}}, {}, CsmsRefused, "", "", "", id="nonsense"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "headers", "kind", "code", "message", "request_id"), ENVELOPES)
async def test_an_envelope_is_read_whoever_sent_it(status, body, headers, kind, code, message, request_id):
    async with closing(client(script(said(status, body, headers)))) as csms:
        with pytest.raises(CsmsError) as caught:
            await csms.show_event("event-test")

    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.message, error.request_id) == (status, code, message, request_id)
    assert error.operation == "ShowSecretEvent"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, CsmsRefused), (404, CsmsNotFound), (500, CsmsDown), (502, CsmsDown), (504, CsmsDown)],
)
@pytest.mark.parametrize(
    "content", [b"", b"<html><h1>Bad Gateway</h1></html>", b"[1]", b'{"cut', b"\xff\xfe"]
)
async def test_html_an_empty_body_or_half_of_one_are_understood_by_their_status(status, kind, content):
    answer = httpx.Response(status, content=content, headers={"Content-Type": "text/html"})
    async with closing(client(script(answer))) as csms:
        with pytest.raises(kind) as caught:
            await csms.show_event("event-test")

    assert caught.value.status == status
    assert "<" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        (lambda csms: csms.list_events(), "csms:event:list"),
        (lambda csms: csms.show_event("e"), "csms:event:get"),
        (lambda csms: csms.update_event("e", Patch(state="DISABLED")), "csms:event:update"),
        (lambda csms: csms.notification_records(), "csms:event:listNotificationRecords"),
        (lambda csms: csms.secrets_of("e"), "csms:secret:list"),
        (lambda csms: csms.topics(), "smn:topic:list"),
        (lambda csms: csms.failed_tasks("s"), ""),
    ],
)
async def test_a_403_names_the_permission_that_the_call_needs(call, permission):
    answer = said(403, {"error": {"error_code": "CSMS.0302", "error_msg": "no permission"}})
    async with closing(client(script(answer))) as csms:
        with pytest.raises(CsmsForbidden) as caught:
            await call(csms)

    assert caught.value.permission == permission
    assert caught.value.landed is Landed.NO


@pytest.mark.parametrize("status", [400, 404])
async def test_csms_0005_is_a_missing_event_with_either_status(status):
    answer = said(status, {"error": {"error_code": "CSMS.0005", "error_msg": "The resource does not exist."}})
    async with closing(client(script(answer))) as csms:
        with pytest.raises(CsmsNotFound):
            await csms.show_event("gone")


@pytest.mark.parametrize("code", ["APIGW.0101", "APIGW.0103", "APIG.0101"])
async def test_a_404_of_the_gateway_is_a_wrong_address_and_no_missing_event(code):
    answer = said(404, {"error_code": code, "error_msg": "API not found", "request_id": "r"})
    async with closing(client(script(answer))) as csms:
        with pytest.raises(CsmsRefused, match="endpoint") as caught:
            await csms.show_event("event-test")

    assert type(caught.value) is CsmsRefused


async def test_a_404_for_a_list_is_no_missing_event():
    async with closing(client(script(said(404, {"error_code": "X", "error_msg": "?"})))) as csms:
        with pytest.raises(CsmsRefused) as caught:
            await csms.list_events()

    assert type(caught.value) is CsmsRefused


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 300])
async def test_a_redirect_is_garbled_and_never_followed(status):
    server = script(httpx.Response(status, headers={"Location": "https://elsewhere.example/steal"}))
    async with closing(client(server)) as csms:
        with pytest.raises(CsmsGarbled, match="redirect"):
            await csms.show_event("event-test")

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"OK", b"null", b"[]", b'"event"', b"<html>", b'{"event": ', b"\xff", b"[" * 100_000, b"1" * 5_000],
    ids=["empty", "text", "null", "list", "string", "html", "cut", "not UTF-8", "deep", "long number"],
)
async def test_a_200_that_is_no_json_object_is_garbled(content):
    async with closing(client(script(httpx.Response(200, content=content)))) as csms:
        with pytest.raises(CsmsGarbled):
            await csms.show_event("event-test")


@pytest.mark.parametrize(
    "body",
    [{}, {"event": None}, {"event": []}, {"event": {}}, {"event": {"name": ""}}, {"event": {"name": 7}}],
)
async def test_an_answer_without_the_event_is_garbled(body):
    async with closing(client(script(ok(body)))) as csms:
        with pytest.raises(CsmsGarbled):
            await csms.show_event("event-test")


async def test_what_the_gateway_echoes_of_a_signature_is_in_no_error():
    """As recorded: the canonical request, and the Authorization header with the key id."""

    def echo(request: httpx.Request) -> httpx.Response:
        text = f"verify aksk signature fail, canonicalRequest:GET\n{request.headers['Authorization']}"
        return said(401, {"error_code": "APIGW.0301", "error_msg": text, "request_id": "r"})

    auth = AkSkAuth(AccessKeys("AKVISIBLE", "SKVISIBLE", "STSVISIBLE"))
    async with closing(client(script(echo), auth=auth)) as csms:
        with pytest.raises(CsmsUnauthorized) as caught:
            await csms.list_events()

    shown = f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert "verify aksk signature fail" in shown
    assert "VISIBLE" not in shown
    assert "Signature=" not in shown


async def test_a_key_id_is_hidden_even_where_no_rule_would_find_it():
    auth = AkSkAuth(AccessKeys("AKVISIBLE", "SK"))
    answer = said(
        403, {"error_code": "X.AKVISIBLE", "error_msg": "AKVISIBLE may not", "request_id": "AKVISIBLE"}
    )
    async with closing(client(script(answer), auth=auth)) as csms:
        with pytest.raises(CsmsForbidden) as caught:
            await csms.list_events()

    assert "VISIBLE" not in f"{caught.value} {vars(caught.value)}"
