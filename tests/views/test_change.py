"""A change request, as its approvers and its requester read it through its life."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.model import Change, ChangeState, Event, Patch, PostKind, Target
from bot.views.blocks import Message
from bot.views.change import APPROVE, CANCEL, REJECT, decided, pending
from bot.views.posts import draw_change
from tests.views.liveness import APPROVER, GROUP, REQUESTER, T0, TIMES, read

BEFORE = Event(
    "prod-db", "e", "ENABLED", ("SECRET_DELETED", "SECRET_ROTATED"), Target("SMN", "urn:a:b:c:one", "one"),
    updated=datetime(2026, 11, 1, tzinfo=UTC),
)  # fmt: skip
CHANGE = Change(
    number=12, key="0123456789abcdef", project="prod", event="prod-db", before=BEFORE.image(),
    patch=Patch("DISABLED", ("SECRET_ROTATED", "SECRET_ROTATED_FAILED"), Target("SMN", "urn:a:b:c:two", "two")),
    requester=REQUESTER, reason="maintenance until noon", state=ChangeState.PENDING, required=1, created=T0, expires=TIMES[30],
)  # fmt: skip


def text_of(message: Message) -> str:
    return "\n".join(read(list(message.blocks)).texts)


def card(change: Change = CHANGE, approvers: tuple[str, ...] = (APPROVER, GROUP)) -> Message:
    return draw_change(PostKind.CARD, change, approvers, {})


def test_a_card_shows_who_asks_for_what_why_and_until_when():
    text = text_of(card())

    assert "CR-12: change prod-db" in text
    assert f"<@{REQUESTER}> asked for this in project `prod`." in text
    assert "*State*\n`ENABLED` → `DISABLED`" in text
    assert "*Types*\n:heavy_plus_sign: `SECRET_ROTATED_FAILED`\n:heavy_minus_sign: `SECRET_DELETED`" in text
    assert "*Target id*\n`urn:a:b:c:one` → `urn:a:b:c:two`" in text
    assert "*Target name*\n`one` → `two`" in text
    assert "Target type" not in text, "what stays is not shown"
    assert "maintenance until noon" in text
    assert f"one person of <@{APPROVER}>, <!subteam^{GROUP}>, not the requester" in text
    assert "2026-11-23 04:35:06 UTC" in text


def test_the_text_of_a_card_says_both_sides_of_every_field():
    text = card().text

    assert text.startswith(f"CR-12 pending: <@{REQUESTER}> asks to change `prod-db` (")
    assert "State: `ENABLED` → `DISABLED`" in text
    assert "Types: `SECRET_DELETED, SECRET_ROTATED` → `SECRET_ROTATED, SECRET_ROTATED_FAILED`" in text


def test_the_buttons_carry_the_random_key_and_nothing_else():
    (row,) = (block for block in card().blocks if block["type"] == "actions")

    assert [(one["action_id"], one["value"]) for one in row["elements"]] == [
        (APPROVE, CHANGE.key), (REJECT, CHANGE.key), (CANCEL, CHANGE.key),
    ]  # fmt: skip
    approve, reject, cancel = row["elements"]
    assert "State: `ENABLED` → `DISABLED`" in approve["confirm"]["text"]["text"]
    assert reject["confirm"]["title"]["text"] == "Reject CR-12?"
    assert "confirm" not in cancel


@pytest.mark.parametrize(
    ("required", "approvers", "approved", "says"),
    [
        (0, (), (), f"<@{REQUESTER}> confirms it"),
        (1, (), (), "*nobody may approve it*"),
        (2, (GROUP,), (), "2 different people of <!subteam^S0GROUP>, not the requester · 0 of 2"),
        (2, (GROUP,), (APPROVER,), f"1 of 2 · approved by <@{APPROVER}>"),
    ],
)
def test_a_card_says_whose_approval_is_missing(required, approvers, approved, says):
    assert says in text_of(card(replace(CHANGE, required=required, approved_by=approved), approvers))


ENDS = {
    ChangeState.APPLIED: f"Approved by <@{APPROVER}> · <!date",
    ChangeState.REJECTED: f"Rejected by <@{APPROVER}> · <!date",
    ChangeState.CANCELLED: f"Cancelled by <@{APPROVER}> · <!date",
    ChangeState.EXPIRED: "Expired · <!date",
    ChangeState.STALE: f"Approved by <@{APPROVER}> · <!date",
    ChangeState.FAILED: f"Approved by <@{APPROVER}> · <!date",
}


@pytest.mark.parametrize("state", ENDS)
def test_an_ended_change_says_how_by_whom_and_why_and_has_no_buttons(state):
    over = replace(
        CHANGE, state=state, approved_by=(APPROVER,), decided_by=APPROVER, decided=TIMES[1], note="because <of> that"
    )  # fmt: skip

    for kind in (PostKind.CARD, PostKind.TOLD):
        message = draw_change(kind, over, (APPROVER,), {})
        text = text_of(message)
        assert ENDS[state] in text
        assert "because &lt;of&gt; that" in text
        assert state in message.text
        assert all(block["type"] != "actions" for block in message.blocks)


def test_a_note_mentions_those_who_decided_and_nobody_else():
    note = f"the approval of <@{APPROVER}> does not stand; CSMS said <@U0HOSTILE> <!channel>"
    over = replace(CHANGE, state=ChangeState.FAILED, approved_by=(APPROVER,), decided=TIMES[1], note=note)

    for message in (card(over), draw_change(PostKind.TOLD, over, (), {}), decided(over)):
        text = text_of(message) + message.text
        assert f"<@{APPROVER}> does not stand" in text
        assert "&lt;@U0HOSTILE&gt; &lt;!channel&gt;" in text


def test_whoever_approved_first_of_two_is_told_that_it_counts():
    assert (
        decided(replace(CHANGE, required=2, approved_by=(APPROVER,))).text
        == "Your approval of CR-12 counts: 1 of 2."
    )
    assert decided(replace(CHANGE, state=ChangeState.REJECTED)).text == "CR-12 (`prod-db`) is rejected."


def test_a_list_of_open_changes_has_buttons_only_where_they_do_something():
    changes = [CHANGE, replace(CHANGE, number=13, state=ChangeState.APPLYING)]

    message = pending(changes, yours=frozenset({"CR-12"}), project="prod")

    assert [block["block_id"] for block in message.blocks if block["type"] == "actions"] == ["change.12"]
    assert message.text == "2 open change requests in project `prod`: CR-12 (`prod-db`), CR-13 (`prod-db`)"
    assert "+`SECRET_ROTATED_FAILED` -`SECRET_DELETED`" in text_of(message)
