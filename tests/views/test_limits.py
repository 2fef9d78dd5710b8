"""The largest of everything that can be real still fits into one message, and nothing that counts is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.model import (
    EVENT_TYPES,
    FAIL,
    AuditRow,
    ChangeState,
    Event,
    Incident,
    IncidentState,
    Patch,
    PostKind,
    Record,
    Target,
    record_data,
)
from bot.rules.alerts import LINES, MIXED, TO_EDIT
from bot.rules.listing import Filter, Listing
from bot.rules.timeline import Story
from bot.sandbox.slack.blockkit import Surface, check_blocks, check_view
from bot.services.status import ProjectReport, Report
from bot.views.audit import Turning, audit_log
from bot.views.blocks import BUDGET, MESSAGE_BLOCKS, Message, rows_that_fit, section, size
from bot.views.change import asked, pending
from bot.views.digest import Page, all_incidents
from bot.views.events import PER_PAGE, EventDetail, ListPage, event_detail, list_page
from bot.views.forms import EditForm, edit_form
from bot.views.history import history, how_many_fit
from bot.views.posts import draw_change, draw_digest, draw_incident, draw_lines
from bot.views.records import RecordList, record_list
from bot.views.status import status
from tests.views.gallery import KEY, a_change, a_report
from tests.views.liveness import ALERTS, APPROVALS, APPROVER, REQUESTER, T0, TIMES, read

LONG = "n" * 64
URN = "urn:smn:eu-west-101:0123456789abcdef0123456789abcdef:" + "t" * 203
"""The longest id that a target can have: 256 characters."""
TWELVE = tuple(f"SECRET_TYPE_OF_A_LATER_VERSION_NUMBER_{number:02}" for number in range(12))
TWELVE_MORE = tuple(f"SECRET_TYPE_OF_A_NEWER_VERSION_NUMBER_{number:02}" for number in range(12))
TARGET = Target("SMN", URN, LONG)


def name(number: int) -> str:
    return f"{number:02}{LONG[2:]}"


def checked(message: Message) -> str:
    """Every text of the message's blocks, once it is sure that Slack takes it."""
    blocks = list(message.blocks)
    assert check_blocks(blocks, Surface.MESSAGE) == []
    assert size(blocks) <= BUDGET
    assert len(blocks) <= MESSAGE_BLOCKS
    assert len(message.text) <= BUDGET
    return "\n".join(read(blocks).texts)


def big_event(number: int = 0) -> Event:
    return Event(name(number), LONG, "ENABLED", TWELVE, TARGET, T0, TIMES[1])


def big_change(number: int, state: ChangeState = ChangeState.PENDING):
    return replace(
        a_change("x", state),
        number=number,
        event=name(number % 100),
        project="p" * 32,
        before=big_event(number % 100).image(),
        patch=Patch("DISABLED", TWELVE_MORE, Target("EG", "e" * 256, "m" * 64)),
        reason="because " * 62,
        note="" if state.open else "no " * 500,
        approved_by=(),
    )


def test_thirty_records_in_one_reply_are_all_named_by_secret_and_time():
    data = [
        record_data(
            Record(LONG, TWELVE[0], TIMES[one], name(one), "COMMON", LONG, URN, "{}", FAIL, "f")
        )
        for one in range(LINES)
    ]  # fmt: skip

    message = draw_lines({"records": data}, None)

    text = checked(message)
    for one in range(LINES):
        for shown in (text, message.text):
            assert shown.count(f"secret `{name(one)}` · {TIMES[one]:%Y-%m-%d %H:%M:%S} UTC") == 1


def test_eight_events_with_twelve_types_each_are_one_page():
    events = tuple(big_event(one) for one in range(PER_PAGE))
    listing = Listing("p" * 32, events, 30, 30, 0, Filter("n" * 60, "ENABLED", TWELVE[0], "SMN"))

    text = checked(list_page(ListPage(listing, 0, {one.name: KEY for one in events}, KEY, KEY)))

    assert all(f"`{name(one)}`" in text for one in range(PER_PAGE))
    assert all(text.count(f"`{one}`") >= PER_PAGE for one in TWELVE[1:])


