"""Whose doing a difference is: the bot's own writes, or somebody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.model import AuditRow, Outside
from bot.rules.sidedoors import Write, compare, same, writes

A: dict[str, Any] = {"event_id": "1", "state": "ENABLED", "types": ["SECRET_ROTATED"], "target": None}
B = A | {"state": "DISABLED"}
C = A | {"types": ["SECRET_DELETED"]}
ROW = AuditRow(1, "", "system", "change.apply", "p", "e", "CR-1", A, B, "intent", "", "", "")


def write(before: dict[str, Any], after: dict[str, Any], *, sure: bool = True) -> Write:
    return Write("CR-1", before, after, sure)


@pytest.mark.parametrize(
    ("known", "seen", "ours", "found"),
    [
        (A, A, [], []),
        (A, B, [], [(Outside.CHANGED, A, B)]),
        (A, B, [write(A, B)], []),
        (A, A, [write(A, B)], [(Outside.CHANGED, B, A)]),
        (A, A, [write(A, B), write(B, A)], []),
        (A, B, [write(C, B)], [(Outside.CHANGED, A, C)]),
        (A, C, [write(A, B), write(C, B)], [(Outside.CHANGED, B, C), (Outside.CHANGED, B, C)]),
        (None, A, [], [(Outside.CREATED, None, A)]),
        (A, None, [], [(Outside.DELETED, A, None)]),
        (A, None, [write(A, B)], [(Outside.DELETED, B, None)]),
        (None, None, [], []),
        (A, A | {"event_id": "2"}, [], [(Outside.DELETED, A, None), (Outside.CREATED, None, A)]),
        (A, A | {"event_id": ""}, [], []),
        (A, A | {"types": None}, [], []),
        (A | {"types": None}, A, [], []),
    ],
)
def test_what_the_bot_did_not_do_is_found_in_its_order(
    known: Any, seen: Any, ours: list[Write], found: list[Any]
):
    def plain(image: Any) -> Any:
        return None if image is None else {name: image[name] for name in ("state", "types", "target")}

    got = [(one.what, one.before, one.after) for one in compare(known, seen, ours, "e")]
    assert got == [(what, plain(before), plain(after)) for what, before, after in found]


def test_a_write_of_which_nobody_knows_is_named_as_the_possible_cause():
    [finding] = compare(A, B, [write(A, B, sure=False)], "e")
    assert "CR-1" in finding.note
    [other] = compare(A, C, [write(A, B, sure=False)], "e")
    assert other.note == ""


@pytest.mark.parametrize(
    ("outcome", "after", "sure"),
    [
        ("applied", B, [True]),
        ("failed", C, [True]),
        ("failed", A, []),
        ("failed", None, [False]),
        ("stale", C, []),
    ],
)
def test_writes_are_read_from_intent_and_outcome(outcome: str, after: Any, sure: list[bool]):
    found = writes([ROW, replace(ROW, seq=2, outcome=outcome, after=after)])
    assert [one.sure for one in found] == sure


def test_an_intent_alone_is_no_write_yet():
    assert writes([ROW]) == []


def test_types_that_were_not_reported_contradict_nothing():
    assert same(A, A | {"types": None})
    assert not same(A, B | {"types": None})
