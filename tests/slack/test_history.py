"""What Slack holds is read to its end, whatever it answers in between."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bot.errors import Sent, SlackError
from bot.slack.client import SlackClient
from bot.slack.history import is_ours, messages

LIMITED = SlackError("conversations.history", sent=Sent.LIMITED, code="ratelimited", retry_after_s=0.001)
DOWN = SlackError("conversations.history", sent=Sent.UNKNOWN, code="HTTP 503")


class Slack:
    """Gives these answers, one after the other, and notes which page was asked for."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.cursors: list[str] = []

    async def call(self, _method: str, **arguments: Any) -> dict[str, Any]:
        self.cursors.append(arguments.get("cursor", ""))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast("dict[str, Any]", answer)


def page(*stamps: Any, cursor: str = "") -> dict[str, Any]:
    return {"messages": [{"ts": ts} for ts in stamps], "response_metadata": {"next_cursor": cursor}}


async def read(slack: Slack) -> list[str]:
    client = cast("SlackClient", slack)
    return [str(one["ts"]) async for one in messages(client, "conversations.history", channel="C1")]


async def test_a_page_that_slack_paces_is_asked_for_again_and_no_other():
    slack = Slack(page("3.1", cursor="b"), LIMITED, LIMITED, page("2.1", cursor="c"), LIMITED, page("1.1"))

    assert await read(slack) == ["3.1", "2.1", "1.1"]
    assert slack.cursors == ["", "b", "b", "b", "c", "c"]


async def test_any_other_trouble_is_for_the_caller():
    with pytest.raises(SlackError):
        await read(Slack(page("3.1", cursor="b"), DOWN))


@pytest.mark.parametrize("odd", [None, "x", "", "1e5", "-1.0"])
async def test_what_is_no_message_is_passed_over(odd: Any):
    assert await read(Slack(page("3.1", odd))) == ["3.1"]
    assert await read(Slack({"messages": [None, "x", {"ts": "1.1"}]})) == ["1.1"]
    assert await read(Slack({"messages": None})) == []


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ({"bot_id": "B1"}, True),
        ({"user": "U1"}, True),
        ({"bot_id": "B2", "user": "U2"}, False),
        ({"bot_id": "", "user": ""}, False),
        ({}, False),
    ],
)
def test_only_what_the_bot_posted_itself_is_its_own(message: dict[str, str], ours: bool):
    assert is_ours(message, {"bot_id": "B1", "user_id": "U1"}) is ours
    assert not is_ours(message, {}), "who it is itself is not known"
