"""Going back: what is asked for, and when it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import Refused
from bot.model import Event, Target
from bot.rules.undoing import MovedOn, change_number, failed, reason_for, still_as_left, wish_back
from bot.rules.updates import MAX_REASON, Wish

TARGET = {"type": "SMN", "id": "urn:smn:r:p:ops", "name": "ops"}
WAS: dict[str, Any] = {"state": "ENABLED", "types": ["SECRET_ROTATED"], "target": TARGET}

EVENT = Event(
    "prod", state="ENABLED", types=("SECRET_ROTATED",), target=Target("SMN", "urn:smn:r:p:ops", "ops")
)


@pytest.mark.parametrize("given", ["CR-12", "cr-12", "12"])
def test_a_change_is_named_by_its_id_or_its_number(given: str):
    assert change_number(given) == 12


@pytest.mark.parametrize("given", ["", "CR-", "CR-1x", "-1", "CR--1", "\uff11\uff12", "CR-1234567890", "x"])
def test_what_is_no_id_is_refused(given: str):
    with pytest.raises(Refused, match="looks like `CR-12`"):
        change_number(given)


@pytest.mark.parametrize(
    ("left", "wish"),
    [
        ({}, Wish()),
        ({"state": "DISABLED"}, Wish(state="ENABLED")),
        ({"types": ["SECRET_DELETED"]}, Wish(types=("SECRET_ROTATED",))),
        ({"types": None}, Wish(types=("SECRET_ROTATED",))),
        (
            {"target": TARGET | {"name": "other"}},
            Wish(target_type="SMN", target_id="urn:smn:r:p:ops", target_name="ops"),
        ),
        ({"target": None}, Wish(target_type="SMN", target_id="urn:smn:r:p:ops", target_name="ops")),
    ],
)
def test_just_what_differs_is_wished_back(left: dict[str, Any], wish: Wish):
    assert wish_back(WAS | left, WAS) == wish


@pytest.mark.parametrize("was", [{"state": ""}, {"types": None}, {"target": None}])
def test_what_no_update_can_bring_back_is_refused(was: dict[str, Any]):
    with pytest.raises(Refused, match="cannot be taken back"):
        wish_back(WAS, WAS | was)


def test_an_event_that_is_as_it_was_left_is_let_through_and_another_is_shown_with_what_differs():
    before = WAS | {"types": ["SECRET_DELETED"]}
    still_as_left(EVENT, WAS, before, "CR-12")
    with pytest.raises(MovedOn, match=r"moved on since CR-12, so.* State: was DISABLED, is ENABLED\. Use"):
        still_as_left(EVENT, WAS | {"state": "DISABLED"}, before, "CR-12")


def test_an_event_that_is_what_it_was_before_already_is_said_to_be():
    with pytest.raises(MovedOn, match=r"what it was before already.* State: was DISABLED, is ENABLED\.$"):
        still_as_left(EVENT, WAS | {"state": "DISABLED"}, WAS, "CR-12")


def test_of_a_change_that_failed_it_is_said_what_differs_since():
    assert str(failed(EVENT, WAS, "CR-12")).endswith("The event is as it was before it.")
    was = str(failed(EVENT, WAS | {"state": "DISABLED"}, "CR-12"))
    assert "Since before it: State: was DISABLED, is ENABLED. Use `update`" in was


def test_the_reason_says_what_is_taken_back_and_keeps_its_length():
    assert reason_for("Undo of CR-12", "") == "Undo of CR-12."
    assert reason_for("Undo of CR-12", "too loud") == "Undo of CR-12: too loud"
    assert len(reason_for("Undo of CR-12", "x" * (MAX_REASON - 15))) == MAX_REASON
    with pytest.raises(Refused, match=f"{MAX_REASON - 15} fit"):
        reason_for("Undo of CR-12", "x" * (MAX_REASON - 14))
