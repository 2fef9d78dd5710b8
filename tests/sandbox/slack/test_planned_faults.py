"""Faults on request: what the client sees, and whether the effect took place."""

import time
from typing import Any

import httpx
import pytest

from bot.sandbox.slack import Workspace
from tests.sandbox.slack.support import ALERTS, BOT_TOKEN, ENGINEER, AppDouble


async def _plan(http: httpx.AsyncClient, **fault: Any) -> None:
    answer = await http.post("/_control/faults", json={"method": "chat.postMessage"} | fault)
    assert answer.status_code == 200, answer.text


async def _post(http: httpx.AsyncClient, text: str = "hello") -> httpx.Response:
    return await http.post(
        "/api/chat.postMessage", data={"token": BOT_TOKEN, "channel": ALERTS, "text": text}
    )


def _texts(workspace: Workspace) -> list[str]:
    return [message.text for message in workspace.messages(ALERTS)]


async def test_a_planned_rate_limit(http: httpx.AsyncClient, workspace: Workspace) -> None:
    await _plan(http, kind="ratelimited", retry_after=7)
    refused, taken = await _post(http, "one"), await _post(http, "two")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert taken.json()["ok"]
    assert _texts(workspace) == ["two"]


async def test_a_planned_status(http: httpx.AsyncClient, workspace: Workspace) -> None:
    await _plan(http, kind="status", status=503)
    assert (await _post(http)).status_code == 503
    assert _texts(workspace) == []


async def test_an_error_without_and_with_the_effect(http: httpx.AsyncClient, workspace: Workspace) -> None:
    await _plan(http, kind="error", error="fatal_error")
    assert (await _post(http, "one")).json() == {"ok": False, "error": "fatal_error"}
    assert _texts(workspace) == []
    await _plan(http, kind="error_after")
    assert (await _post(http, "two")).json() == {"ok": False, "error": "internal_error"}
    assert _texts(workspace) == ["two"]


async def test_the_nth_call_and_as_many_as_wanted_are_hit(
    http: httpx.AsyncClient, workspace: Workspace
) -> None:
    await _plan(http, kind="error", nth=2, times=2)
    for number in range(4):
        await _post(http, str(number))
    assert _texts(workspace) == ["0", "3"]


async def test_a_fault_for_any_method_and_none_after_clearing(
    http: httpx.AsyncClient, workspace: Workspace
) -> None:
    await _plan(http, method="*", kind="error", times=None)
    assert not (await http.post("/api/auth.test", data={"token": BOT_TOKEN})).json()["ok"]
    await http.delete("/_control/faults")
    assert (await _post(http)).json()["ok"]


@pytest.mark.parametrize(("kind", "effect"), [("reset_before", []), ("reset_after", ["hello"])])
async def test_a_reset_is_seen_as_a_broken_connection(
    workspace: Workspace, served: str, kind: str, effect: list[str]
) -> None:
    async with httpx.AsyncClient(base_url=served) as http:
        await _plan(http, kind=kind)
        with pytest.raises(httpx.TransportError):
            await _post(http)
        assert _texts(workspace) == effect
        assert (await _post(http, "next")).json()["ok"]


async def test_a_late_effect_lands_after_the_connection_broke(workspace: Workspace, served: str) -> None:
    async with httpx.AsyncClient(base_url=served) as http:
        await _plan(http, kind="late", delay_s=0.1)
        with pytest.raises(httpx.TransportError):
            await _post(http)
        assert _texts(workspace) == []
        await workspace.wait_for(lambda: workspace.messages(ALERTS))
    assert _texts(workspace) == ["hello"]


async def test_a_delay_holds_the_answer_back(http: httpx.AsyncClient) -> None:
    await _plan(http, kind="delay", delay_s=0.05)
    before = time.perf_counter()
    assert (await _post(http)).json()["ok"]
    assert time.perf_counter() - before >= 0.05


async def test_a_response_url_can_fail_too(
    http: httpx.AsyncClient, workspace: Workspace, app: AppDouble
) -> None:
    await workspace.command(ENGINEER, ALERTS, "/csms list")
    url = app.received[0].form["response_url"]
    await _plan(http, method="response_url", kind="status", status=500)
    assert (await http.post(url, json={"text": "x"})).status_code == 500
    assert workspace.ephemerals(ENGINEER) == []
    assert (await http.post(url, json={"text": "x"})).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"kind": "explode"}, {"kind": "error", "nth": 0}, {"kind": "error", "colour": "red"}, {}]
)
async def test_a_fault_that_makes_no_sense_is_refused(http: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    answer = await http.post("/_control/faults", json={"method": "chat.update"} | wrong)
    assert answer.status_code == 400
    assert answer.json()["ok"] is False
