"""The faults that both embedded servers share."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from bot.sandbox.faults import FaultPlan, drop_connection
from bot.serving import serving


async def test_a_dropped_connection_is_a_reset_without_a_byte_and_the_server_lives_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def drop(request: Request) -> Response:
        await request.body()
        return await drop_connection(request)

    async def fine(_request: Request) -> Response:
        return PlainTextResponse("fine")

    app = Starlette(routes=[Route("/drop", drop, methods=["POST"]), Route("/fine", fine)])
    async with serving(app) as base:
        host, port = base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /drop HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        async with httpx.AsyncClient(base_url=base) as client:
            with pytest.raises(httpx.TransportError):
                await client.post("/drop", content=b"x" * 100_000)
            assert (await client.get("/fine")).text == "fine"
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_handler_can_go_on_after_the_drop() -> None:
    effects: list[str] = []
    done = asyncio.Event()

    async def late(request: Request) -> Response:
        response = await drop_connection(request)
        effects.append("late")
        done.set()
        return response

    async with serving(Starlette(routes=[Route("/", late)])) as base, httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(base)
        await asyncio.wait_for(done.wait(), 2)
    assert effects == ["late"]


async def test_a_web_socket_can_be_cut_too() -> None:
    async def drop(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await drop_connection(websocket)

    app = Starlette(routes=[WebSocketRoute("/ws", drop)])
    async with serving(app) as base, connect(base.replace("http", "ws") + "/ws") as client:
        assert await client.recv() == "hello"
        with pytest.raises(ConnectionClosedError):
            await client.recv()
        assert client.close_code == 1006


def test_a_fault_hits_the_nth_call_and_as_many_as_were_asked_for() -> None:
    plan: FaultPlan[str] = FaultPlan()
    plan.add("update", "boom", nth=2, times=2)
    assert [plan.take("update") for _ in range(5)] == [None, "boom", "boom", None, None]
    assert len(plan) == 0


def test_a_fault_of_one_operation_leaves_the_others_alone_and_a_star_hits_any() -> None:
    plan: FaultPlan[str] = FaultPlan()
    plan.add("update", "one")
    assert plan.take("list") is None
    assert plan.take("update") == "one"
    plan.add("*", "all", times=None)
    assert [plan.take("list"), plan.take("update"), plan.take("list")] == ["all", "all", "all"]
    plan.clear()
    assert plan.take("list") is None


def test_two_planned_faults_of_one_operation_count_the_same_calls() -> None:
    plan: FaultPlan[str] = FaultPlan()
    plan.add("update", "first", nth=1)
    plan.add("update", "third", nth=3)
    assert [plan.take("update") for _ in range(4)] == ["first", None, "third", None]


@pytest.mark.parametrize(("nth", "times"), [(0, 1), (1, 0)])
def test_counts_below_one_are_refused(nth: int, times: int) -> None:
    with pytest.raises(ValueError, match="from 1"):
        FaultPlan[str]().add("update", "boom", nth=nth, times=times)
