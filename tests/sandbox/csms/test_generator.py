"""Records that come of themselves."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace

import pytest

from bot.sandbox.csms import CsmsWorld, demo_seed, run_generator
from bot.sandbox.csms.generator import dice, happen
from bot.sandbox.csms.model import Record, Secret, Target
from tests.sandbox.csms.tools import NOW, Clock, event, small_seed


def story(seed: int, steps: int) -> list[Record | None]:
    world, chance = CsmsWorld(demo_seed(), clock=Clock()), dice(seed)
    return [happen(world, chance) for _ in range(steps)]


def test_the_same_seed_tells_the_same_story() -> None:
    assert story(1, 30) == story(1, 30)
    assert story(1, 30) != story(2, 30)


def test_the_demo_shows_every_status_and_leaves_a_disabled_event_alone() -> None:
    told = [record for record in story(0, 200) if record is not None]
    assert len(told) == 200
    by_event = {record.event_name: record.notification_status for record in told}
    assert by_event == {
        "prod-db-password-expiry": "SUCCESS",
        "payments-api-key-rotation": "SUCCESS",
        "checkout-db-rotation": "INVALID",
        "mail-gateway-credentials": "FAIL",
        "audit-stream-events": "SUCCESS",
        "search-cluster-token": "SUCCESS",
        "warehouse-db-credentials": "SUCCESS",
    }
    assert Counter(record.trigger_event_type for record in told).keys() == {
        "SECRET_ROTATED",
        "SECRET_ROTATED_FAILED",
        "SECRET_VERSION_CREATED",
        "SECRET_VERSION_EXPIRED",
    }


def test_a_record_tells_what_was_sent_and_to_whom() -> None:
    clock = Clock()
    secret = Secret(name="db-password", event_subscriptions=("beta",), version=18, create_time=-86_400_000)
    world = CsmsWorld(small_seed(secrets=(secret,)), clock=clock)
    record = world.trigger("beta", "SECRET_VERSION_EXPIRED")
    assert (record.create_time, record.secret_type, record.notification_status) == (
        NOW * 1000,
        "COMMON",
        "SUCCESS",
    )
    sent = json.loads(record.notification_content or "")
    secret_id = sent["data"].pop("secretId")
    assert len(secret_id) == 36
    assert sent == {
        "eventName": "beta",
        "eventType": "SECRET_VERSION_EXPIRED",
        "eventTime": "2023-11-14T22:13:20.750Z",
        "data": {
            "secretName": "db-password",
            "createTime": "2023-11-13T22:13:20.000Z",
            "updateTime": "2023-11-13T22:13:20.000Z",
            "versionId": "v18",
            "versionExpireTime": "2023-11-14T22:13:20.000Z",
        },
    }


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (
            Target(
                target_type="SMN",
                target_id=f"urn:smn:cn-north-4:{'0123456789abcdef' * 2}:oncall",
                target_name="x",
            ),
            "SUCCESS",
        ),
        (
            Target(
                target_type="SMN",
                target_id=f"urn:smn:cn-north-4:{'0123456789abcdef' * 2}:broken",
                target_name="x",
            ),
            "FAIL",
        ),
        (Target(target_type="SMN", target_id="urn:smn:cn-north-4:nowhere", target_name="oncall"), "INVALID"),
        (Target(target_type="EG", target_id="channel", target_name="x"), "SUCCESS"),
    ],
)
def test_the_status_follows_from_the_target(target: Target, status: str) -> None:
    world = CsmsWorld(small_seed(events=(event("e", notification=target),), secrets=()))
    assert world.trigger("e", "SECRET_VERSION_EXPIRED").notification_status == status
    assert world.trigger("e", "SECRET_VERSION_EXPIRED", status="FAIL").notification_status == "FAIL"


def test_a_rotation_leaves_a_task_and_a_new_version() -> None:
    both = event("e", event_types=("SECRET_ROTATED", "SECRET_ROTATED_FAILED"))
    managed = Secret(name="db", secret_type="RDS-FG", event_subscriptions=("e",), version=3)
    world = CsmsWorld(small_seed(events=(both,), secrets=(managed,)))
    world.trigger("e", "SECRET_ROTATED")
    world.trigger("e", "SECRET_ROTATED_FAILED")
    assert [(task.secret_name, task.task_status) for task in world.tasks] == [
        ("db", "FAILED"),
        ("db", "SUCCESS"),
    ]
    assert world.attached("e")[0].version == 4


def test_a_deleted_secret_triggers_nothing_more() -> None:
    gone = event("e", event_types=("SECRET_DELETED", "SECRET_VERSION_EXPIRED"))
    world = CsmsWorld(small_seed(events=(gone,), secrets=(Secret(name="s", event_subscriptions=("e",)),)))
    record = world.trigger("e", "SECRET_DELETED")
    assert "versionId" not in json.loads(record.notification_content or "")["data"]
    assert happen(world, dice(0)) is None


async def test_the_generator_runs_at_its_pace_until_it_is_stopped() -> None:
    world, stop = CsmsWorld(demo_seed()), asyncio.Event()
    task = asyncio.create_task(run_generator(world, 0.01, stop))
    async with asyncio.timeout(2):
        while len(world.journal) < 3:
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(task, 1)
    assert {effect.operation for effect in world.journal} == {"record"}


async def test_a_pace_of_zero_is_off() -> None:
    world = CsmsWorld(demo_seed())
    await asyncio.wait_for(run_generator(world, 0, asyncio.Event()), 1)
    assert world.journal == []


def test_an_event_switched_off_or_without_secrets_is_not_picked() -> None:
    seed = small_seed()
    off = tuple(replace(item, state="DISABLED") for item in seed.events)
    assert happen(CsmsWorld(replace(seed, events=off)), dice(0)) is None
    assert happen(CsmsWorld(replace(seed, secrets=())), dice(0)) is None
