"""Pages of events."""

from __future__ import annotations

import pytest

from bot.sandbox.csms.model import Behaviour, NextMarker
from tests.sandbox.csms.tools import EVENTS, HOUR, Cloud, CloudOf, event

SEVEN = tuple(event(f"e{n}", create_time=-n * HOUR * 1000) for n in range(7))  # e0 is the newest


async def walk(cloud: Cloud, limit: int) -> list[list[str]]:
    """Every page as a client reads it that goes by the last name until a page is empty."""
    pages: list[list[str]] = []
    query = {"limit": str(limit)}
    while True:
        answer = (await cloud.call("GET", EVENTS, query=query)).json()
        if not answer["events"]:
            return pages
        pages.append([item["name"] for item in answer["events"]])
        query["marker"] = pages[-1][-1]


async def test_pages_follow_each_other_newest_first_without_a_gap_or_a_double(cloud_of: CloudOf) -> None:
    cloud = cloud_of(events=SEVEN, secrets=())
    assert await walk(cloud, 3) == [["e0", "e1", "e2"], ["e3", "e4", "e5"], ["e6"]]
    assert await walk(cloud, 7) == [[f"e{n}" for n in range(7)]]


async def test_fifty_events_are_a_page_unless_another_limit_is_asked_for(cloud_of: CloudOf) -> None:
    many = [event(f"e{n}") for n in range(1200)]
    cloud = cloud_of(events=many, secrets=())
    first = (await cloud.call("GET", EVENTS)).json()
    assert (len(first["events"]), first["page_info"]["current_count"]) == (50, 50)
    assert len((await cloud.call("GET", EVENTS, query={"limit": "1000"})).json()["events"]) == 1000


async def test_a_marker_works_without_a_limit_and_is_itself_left_out(cloud_of: CloudOf) -> None:
    cloud = cloud_of(events=SEVEN, secrets=())
    answer = (await cloud.call("GET", EVENTS, query={"marker": "e4"})).json()
    assert [item["name"] for item in answer["events"]] == ["e5", "e6"]
    assert answer["page_info"] == {"next_marker": "e6", "previous_marker": "e4", "current_count": 2}


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "ten"}, {"limit": "-1"}, {"limit": "00001"}]
)
async def test_a_limit_out_of_bounds_is_refused(cloud: Cloud, query: dict[str, str]) -> None:
    answer = await cloud.call("GET", EVENTS, query=query)
    assert (answer.status_code, answer.json()["error"]["error_code"]) == (400, "CSMS.0002")


async def test_a_marker_of_no_event_is_refused(cloud: Cloud) -> None:
    gone = await cloud.call("GET", EVENTS, query={"limit": "5", "marker": "nobody"})
    assert (gone.status_code, gone.json()["error"]["error_code"]) == (400, "CSMS.0005")
    wrong = await cloud.call("GET", EVENTS, query={"limit": "5", "marker": "a/b"})
    assert (wrong.status_code, wrong.json()["error"]["error_code"]) == (400, "CSMS.0002")


@pytest.mark.parametrize(
    ("variant", "on_last_page"),
    [
        (NextMarker.ALWAYS, {"next_marker": "e6"}),
        (NextMarker.EMPTY, {"next_marker": ""}),
        (NextMarker.ABSENT, {}),
    ],
)
async def test_the_last_page_has_the_next_marker_that_was_chosen(
    variant: NextMarker, on_last_page: dict[str, str], cloud_of: CloudOf
) -> None:
    cloud = cloud_of(events=SEVEN, secrets=(), behaviour=Behaviour(next_marker=variant))
    full = (await cloud.call("GET", EVENTS, query={"limit": "7"})).json()["page_info"]
    assert full == {"previous_marker": "e0", "current_count": 7} | on_last_page
    first = (await cloud.call("GET", EVENTS, query={"limit": "4"})).json()["page_info"]
    assert first["next_marker"] == "e3"
    last = (await cloud.call("GET", EVENTS, query={"limit": "4", "marker": "e3"})).json()["page_info"]
    assert last == {"previous_marker": "e3", "current_count": 3} | on_last_page


async def test_ten_thousand_seeded_events_can_be_walked(cloud_of: CloudOf) -> None:
    many = [event(f"e{n:05}", create_time=-n * 1000) for n in range(10_000)]
    cloud = cloud_of(events=many, secrets=())
    pages = await walk(cloud, 1000)
    assert [name for page in pages for name in page] == [item.name for item in many]
