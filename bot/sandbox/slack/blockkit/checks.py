"""Small checks that are put together to the rules of Block Kit.

A check looks at one value at one place and writes down what is wrong, in Slack's words with a JSON pointer:
`[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is, and the list that everything wrong in the whole structure goes to."""

    pointer: str = ""
    problems: list[str] = field(default_factory=list)

    def inside(self, key: str | int) -> Place:
        """The place of a member."""
        return Place(f"{self.pointer}/{key}", self.problems)

    def wrong(self, what: str) -> None:
        """Writes down one thing that is wrong here."""
        self.problems.append(f"[ERROR] {what} [json-pointer:{self.pointer}]")


Check = Callable[[Any, Place], None]


def string(low: int = 0, high: int | None = None) -> Check:
    """A text of `low` to `high` characters."""

    def check(value: Any, place: Place) -> None:
        if not isinstance(value, str):
            place.wrong("must be a string")
        elif len(value) < low:
            place.wrong(f"must be more than {low - 1} characters")
        elif high is not None and len(value) > high:
            place.wrong(f"must be less than {high + 1} characters")

    return check


def matching(pattern: Callable[[str], object], what: str) -> Check:
    """A text that `pattern` (a `fullmatch`) accepts; `what` says what it must be."""

    def check(value: Any, place: Place) -> None:
        if not isinstance(value, str) or not pattern(value):
            place.wrong(f"must be {what}")

    return check


def number(low: int | None = None, high: int | None = None) -> Check:
    """A number from `low` to `high`."""

    def check(value: Any, place: Place) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            place.wrong("must be a number")
        elif low is not None and value < low:
            place.wrong(f"must be greater than or equal to {low}")
        elif high is not None and value > high:
            place.wrong(f"must be less than or equal to {high}")

    return check


def boolean(value: Any, place: Place) -> None:
    """True or false."""
    if not isinstance(value, bool):
        place.wrong("must be a boolean")


def one_of(*allowed: str | int) -> Check:
    """One of a few values."""

    def check(value: Any, place: Place) -> None:
        if isinstance(value, (dict, list)) or value not in allowed:
            place.wrong(f"must be a valid enum value: {', '.join(map(str, allowed))}")

    return check


def array(item: Check, low: int = 0, high: int | None = None) -> Check:
    """A list of `low` to `high` items."""

    def check(value: Any, place: Place) -> None:
        if not isinstance(value, list):
            place.wrong("must be an array")
            return
        if len(value) < low:
            place.wrong(f"no less than {low} items allowed")
        if high is not None and len(value) > high:
            place.wrong(f"no more than {high} items allowed")
            return
        for at, member in enumerate(value):
            item(member, place.inside(at))

    return check


def record(
    required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *rules: Check
) -> Check:
    """An object with exactly these keys. `rules` look at the whole, and only when its parts are right."""
    known = dict(required) | dict(optional or {})

    def check(value: Any, place: Place) -> None:
        if not isinstance(value, dict):
            place.wrong("must be an object")
            return
        before = len(place.problems)
        for key in required:
            if key not in value:
                place.wrong(f"missing required field: {key}")
        for key, member in value.items():
            if key in known:
                known[key](member, place.inside(key))
            else:
                place.wrong(f"additional property: {key} is not allowed")
        if len(place.problems) == before:
            for rule in rules:
                rule(value, place)

    return check


def typed(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says which of these checks it is held to."""

    def check(value: Any, place: Place) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            place.wrong("missing required field: type")
        elif kind not in kinds:
            place.inside("type").wrong(f"unsupported type: {kind}")
        else:
            kinds[kind](value, place)

    return check


def kind(name: str, required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Check) -> Check:
    """A record with a `type` of this name."""
    return record({"type": one_of(name), **required}, optional, *rules)


def needs_one_of(*keys: str) -> Check:
    """A rule: exactly one of these keys is there."""

    def rule(value: Any, place: Place) -> None:
        present = [key for key in keys if key in value]
        if len(present) != 1:
            place.wrong(f"must have exactly one of: {', '.join(keys)}")

    return rule
