"""Socket Mode, by a client that speaks no more than the protocol."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from bot.sandbox.slack import Workspace
from tests.sandbox.slack.support import ALERTS, APP_TOKEN, ENGINEER, Api

EVENT = {"type": "app_home_opened", "user": ENGINEER}


async def _address(base_url: str) -> str:
    async with httpx.AsyncClient(base_url=base_url) as http:
        address: str = (await Api(http, APP_TOKEN).ok("apps.connections.open"))["url"]
        return address


async def _read(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 2))
    return frame


async def _ack(socket: ClientConnection, envelope: dict[str, Any], payload: Any = None) -> None:
    frame = {"envelope_id": envelope["envelope_id"]} | ({"payload": payload} if payload else {})
    await socket.send(json.dumps(frame))


async def test_a_socket_is_greeted_and_gets_a_command(workspace: Workspace, served: str) -> None:
    async with websockets.connect(await _address(served)) as socket:
        hello = await _read(socket)
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        command = asyncio.create_task(workspace.command(ENGINEER, ALERTS, "/csms list"))
        envelope = await _read(socket)
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
        assert (envelope["payload"]["command"], envelope["payload"]["text"]) == ("/csms", "list")
        await _ack(socket, envelope, {"text": "Events"})
        assert (await command).ok
    assert [message.text for message in workspace.ephemerals(ENGINEER)] == ["Events"]


async def test_a_ticket_opens_one_socket_only(served: str) -> None:
    address = await _address(served)
    async with websockets.connect(address):
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(address)


async def test_a_command_without_an_ack_in_time_has_timed_out(workspace: Workspace, served: str) -> None:
    workspace.courier.ack_timeout_s = 0.05
    async with websockets.connect(await _address(served)) as socket:
        await _read(socket)
        outcome = await workspace.command(ENGINEER, ALERTS, "/csms list")
        assert outcome.error == '/csms failed with the error "operation_timeout"'
        # The ack that comes now is for nobody, and does no harm.
        await _ack(socket, await _read(socket), {"text": "too late"})
        assert (await workspace.command(ENGINEER, ALERTS, "/csms list")).error
    assert workspace.ephemerals(ENGINEER) == []


async def test_each_payload_goes_to_one_socket_in_turn(workspace: Workspace, served: str) -> None:
    async with AsyncExitStack() as stack:
        counts = []
        for number in range(3):
            socket = await stack.enter_async_context(websockets.connect(await _address(served)))
            assert (await _read(socket))["num_connections"] == number + 1
            counts.append(asyncio.create_task(_ack_everything(socket)))
        for _ in range(6):
            assert (await workspace.command(ENGINEER, ALERTS, "/csms list")).ok
    assert [await count for count in counts] == [2, 2, 2]


async def _ack_everything(socket: ClientConnection) -> int:
    acked = 0
    async for frame in socket:
        await _ack(socket, json.loads(frame))
        acked += 1
    return acked


async def test_an_eleventh_socket_is_refused(served: str) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(websockets.connect(await _address(served)))
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(await _address(served))


async def test_a_refreshed_socket_works_until_the_next_one_is_there(
    workspace: Workspace, served: str
) -> None:
    workspace.sockets.refresh_grace_s = 0.2
    async with websockets.connect(await _address(served)) as old:
        await _read(old)
        assert await workspace.sockets.disconnect(reason="refresh_requested") == 1
        assert (await _read(old))["reason"] == "refresh_requested"
        command = asyncio.create_task(workspace.command(ENGINEER, ALERTS, "/csms list"))
        await _ack(old, await _read(old))
        assert (await command).ok
        async with websockets.connect(await _address(served)) as new:
            await _read(new)
            for _ in range(2):
                command = asyncio.create_task(workspace.command(ENGINEER, ALERTS, "/csms list"))
                await _ack(new, await _read(new))
                assert (await command).ok
            await asyncio.wait_for(old.wait_closed(), 2)
    assert old.close_code == 1000


async def test_a_dropped_socket_sees_no_close_frame_and_commands_fail(
    workspace: Workspace, served: str
) -> None:
    async with websockets.connect(await _address(served)) as socket:
        await _read(socket)
        assert workspace.app_connected
        workspace.sockets.drop()
        with pytest.raises(websockets.ConnectionClosedError):
            await _read(socket)
        assert socket.close_code == 1006
        await workspace.wait_for(lambda: not workspace.app_connected)
        outcome = await workspace.command(ENGINEER, ALERTS, "/csms list")
        assert outcome.error == '/csms failed with the error "dispatch_failed"'


async def test_an_event_is_sent_again_with_its_attempt(workspace: Workspace, served: str) -> None:
    workspace.courier.ack_timeout_s = 0.05
    workspace.courier.event_retry_delays_s = (0, 0, 0)
    async with websockets.connect(await _address(served)) as socket:
        await _read(socket)
        sending = asyncio.create_task(workspace.send_event(EVENT))
        first, second = await _read(socket), await _read(socket)
        await _ack(socket, second)
        assert (await sending).ok
    assert (first["retry_attempt"], second["retry_attempt"]) == (0, 1)
    assert second["retry_reason"] == "timeout"
    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    assert first["accepts_response_payload"] is False


async def test_nonsense_on_a_socket_does_no_harm(workspace: Workspace, served: str) -> None:
    async with websockets.connect(await _address(served)) as socket:
        await _read(socket)
        for nonsense in ("{", "[]", '{"envelope_id": 3}', b"\x00"):
            await socket.send(nonsense)
        command = asyncio.create_task(workspace.command(ENGINEER, ALERTS, "/csms list"))
        await _ack(socket, await _read(socket))
        assert (await command).ok
