"""The signature: public vectors, and the official SDK's own signer over the same requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import httpx
import pytest
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from bot.csms.auth import AccessKeys, sign
from bot.csms.signing import authorization, canonical_request, sdk_date

# From the unit tests of the official SDKs for Python, Java and Go.
VECTORS = [
    pytest.param(
        "GET", "/resources?size=1", "20200608T023900Z", b"", True,
        "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842", id="get",
    ),
    pytest.param(
        "POST", "/resources?size=1", "20200608T023900Z", b'{"name":"test","id":1}', True,
        "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f", id="post",
    ),
    pytest.param(
        "GET", "/path?limit=1", "20060102T150405Z", b"", False,
        "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624", id="without host",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "date", "body", "with_host", "signature"), VECTORS)
def test_a_public_vector_is_signed_as_published(method, target, date, body, with_host, signature):
    headers = {"X-Sdk-Date": date}
    if with_host:
        headers["Host"] = "service.endpoint.myhuaweicloud.com"
    canonical = canonical_request(method, target=target, headers=headers, body=body)

    header = authorization(access_key="AccessKey", secret_key="SecretKey", date=date, canonical=canonical)

    signed = "host;x-sdk-date" if with_host else "x-sdk-date"
    assert header == f"SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders={signed}, Signature={signature}"


REQUESTS = [
    ("GET", "/v1/p/csms/events", [], b"", ""),
    ("GET", "/v1/p/csms/events/", [], b"", ""),
    ("GET", "/", [], b"", ""),
    ("GET", "/v1/p/csms/events", [("limit", "1000"), ("marker", "a_b-c.d")], b"", ""),
    ("GET", "/v1/p/csms/events", [("marker", "z"), ("limit", "50")], b"", ""),
    ("GET", "/v1/p/secrets", [("event_name", "a b+c/d?e&f=g~h*%"), ("limit", "")], b"", ""),
    ("GET", "/v2/p/notifications/topics", [("name", "thème-密"), ("offset", "0")], b"", ""),
    ("GET", "/v1/p/csms/events", [("a", "2"), ("a", "1"), ("A", "3"), ("a-b", "4")], b"", ""),
    ("GET", "/v1/p/a b/ü~x", [], b"", ""),
    ("PUT", "/v1/p/csms/events/event-test", [], b'{"state":"DISABLED"}', ""),
    ("PUT", "/v1/p/csms/events/event-test", [], '{"name":"ünï"}'.encode(), "a+security/token="),
    ("DELETE", "/v1/p/csms/events/x", [], b"", "a-security-token"),
]


@pytest.mark.parametrize("port", ["", ":8443"])
@pytest.mark.parametrize(("method", "path", "query", "body", "security_token"), REQUESTS)
def test_our_signature_is_the_official_sdks_signature(method, path, query, body, security_token, port):
    """Over what httpx really sends: its own encoding of path and query, its own Host header."""
    request = httpx.Request(
        method,
        f"https://kms.example-1.myhuaweicloud.com{port}{path}",
        params=query or None,
        content=body,
        headers={"Content-Type": "application/json;charset=UTF-8"} if body else {},
    )
    sign(
        request,
        AccessKeys("AKEXAMPLE", "SKexample/+=", security_token),
        project_id="p",
        now=datetime(2026, 6, 9, 12, 0, 7, tzinfo=UTC),
    )

    theirs = SdkRequest(
        method=method,
        schema="https",
        host=f"kms.example-1.myhuaweicloud.com{port}",
        resource_path=path,
        query_params=list(query),
        header_params={
            "Host": f"kms.example-1.myhuaweicloud.com{port}",
            "X-Sdk-Date": "20260609T120007Z",
            "X-Project-Id": "p",
            **({"Content-Type": "application/json;charset=UTF-8"} if body else {}),
            **({"X-Security-Token": security_token} if security_token else {}),
        },
        body=body,
    )
    Signer(SimpleNamespace(ak="AKEXAMPLE", sk="SKexample/+=")).sign(theirs)
    assert request.headers["Authorization"] == theirs.header_params["Authorization"]


def test_what_proxies_may_change_is_not_signed():
    request = httpx.Request(
        "GET", "https://h/x", headers={"User-Agent": "any", "Accept": "*/*", "X-Other": "1"}
    )

    sign(request, AccessKeys("AK", "SK"), project_id="p", now=datetime(2026, 6, 9, tzinfo=UTC))

    assert "SignedHeaders=host;x-project-id;x-sdk-date," in request.headers["Authorization"]


def test_the_path_is_signed_with_a_slash_at_its_end_and_sent_without():
    canonical = canonical_request("GET", target="/v1/p/csms/events", headers={"host": "h"}, body=b"")

    assert canonical.split("\n")[1] == "/v1/p/csms/events/"


def test_the_date_is_in_utc_whatever_the_clock_says():
    assert sdk_date(datetime(2026, 6, 9, 8, 30, tzinfo=timezone(timedelta(hours=8)))) == "20260609T003000Z"
