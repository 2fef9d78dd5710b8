"""Size, encoding and time of answers, on real sockets where the socket is the point."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from bot.csms import CsmsClient, TokenAuth, exchange
from bot.csms.transport import BODY_CAP, Guarded, Unacceptable, open_client
from bot.errors import CsmsDown, CsmsGarbled, Landed, SettingsError
from bot.model import Patch
from tests.csms.support import HOST, PROJECT, client, script

CHUNK = b"x" * 65_536


class Endless(httpx.AsyncByteStream):
    """A body of four times the cap, which nobody should reach; counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0
        self.closed = False

    async def __aiter__(self):
        while self.taken < 4 * BODY_CAP:
            self.taken += len(CHUNK)
            yield CHUNK

    async def aclose(self):
        self.closed = True


async def test_a_body_that_goes_on_and_on_is_left_at_the_cap_and_closed():
    body = Endless()
    async with aclosing(client(lambda _request: httpx.Response(200, stream=body))) as csms:
        with pytest.raises(CsmsGarbled, match="128 MiB"):
            await csms.list_events()

    assert body.taken <= BODY_CAP + len(CHUNK)
    assert body.closed


async def test_a_length_above_the_cap_is_refused_before_a_byte_is_read():
    body = Endless()
    answer = httpx.Response(200, headers={"Content-Length": str(BODY_CAP + 1)}, stream=body)
    async with aclosing(client(lambda _request: answer)) as csms:
        with pytest.raises(CsmsGarbled):
            await csms.list_events()

    assert (body.taken, body.closed) == (0, True)


@pytest.mark.parametrize("size", [0, 99, 100])
async def test_a_body_up_to_the_cap_is_whole(size):
    guarded = Guarded(httpx.MockTransport(lambda _request: httpx.Response(200, content=b"x" * size)), cap=100)

    response = await guarded.handle_async_request(httpx.Request("GET", HOST))

    assert response.content == b"x" * size


async def test_a_body_one_byte_above_the_cap_is_refused():
    guarded = Guarded(httpx.MockTransport(lambda _request: httpx.Response(200, content=b"x" * 101)), cap=100)

    with pytest.raises(Unacceptable):
        await guarded.handle_async_request(httpx.Request("GET", HOST))


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
async def test_a_compressed_answer_is_refused_because_it_could_hide_a_large_one(encoding):
    body = Endless()
    answer = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=body)
    async with aclosing(client(lambda _request: answer)) as csms:
        with pytest.raises(CsmsGarbled, match="compressed"):
            await csms.list_events()

    assert body.taken == 0


async def test_no_compression_is_asked_for():
    server = script(httpx.Response(200, content=b'{"events": []}'))
    async with aclosing(client(server)) as csms:
        await csms.list_events()

    assert server.requests[0].headers["Accept-Encoding"] == "identity"


async def test_a_put_with_an_answer_above_the_cap_may_have_landed():
    async with aclosing(client(lambda _request: httpx.Response(200, stream=Endless()))) as csms:
        with pytest.raises(CsmsGarbled) as caught:
            await csms.update_event("e", Patch(state="DISABLED"))

    assert caught.value.landed is Landed.UNKNOWN


async def test_five_seconds_to_connect_and_twenty_to_read():
    async with open_client() as opened:
        assert opened.timeout == httpx.Timeout(connect=5.0, read=20.0, write=20.0, pool=20.0)


async def test_a_server_that_drips_is_given_up_at_the_deadline(monkeypatch):
    monkeypatch.setattr(exchange, "DEADLINE_S", 0.05)

    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.005)
        except ConnectionError:
            pass

    async with listening(drip) as (base, _seen), aclosing(real(base)) as csms:
        with pytest.raises(CsmsDown, match="timeout"):
            await csms.update_event("e", Patch(state="DISABLED"))


async def test_a_put_whose_connection_is_reset_is_on_the_wire_once():
    async def reset(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        writer.transport.abort()

    async with listening(reset) as (base, seen), aclosing(real(base)) as csms:
        with pytest.raises(CsmsDown) as caught:
            await csms.update_event("e", Patch(state="DISABLED"))

    assert seen == [1]
    assert caught.value.landed is Landed.UNKNOWN


async def test_nobody_listening_is_no_answer_and_nothing_landed():
    async with listening(None) as (base, _seen):
        pass
    async with aclosing(real(base)) as csms:
        with pytest.raises(CsmsDown, match="connect error") as caught:
            await csms.update_event("e", Patch(state="DISABLED"))

    assert caught.value.landed is Landed.NO


async def test_the_environment_chooses_no_proxy(monkeypatch):
    async with listening(None) as (base, seen):
        monkeypatch.setenv("HTTP_PROXY", base)
        monkeypatch.setenv("ALL_PROXY", base)

        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"events": []}')
            await writer.drain()
            writer.close()

        async with listening(answer) as (direct, _), aclosing(real(direct)) as csms:
            assert await csms.list_events() == []
    assert seen == [0]


@pytest.mark.parametrize("argument", ["endpoint", "smn_endpoint"])
async def test_a_client_for_plain_http_to_elsewhere_cannot_be_made(argument):
    addresses = {"endpoint": HOST, argument: "http://kms.example-1.myhuaweicloud.com"}
    with pytest.raises(SettingsError, match="plain http"):
        CsmsClient(project_id=PROJECT, auth=TokenAuth("t"), **addresses)


def real(base):
    async def nap(_seconds):
        await asyncio.sleep(0)

    return CsmsClient(endpoint=base, project_id=PROJECT, auth=TokenAuth("t"), sleep=nap)


@asynccontextmanager
async def listening(handle):
    """A TCP server on a free port; yields its address and a list that holds the number of its connections."""
    seen = [0]

    async def connected(reader, writer):
        seen[0] += 1
        try:
            if handle is not None:
                await handle(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await server.wait_closed()