def test_one_event_shows_every_field_whole():
    text = checked(event_detail(EventDetail(big_event(), "p" * 32, KEY)))

    assert all(f"`{one}`" in text for one in (name(0), LONG, URN, *TWELVE))
    assert text.count("not in CSMS's documentation") == 12


def test_more_types_than_an_event_can_have_are_counted():
    crowd = replace(big_event(), types=tuple(f"SECRET_{one}" for one in range(300)))

    assert "and 276 more" in checked(event_detail(EventDetail(crowd, "p", KEY)))
    page = ListPage(Listing("p", (crowd,) * PER_PAGE, 8, 8, 0, Filter()), 0, {})
    assert checked(list_page(page)).count("and 288 more") == PER_PAGE


@pytest.mark.parametrize("state", list(ChangeState))
def test_the_card_of_the_largest_change_shows_all_of_it(state):
    change = big_change(999_999, state)

    message = draw_change(PostKind.CARD, change, [f"U0APPROVER{one:04}" for one in range(60)], {})

    text = checked(message)
    for one in (*TWELVE, *TWELVE_MORE, URN, "e" * 256, LONG, "m" * 64, "DISABLED"):
        assert f"`{one}`" in text
    assert change.reason.strip() in text
    assert ("and 40 more" in text) == (state is ChangeState.PENDING)
    assert all(one in message.text for one in (*TWELVE, *TWELVE_MORE, URN, REQUESTER))


def test_the_answer_to_the_largest_request_shows_all_of_it():
    text = checked(asked(big_change(7), APPROVALS))

    assert all(f"`{one}`" in text for one in (*TWELVE, *TWELVE_MORE, URN))


def test_what_a_dialog_asks_fits_into_it_and_is_not_torn():
    for change in (big_change(7), replace(big_change(7), event="&" * 64)):
        *_, row = draw_change(PostKind.CARD, change, [APPROVER], {}).blocks
        asks = [button["confirm"]["text"]["text"] for button in row["elements"] if "confirm" in button]

        assert len(asks) == 2
        assert all(len(ask) <= 300 and ask.count("`") % 2 == 0 for ask in asks)


def test_twelve_ordinary_requests_are_listed_whole():
    before = Event("prod-db", "e", "ENABLED", EVENT_TYPES[:4], TARGET).image()
    changes = [
        replace(big_change(one), before=before, patch=Patch(types=EVENT_TYPES)) for one in range(1, 13)
    ]  # fmt: skip

    message = pending(changes, yours=frozenset({"CR-1", "CR-2"}), project="prod")

    text = checked(message)
    assert [text.count(f"*CR-{one}*  ") for one in range(1, 13)] == [1] * 12
    assert text.count("_waits on you_") == 2
    assert text.count("+`SECRET_DELETED`") == 24, "in each row and in each dialog"
    assert sum(block["type"] == "actions" for block in message.blocks) == 12


def test_of_the_largest_requests_those_that_fit_are_listed_with_all_their_buttons():
    message = pending([big_change(one) for one in range(100, 140)], yours=frozenset(), project="p" * 32)

    text = checked(message)
    listed = sum(block["type"] == "actions" for block in message.blocks)
    assert listed >= 7
    assert text.count("Approve") >= listed
    assert f"and {40 - listed} more" in text


def big_row(number: int) -> AuditRow:
    return AuditRow(
        number, TIMES[number % 60].isoformat(timespec="microseconds"), REQUESTER, "change.apply", "p" * 32, name(number % 100),
        f"CR-{number}", big_change(number).before, big_change(number).after, "applied", "because " * 62, "0" * 64, "f" * 64,
    )  # fmt: skip


def test_of_rows_with_long_images_those_that_fit_are_shown_and_the_others_are_pointed_to():
    rows = [big_row(number) for number in range(20, 0, -1)]

    message = audit_log(rows, more=False)
    text = checked(message)
    assert text.count("applied") >= 8
    assert "CR-20" in message.text
    assert "older ones: `csms-bot audit export" in text


