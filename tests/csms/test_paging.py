"""A list is read to its end, and always ends, whatever a server makes of `limit` and `marker`."""

from __future__ import annotations

import logging
from contextlib import aclosing
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.errors import CsmsGarbled, CsmsRefused
from tests.csms.support import BASE, EVENT, client, events, ok, said, script

NAMES = [f"event-{number:02}" for number in range(10)]


def server(names=NAMES, *, inclusive=False, next_marker="last", page_info=True, fixed=None):
    """A CSMS with these events; `next_marker` is what its last page says."""

    def answer(request):
        query = parse_qs(urlsplit(str(request.url)).query)
        limit, marker = int(query["limit"][0]), query.get("marker", [""])[0]
        start = names.index(marker) + (0 if inclusive else 1) if marker else 0
        page = names[:limit] if fixed else names[start : start + limit]
        info = {"next_marker": page[-1] if page else None, "current_count": len(page)}
        if start + limit >= len(names) and next_marker != "last":
            info["next_marker"] = next_marker
        if next_marker == "never":
            del info["next_marker"]
        return ok({"events": events(page), **({"page_info": info} if page_info else {})})

    return script(answer)


async def walked(far_end, *, limit, **more):
    async with aclosing(client(far_end, **more)) as csms:
        return [[event.name for event in page] async for page in csms.pages(limit=limit)]


async def test_limit_and_marker_are_sent_together_and_the_marker_is_the_last_name():
    far_end = server()

    pages = await walked(far_end, limit=4)

    assert pages == [NAMES[:4], NAMES[4:8], NAMES[8:]]
    path = BASE.removeprefix("https://kms.example-1.myhuaweicloud.com") + "/csms/events"
    assert far_end.targets == [
        f"{path}?limit=4", f"{path}?limit=4&marker=event-03", f"{path}?limit=4&marker=event-07",
    ]  # fmt: skip


@pytest.mark.parametrize("next_marker", ["last", "", None, "never"])
@pytest.mark.parametrize("page_info", [True, False])
async def test_next_marker_decides_nothing(next_marker, page_info):
    far_end = server(next_marker=next_marker, page_info=page_info)

    pages = await walked(far_end, limit=4)

    assert ([name for page in pages for name in page], len(far_end.requests)) == (NAMES, 3)


async def test_a_short_page_is_the_last_although_it_names_a_next_marker():
    far_end = server(next_marker="last")

    await walked(far_end, limit=1000)

    assert len(far_end.requests) == 1


async def test_after_a_full_last_page_an_empty_one_ends_the_list():
    far_end = server()

    pages = await walked(far_end, limit=5)

    assert pages == [NAMES[:5], NAMES[5:]]
    assert len(far_end.requests) == 3


@pytest.mark.parametrize("limit", [2, 3, 4, 9, 10, 11])
async def test_a_server_whose_marker_is_inclusive_is_read_whole_and_nothing_twice(limit):
    pages = await walked(server(inclusive=True), limit=limit)

    assert [name for page in pages for name in page] == NAMES


async def test_an_inclusive_marker_with_pages_of_one_cannot_go_on_and_ends():
    far_end = server(inclusive=True)

    assert await walked(far_end, limit=1) == [["event-00"]]
    assert len(far_end.requests) == 2


async def test_a_server_that_ignores_the_marker_is_asked_twice():
    far_end = server(fixed=True)

    assert await walked(far_end, limit=4) == [NAMES[:4]]
    assert len(far_end.requests) == 2


async def test_a_marker_that_comes_up_again_ends_the_list():
    """Pages with always new ids that end in the same name."""
    count = iter(range(1000))

    def answer(_request):
        number = next(count)
        return ok(
            {
                "events": [
                    {**EVENT, "name": "a", "event_id": f"a{number}"},
                    {**EVENT, "event_id": f"b{number}"},
                ]
            }
        )

    far_end = script(answer)
    pages = await walked(far_end, limit=2)

    assert (len(pages), len(far_end.requests)) == (2, 2)


async def test_a_list_that_never_ends_is_given_up_and_logged(caplog):
    count = iter(range(10_000))
    far_end = script(lambda _request: ok({"events": events([f"e{next(count)}", f"e{next(count)}"])}))

    with caplog.at_level(logging.WARNING):
        pages = await walked(far_end, limit=2, max_pages=7)

    assert (len(pages), len(far_end.requests)) == (7, 7)
    assert [record.action for record in caplog.records] == ["list_cut"]


@pytest.mark.parametrize("body", [{"events": []}, {"events": None}, {}])
async def test_no_events_is_an_empty_list(body):
    far_end = script(ok(body))
    async with aclosing(client(far_end)) as csms:
        assert await csms.list_events() == []
    assert len(far_end.requests) == 1


async def test_nulls_in_a_page_do_not_make_it_short():
    page = [*events(["a", "b"]), None]
    far_end = script(ok({"events": page}), ok({"events": events(["c"])}))

    assert await walked(far_end, limit=3) == [["a", "b"], ["c"]]


async def test_a_page_of_nothing_but_nulls_is_the_end():
    assert await walked(script(ok({"events": [None, None]})), limit=2) == []


async def test_the_list_keeps_the_order_of_csms_and_holds_an_id_once():
    names = ["zeta", "Alpha", "alpha", "beta", "alpha"]
    async with aclosing(client(script(ok({"events": events(names)})))) as csms:
        listed = await csms.list_events()

    assert [event.name for event in listed] == ["zeta", "Alpha", "alpha", "beta"]


async def test_events_without_an_id_are_told_apart_by_name():
    page = [{**EVENT, "name": name, "event_id": ""} for name in ("a", "b", "a")]
    async with aclosing(client(script(ok({"events": page})))) as csms:
        assert [event.name for event in await csms.list_events()] == ["a", "b"]


async def test_a_marker_whose_event_was_deleted_meanwhile_is_replaced_by_the_one_before():
    gone = said(400, {"error": {"error_code": "CSMS.0005", "error_msg": "The marker does not exist."}})
    far_end = script(ok({"events": events(["a", "b"])}), gone, ok({"events": events(["c"])}))

    assert await walked(far_end, limit=2) == [["a", "b"], ["c"]]
    assert [target.partition("&")[2] for target in far_end.targets] == ["", "marker=b", "marker=a"]


async def test_when_all_markers_are_gone_the_list_fails_rather_than_being_short():
    gone = said(404, {"error": {"error_code": "CSMS.0005", "error_msg": "The marker does not exist."}})
    with pytest.raises(CsmsRefused):
        await walked(script(ok({"events": events(["a", "b"])}), gone), limit=2)


async def test_another_refusal_in_the_middle_is_not_taken_for_a_missing_marker():
    far_end = script(ok({"events": events(["a", "b"])}), said(403, {}))
    with pytest.raises(CsmsRefused):
        await walked(far_end, limit=2)
    assert len(far_end.requests) == 2


async def test_a_list_that_stops_halfway_is_an_error_and_not_half_a_list():
    far_end = script(ok({"events": events(["a", "b"])}), ok({"events": "what"}))
    async with aclosing(client(far_end)) as csms:
        with pytest.raises(CsmsGarbled):
            [page async for page in csms.pages(limit=2)]


async def test_who_stops_early_asks_for_no_more_pages():
    far_end = server()
    async with aclosing(client(far_end)) as csms, aclosing(csms.pages(limit=2)) as pages:
        first = await anext(pages)

    assert [event.name for event in first] == NAMES[:2]
    assert len(far_end.requests) == 1
