"""When a change was applied: the moment that the times of CSMS's records are compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.model import Event
from bot.rules.incidents import CLOCKS_DIFFER
from bot.services.applying import written
from tests.store.support import NOW
from tests.views.gallery import a_change

EARLIER, AHEAD = NOW - timedelta(hours=3), NOW + timedelta(minutes=4)
BEFORE = Event("nightly", updated=EARLIER)


@pytest.mark.parametrize("says", [NOW, AHEAD, NOW - timedelta(minutes=4)])
def test_csms_itself_says_when_it_was_whatever_our_clock_says(says):
    change = replace(a_change("x"), before=BEFORE.image())

    assert written(change, replace(BEFORE, updated=says), NOW) == says


@pytest.mark.parametrize("event", [None, BEFORE, replace(BEFORE, updated=None)])
def test_where_csms_says_nothing_new_our_clock_does_less_what_the_two_may_differ_by(event):
    change = replace(a_change("x"), before=BEFORE.image())

    assert timedelta(minutes=15) == CLOCKS_DIFFER
    assert written(change, event, NOW) == NOW - timedelta(minutes=15)
