"""The calls: what is sent for each, and what comes back."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from bot.csms import CsmsClient, TokenAuth
from bot.errors import CsmsRefused, SettingsError
from bot.model import Patch, Target
from tests.csms.support import BASE, EVENT, HOST, client, ok, script

PATH = BASE.removeprefix(HOST)
BAD_NAMES = ["", "a/b", "..", "a b", "a%2Fb", "ü", "x" * 65, "a\n", "a?b", "a.b"]


async def test_an_event_is_shown_by_its_name():
    server = script(ok({"event": EVENT}))
    async with aclosing(client(server)) as csms:
        event = await csms.show_event("event-test")

    assert event.event_id == EVENT["event_id"]
    assert server.targets == [f"{PATH}/csms/events/event-test"]


async def test_an_update_puts_just_the_patch():
    server = script(ok({"event": {**EVENT, "state": "DISABLED"}}))
    async with aclosing(client(server)) as csms:
        event = await csms.update_event("event-test", Patch(state="DISABLED"))

    (request,) = server.requests
    assert (request.method, json.loads(request.content)) == ("PUT", {"state": "DISABLED"})
    assert request.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert event.state == "DISABLED"


@pytest.mark.parametrize("patch", [Patch(), Patch(types=()), Patch(target=Target("SMN", "id", ""))])
async def test_an_update_that_must_not_be_sent_is_not_sent(patch):
    server = script(ok({"event": EVENT}))
    async with aclosing(client(server)) as csms:
        with pytest.raises(ValueError):  # noqa: PT011 (the kind is the contract, the words are not)
            await csms.update_event("event-test", patch)

    assert server.requests == []


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_that_no_event_can_have_is_not_sent(name):
    server = script(ok({"event": EVENT}))
    async with aclosing(client(server)) as csms:
        for call in (
            csms.show_event(name),
            csms.update_event(name, Patch(state="DISABLED")),
            csms.secrets_of(name),
            csms.failed_tasks(name),
        ):
            with pytest.raises(ValueError, match="1 to 64"):
                await call

    assert server.requests == []


@pytest.mark.parametrize("project", ["", "a/b", "a b", "p?x", "..", "x" * 65])
def test_a_project_id_that_would_change_the_path_is_refused(project):
    with pytest.raises(SettingsError, match="HUAWEICLOUD_SDK_PROJECT_ID"):
        CsmsClient(endpoint=HOST, project_id=project, auth=TokenAuth("t"))


async def test_records_are_one_plain_get():
    server = script(ok({"records": [{"event_name": "e"}]}))
    async with aclosing(client(server)) as csms:
        page = await csms.notification_records()

    assert [record.event_name for record in page.records] == ["e"]
    assert server.targets == [f"{PATH}/csms/notification-records"]


async def test_records_that_did_not_change_are_the_same_page_and_changed_ones_another():
    one, two = {"records": [{"event_name": "a"}]}, {"records": [{"event_name": "b"}]}
    server = script(ok(one), ok(one), ok(two), ok(one))
    async with aclosing(client(server)) as csms:
        pages = [await csms.notification_records() for _ in range(4)]

    assert pages[0] is pages[1]
    assert [page.records[0].event_name for page in pages] == ["a", "a", "b", "a"]
    assert len(server.requests) == 4


async def test_the_secrets_of_an_event_are_named_in_order():
    secrets = [{"name": "b", "event_subscriptions": [None]}, {"name": "a"}, None, {"name": None}]
    server = script(ok({"secrets": secrets}))
    async with aclosing(client(server)) as csms:
        assert await csms.secrets_of("event-test") == ["a", "b"]

    assert server.targets == [f"{PATH}/secrets?event_name=event-test&limit=1000"]


async def test_secrets_are_read_over_several_pages():
    first = [{"name": f"s{number:04}"} for number in range(1000)]
    server = script(ok({"secrets": first}), ok({"secrets": [{"name": "t"}]}))
    async with aclosing(client(server)) as csms:
        names = await csms.secrets_of("event-test")

    assert (len(names), names[-1]) == (1001, "t")
    assert server.targets[1] == f"{PATH}/secrets?event_name=event-test&limit=1000&marker=s0999"


async def test_topics_are_targets_sorted_by_name():
    topics = [{"topic_urn": f"urn:smn:r:p:{name}", "name": name} for name in ("b", "a")]
    server = script(ok({"topics": topics, "topic_count": 2}))
    async with aclosing(client(server)) as csms:
        found = await csms.topics()

    assert found == [Target("SMN", "urn:smn:r:p:a", "a"), Target("SMN", "urn:smn:r:p:b", "b")]
    assert server.requests[0].url.host == "smn.example-1.myhuaweicloud.com"
    project = PATH.removeprefix("/v1/")
    assert server.targets == [f"/v2/{project}/notifications/topics?limit=100&offset=0"]


async def test_topics_are_read_in_hundreds_by_offset():
    pages = [[{"topic_urn": f"u{page}-{number}", "name": "t"} for number in range(100)] for page in range(2)]
    server = script(*(ok({"topics": page}) for page in pages), ok({"topics": []}))
    async with aclosing(client(server)) as csms:
        assert len(await csms.topics()) == 200

    assert [target.rpartition("=")[2] for target in server.targets] == ["0", "100", "200"]


async def test_a_list_of_topics_that_repeats_itself_ends():
    page = [{"topic_urn": f"u{number}", "name": "t"} for number in range(100)]
    server = script(ok({"topics": page}))
    async with aclosing(client(server)) as csms:
        assert len(await csms.topics()) == 100

    assert len(server.requests) == 2


async def test_a_topic_is_looked_up_by_its_whole_name_quoted():
    server = script(ok({"topics": []}))
    async with aclosing(client(server)) as csms:
        assert await csms.topics("a b&c") == []

    assert server.targets[0].endswith("?limit=100&offset=0&name=a%20b%26c")


async def test_without_an_address_of_smn_topics_are_refused_and_nothing_is_sent():
    server = script(ok({}))
    async with aclosing(client(server, smn_endpoint=None)) as csms:
        with pytest.raises(CsmsRefused, match="HW_REGION_NAME"):
            await csms.topics()

    assert server.requests == []


async def test_failed_rotations_are_newest_first_with_their_reason():
    tasks = [
        {"task_id": "1", "secret_name": "s", "task_time": 1581507580000, "task_error_code": "X", "task_error_msg": "old"},
        {"task_id": "2", "secret_name": "s", "task_time": 1581507590000, "attempt_nums": 3, "task_error_msg": "new"},
        {"task_id": "3"},
    ]  # fmt: skip
    server = script(ok({"tasks": tasks, "next_marker": "3", "total": 3}))
    async with aclosing(client(server)) as csms:
        found = await csms.failed_tasks("s")

    assert [(task.task_id, task.attempts, task.message) for task in found] == [
        ("2", 3, "new"),
        ("1", 0, "old"),
        ("3", 0, ""),
    ]
    assert found[1].at == datetime(2020, 2, 12, 11, 39, 40, tzinfo=UTC)
    assert server.targets == [f"{PATH}/csms/tasks?limit=50&secret_name=s&status=FAILED"]


async def test_every_request_says_who_asks_and_wants_json():
    server = script(ok({"events": []}))
    async with aclosing(client(server)) as csms:
        await csms.list_events()

    headers = server.requests[0].headers
    assert headers["User-Agent"].startswith("csms-bot/")
    assert headers["Accept"] == "application/json"
