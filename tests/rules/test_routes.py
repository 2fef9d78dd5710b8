"""The first route that matches decides; quiet hours are those of a clock on a wall."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.config import RouteSettings
from bot.rules.routes import Facts, Quiet, Route, explain, route, routes_of

NOW = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
FACTS = Facts("prod", "db-rotation", "SECRET_ROTATED", "pay-1", "FAIL")


def test_without_routes_a_record_goes_to_the_project_s_channel():
    found = route((), FACTS, channel="C0MAIN", now=NOW)

    assert (found.channel, found.mention, found.until, found.drop, found.number) == (
        "C0MAIN",
        "",
        None,
        "",
        0,
    )


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"project": "prod"}, True),
        ({"project": "stag*"}, False),
        ({"event": "db-*"}, True),
        ({"event": "DB-*"}, False),
        ({"type": "SECRET_ROTATED"}, True),
        ({"type": "SECRET_ROTATED?*"}, False),
        ({"secret": "pay-[0-9]"}, True),
        ({"secret": "[!p]*"}, False),
        ({"status": "INVALID"}, False),
        ({"event": "db-*", "status": "FAIL"}, True),
        ({"event": "db-*", "status": "INVALID"}, False),
    ],
)
def test_every_glob_of_a_route_has_to_fit(given, fits):
    assert Route(**given).matches(FACTS) is fits


def test_the_first_route_that_matches_decides():
    routes = (Route(event="other"), Route(event="db-*", channel="C0DB"), Route(channel="C0ALL"))

    found = route(routes, FACTS, channel="C0MAIN", now=NOW)

    assert (found.channel, found.number) == ("C0DB", 2)


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (Quiet(time(22), time(7)), "2026-11-23T21:59", None),
        (Quiet(time(22), time(7)), "2026-11-23T22:00", "2026-11-24T07:00"),
        (Quiet(time(22), time(7)), "2026-11-23T06:59", "2026-11-23T07:00"),
        (Quiet(time(22), time(7)), "2026-11-23T07:00", None),
        (Quiet(time(12), time(14)), "2026-11-23T13:00", "2026-11-23T14:00"),
        (Quiet(time(12), time(14)), "2026-11-23T14:00", None),
        (Quiet(time(9), time(9)), "2026-11-23T08:00", "2026-11-23T09:00"),
        (Quiet(time(22), time(7), BERLIN), "2026-11-23T21:00", "2026-11-24T06:00"),
        # The night in which clocks go back: seven o'clock comes an hour later in UTC.
        (Quiet(time(22), time(7), BERLIN), "2026-10-24T20:30", "2026-10-25T06:00"),
    ],
)
def test_quiet_hours_end_when_the_clock_says_so(quiet, now, until):
    found = quiet.until(datetime.fromisoformat(f"{now}:00+00:00"))

    assert found == (until and datetime.fromisoformat(f"{until}:00+00:00"))


def test_the_settings_become_routes():
    (found,) = routes_of(
        [
            RouteSettings(
                event="a*", channel="C0A", mention="S0G", quiet="22:00-07:00", timezone="Europe/Berlin"
            )
        ]
    )

    assert (found.event, found.channel, found.mention) == ("a*", "C0A", "S0G")
    assert found.quiet == Quiet(time(22), time(7), BERLIN)


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ((), "To C0MAIN: there are no routes, so it goes to the project's alert channel."),
        ((Route(event="x"),), "To C0MAIN: no route matches it, so it goes to the project's alert channel."),
        ((Route(event="db-*", drop="why not"),), "Dropped by route 1 (event=db-*): why not"),
        (
            (Route(channel="C0A", mention="S0G", quiet=Quiet(time(4), time(5))),),
            "To C0A, mentioning S0G, not before 2026-11-23 05:00 UTC (quiet hours), by route 1 (everything).",
        ),
    ],
)
def test_a_route_is_explained_in_a_sentence(routes, words):
    assert explain(routes, route(routes, FACTS, channel="C0MAIN", now=NOW)) == words
