"""What a card warns of: what is known against a change, and silence about what could not be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.model import DISABLED, ENABLED, FAIL, INVALID, SUCCESS, Event, Patch, Record, Target
from bot.rules.warnings import Known, warnings

PROJECT, REGION = "0" * 32, "ap-southeast-3"
HERE = Target("SMN", f"urn:smn:{REGION}:{PROJECT}:oncall", "oncall")
OTHER_REGION = Target("SMN", f"urn:smn:cn-north-4:{PROJECT}:oncall", "oncall")
OTHER_PROJECT = Target("SMN", f"urn:smn:{REGION}:{'1' * 32}:oncall", "oncall")
EG = Target("EG", "channel-1", "audit")
EVENT = Event("db", "1", ENABLED, ("SECRET_ROTATED", "SECRET_DELETED"), HERE)
OTHER = Event("other", "2", ENABLED, ("SECRET_ROTATED",), HERE)
NOTHING = Known(PROJECT, REGION)
OFF = Patch(state=DISABLED)
NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)

LOST_BOTH = "No other enabled event covers SECRET_DELETED, SECRET_ROTATED after this."
LOST_ONE = "No other enabled event covers SECRET_DELETED after this."
ELSEWHERE = "The target is in another region or project."
NOT_FOUND = "The topic was not found in SMN."


def sent(*statuses: str, target: Target = HERE) -> tuple[Record, ...]:
    """Records to a target, one a minute, the oldest first."""
    return tuple(
        Record(
            "db",
            "SECRET_ROTATED",
            NOW + timedelta(minutes=number),
            "s",
            "COMMON",
            "t",
            target.id,
            "",
            one,
            "f",
        )
        for number, one in enumerate(statuses)
    )


@pytest.mark.parametrize(
    ("event", "patch", "events", "said"),
    [
        (EVENT, OFF, (EVENT,), [LOST_BOTH]),
        (EVENT, OFF, (EVENT, OTHER), [LOST_ONE]),
        (EVENT, OFF, (EVENT, replace(OTHER, state=DISABLED)), [LOST_BOTH]),
        (EVENT, OFF, (EVENT, replace(OTHER, types=EVENT.types)), []),
        (EVENT, OFF, (EVENT, replace(OTHER, types=None)), [LOST_BOTH]),
        (EVENT, OFF, None, []),
        (replace(EVENT, state=DISABLED), OFF, (EVENT,), []),
        (replace(EVENT, types=None), OFF, (EVENT,), []),
        (EVENT, Patch(types=("SECRET_ROTATED",)), (EVENT,), [LOST_ONE]),
        (EVENT, Patch(types=EVENT.types), (EVENT,), []),
        (replace(EVENT, state=DISABLED), Patch(state=ENABLED), (EVENT,), []),
    ],
)
def test_a_type_that_nobody_else_covers_is_warned_of(event, patch, events, said):
    assert list(warnings(event, patch, replace(NOTHING, events=events))) == said


@pytest.mark.parametrize(
    ("target", "region", "topics", "said"),
    [
        (HERE, REGION, None, []),
        (HERE, REGION, {HERE.id}, []),
        (HERE, REGION, set(), [NOT_FOUND]),
        (HERE, "", {HERE.id}, []),
        (OTHER_REGION, REGION, {HERE.id}, [ELSEWHERE]),
        (OTHER_REGION, "", {HERE.id}, [NOT_FOUND]),
        (OTHER_PROJECT, REGION, {HERE.id}, [ELSEWHERE]),
        (EG, REGION, {HERE.id}, []),
        (Target("SMN", "no urn", "x"), REGION, {HERE.id}, [NOT_FOUND]),
    ],
)
def test_a_target_that_is_elsewhere_or_not_there_is_warned_of(target, region, topics, said):
    known = Known(PROJECT, region, topics=None if topics is None else frozenset(topics))

    assert list(warnings(EVENT, Patch(target=target), known)) == said
    assert list(warnings(EVENT, Patch(state=ENABLED), known)) == [], "the target does not change"


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [
        ((), 0),
        ((FAIL,), 0),
        ((FAIL, FAIL), 2),
        ((SUCCESS, FAIL, INVALID), 2),
        ((FAIL, FAIL, SUCCESS), 0),
        ((FAIL, SUCCESS, FAIL), 0),
        ((FAIL, FAIL, FAIL), 3),
    ],
)
def test_notices_to_the_target_that_failed_in_a_row_are_warned_of(statuses, failed):
    said = [f"The last {failed} notices to this target failed."] if failed else []
    records = sent(*statuses)
    for order in (records, records[::-1]):
        assert list(warnings(EVENT, Patch(target=HERE), replace(NOTHING, records=order))) == said
    assert list(warnings(EVENT, Patch(target=EG), replace(NOTHING, records=records))) == [], "another target"


@pytest.mark.parametrize(
    ("secrets", "said"), [(None, []), (0, []), (1, ["Used by 1 secret."]), (12, ["Used by 12 secrets."])]
)
def test_how_many_secrets_use_the_event_is_told_where_it_could_be_read(secrets, said):
    assert list(warnings(EVENT, OFF, replace(NOTHING, secrets=secrets))) == said
