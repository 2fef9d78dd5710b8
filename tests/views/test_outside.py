"""What was done without the bot, many at once: each has its buttons, whatever the names are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Outside
from bot.sandbox.slack.inputs import elements
from bot.store.sidedoors import ALONE
from bot.views.blocks import Message
from bot.views.outside import REVERT, outside
from tests.views.gallery import a_finding
from tests.views.liveness import read

LONGEST = ("x" * 3000, "&" * 3000, "<!channel>" * 300, "`*_~" * 750, "\N{ZERO WIDTH SPACE}" * 3000 + "x")


def shown(text: str, *, place: int, together: int) -> Message:
    """A message of as many as the store puts into one."""
    found = [
        replace(a_finding(text, Outside.CHANGED), key=f"k{number}", place=number, together=together)
        for number in range(place, place + ALONE)
    ]
    message = outside(found)
    assert message is not None
    return message


@pytest.mark.parametrize("text", LONGEST)
@pytest.mark.parametrize("place", [1, 991])
def test_each_of_as_many_as_are_told_in_one_message_has_its_revert(text: str, place: int):
    message = shown(text, place=place, together=1000)

    keys = [one.body["value"] for one in elements(message.blocks) if one.action_id == REVERT]
    assert keys == [f"k{number}" for number in range(place, place + ALONE)]


def test_a_message_in_the_thread_says_which_of_how_many_it_shows():
    text = "\n".join(read(list(shown("nightly", place=11, together=60).blocks)).texts)

    assert "11 to 20 of 60" in text
    assert "touched outside" not in text
