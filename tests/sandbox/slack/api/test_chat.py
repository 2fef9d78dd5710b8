"""chat.postMessage, chat.update, chat.postEphemeral, chat.delete."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.sandbox.slack import Workspace
from bot.sandbox.slack.model import Effect
from tests.sandbox.slack.support import (
    ALERTS,
    BOT_TOKEN,
    ENGINEER,
    GENERAL,
    GUEST,
    Api,
    actions,
    button,
    section,
)

METADATA = {"event_type": "csms_alert", "event_payload": {"k": "one"}}


async def test_a_post_is_in_the_channel_with_what_was_given(api: Api, workspace: Workspace) -> None:
    answer = await api.ok(
        "chat.postMessage", channel=ALERTS, text="hello", blocks=[section()], metadata=METADATA
    )
    (message,) = workspace.messages(ALERTS)
    assert (message.ts, message.text, message.metadata) == (answer["ts"], "hello", METADATA)
    assert message.bot_id == "B00CSMSBOT"
    assert message.blocks[0]["block_id"]
    assert answer["channel"] == ALERTS
    assert answer["message"]["text"] == "hello"


async def test_a_form_means_the_same_as_json(http: httpx.AsyncClient, workspace: Workspace) -> None:
    form = {
        "token": BOT_TOKEN, "channel": ALERTS, "text": "hello", "blocks": json.dumps([section()]),
        "metadata": json.dumps(METADATA),
    }  # fmt: skip
    assert (await http.post("/api/chat.postMessage", data=form)).json()["ok"]
    (message,) = workspace.messages(ALERTS)
    assert (message.metadata, message.blocks[0]["text"]["text"]) == (METADATA, "Hello")


async def test_message_times_rise_even_while_the_clock_stands(api: Api) -> None:
    times = [(await api.ok("chat.postMessage", channel=ALERTS, text="x"))["ts"] for _ in range(3)]
    assert sorted(set(times)) == times


async def test_a_user_id_opens_the_conversation_with_that_person(api: Api, workspace: Workspace) -> None:
    answer = await api.ok("chat.postMessage", channel=ENGINEER, text="psst")
    channel = workspace.channels[answer["channel"]]
    assert (channel.is_im, channel.user) == (True, ENGINEER)
    again = await api.ok("chat.postMessage", channel=ENGINEER, text="once more")
    assert again["channel"] == answer["channel"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"channel": "U0NOBODY"}, "channel_not_found"),
        ({"channel": GENERAL}, "not_in_channel"),
        ({"channel": ""}, "invalid_arguments"),
        ({"text": ""}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"blocks": "{"}, "invalid_blocks_format"),
        ({"blocks": {"type": "section"}}, "invalid_blocks_format"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"blocks": [section("x" * 3000) for _ in range(4)] + [section()]}, "msg_blocks_too_long"),
        ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
        ({"metadata": "{"}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "x", "event_payload": "y"}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "x", "event_payload": {}, "extra": 1}}, "invalid_metadata_format"),
        ({"thread_ts": "yesterday"}, "invalid_thread_ts"),
        ({"thread_ts": "1700000000.000001"}, "thread_not_found"),
    ],
)
async def test_a_wrong_post_is_refused_and_leaves_no_trace(
    api: Api, workspace: Workspace, wrong: dict[str, Any], code: str
) -> None:
    assert await api.error("chat.postMessage", **({"channel": ALERTS, "text": "hello"} | wrong)) == code
    assert workspace.messages(ALERTS) == []
    assert workspace.journal.entries == ()


async def test_invalid_blocks_say_where(api: Api) -> None:
    answer = await api("chat.postMessage", channel=ALERTS, text="x", blocks=[section(""), actions(button())])
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_a_post_into_an_archived_channel_is_refused(api: Api, workspace: Workspace) -> None:
    workspace.put_channel(replace(workspace.channels[ALERTS], is_archived=True))
    assert await api.error("chat.postMessage", channel=ALERTS, text="hello") == "is_archived"


async def test_a_private_channel_without_the_bot_does_not_exist(api: Api, workspace: Workspace) -> None:
    workspace.put_channel(replace(workspace.channels[GENERAL], is_private=True))
    assert await api.error("chat.postMessage", channel=GENERAL, text="hello") == "channel_not_found"


async def test_a_text_over_forty_thousand_characters_is_cut(api: Api, workspace: Workspace) -> None:
    await api.ok("chat.postMessage", channel=ALERTS, text="x" * 40_001)
    assert len(workspace.messages(ALERTS)[0].text) == 40_000


async def test_a_reply_is_in_the_thread(api: Api, workspace: Workspace) -> None:
    parent = (await api.ok("chat.postMessage", channel=ALERTS, text="parent"))["ts"]
    reply = (await api.ok("chat.postMessage", channel=ALERTS, text="reply", thread_ts=parent))["ts"]
    assert [message.ts for message in workspace.replies(ALERTS, parent)] == [reply]
    refused = await api.error("chat.postMessage", channel=ALERTS, text="deeper", thread_ts=reply)
    assert refused == "cannot_reply_to_message"


async def test_an_update_keeps_what_it_does_not_name(api: Api, workspace: Workspace) -> None:
    ts = (await api.ok("chat.postMessage", channel=ALERTS, text="a", blocks=[section()], metadata=METADATA))[
        "ts"
    ]
    before = workspace.message(ALERTS, ts)
    assert before is not None
    await api.ok("chat.update", channel=ALERTS, ts=ts, text="b")
    after = workspace.message(ALERTS, ts)
    assert after is not None
    assert (after.text, after.blocks, after.metadata) == ("b", before.blocks, METADATA)
    assert after.edited_ts
    await api.ok("chat.update", channel=ALERTS, ts=ts, text="c", blocks=[], metadata={})
    last = workspace.message(ALERTS, ts)
    assert last is not None
    assert (last.text, last.blocks, last.metadata) == ("c", (), None)


async def test_an_update_over_four_thousand_characters_is_refused(api: Api) -> None:
    ts = (await api.ok("chat.postMessage", channel=ALERTS, text="a"))["ts"]
    assert await api.error("chat.update", channel=ALERTS, ts=ts, text="x" * 4001) == "msg_too_long"


async def test_only_the_apps_own_messages_can_be_changed(api: Api, workspace: Workspace) -> None:
    ts = workspace.say(ENGINEER, ALERTS, "mine").ts
    assert await api.error("chat.update", channel=ALERTS, ts=ts, text="x") == "cant_update_message"
    assert await api.error("chat.delete", channel=ALERTS, ts=ts) == "cant_delete_message"
    assert await api.error("chat.update", channel=ALERTS, ts="1.000000", text="x") == "message_not_found"


async def test_a_message_in_an_archived_channel_cannot_be_changed(api: Api, workspace: Workspace) -> None:
    ts = (await api.ok("chat.postMessage", channel=ALERTS, text="a"))["ts"]
    workspace.put_channel(replace(workspace.channels[ALERTS], is_archived=True))
    assert await api.error("chat.update", channel=ALERTS, ts=ts, text="b") == "is_inactive"


async def test_a_deleted_message_is_gone_but_stays_in_the_journal(api: Api, workspace: Workspace) -> None:
    ts = (await api.ok("chat.postMessage", channel=ALERTS, text="a"))["ts"]
    await api.ok("chat.delete", channel=ALERTS, ts=ts)
    assert workspace.messages(ALERTS) == []
    assert [(entry.seq, entry.effect, entry.ts) for entry in workspace.journal.entries] == [
        (1, Effect.POST, ts),
        (2, Effect.DELETE, ts),
    ]


async def test_an_ephemeral_message_is_before_one_person_only(api: Api, workspace: Workspace) -> None:
    answer = await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="for you")
    (message,) = workspace.ephemerals(ENGINEER)
    assert (message.ts, message.text) == (answer["message_ts"], "for you")
    assert workspace.ephemerals(GUEST) == []
    assert (await api.ok("conversations.history", channel=ALERTS))["messages"] == []
    refused = await api.error("chat.update", channel=ALERTS, ts=message.ts, text="x")
    assert refused == "message_not_found"


async def test_an_ephemeral_message_needs_its_person_in_the_channel(api: Api) -> None:
    refused = await api.error("chat.postEphemeral", channel="C00APPROVALS", user=GUEST, text="x")
    assert refused == "user_not_in_channel"


async def test_a_deleted_message_that_was_answered_leaves_a_tombstone_that_takes_more_replies(
    api: Api, workspace: Workspace
) -> None:
    parent = (await api.ok("chat.postMessage", channel=ALERTS, text="parent"))["ts"]
    first = (await api.ok("chat.postMessage", channel=ALERTS, text="reply", thread_ts=parent))["ts"]
    await api.ok("chat.delete", channel=ALERTS, ts=parent)

    (stone,) = (await api.ok("conversations.history", channel=ALERTS))["messages"]
    assert stone["text"] == "This message was deleted."
    assert (stone["subtype"], stone["user"], stone["hidden"]) == ("tombstone", "USLACKBOT", True)
    assert (stone["ts"], stone["thread_ts"], stone["reply_count"]) == (parent, parent, 1)
    assert await api.error("chat.update", channel=ALERTS, ts=parent, text="x") == "message_not_found"
    answer = await api.ok("chat.postMessage", channel=ALERTS, text="more", thread_ts=parent)
    assert answer["message"]["thread_ts"] == parent

    for ts in (first, answer["ts"]):
        await api.ok("chat.delete", channel=ALERTS, ts=ts)
    assert workspace.messages(ALERTS) == []


async def test_below_a_deleted_message_that_nobody_had_answered_a_reply_stands_in_the_channel(
    api: Api,
) -> None:
    parent = (await api.ok("chat.postMessage", channel=ALERTS, text="parent"))["ts"]
    await api.ok("chat.delete", channel=ALERTS, ts=parent)

    answer = await api.ok("chat.postMessage", channel=ALERTS, text="reply", thread_ts=parent)
    (shown,) = (await api.ok("conversations.history", channel=ALERTS))["messages"]
    assert (shown["ts"], shown["text"]) == (answer["ts"], "reply")
    assert "thread_ts" not in answer["message"]
    assert "thread_ts" not in shown
    assert await api.error("conversations.replies", channel=ALERTS, ts=parent) == "thread_not_found"
