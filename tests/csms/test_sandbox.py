"""The client against the embedded CSMS: real sockets, checked signatures, and the faults that it can make."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from bot.csms import CsmsClient, credentials
from bot.errors import CsmsDown, CsmsForbidden, CsmsNotFound, CsmsRefused, CsmsUnauthorized, Landed
from bot.model import Patch, Target
from bot.sandbox.csms import CsmsWorld, build_app, demo_seed
from bot.sandbox.csms.model import Behaviour, Event, NextMarker
from bot.serving import serving
from tests.csms.support import Nap

SEED = demo_seed()
KEY, USER = SEED.credentials[0], SEED.users[0]
KEYS = {"HUAWEICLOUD_SDK_AK": KEY.ak, "HUAWEICLOUD_SDK_SK": KEY.sk}
PASSWORD = {"HW_USER_NAME": USER.name, "HW_USER_PASSWORD": USER.password, "HW_DOMAIN_NAME": USER.domain}
NAME = "prod-db-password-expiry"


@asynccontextmanager
async def cloud(*, env=KEYS, seed=SEED, nap=None, metadata=False):
    """A running sandbox and a client of it; with `metadata`, one that knows no other credential."""
    world = CsmsWorld(seed)
    async with serving(build_app(world)) as base:
        auth = credentials(
            {} if metadata else env,
            project_id=seed.project_id,
            iam_endpoint=base,
            metadata=base if metadata else "",
        )
        client = CsmsClient(
            endpoint=base, smn_endpoint=base, project_id=seed.project_id, auth=auth, sleep=nap or Nap()
        )
        async with aclosing(client), httpx.AsyncClient(base_url=base, trust_env=False) as control:
            yield world, client, control


async def fault(control, operation, **what):
    response = await control.post("/_control/faults", json={"operation": operation, **what})
    assert response.is_success, response.text


@pytest.mark.parametrize("env", [KEYS, PASSWORD], ids=["keys", "password"])
async def test_every_call_is_accepted(env):
    async with cloud(env=env) as (world, client, _control):
        events = await client.list_events()
        shown = await client.show_event(NAME)
        updated = await client.update_event(NAME, Patch(state="DISABLED"))
        records = await client.notification_records()
        topics = await client.topics()
        secrets = await client.secrets_of(NAME)
        tasks = await client.failed_tasks(secrets[0])

    assert sorted(event.name for event in events) == sorted(event.name for event in SEED.events)
    assert shown in events
    assert updated.settings() == {**shown.settings(), "state": "DISABLED"}
    assert len(records.records) == len(SEED.records)
    assert not records.maybe_incomplete
    assert {topic.name for topic in topics} == {topic.name for topic in SEED.topics}
    assert shown.target in topics
    assert secrets == sorted(secret.name for secret in SEED.secrets if NAME in secret.event_subscriptions)
    assert all(task.secret_name == secrets[0] for task in tasks)
    assert world.event(NAME).state == "DISABLED"


async def test_keys_of_an_instance_are_accepted():
    async with cloud(metadata=True) as (_world, client, _control):
        assert len(await client.list_events()) == len(SEED.events)


async def test_a_wrong_secret_key_is_told_without_what_the_gateway_echoes():
    async with cloud(env={**KEYS, "HUAWEICLOUD_SDK_SK": "wrong"}) as (_world, client, _control):
        with pytest.raises(CsmsUnauthorized, match="verify aksk signature fail") as caught:
            await client.list_events()

    assert KEY.ak not in f"{caught.value} {vars(caught.value)}"
    assert "Signature=" not in str(caught.value)


async def test_a_token_that_ended_is_renewed_and_nobody_notices():
    async with cloud(env=PASSWORD) as (world, client, _control):
        await client.list_events()
        world.access.expire_tokens()
        events = await asyncio.gather(*(client.list_events() for _ in range(10)))

    assert {len(listed) for listed in events} == {len(SEED.events)}


@pytest.mark.parametrize("next_marker", list(NextMarker))
@pytest.mark.parametrize("limit", [1, 3, 50])
async def test_the_whole_list_is_read_whatever_next_marker_is(next_marker, limit):
    target = SEED.events[0].notification
    events = tuple(
        Event(
            name=f"e{number}",
            event_types=("SECRET_DELETED",),
            notification=target,
            create_time=-number * 1000,
        )
        for number in range(7)
    )
    seed = replace(SEED, events=events, secrets=(), records=(), behaviour=Behaviour(next_marker=next_marker))
    async with cloud(seed=seed) as (_world, client, _control):
        names = [event.name async for page in client.pages(limit=limit) for event in page]

    assert sorted(names) == [f"e{number}" for number in range(7)]


async def test_an_event_deleted_between_two_pages_does_not_end_the_list():
    async with cloud() as (world, client, _control):
        names = []
        async for page in client.pages(limit=3):
            names += [event.name for event in page]
            if len(names) == 3:
                for secret in world.attached(names[-1]):
                    world.put_secret(replace(secret, event_subscriptions=()))
                world.delete_event(names[-1], caller="somebody else")

    assert sorted(names) == sorted(event.name for event in SEED.events)


async def test_a_target_is_replaced_whole_and_read_back():
    async with cloud() as (_world, client, _control):
        before = await client.show_event(NAME)
        other = next(topic for topic in await client.topics() if topic != before.target)
        await client.update_event(NAME, Patch(types=("SECRET_DELETED",), target=other))
        after = await client.show_event(NAME)

    assert (after.target, after.types, after.state) == (other, ("SECRET_DELETED",), before.state)


async def test_a_value_that_csms_refuses_did_not_land():
    async with cloud() as (world, client, _control):
        with pytest.raises(CsmsRefused) as caught:
            await client.update_event(NAME, Patch(target=Target("PIGEON", "a", "b")))
        assert world.event(NAME).notification == SEED.events[0].notification

    assert (caught.value.status, caught.value.landed) == (400, Landed.NO)
    assert caught.value.request_id


async def test_a_missing_event_is_not_found():
    async with cloud() as (_world, client, _control):
        with pytest.raises(CsmsNotFound):
            await client.show_event("no-such-event")


async def test_a_missing_permission_is_named():
    async with cloud() as (world, client, _control):
        world.access.denied = frozenset({"csms:event:update"})
        with pytest.raises(CsmsForbidden) as caught:
            await client.update_event(NAME, Patch(state="DISABLED"))

    assert caught.value.permission == "csms:event:update"


async def test_a_put_whose_answer_is_lost_is_unknown_and_was_sent_once():
    async with cloud() as (world, client, control):
        await fault(control, "update_event", reset=True, effect="after")
        with pytest.raises(CsmsDown) as caught:
            await client.update_event(NAME, Patch(state="DISABLED"))
        assert world.calls["update_event"] == 1
        assert world.event(NAME).state == "DISABLED"

    assert caught.value.landed is Landed.UNKNOWN


async def test_a_get_whose_answer_is_lost_is_asked_for_again():
    nap = Nap()
    async with cloud(nap=nap) as (_world, client, control):
        await fault(control, "list_events", reset=True)
        events = await client.list_events()

    assert len(events) == len(SEED.events)
    assert len(nap.seconds) == 1
