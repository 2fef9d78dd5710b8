"""Narrowing a list of events."""

from __future__ import annotations

import pytest

from bot.model import Event, Target
from bot.rules.listing import Filter

TOPIC = Target("SMN", "urn:smn:eu-west-101:p:oncall", "oncall")
EVENT = Event("Prod-DB", state="ENABLED", types=("SECRET_ROTATED",), target=TOPIC)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(text="prod-db"),
        Filter(text="ONCALL"),
        Filter(text="urn:smn"),
        Filter(state="ENABLED"),
        Filter(type="SECRET_ROTATED"),
        Filter(target="SMN"),
        Filter("db", "ENABLED", "SECRET_ROTATED", "SMN"),
    ],
)
def test_a_filter_lets_through_what_it_describes(wanted):
    assert wanted.lets_through(EVENT)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(text="staging"),
        Filter(state="DISABLED"),
        Filter(type="SECRET_DELETED"),
        Filter(target="EG"),
        Filter("db", "ENABLED", "SECRET_ROTATED", "EG"),
    ],
)
def test_a_filter_holds_back_what_differs_in_one_thing(wanted):
    assert not wanted.lets_through(EVENT)


def test_what_csms_did_not_report_matches_no_filter_for_it():
    bare = Event("bare")

    assert Filter(text="bare").lets_through(bare)
    assert not any(one.lets_through(bare) for one in (Filter(type="SECRET_ROTATED"), Filter(target="SMN")))
