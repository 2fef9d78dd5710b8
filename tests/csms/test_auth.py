"""Tokens and temporary keys: fetched once, renewed in time, never asked for again after a refusal."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, timedelta

import httpx
import pytest

from bot.csms import AccessKeys, AkSkAuth, MetadataAuth, PasswordAuth, TokenAuth
from bot.errors import CsmsDown, CsmsError, CsmsGarbled, CsmsUnauthorized, Landed
from bot.model import Patch
from tests.csms.support import EVENT, NOON, PROJECT, Clock, client, ok, said

IAM = "https://iam.example-1.myhuaweicloud.com"
METADATA = "http://169.254.169.254"
RENEW = said(401, {"error_code": "APIGW.0307", "error_msg": "The token must be updated.", "request_id": "r"})


@dataclass
class Cloud:
    """IAM and CSMS: gives out `token-1`, `token-2` …, and takes those that are in `good`."""

    clock: Clock
    life: timedelta = timedelta(hours=24)
    trouble: httpx.Response | Exception | None = None
    """What IAM does instead of giving a token."""
    logins: list[dict] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    """The token of each request to CSMS."""
    good: set[str] = field(default_factory=set)

    async def iam(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"{IAM}/v3/auth/tokens?nocatalog=true"
        self.logins.append(json.loads(request.content))
        await asyncio.sleep(0)
        if isinstance(self.trouble, Exception):
            raise self.trouble
        if self.trouble is not None:
            return httpx.Response(self.trouble.status_code, content=self.trouble.content)
        token = f"token-{len(self.logins)}"
        self.good.add(token)
        expires = (self.clock() + self.life).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return said(201, {"token": {"expires_at": expires}}, {"X-Subject-Token": token})

    async def csms(self, request: httpx.Request) -> httpx.Response:
        token = request.headers["X-Auth-Token"]
        self.tokens.append(token)
        await asyncio.sleep(0)
        if token not in self.good:
            return httpx.Response(RENEW.status_code, content=RENEW.content)
        return ok({"event": EVENT, "events": [EVENT]})

    def client(self):
        auth = PasswordAuth(
            user="bot", password="hunter2", domain="account", project_id=PROJECT, iam_endpoint=IAM,
            transport=httpx.MockTransport(self.iam), clock=self.clock,
        )  # fmt: skip
        return client(self.csms, auth=auth)


@pytest.fixture
def cloud():
    return Cloud(Clock())


async def test_a_token_is_asked_for_the_project_by_user_and_password(cloud):
    async with aclosing(cloud.client()) as csms:
        await csms.show_event("event-test")

    user = {"name": "bot", "password": "hunter2", "domain": {"name": "account"}}
    assert cloud.logins == [
        {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"id": PROJECT}},
            }
        }
    ]
    assert cloud.tokens == ["token-1"]


async def test_ten_calls_at_once_ask_for_one_token(cloud):
    async with aclosing(cloud.client()) as csms:
        await asyncio.gather(*(csms.show_event("event-test") for _ in range(10)))

    assert len(cloud.logins) == 1
    assert cloud.tokens == ["token-1"] * 10


async def test_a_token_is_kept_until_half_an_hour_before_its_end(cloud):
    async with aclosing(cloud.client()) as csms:
        await csms.show_event("event-test")
        cloud.clock.move(hours=23, minutes=29)
        await csms.show_event("event-test")
        cloud.clock.move(minutes=1)
        await csms.show_event("event-test")

    assert cloud.tokens == ["token-1", "token-1", "token-2"]


async def test_a_short_lived_token_is_not_renewed_at_every_call(cloud):
    cloud.life = timedelta(minutes=10)
    async with aclosing(cloud.client()) as csms:
        for minutes in (0, 8, 1, 8):
            cloud.clock.move(minutes=minutes)
            await csms.show_event("event-test")

    assert cloud.tokens == ["token-1", "token-1", "token-2", "token-2"]


async def test_a_token_that_must_be_updated_is_renewed_once_and_the_call_repeated(cloud):
    async with aclosing(cloud.client()) as csms:
        await csms.show_event("event-test")
        cloud.good.clear()
        event = await csms.show_event("event-test")

    assert event.name == "event-test"
    assert cloud.tokens == ["token-1", "token-1", "token-2"]


async def test_ten_calls_whose_token_ended_ask_for_one_new_token(cloud):
    async with aclosing(cloud.client()) as csms:
        await csms.show_event("event-test")
        cloud.good.clear()
        await asyncio.gather(*(csms.show_event("event-test") for _ in range(10)))

    assert len(cloud.logins) == 2


async def test_a_put_after_a_renewed_token_carries_its_body_again(cloud):
    async with aclosing(cloud.client()) as csms:
        await csms.show_event("event-test")
        cloud.good.clear()
        event = await csms.update_event("event-test", Patch(state="DISABLED"))

    assert event.name == "event-test"
    assert cloud.tokens[-1] == "token-2"


async def test_a_new_token_that_is_refused_too_is_the_end(cloud):
    async def never_pleased(request):
        cloud.tokens.append(request.headers["X-Auth-Token"])
        return httpx.Response(RENEW.status_code, content=RENEW.content)

    cloud.csms = never_pleased
    async with aclosing(cloud.client()) as csms:
        with pytest.raises(CsmsUnauthorized, match=r"APIGW\.0307"):
            await csms.show_event("event-test")

    assert cloud.tokens == ["token-1", "token-2"]


async def test_another_401_renews_nothing(cloud):
    async def refuse(request):
        cloud.tokens.append(request.headers["X-Auth-Token"])
        return said(401, {"error_code": "APIGW.0301", "error_msg": "decrypt token fail"})

    cloud.csms = refuse
    async with aclosing(cloud.client()) as csms:
        with pytest.raises(CsmsUnauthorized):
            await csms.show_event("event-test")

    assert (len(cloud.logins), len(cloud.tokens)) == (1, 1)


async def test_a_wrong_password_is_sent_once_and_not_again_for_five_minutes(cloud):
    words = {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}
    cloud.trouble = said(401, {"error": words})
    async with aclosing(cloud.client()) as csms:
        results = await asyncio.gather(*(csms.list_events() for _ in range(10)), return_exceptions=True)
        cloud.clock.move(minutes=4, seconds=59)
        with pytest.raises(CsmsUnauthorized):
            await csms.list_events()
        assert len(cloud.logins) == 1
        cloud.clock.move(seconds=1)
        with pytest.raises(CsmsUnauthorized):
            await csms.list_events()

    assert len(cloud.logins) == 2
    assert {type(result) for result in results} == {CsmsUnauthorized}
    assert "KeystoneCreateUserTokenByPassword" in str(results[0])
    assert "hunter2" not in f"{results[0]} {vars(results[0])}"


@pytest.mark.parametrize(
    "trouble", [said(503, {}), said(429, {}), httpx.ConnectError("x"), httpx.ReadTimeout("x")], ids=repr
)
async def test_when_iam_is_down_nothing_landed_and_the_call_is_tried_four_times(cloud, trouble):
    cloud.trouble = trouble
    async with aclosing(cloud.client()) as csms:
        with pytest.raises(CsmsDown) as caught:
            await csms.update_event("event-test", Patch(state="DISABLED"))

    assert caught.value.landed is Landed.NO
    assert (len(cloud.logins), cloud.tokens) == (4, [])


async def test_an_early_renewal_that_fails_leaves_the_old_token_in_use(cloud, caplog):
    async with aclosing(cloud.client()) as csms:
        await csms.show_event("event-test")
        cloud.clock.move(hours=23, minutes=40)
        cloud.trouble = said(503, {})
        with caplog.at_level(logging.WARNING):
            await csms.show_event("event-test")
            await csms.show_event("event-test")
        assert len(cloud.logins) == 2, "tried again within a minute"
        cloud.clock.move(minutes=1)
        cloud.trouble = None
        await csms.show_event("event-test")

    assert cloud.tokens == ["token-1", "token-1", "token-1", "token-3"]
    assert [record.action for record in caplog.records] == ["renewal_failed"]


@pytest.mark.parametrize(
    "answer",
    [
        said(201, {"token": {}}),
        said(201, {}),
        httpx.Response(201, content=b"<html>", headers={"X-Subject-Token": "t"}),
    ],
)
async def test_a_login_without_a_token_is_garbled(cloud, answer):
    async def iam(_request):
        return answer

    cloud.iam = iam
    async with aclosing(cloud.client()) as csms:
        with pytest.raises(CsmsGarbled):
            await csms.list_events()


async def test_a_token_without_an_end_is_kept_for_an_hour(cloud):
    async def iam(_request):
        cloud.logins.append({})
        cloud.good.add("t")
        return said(201, {"token": {"expires_at": "later"}}, {"X-Subject-Token": "t"})

    cloud.iam = iam
    async with aclosing(cloud.client()) as csms:
        for minutes in (0, 53, 2):
            cloud.clock.move(minutes=minutes)
            await csms.show_event("event-test")

    assert len(cloud.logins) == 2


async def test_a_cancelled_caller_does_not_take_the_token_from_the_others(cloud):
    async with aclosing(cloud.client()) as csms:
        first, second = (asyncio.create_task(csms.show_event("event-test")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        event = await second

    assert event.name == "event-test"
    assert first.cancelled()


async def test_a_ready_token_is_sent_as_it_is_and_nothing_is_signed():
    seen = []

    def csms_server(request):
        seen.append(request.headers)
        return ok({"events": []})

    async with aclosing(client(csms_server, auth=TokenAuth("ready"))) as csms:
        await csms.list_events()

    assert seen[0]["X-Auth-Token"] == "ready"
    assert "Authorization" not in seen[0]


async def test_keys_are_sent_as_a_signature_with_project_and_security_token():
    seen = []

    def csms_server(request):
        seen.append(request.headers)
        return ok({"events": []})

    auth = AkSkAuth(AccessKeys("AK", "SK", "STS"), project_id=PROJECT, clock=Clock())
    async with aclosing(client(csms_server, auth=auth)) as csms:
        await csms.list_events()

    assert seen[0]["X-Security-Token"] == "STS"
    assert seen[0]["X-Project-Id"] == PROJECT
    assert seen[0]["X-Sdk-Date"] == "20260609T120000Z"
    signed = "host;x-project-id;x-sdk-date;x-security-token"
    assert seen[0]["Authorization"].startswith(
        f"SDK-HMAC-SHA256 Access=AK, SignedHeaders={signed}, Signature="
    )


async def test_a_body_that_comes_in_parts_is_signed_whole():
    seen = []

    async def parts():
        yield b'{"state":'
        yield b'"DISABLED"}'

    def csms_server(request):
        seen.append(request.headers["Authorization"])
        return ok({})

    auth = AkSkAuth(AccessKeys("AK", "SK"), clock=Clock())
    async with httpx.AsyncClient(auth=auth, transport=httpx.MockTransport(csms_server)) as opened:
        await opened.put("https://kms.example-1.myhuaweicloud.com/x", content=parts())
        await opened.put("https://kms.example-1.myhuaweicloud.com/x", content=b'{"state":"DISABLED"}')

    assert seen[0] == seen[1]


@dataclass
class Instance:
    """The metadata service of an ECS instance."""

    clock: Clock
    token_step: int = 200
    life: timedelta = timedelta(hours=24)
    body: dict | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, metadata token."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        token = request.headers.get("X-Metadata-Token", "")
        self.asked.append((request.method, request.url.path, token))
        if request.method == "PUT":
            assert request.headers["X-Metadata-Token-Ttl-Seconds"] == "21600"
            return httpx.Response(self.token_step, content=b"meta-token\n")
        number = sum(method == "GET" for method, _, _ in self.asked)
        expires = (self.clock() + self.life).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        keys = {
            "access": f"AK{number}",
            "secret": "SK",
            "securitytoken": f"STS{number}",
            "expires_at": expires,
        }
        return ok(self.body or {"credential": keys})


def on_an_instance(instance):
    seen = []

    def csms_server(request):
        seen.append(request.headers["X-Security-Token"])
        return ok({"events": []})

    auth = MetadataAuth(project_id=PROJECT, transport=httpx.MockTransport(instance), clock=instance.clock)
    return client(csms_server, auth=auth), seen


async def test_an_instance_gives_keys_by_way_of_a_metadata_token():
    instance = Instance(Clock())
    csms, seen = on_an_instance(instance)
    async with aclosing(csms):
        await asyncio.gather(*(csms.list_events() for _ in range(10)))

    assert instance.asked == [
        ("PUT", "/meta-data/latest/api/token", ""),
        ("GET", "/openstack/latest/securitykey", "meta-token"),
    ]
    assert seen == ["STS1"] * 10


@pytest.mark.parametrize("status", [404, 405, 503])
async def test_an_instance_without_metadata_tokens_is_asked_without_one(status):
    instance = Instance(Clock(), token_step=status)
    csms, seen = on_an_instance(instance)
    async with aclosing(csms):
        await csms.list_events()

    assert instance.asked[1] == ("GET", "/openstack/latest/securitykey", "")
    assert seen == ["STS1"]


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_another_answer_to_the_token_step_is_an_error(status):
    csms, seen = on_an_instance(Instance(Clock(), token_step=status))
    async with aclosing(csms):
        with pytest.raises(CsmsError, match="metadata"):
            await csms.list_events()

    assert seen == []


async def test_temporary_keys_are_renewed_when_less_than_40_minutes_are_left():
    instance = Instance(Clock())
    csms, seen = on_an_instance(instance)
    async with aclosing(csms):
        for move in ({}, {"hours": 23, "minutes": 19}, {"minutes": 1}):
            instance.clock.move(**move)
            await csms.list_events()

    assert seen == ["STS1", "STS1", "STS2"]


async def test_keys_that_come_with_little_time_left_are_asked_for_once_a_minute():
    instance = Instance(Clock(), life=timedelta(minutes=20))
    csms, seen = on_an_instance(instance)
    async with aclosing(csms):
        for seconds in (0, 30, 30, 30):
            instance.clock.move(seconds=seconds)
            await csms.list_events()

    assert seen == ["STS1", "STS1", "STS2", "STS2"]


@pytest.mark.parametrize(
    "body",
    [
        {"credential": None},
        {"credential": {"access": "AK", "secret": "SK", "expires_at": NOON.isoformat()}},
        {"credential": {"access": "AK", "secret": "", "securitytoken": "S", "expires_at": NOON.isoformat()}},
        {"credential": {"access": "AK", "secret": "SK", "securitytoken": "S"}},
    ],
)
async def test_half_a_key_of_an_instance_is_garbled(body):
    csms, _seen = on_an_instance(Instance(Clock(), body=body))
    async with aclosing(csms):
        with pytest.raises(CsmsGarbled):
            await csms.list_events()


async def test_a_machine_that_is_no_instance_says_so_by_name():
    def nobody(_request):
        raise httpx.ConnectTimeout("slow")

    auth = MetadataAuth(transport=httpx.MockTransport(nobody), clock=Clock())
    async with aclosing(client(nobody, auth=auth)) as csms:
        with pytest.raises(CsmsDown, match="ECS metadata") as caught:
            await csms.update_event("e", Patch(state="DISABLED"))

    assert caught.value.landed is Landed.NO


@pytest.mark.parametrize(
    ("auth", "kind"),
    [
        (AkSkAuth(AccessKeys("AKhunter2", "SKhunter2")), "access key"),
        (AkSkAuth(AccessKeys("AKhunter2", "SKhunter2", "STShunter2")), "temporary access key"),
        (TokenAuth("hunter2"), "ready token"),
        (
            PasswordAuth(user="u", password="hunter2", domain="d", project_id="p", iam_endpoint=IAM),
            "IAM user and password",
        ),
        (MetadataAuth(), "ECS metadata"),
    ],
)
def test_a_credential_says_its_kind_and_shows_nothing(auth, kind):
    assert auth.kind == kind
    assert "hunter2" not in f"{auth!r} {auth}"


def test_keys_do_not_show_themselves():
    assert "hunter2" not in repr(AccessKeys("hunter2", "hunter2", "hunter2"))
