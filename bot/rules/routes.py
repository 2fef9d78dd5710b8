"""Where a failing record is told: the first `[[routes]]` entry that matches it decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from bot.config import RouteSettings

MATCHED = ("project", "event", "type", "secret", "status")
"""What a route can look at, each by a glob."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of a day, on some clock, in which alerts wait; `start` after `end` goes over midnight."""

    start: time
    end: time
    zone: tzinfo = UTC

    def until(self, now: datetime) -> datetime | None:
        """When the quiet that `now` is in ends, UTC; None outside of it."""
        here = now.astimezone(self.zone)
        clock = here.time()
        over_midnight = self.start >= self.end
        begun, ended = clock >= self.start, clock >= self.end
        if not (begun or not ended if over_midnight else begun and not ended):
            return None
        day = here.date() + timedelta(days=1 if over_midnight and begun else 0)
        return datetime.combine(day, self.end, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Route:
    """One rule. Globs are case-sensitive; `*` matches everything."""

    project: str = "*"
    event: str = "*"
    type: str = "*"
    secret: str = "*"  # noqa: S105 (a glob for names)
    status: str = "*"
    channel: str = ""
    """Empty: the project's alert channel."""
    mention: str = ""
    quiet: Quiet | None = None
    drop: str = ""
    """A reason: the record is not told, only counted."""

    def matches(self, facts: Facts) -> bool:
        """True when every glob fits."""
        return all(fnmatchcase(getattr(facts, name), getattr(self, name)) for name in MATCHED)

    def conditions(self) -> str:
        """`event=pay-* status=FAIL`, or `everything`."""
        given = [f"{name}={getattr(self, name)}" for name in MATCHED if getattr(self, name) != "*"]
        return " ".join(given) or "everything"


@dataclass(frozen=True, slots=True)
class Facts:
    """What routes look at."""

    project: str
    event: str
    type: str
    secret: str
    status: str


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a record goes, and by which route."""

    channel: str
    mention: str = ""
    until: datetime | None = None
    """The end of the route's quiet hours, when it is in them."""
    drop: str = ""
    number: int = 0
    """The route's place in the file, from 1; 0: none matched."""


def route(routes: Sequence[Route], facts: Facts, *, channel: str, now: datetime) -> Routed:
    """What the first route that matches says; without one, the project's own `channel`."""
    for number, one in enumerate(routes, 1):
        if one.matches(facts):
            until = one.quiet.until(now) if one.quiet else None
            return Routed(one.channel or channel, one.mention, until, one.drop, number)
    return Routed(channel)


def explain(routes: Sequence[Route], routed: Routed) -> str:
    """Where a record goes and why, in a sentence."""
    if not routed.number:
        why = "no route matches it" if routes else "there are no routes"
        return f"To {routed.channel}: {why}, so it goes to the project's alert channel."
    by = f"route {routed.number} ({routes[routed.number - 1].conditions()})"
    if routed.drop:
        return f"Dropped by {by}: {routed.drop}"
    mention = f", mentioning {routed.mention}" if routed.mention else ""
    wait = f", not before {routed.until:%Y-%m-%d %H:%M} UTC (quiet hours)" if routed.until else ""
    return f"To {routed.channel}{mention}{wait}, by {by}."


def routes_of(settings: Iterable[RouteSettings]) -> tuple[Route, ...]:
    """The routes as the settings file has them."""
    return tuple(_route(one) for one in settings)


def _route(one: RouteSettings) -> Route:
    quiet = None
    if one.quiet:
        start, _, end = one.quiet.partition("-")
        quiet = Quiet(time.fromisoformat(start), time.fromisoformat(end), ZoneInfo(one.timezone))
    return Route(
        project=one.project, event=one.event, type=one.type, secret=one.secret, status=one.status,
        channel=one.channel, mention=one.mention, quiet=quiet, drop=one.drop,
    )  # fmt: skip