def test_of_long_stories_those_that_fit_are_shown_each_with_its_first_and_last_steps():
    told = []
    for number in range(20, 0, -1):
        asked = replace(big_row(number), action="change.request", outcome="pending")
        refused = replace(asked, action="change.approve", outcome="refused")
        told.append(Story(f"CR-{number}", (asked, *[refused] * 40, big_row(number))))
    fit = how_many_fit(told)

    message = history(name(1), told, command="/csms", turning=Turning())

    text = checked(message)
    assert fit >= 1
    assert text.count(":white_check_mark: Applied") == fit
    assert text.count("… 34 more steps …") == fit
    assert "CR-20" in message.text
    assert f"CR-{20 - fit} " not in text


def test_twenty_ordinary_rows_are_shown_whole():
    before = Event("prod-db", state="ENABLED", types=EVENT_TYPES[:4], target=TARGET).settings()
    after = before | {"types": sorted(EVENT_TYPES)}
    rows = [
        replace(big_row(number), event="prod-db", before=before, after=after, reason="the on-call rota moved")
        for number in range(20, 0, -1)
    ]

    text = checked(audit_log(rows, more=False))

    assert "20 rows, newest first" in text
    assert text.count("Types: +`SECRET_DELETED`") == 20
    assert "older ones" not in text


def test_twenty_records_with_the_longest_names_are_listed():
    found = tuple(
        Record(name(one), TWELVE[0], TIMES[one], LONG, "COMMON", "t" * 64, URN, "{}", FAIL, "f")
        for one in range(30)
    )  # fmt: skip

    text = checked(record_list(RecordList("p" * 32, found, 1000, True)))

    assert [f"`{name(one)}`" in text for one in range(30)] == [True] * 20 + [False] * 10
    assert "and 10 older" in text


def test_the_lines_of_many_incidents_in_one_reply_all_fit():
    data = [
        record_data(Record(LONG, TWELVE[0], TIMES[one], name(one), "COMMON", LONG, URN, "{}", "INVALID", "f"))
        for one in range(MIXED)
    ]

    message = draw_lines({"records": data, "mixed": True}, None, digest=KEY)

    text = checked(message)
    for one in range(MIXED):
        for shown in (text, message.text):
            assert shown.count(f"secret `{name(one)}` · {TIMES[one]:%Y-%m-%d %H:%M:%S} UTC") == 1


def full_incident(key: str = "k") -> Incident:
    """One with all that can be said of it."""
    first = record_data(Record(LONG, TWELVE[0], TIMES[1], LONG, "COMMON", LONG, URN, "x" * 4000, FAIL, "f"))
    incident = Incident(key, "p", LONG, URN, FAIL, first, 10**6, T0, TIMES[2], IncidentState.FIXED, key)
    return replace(
        incident, mention="S0123456789", cause="c" * 4000, acknowledged_by=APPROVER, acknowledged=T0,
        snoozed_until=TIMES[3], snoozed_by=APPROVER, held=10**6,
        history=tuple((TIMES[one].timestamp(), 10**6) for one in range(5)),
    )  # fmt: skip


def test_an_alert_with_everything_fits():
    text = checked(draw_incident(full_incident(), big_change(10**6, ChangeState.APPLIED)))

    assert "Fix applied, waiting for the next notice" in text
    assert "Snoozed by" in text


def longest(number: int) -> list[dict[str, Any]]:
    """So many records of one incident, with the longest names."""
    return [
        record_data(Record(LONG, "SECRET_ROTATED_FAILED", TIMES[one], name(one), "COMMON", LONG, URN, "{}", "INVALID", "f"))
        for one in range(number)
    ]  # fmt: skip


@pytest.mark.parametrize("number", [TO_EDIT, LINES])
def test_a_reply_that_stands_for_its_alert_fits_with_everything(number):
    drawn = draw_lines({"records": longest(number)}, full_incident(), big_change(10**6, ChangeState.APPLIED))

    text = checked(drawn)

    assert all(text.count(f"secret `{name(one)}`") == 1 for one in range(number))
    assert "Snoozed by" in text


