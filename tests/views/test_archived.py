"""From when on there are rows to answer from, below an answer from the audit log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.views.archived import say_archived
from bot.views.blocks import Message, section
from tests.views.liveness import T0, read

ANSWER = Message("One row.", (section("One row."),))


@pytest.mark.parametrize("since", [None, T0 - timedelta(seconds=1)])
def test_an_answer_that_archived_rows_may_be_missing_from_says_so(since):
    said = say_archived(ANSWER, T0, since)

    assert said.text == "One row. Rows before 2026-11-23 04:05:06 UTC are archived."
    assert said.blocks[:1] == ANSWER.blocks
    assert any(
        "04:05:06 UTC" in text and "are archived" in text for text in read(list(said.blocks[1:])).texts
    )


@pytest.mark.parametrize(
    ("begins", "since"), [(None, None), (None, T0), (T0, T0), (T0, T0 + timedelta(days=1))]
)
def test_an_answer_that_nothing_is_missing_from_stays_as_it_is(begins, since):
    assert say_archived(ANSWER, begins, since) is ANSWER


def test_an_answer_without_blocks_says_it_in_its_text_alone():
    assert say_archived(Message("Sent."), T0).blocks == ()
