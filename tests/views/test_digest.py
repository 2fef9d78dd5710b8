"""Where a digest says that the records are, and of which project a message says it is."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model import Incident, IncidentState, PostKind, record_data
from bot.views.alerts import coverage
from bot.views.blocks import Message
from bot.views.digest import digest
from bot.views.posts import draw_data, draw_digest, draw_incident, draw_lines
from tests.views.gallery import KEY, a_record, an_incident
from tests.views.liveness import T0, read


def _summary(**more: bool) -> dict[str, Any]:
    return {"key": KEY, "event": "db", "status": "FAIL", "target": "t", "count": 2, **more}


NEW, KNOWN, ELSEWHERE = _summary(), _summary(known=True), _summary(known=True, own_thread=True)


@pytest.mark.parametrize(
    ("incidents", "text"),
    [
        ([NEW] * 3, "6 notices not delivered, 3 incidents; the records are in the thread"),
        ([KNOWN] * 3, "6 more notices not delivered, 3 incidents that were known before; the records are in the thread"),
        ([NEW, KNOWN], "4 notices not delivered, 2 incidents (1 of them known before); the records are in the thread"),
        (
            [NEW, ELSEWHERE],
            "4 notices not delivered, 2 incidents (1 of them known before); the records are in the thread, "
            "or in the incident's own where it says so",
        ),
        ([ELSEWHERE], "2 more notices not delivered, 1 incident that was known before; the records are in their own threads"),
    ],
)  # fmt: skip
def test_a_digest_says_where_the_records_are_and_whether_the_incidents_were_known(incidents, text):
    assert digest(KEY, {"incidents": incidents}).text == text


def _seen(message: Message) -> str:
    return " ".join(read(message.body).texts)


def test_a_digest_that_stays_tells_of_a_known_incident_nothing_that_it_is_not_drawn_anew_for():
    now: dict[str, Incident] = {KEY: Incident(**_fields(state=IncidentState.DELIVERING))}

    assert "delivering again" in _seen(digest(KEY, {"incidents": [NEW]}, now))
    assert "delivering again" not in _seen(digest(KEY, {"incidents": [KNOWN]}, now))
    assert "delivering again" not in _seen(digest(KEY, {"incidents": [ELSEWHERE]}, now))


def _fields(**more: Any) -> dict[str, Any]:
    one = an_incident("db")
    return {name: getattr(one, name) for name in Incident.__slots__} | more


def test_every_alert_says_of_which_project_it_is_where_there_are_several():
    record = record_data(a_record("db"))
    for words in ({"project": "prod"}, {}):
        one = Incident(**_fields(first={**record, **words}))
        drawn = [
            draw_incident(one),
            draw_lines({"records": [record], **words}, None),
            draw_lines({"records": [record], "mixed": True, **words}, None),
            draw_lines({"records": [record], "incident": KEY, **words}, one),
            draw_lines({"records": [record], "after_snooze": 1, **words}, None),
            draw_digest(KEY, {"incidents": [NEW], **words}, {}),
        ]
        for message in drawn:
            assert ("roject `prod`" in message.text) == bool(words), message.text
            assert ("prod" in _seen(message)) == bool(words), message.text


@pytest.mark.parametrize("kind", [PostKind.COVERAGE, PostKind.OUTAGE, PostKind.BACK, PostKind.BACKFILL])
def test_what_is_said_of_a_project_as_a_whole_names_it_always(kind):
    data = {"since": T0.timestamp(), "reason": "down", "polls": 5, "records": 1, "failed": 0, "by_event": []}

    assert "project `prod`" in draw_data(kind, "prod", data).text


def test_incomplete_coverage_claims_no_number_that_was_not_seen():
    text = coverage("prod").text

    assert "may hold more" in text
    assert "has reached" not in text
