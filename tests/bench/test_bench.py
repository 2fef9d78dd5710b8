"""The pure parts of the bench; nothing here is timed."""

from __future__ import annotations

from tests.bench.canned import event_pages, response
from tests.bench.table import TIMES, Goal, Line, interleaved, number, render


def test_a_figure_on_its_limit_holds() -> None:
    assert Goal(0.25).holds(0.25)
    assert Goal(4, at_least=True).holds(4)


def test_a_figure_on_a_strict_limit_does_not_hold() -> None:
    assert not Goal(20, strict=True).holds(20)
    assert Goal(20, strict=True).holds(19.9)


def test_a_figure_beyond_its_limit_does_not_hold() -> None:
    assert not Goal(0.25).holds(0.26)
    assert not Goal(4, at_least=True).holds(3.9)


def test_a_line_without_a_goal_is_never_missed() -> None:
    line = Line("audit", 0.1, TIMES)

    assert line.held
    assert line.cells() == ("audit", "", "", f"0.1{TIMES}", "", "")


def test_numbers_have_about_three_figures_and_their_unit() -> None:
    shown = [number(value, "ms") for value in (0.1472, 1.256, 20.04, 90.0, 12345.6)]

    assert shown == ["0.147 ms", "1.26 ms", "20 ms", "90 ms", "12,346 ms"]
    assert number(4.0, TIMES) == f"4{TIMES}"


def test_each_round_begins_with_another_contender() -> None:
    assert list(interleaved(["a", "b", "c"], 3)) == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_the_table_is_aligned_and_names_what_was_missed() -> None:
    table = render(
        [
            Line("ack", 0.2, TIMES, ours="2 ms", peer="10 ms", goal=Goal(0.25)),
            Line("start to ready", 1700, "ms", goal=Goal(1500, strict=True)),
        ]
    )

    assert table.splitlines() == [
        "measure         ours   peer    figure        goal  holds",
        "--------------  ----  -----  --------  ----------  -----",
        f"ack             2 ms  10 ms      0.2{TIMES}     ≤ 0.25{TIMES}  yes",
        "start to ready               1,700 ms  < 1,500 ms  NO",
    ]


def test_pages_continue_after_the_last_name_and_end_with_an_empty_one() -> None:
    pages = event_pages(total=4, limit=2)

    assert [len(page["events"]) for page in pages.values()] == [2, 2, 0]
    first, second, last = pages
    assert first == "limit=2"
    assert second == f"limit=2&marker={pages[first]['events'][-1]['name']}"
    assert last == f"limit=2&marker={pages[second]['events'][-1]['name']}"


def test_a_canned_answer_says_how_long_it_is() -> None:
    assert response(b'{"a":1}').endswith(b"Content-Length: 7\r\n\r\n" + b'{"a":1}')