def test_what_is_edited_later_is_short_enough_for_an_edit():
    for incident in (full_incident(), None):
        for how in ({"incident": "k"}, {"after_snooze": 10**6}):
            assert len(draw_lines({"records": longest(TO_EDIT), **how}, incident).text) <= 4000
    assert len(draw_incident(full_incident()).text) <= 4000


def many_incidents(number: int) -> list[dict[str, Any]]:
    return [
        {"key": f"k{one}", "event": name(one % 100), "status": FAIL, "target": LONG, "count": 9}
        for one in range(number)
    ]


def test_a_digest_of_hundreds_shows_some_and_says_how_many_more_there_are():
    now = {f"k{one}": full_incident(f"k{one}") for one in range(500)}

    drawn = draw_digest(KEY, {"incidents": many_incidents(500)}, now)

    text = checked(drawn)
    assert "4500 notices not delivered, 500 incidents" in text
    assert "and 475 more" in text
    assert text.count(f":eyes: <@{APPROVER}>") == 25
    assert len(drawn.text) <= 4000


def test_the_pages_of_five_hundred_incidents_show_each_once():
    now = {f"k{one}": full_incident(f"k{one}") for one in range(500)}
    looks: list[str] = []
    for number in range(Page(many_incidents(500), 0).pages):
        page = Page(many_incidents(500), number, KEY, KEY)
        drawn = all_incidents(page, now)
        checked(drawn)
        looks += [block["accessory"]["value"] for block in drawn.blocks if "accessory" in block]

    assert looks == [f"k{one}" for one in range(500)]


def test_a_status_with_everything_wrong_fits():
    project = replace(
        a_report("x").projects[0],
        name="p" * 32,
        project_id="0" * 32,
        alert_channel=ALERTS,
        dropped=(("r" * 200, 10**6),) * 10,
    )
    assert isinstance(project, ProjectReport)
    report: Report = replace(a_report("x"), projects=(project,) * 30, wrong=("w" * 400,) * 30)

    text = checked(status(report, T0))

    assert "30 problems" in text
    assert "and 20 more" in text
    assert text.count("p" * 32) == 10


@pytest.mark.parametrize("more", [0, 5, 6, 120])
def test_the_form_offers_every_type_that_slack_lets_it_offer(more):
    event = replace(big_event(), types=(EVENT_TYPES[0], *(f"SECRET_{one}" for one in range(more))))

    view = edit_form(EditForm(event, KEY, "prod", (TARGET,) * 30))

    assert check_view(view, Surface.MODAL) == []
    (types,) = (block["element"] for block in view["blocks"] if block.get("block_id") == "types")
    assert types["type"] == ("checkboxes" if more <= 5 else "multi_static_select")
    assert [one["value"] for one in types["initial_options"]] == list(event.types)[:96]
    assert any("25 types cannot be shown" in text for text in read(view).texts) == (more == 120)


@pytest.mark.parametrize(
    "odd",
    [
        Target("SMN", "u" * 257, "n" * 65),
        Target("\n", "a\nb", " name "),
        Target("x" * 200, "", "\u202e"),
        Target("kafka", "id", "n"),
    ],
)
def test_the_form_is_only_filled_with_what_comes_back_unchanged(odd):
    view: dict[str, Any] = edit_form(EditForm(Event("e", state="ODD", types=(), target=odd), KEY, "prod"))

    assert check_view(view, Surface.MODAL) == []
    given = {
        block["block_id"]: block["element"].get("initial_value", block["element"].get("initial_option", {}).get("value"))
        for block in view["blocks"]
        if block["type"] == "input"
    }  # fmt: skip
    assert given["target_id"] in (None, odd.id)
    assert given["target_name"] in (None, odd.name)
    assert given["target_type"] in (None, odd.type)
    assert given["state"] is None


def test_rows_are_counted_by_characters_and_by_blocks():
    small = [section("x")]

    assert rows_that_fit([small] * 100, spent=0) == MESSAGE_BLOCKS - 4
    assert rows_that_fit([[section("x" * 1000)]] * 100, spent=0) == 9
    assert rows_that_fit([[section("x" * 1000)]] * 100, spent=5000) == 4
    assert rows_that_fit([small] * 3, spent=0) == 3
    assert rows_that_fit([small], spent=BUDGET) == 0
