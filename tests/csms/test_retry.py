"""What is sent again, how often, and after what wait."""

from __future__ import annotations

from contextlib import aclosing

import httpx
import pytest

from bot.csms import AccessKeys, AkSkAuth
from bot.csms.retry import retry_after
from bot.errors import CsmsDown, CsmsError, CsmsUnauthorized, Landed
from bot.model import Patch
from tests.csms.support import EVENT, NOON, Clock, Nap, client, ok, said, script

DISABLE = Patch(state="DISABLED")
GOOD = ok({"event": EVENT})
THROTTLED = {
    "error_code": "APIGW.0308",
    "error_msg": "The throttling threshold has been reached: policy user over ratelimit,limit:20,time:1 second",
}
NO_ANSWER = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("busy"),
    httpx.ReadTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.WriteTimeout("slow"),
    httpx.RemoteProtocolError("closed"),
]
NOTHING_SENT = NO_ANSWER[:3]
PERHAPS_SENT = NO_ANSWER[3:]


def named(value):
    return type(value).__name__ if isinstance(value, Exception) else str(value)


@pytest.mark.parametrize("failure", [*NO_ANSWER, 429, 502, 503, 504], ids=named)
async def test_a_get_is_sent_four_times_at_most(failure):
    server, nap = script(said(failure, THROTTLED) if isinstance(failure, int) else failure), Nap()
    async with aclosing(client(server, nap=nap)) as csms:
        with pytest.raises(CsmsDown) as caught:
            await csms.show_event("event-test")

    assert len(server.requests) == 4
    assert caught.value.landed is Landed.NO
    assert all(0 <= wait <= top for wait, top in zip(nap.seconds, [0.5, 1.0, 2.0], strict=True))


@pytest.mark.parametrize("failure", [*NO_ANSWER, 429, 502, 503, 504], ids=named)
async def test_a_get_that_works_the_second_time_is_an_answer(failure):
    server = script(said(failure, THROTTLED) if isinstance(failure, int) else failure, GOOD)
    async with aclosing(client(server)) as csms:
        event = await csms.show_event("event-test")

    assert event.name == "event-test"
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 500, 501])
async def test_other_answers_are_final(status):
    server = script(said(status, {"error_code": "X.1", "error_msg": "no"}))
    async with aclosing(client(server)) as csms:
        with pytest.raises(CsmsError):
            await csms.show_event("event-test")

    assert len(server.requests) == 1


@pytest.mark.parametrize("failure", NOTHING_SENT, ids=named)
async def test_a_put_is_sent_again_when_no_connection_was_made(failure):
    server = script(failure, failure, GOOD)
    async with aclosing(client(server)) as csms:
        await csms.update_event("event-test", DISABLE)

    assert len(server.requests) == 3


async def test_a_put_is_sent_again_after_429_which_was_not_processed():
    server = script(said(429, THROTTLED), GOOD)
    async with aclosing(client(server)) as csms:
        await csms.update_event("event-test", DISABLE)

    assert len(server.requests) == 2


@pytest.mark.parametrize("failure", [*PERHAPS_SENT, 500, 502, 503, 504], ids=named)
async def test_a_put_that_may_have_landed_is_sent_once_and_its_end_is_unknown(failure):
    server = script(said(failure, {}) if isinstance(failure, int) else failure, GOOD)
    async with aclosing(client(server)) as csms:
        with pytest.raises(CsmsDown) as caught:
            await csms.update_event("event-test", DISABLE)

    assert len(server.requests) == 1
    assert caught.value.landed is Landed.UNKNOWN


async def test_a_client_that_simply_tries_again_would_send_the_put_twice():
    """The negative control of the test above: the fake can tell one PUT from two."""
    server = script(httpx.ReadError("reset"), GOOD)
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as naive:
        for _ in range(2):
            try:
                await naive.put("https://kms.example-1.myhuaweicloud.com/v1/p/csms/events/e", json={})
                break
            except httpx.TransportError:
                continue

    assert [request.method for request in server.requests] == ["PUT", "PUT"]


