"""The small checks, each by itself."""

import re

import pytest

from bot.sandbox.slack.blockkit.checks import (
    Check,
    Place,
    array,
    boolean,
    matching,
    number,
    one_of,
    record,
    string,
    typed,
)


def _problems(check: Check, value: object) -> list[str]:
    place = Place()
    check(value, place)
    return place.problems


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (string(1, 3), ["a", "abc"], ["", "abcd", 3, None]),
        (number(1, 3), [1, 3, 2.5], [0, 4, "2", True]),
        (boolean, [True, False], [0, "true", None]),
        (one_of("a", 1), ["a", 1], ["b", 2, ["a"], {}]),
        (array(boolean, 1, 2), [[True], [True, False]], [[], [True] * 3, [1], {}]),
        (matching(re.compile("a+").fullmatch, "a row of a"), ["aa"], ["ab", 3]),
        (record({"a": boolean}, {"b": boolean}), [{"a": True}, {"a": True, "b": True}], [{}, {"a": 1}, []]),
        (typed({"x": record({"type": one_of("x")})}), [{"type": "x"}], [{"type": "y"}, {}, 3]),
    ],
)
def test_a_check_takes_the_good_and_refuses_the_bad(
    check: Check, good: list[object], bad: list[object]
) -> None:
    assert [value for value in good if _problems(check, value)] == []
    assert [value for value in bad if not _problems(check, value)] == []


def test_a_rule_looks_only_at_what_is_right_in_its_parts() -> None:
    def rule(value: object, place: Place) -> None:
        place.wrong("the rule")

    check = record({"a": boolean}, {}, rule)
    assert _problems(check, {"a": 1}) == ["[ERROR] must be a boolean [json-pointer:/a]"]
    assert _problems(check, {"a": True}) == ["[ERROR] the rule [json-pointer:]"]
