"""The nearest known word."""

from __future__ import annotations

import pytest

from bot.nearest import did_you_mean, nearest

VERBS = ("list", "get", "update", "enable", "disable", "history")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("lst", "list"), ("LIST", "list"), ("udpate", "update"), ("histroy", "history"), ("enalbe", "enable")],
)
def test_a_slip_of_the_finger_finds_the_word(typed, meant):
    assert nearest(typed, VERBS) == meant


@pytest.mark.parametrize("typed", ["", "zzz", "<!channel>", "x" * 10_000])
def test_what_is_near_nothing_finds_nothing(typed):
    assert nearest(typed, VERBS) is None
    assert did_you_mean(typed, VERBS) == ""


def test_the_found_word_keeps_its_own_case():
    assert nearest("secret_rotate", ("SECRET_ROTATED",)) == "SECRET_ROTATED"
    assert did_you_mean("secret_rotate", ("SECRET_ROTATED",)) == " Did you mean `SECRET_ROTATED`?"
    assert nearest("x", ()) is None
