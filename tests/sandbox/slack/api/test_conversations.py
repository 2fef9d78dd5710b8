"""conversations.history, .replies, .info, .open; users and user groups."""

from dataclasses import replace

import pytest

from bot.sandbox.slack import Workspace
from bot.sandbox.slack.seed import User
from tests.sandbox.slack.support import ALERTS, APPROVER, BOT, ENGINEER, GENERAL, GUEST, Api

METADATA = {"event_type": "csms_alert", "event_payload": {"k": "one"}}


async def _posted(api: Api, *texts: str, thread_ts: str = "") -> list[str]:
    return [
        (await api.ok("chat.postMessage", channel=ALERTS, text=text, thread_ts=thread_ts))["ts"]
        for text in texts
    ]


def _texts(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [message["text"] for message in answer["messages"]]


async def test_history_is_newest_first_and_without_replies(api: Api) -> None:
    first, _ = await _posted(api, "one", "two")
    await _posted(api, "reply", thread_ts=first)
    answer = await api.ok("conversations.history", channel=ALERTS)
    assert _texts(answer) == ["two", "one"]
    assert answer["has_more"] is False
    assert (answer["messages"][1]["reply_count"], answer["messages"][1]["thread_ts"]) == (1, first)


async def test_history_comes_in_pages_that_a_new_message_does_not_shift(api: Api) -> None:
    await _posted(api, *"abcde")
    page = await api.ok("conversations.history", channel=ALERTS, limit=2)
    await _posted(api, "new")
    seen = _texts(page)
    while page["has_more"]:
        cursor = page["response_metadata"]["next_cursor"]
        page = await api.ok("conversations.history", channel=ALERTS, limit=2, cursor=cursor)
        seen += _texts(page)
    assert seen == list("edcba")


async def test_history_has_a_range_with_or_without_its_ends(api: Api) -> None:
    times = await _posted(api, *"abcd")
    ends = {"channel": ALERTS, "oldest": times[1], "latest": times[3]}
    assert _texts(await api.ok("conversations.history", **ends)) == ["c"]
    assert _texts(await api.ok("conversations.history", **ends, inclusive=True)) == ["d", "c", "b"]


async def test_history_leaves_the_metadata_payload_out_unless_asked(api: Api) -> None:
    await api.ok("chat.postMessage", channel=ALERTS, text="x", metadata=METADATA)
    without = await api.ok("conversations.history", channel=ALERTS)
    with_all = await api.ok("conversations.history", channel=ALERTS, include_all_metadata=True)
    assert without["messages"][0]["metadata"] == {"event_type": "csms_alert"}
    assert with_all["messages"][0]["metadata"] == METADATA


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"channel": GENERAL}, "not_in_channel"),
        ({"limit": 1000}, "invalid_limit"),
        ({"limit": "many"}, "invalid_limit"),
        ({"cursor": "nonsense"}, "invalid_cursor"),
        ({"oldest": "yesterday"}, "invalid_ts_oldest"),
        ({"latest": "tomorrow"}, "invalid_ts_latest"),
    ],
)
async def test_a_wrong_question_about_history_is_refused(
    api: Api, wrong: dict[str, object], code: str
) -> None:
    await _posted(api, "one")
    assert await api.error("conversations.history", **({"channel": ALERTS} | wrong)) == code


@pytest.mark.parametrize(("is_private", "scope"), [(False, "channels:history"), (True, "groups:history")])
async def test_each_kind_of_channel_has_its_own_history_scope(
    api: Api, workspace: Workspace, is_private: bool, scope: str
) -> None:
    workspace.put_channel(replace(workspace.channels[ALERTS], is_private=is_private))
    kept = tuple(other for other in workspace.app.scopes if other != scope)
    workspace.app = replace(workspace.app, scopes=kept)
    answer = await api("conversations.history", channel=ALERTS)
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)


async def test_a_direct_message_is_read_with_im_history(api: Api, workspace: Workspace) -> None:
    channel = (await api.ok("chat.postMessage", channel=ENGINEER, text="psst"))["channel"]
    assert _texts(await api.ok("conversations.history", channel=channel)) == ["psst"]
    workspace.app = replace(workspace.app, scopes=("channels:history",))
    assert (await api("conversations.history", channel=channel))["needed"] == "im:history"


async def test_replies_are_oldest_first_after_the_parent(api: Api) -> None:
    (parent,) = await _posted(api, "parent")
    first, _ = await _posted(api, "one", "two", thread_ts=parent)
    answer = await api.ok("conversations.replies", channel=ALERTS, ts=parent)
    assert _texts(answer) == ["parent", "one", "two"]
    later = await api.ok("conversations.replies", channel=ALERTS, ts=parent, oldest=first)
    assert _texts(later) == ["parent", "two"]
    assert await api.error("conversations.replies", channel=ALERTS, ts="1.000000") == "thread_not_found"


async def test_replies_come_in_pages(api: Api) -> None:
    (parent,) = await _posted(api, "parent")
    await _posted(api, *"abc", thread_ts=parent)
    page = await api.ok("conversations.replies", channel=ALERTS, ts=parent, limit=3)
    assert (_texts(page), page["has_more"]) == (["parent", "a", "b"], True)
    cursor = page["response_metadata"]["next_cursor"]
    rest = await api.ok("conversations.replies", channel=ALERTS, ts=parent, limit=3, cursor=cursor)
    assert _texts(rest) == ["c"]


async def test_info_says_whether_the_bot_is_in_a_public_channel(api: Api, workspace: Workspace) -> None:
    joined = (await api.ok("conversations.info", channel=ALERTS))["channel"]
    other = (await api.ok("conversations.info", channel=GENERAL, include_num_members=True))["channel"]
    assert (joined["is_member"], joined["is_archived"], joined["is_private"]) == (True, False, False)
    assert (other["is_member"], other["num_members"]) == (False, len(workspace.channels[GENERAL].members))


async def test_opening_a_conversation_twice_gives_the_same_one(api: Api) -> None:
    first = await api.ok("conversations.open", users=ENGINEER)
    again = await api.ok("conversations.open", users=ENGINEER)
    assert again["channel"]["id"] == first["channel"]["id"]
    assert again["already_open"] is True
    assert await api.error("conversations.open", users="U0NOBODY") == "user_not_found"
    assert await api.error("conversations.open", users=f"{ENGINEER},{APPROVER}") == "too_many_users"


async def test_users_info_tells_guests_bots_deleted_people_and_strangers(
    api: Api, workspace: Workspace
) -> None:
    workspace.put_user(replace(workspace.users[APPROVER], deleted=True))
    workspace.put_user(User("U0STRANGER", "stranger", team_id="T0ELSEWHERE"))
    shown = {
        user: (await api.ok("users.info", user=user))["user"]
        for user in (ENGINEER, GUEST, APPROVER, BOT, "U0STRANGER")
    }
    assert shown[ENGINEER]["is_restricted"] is False
    assert shown[GUEST]["is_restricted"] is True
    assert shown[APPROVER]["deleted"] is True
    assert shown[BOT]["is_bot"] is True
    assert (shown["U0STRANGER"]["is_stranger"], shown["U0STRANGER"]["team_id"]) == (True, "T0ELSEWHERE")
    assert await api.error("users.info", user="U0NOBODY") == "user_not_found"


async def test_a_user_group_lists_its_people(api: Api) -> None:
    answer = await api.ok("usergroups.users.list", usergroup="S00APPROVERS")
    assert answer["users"] == [APPROVER]
    assert await api.error("usergroups.users.list", usergroup="S0NONE") == "no_such_subteam"
