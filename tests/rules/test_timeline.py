"""An event's rows of the audit log, put together into what they tell."""

from __future__ import annotations

from itertools import count

import pytest

from bot.model import AuditRow
from bot.rules.timeline import Story, Telling

ENGINEER, APPROVER = "U0ENGINEER", "U0APPROVER"


def log(*rows: tuple[str, str, str]) -> list[AuditRow]:
    """Rows from (change, action, outcome), oldest first."""
    number = count(1)
    return [
        AuditRow(
            next(number), "2026-11-23T04:05:06.000000Z", ENGINEER, action, "default", "prod-db", change, None, None,
            outcome, "", "0" * 64, "0" * 64,
        )
        for change, action, outcome in rows
    ]  # fmt: skip


def told(rows: list[AuditRow], most: int = 10, chunk: int = 3) -> list[Story]:
    """As a reader gets them: newest first, some at a time."""
    telling = Telling(most)
    newest = rows[::-1]
    for at in range(0, len(newest), chunk):
        telling.read(newest[at : at + chunk])
        if telling.enough:
            break
    return telling.told(end=not telling.enough)


APPLIED = [
    ("CR-1", "change.request", "pending"),
    ("CR-1", "change.approve", "refused"),
    ("CR-1", "change.approve", "approved"),
    ("CR-1", "change.apply", "intent"),
    ("CR-1", "change.apply", "applied"),
]


def test_a_change_request_is_one_story_with_its_steps_in_order():
    [story] = told(log(*APPLIED))

    assert (story.change, story.first, story.state) == ("CR-1", 1, "applied")
    assert [(row.action, row.outcome) for row in story.steps] == [
        ("change.request", "pending"),
        ("change.approve", "refused"),
        ("change.approve", "approved"),
        ("change.apply", "applied"),
    ], "that it began to be applied says nothing more"


def test_stories_that_overlap_are_told_apart_and_the_one_that_began_last_comes_first():
    rows = log(
        ("CR-1", "change.request", "pending"),
        ("", "event.outside", "changed"),
        ("CR-2", "change.request", "pending"),
        ("CR-1", "change.approve", "approved"),
        ("", "change.request", "refused"),
        ("CR-2", "change.cancel", "cancelled"),
        ("CR-1", "change.apply", "intent"),
        ("CR-1", "change.apply", "stale"),
    )

    found = told(rows)

    assert [(story.change, story.first, story.state) for story in found] == [
        ("", 5, ""),
        ("CR-2", 3, "cancelled"),
        ("", 2, ""),
        ("CR-1", 1, "stale"),
    ]
    assert sorted(row.seq for story in found for row in story.rows) == list(range(1, 9))


@pytest.mark.parametrize("most", [1, 2, 3, 4])
@pytest.mark.parametrize("chunk", [1, 2, 7, 100])
def test_pages_of_any_size_tell_each_story_once_and_in_order(most: int, chunk: int):
    rows = log(*[(f"CR-{n}", "change.request", "pending") for n in range(1, 10)])
    first, bound = [], 9
    while bound:
        page = told(rows[:bound], most, chunk)
        first += [story.first for story in page]
        bound = page[-1].first - 1

    assert first == list(range(9, 0, -1))


def test_a_change_request_whose_beginning_is_not_in_the_log_any_more_is_told_from_where_it_is():
    rows = log(
        ("CR-7", "change.approve", "refused"),
        ("CR-8", "change.request", "pending"),
        ("CR-7", "change.reject", "refused"),
    )

    assert [(story.change, story.first, story.state) for story in told(rows)] == [
        ("CR-8", 2, "pending"),
        ("CR-7", 1, ""),
    ]


def test_an_export_of_the_log_is_nothing_that_became_of_the_event():
    rows = log(("", "audit.export", "intent"), ("", "audit.export", "sent"))

    assert told(rows) == []


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        (APPLIED[:1], "pending"),
        (APPLIED[:2], "pending"),
        (APPLIED[:3], "approved"),
        (APPLIED[:4], "applying"),
        ([APPLIED[0], ("CR-1", "change.approve", "1 of 2")], "pending"),
        (
            [APPLIED[0], ("CR-1", "change.reject", "rejected"), ("CR-1", "change.reject", "explained")],
            "rejected",
        ),
        (
            [APPLIED[0], ("CR-1", "change.expire", "expired"), ("CR-1", "change.approve", "refused")],
            "expired",
        ),
        ([("CR-1", "change.break_glass", "approved"), *APPLIED[3:]], "applied"),
        ([*APPLIED, ("CR-1", "change.review", "reviewed"), ("CR-1", "change.undo", "failed")], "applied"),
        ([APPLIED[0], ("CR-1", "change.reconcile", "applied")], "applied"),
    ],
)
def test_the_state_of_a_story_is_how_far_the_change_came(rows: list[tuple[str, str, str]], state: str):
    assert told(log(*rows))[0].state == state