@pytest.mark.parametrize(
    ("status", "landed"),
    [(400, Landed.NO), (401, Landed.NO), (403, Landed.NO), (404, Landed.NO), (302, Landed.UNKNOWN)],
)
async def test_a_refused_put_did_not_land_and_a_redirected_one_is_unknown(status, landed):
    async with aclosing(client(script(said(status, {})))) as csms:
        with pytest.raises(CsmsError) as caught:
            await csms.update_event("event-test", DISABLE)

    assert caught.value.landed is landed


@pytest.mark.parametrize("answer", [httpx.Response(200, content=b"<html>"), ok({}), ok({"event": None})])
async def test_a_put_with_an_answer_that_cannot_be_read_may_have_landed(answer):
    async with aclosing(client(script(answer))) as csms:
        with pytest.raises(CsmsError) as caught:
            await csms.update_event("event-test", DISABLE)

    assert caught.value.landed is Landed.UNKNOWN


async def test_a_401_is_never_tried_again_because_five_lock_the_key():
    server = script(said(401, {"error_code": "APIGW.0301", "error_msg": "verify aksk signature fail"}))
    async with aclosing(client(server)) as csms:
        with pytest.raises(CsmsUnauthorized):
            await csms.list_events()

    assert len(server.requests) == 1


async def test_a_quota_of_the_day_is_not_waited_for():
    text = "The throttling threshold has been reached: policy api over ratelimit,limit:1000,time:1 day"
    server, nap = script(said(429, {"error_code": "APIGW.0308", "error_msg": text})), Nap()
    async with aclosing(client(server, nap=nap)) as csms:
        with pytest.raises(CsmsDown, match="1 day"):
            await csms.list_events()

    assert (len(server.requests), nap.seconds) == (1, [])


@pytest.mark.parametrize("wanted", ["7", " 7 ", "Tue, 09 Jun 2026 12:00:07 GMT"])
async def test_the_wait_that_a_server_asks_for_is_kept(wanted):
    server, nap = script(said(503, {}, {"Retry-After": wanted}), GOOD), Nap()
    async with aclosing(client(server, nap=nap)) as csms:
        await csms.show_event("event-test")

    assert nap.seconds == [7.0]


async def test_a_server_that_asks_for_more_than_30_seconds_is_not_waited_for():
    server, nap = script(said(429, THROTTLED, {"Retry-After": "31"})), Nap()
    async with aclosing(client(server, nap=nap)) as csms:
        with pytest.raises(CsmsDown):
            await csms.list_events()

    assert (len(server.requests), nap.seconds) == (1, [])


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1.5", "²"])
def test_a_retry_after_that_cannot_be_read_is_none(header):
    assert retry_after(header, NOON) is None


def test_a_retry_after_in_the_past_is_at_once():
    assert retry_after("Tue, 09 Jun 2026 11:00:00 GMT", NOON) == 0.0


async def test_each_try_is_signed_anew():
    clock = Clock()
    server = script(said(503, {}), GOOD)

    async def nap(_seconds: float) -> None:
        clock.move(seconds=8)

    async with aclosing(client(server, auth=AkSkAuth(AccessKeys("AK", "SK"), clock=clock), nap=nap)) as csms:
        await csms.show_event("event-test")

    assert [request.headers["X-Sdk-Date"] for request in server.requests] == [
        "20260609T120000Z",
        "20260609T120008Z",
    ]


@pytest.mark.parametrize("failure", [httpx.LocalProtocolError("Illegal header value b'hunter2'")])
async def test_the_words_of_the_http_library_are_not_repeated(failure):
    async with aclosing(client(script(failure))) as csms:
        with pytest.raises(CsmsError) as caught:
            await csms.list_events()

    assert "hunter2" not in str(caught.value)
    assert "local protocol error" in str(caught.value)
