"""Health, readiness and metrics, asked over HTTP of the running program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from bot import __version__
from bot.app import utc_now
from bot.sandbox.csms.faults import Fault as CsmsFault
from bot.sandbox.slack.fault import Fault, FaultKind
from tests.support.stage import PATIENCE_S, Stage, stage, until

ALWAYS = None


on_the_shared_one = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One program in HTTP mode for the tests that leave it as they found it."""
    async with stage(tmp_path_factory.mktemp("shared")) as running:
        yield running


async def get(running: Stage, path: str) -> httpx.Response:
    """What the bot answers at `path`."""
    async with httpx.AsyncClient(base_url=running.app.base_url) as client:
        return await client.get(path)


async def eventually(ask: Callable[[], Awaitable[httpx.Response]], status: int) -> dict[str, Any]:
    """Asks until the answer has that status; its JSON."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await ask()).status_code != status:
            await asyncio.sleep(0.05)
    return dict(answer.json())


async def metrics(running: Stage) -> dict[str, dict[tuple[str, ...], float]]:
    """Each metric's samples by the values of their labels, in the order of the labels' names."""
    answer = await get(running, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        family.name: {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for sample in family.samples
        }
        for family in text_string_to_metric_families(answer.text)
    }


async def test_it_is_alive_before_slack_answers_and_ready_only_after(tmp_path: Path):
    async with stage(tmp_path, start=False) as coming:
        coming.slack.faults.add("auth.test", Fault(FaultKind.ERROR, error="internal_error"), times=ALWAYS)
        starting = asyncio.create_task(coming.start())
        await until(lambda: coming.app is not None and coming.app.base_url)

        alive = await get(coming, "/healthz")
        not_ready = await eventually(lambda: get(coming, "/readyz"), 503)
        assert (alive.status_code, alive.text) == (200, "ok\n")
        assert not_ready["ready"] is False
        assert "slack: not connected" in not_ready["reasons"]
        assert (await metrics(coming))["csms_bot_slack_connected"] == {(): 0}

        coming.slack.faults.clear()
        await starting
        assert await eventually(lambda: get(coming, "/readyz"), 200) == {"ready": True, "reasons": []}


async def test_it_is_not_ready_before_the_first_good_poll(tmp_path: Path):
    async with stage(tmp_path, start=False) as coming:
        coming.world.faults.add("list_records", CsmsFault(status=500), times=ALWAYS)
        starting = asyncio.create_task(coming.start())
        await until(lambda: coming.app is not None and coming.app.status.poll_errors)

        not_ready = await eventually(lambda: get(coming, "/readyz"), 503)
        assert [reason.split(":")[0] for reason in not_ready["reasons"] if "slack" not in reason] == [
            "poll of default"
        ]
        assert (await metrics(coming))["csms_bot_last_poll_timestamp_seconds"] == {("default",): 0}

        coming.world.faults.clear()
        await starting
        assert (await eventually(lambda: get(coming, "/readyz"), 200))["ready"] is True


async def poll_failures(running: Stage, wanted: int) -> float:
    """The number of failed polls in a row once it is `wanted` or more; 0: once there is none."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await metrics(running))["csms_bot_poll_failures"][("default",)]
            if (found == 0) if wanted == 0 else (found >= wanted):
                return found
            await asyncio.sleep(0.01)


@on_the_shared_one
async def test_a_poll_that_is_too_long_ago_is_not_ready_and_a_late_one_still_is(shared: Stage):
    shared.app.status.clock = lambda: utc_now() + timedelta(seconds=25)
    late = await get(shared, "/readyz")
    shared.app.status.clock = lambda: utc_now() + timedelta(seconds=35)
    stale = await get(shared, "/readyz")
    shared.app.status.clock = utc_now

    assert late.status_code == 200
    assert stale.status_code == 503
    assert stale.json()["reasons"] == ["poll of default: not fresh"]


async def test_without_a_connection_to_slack_it_is_not_ready_until_there_is_one_again(tmp_path: Path):
    async with stage(tmp_path, socket_mode=True) as running:
        assert (await get(running, "/readyz")).status_code == 200

        running.slack.faults.add(
            "apps.connections.open", Fault(FaultKind.ERROR, error="internal_error"), times=ALWAYS
        )
        assert running.slack.sockets.drop() == 1
        gone = await eventually(lambda: get(running, "/readyz"), 503)
        assert gone["reasons"] == ["slack: not connected"]
        running.slack.faults.clear()

        assert (await eventually(lambda: get(running, "/readyz"), 200))["ready"] is True


async def test_a_database_that_does_not_answer_is_not_ready_and_no_failure_of_the_server(bot: Stage):
    await bot.app.store.close()

    answer = await get(bot, "/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": ["database: does not answer"]}


@on_the_shared_one
async def test_the_metrics_say_how_things_are(shared: Stage):
    await shared.ask("engineer", "enable legacy-ftp-password")
    await shared.card("CR-1", "pending")

    found = await metrics(shared)

    assert found["csms_bot_info"] == {("HTTP", __version__): 1}
    assert found["csms_bot_slack_connected"] == {(): 1}
    assert found["csms_bot_open_changes"] == {(): 1}
    assert found["csms_bot_audit_rows"] == {(): 1}
    assert found["csms_bot_records"] == {("default",): len(shared.world.records())}
    assert found["csms_bot_poll_failures"] == {("default",): 0}
    assert found["csms_bot_coverage_incomplete"] == {("default",): 0}
    assert abs(found["csms_bot_last_poll_timestamp_seconds"][("default",)] - utc_now().timestamp()) < 5
    assert all(number >= 0 for number in found["csms_bot_outbox_messages"].values())
    assert found["csms_bot_open_incidents"] == {("default",): 0}
    assert found["csms_bot_csms_requests"][("ListNotificationRecords", "default", "200")] >= 1
    assert found["csms_bot_slack_calls"][("auth.test", "ok")] == 1
    assert found["csms_bot_slack_calls"][("chat.postMessage", "ok")] >= 1


@on_the_shared_one
async def test_polls_that_fail_in_a_row_are_counted_until_one_succeeds(shared: Stage):
    shared.world.faults.add("list_records", CsmsFault(status=500), times=ALWAYS)
    first = await poll_failures(shared, 1)
    assert await poll_failures(shared, int(first) + 2) >= first + 2
    shared.world.faults.clear()
    failed = (await metrics(shared))["csms_bot_csms_requests"]
    assert failed[("ListNotificationRecords", "default", "500")] >= 2
    assert await poll_failures(shared, 0) == 0


@on_the_shared_one
async def test_what_is_not_there_is_a_404_in_json(shared: Stage):
    answer = await get(shared, "/admin")

    assert answer.status_code == 404
    assert answer.json() == {"error": "nothing is here at /admin"}


async def test_the_door_for_slack_takes_posts_in_http_mode_only(tmp_path: Path, bot: Stage):
    assert (await get(bot, "/slack/events")).status_code == 405
    (tmp_path / "other").mkdir()
    async with (
        stage(tmp_path / "other", socket_mode=True) as by_socket,
        httpx.AsyncClient(base_url=by_socket.app.base_url) as client,
    ):
        assert (await client.post("/slack/events", json={})).status_code == 404
