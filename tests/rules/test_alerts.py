"""Every failing record is named once: in the alert that it opens, or as one line in one reply."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from bot.model import (
    FAIL,
    INVALID,
    SUCCESS,
    Incident,
    IncidentState,
    Plan,
    Post,
    PostKind,
    Record,
    record_data,
)
from bot.rules.alerts import LINES, MOST_ALERTS, MOST_THREADS, backfill, meanwhile, plan
from bot.rules.incidents import QUIET, REMEMBERED, Where
from bot.rules.routes import Quiet, Route

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
WHERE = Where("prod", "C0ALERTS")
MINUTE = timedelta(minutes=1)


def record(
    status: str = FAIL, *, event: str = "db", target: str = "urn:t", secret: str = "", second: int = 0
) -> Record:
    at = NOW + timedelta(seconds=second)
    marks = f"{event}/{target}/{status}/{secret}/{second}"
    return Record(event, "SECRET_ROTATED", at, secret, "COMMON", "t", target, "{}", status, marks)


def keys() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"key{next(numbers)}"


class Channel:
    """What stands in Slack after the plans of many polls, and the incidents that the store holds."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}
        self.posts: dict[str, Post] = {}
        self.held: dict[str, list[Mapping[str, Any]]] = {}
        self.make_key = keys()

    def poll(self, new: Sequence[Record], now: datetime, *, away: datetime | None = None) -> Plan:
        made = plan(new, self.known(now), where=WHERE, now=now, make_key=self.make_key, away_since=away)
        self.take(made)
        return made

    def known(self, now: datetime) -> list[Incident]:
        return [one for one in self.incidents.values() if one.last >= now - REMEMBERED]

    def snooze(self, key: str, until: datetime) -> None:
        self.incidents[key] = replace(self.incidents[key], snoozed_until=until)

    def wake(self, now: datetime) -> None:
        """Ends the snoozes that are over, as the store does."""
        for key, one in list(self.incidents.items()):
            if one.snoozed_until is not None and one.snoozed_until <= now:
                self.incidents[key] = woken = replace(one, snoozed_until=None)
                waiting = self.held.pop(key, [])
                if waiting:
                    self.take(
                        Plan(posts=tuple(meanwhile(woken, waiting, where=WHERE, make_key=self.make_key)))
                    )

    def take(self, made: Plan) -> None:
        for key, data in made.held:
            self.held.setdefault(key, []).append(data)
        self.incidents |= {one.key: one for one in made.incidents}
        for post in made.posts:
            assert post.key not in self.posts
            self.posts[post.key] = post

    def named(self) -> Counter[str]:
        """How often each record is named, by its data; an alert names the record that opened it."""
        found: Counter[str] = Counter()
        for post in self.posts.values():
            if post.kind is PostKind.ALERT:
                first = dict(self.incidents[post.ref].first)
                first.pop("away_since", None)
                found[repr(first)] += 1
            elif post.kind is PostKind.LINES:
                found.update(repr(data) for data in post.data["records"])
        return found


def wrong_places(channel: Channel, seen: Iterable[Record]) -> list[str]:
    """What the promise is broken by: records not named, named twice, or named where nobody looks for them."""
    expected = Counter(repr(record_data(one)) for one in seen if one.failed)
    named = channel.named()
    wrong = [
        f"{name}: {named[name]} times, not {expected[name]}"
        for name in expected | named
        if named[name] != expected[name]
    ]
    for post in channel.posts.values():
        if post.kind is not PostKind.LINES:
            continue
        parent = channel.posts.get(post.parent)
        if parent is None or parent.kind not in (PostKind.ALERT, PostKind.DIGEST):
            wrong.append(f"a reply of {post.ref} hangs on {post.parent}")
        if post.data.get("mixed"):
            named = parent.data.get("incidents", ()) if parent else ()
            theirs = {_of(one) for one in channel.incidents.values() if one.post == post.parent}
            theirs |= {_of(channel.incidents[one["key"]]) for one in named}
        else:
            theirs = {_of(channel.incidents[post.ref])}
            if post.parent != channel.incidents[post.ref].post:
                wrong.append(f"a reply of {post.ref} hangs on {post.parent}")
        if not 0 < len(post.data["records"]) <= LINES:
            wrong.append(f"a reply of {len(post.data['records'])} lines")
        for data in post.data["records"]:
            if (data["event"], data["target_id"], data["status"]) not in theirs:
                wrong.append(f"{data} is in the thread of {post.ref}")
    return wrong


def _of(incident: Incident) -> tuple[str, str, str]:
    return incident.event, incident.target_id, incident.status


def random_polls(rng: random.Random) -> list[tuple[datetime, list[Record]]]:
    """Polls with twins, successes in between, bursts over many events, days of silence and records without a time."""
    now, polls = NOW, []
    if rng.random() < 0.3:
        # Few at a time, so that many have alerts of their own before the bursts.
        for start in range(0, 40, 8):
            now += MINUTE
            polls.append((now, [record(event=f"e{start + one}", target="t0") for one in range(8)]))
        now += MINUTE
        again = rng.choices(range(40), k=rng.choice([10, 60]))
        polls.append((now, [record(event=f"e{one}", target="t0", second=1) for one in again]))
    for _ in range(rng.randrange(1, 9)):
        now += rng.choice([MINUTE, MINUTE, timedelta(hours=23), QUIET, QUIET + timedelta(seconds=1)])
        events = rng.choice([2, 2, 40])
        found = [
            record(
                rng.choice([FAIL, FAIL, INVALID, SUCCESS, "PENDING"]),
                event=f"e{rng.randrange(events)}",
                target=f"t{rng.randrange(2)}",
                secret=f"s{rng.randrange(3)}",
                second=rng.randrange(3),
            )
            for _ in range(rng.choice([0, 1, 5, 30, 90]))
        ]
        found += rng.sample(found, min(len(found), rng.randrange(4)))
        if found and rng.random() < 0.2:
            found[0] = replace(found[0], created=None)
        polls.append((now, found))
    return polls


def test_each_failing_record_is_named_in_exactly_one_place():
    seen_kinds: Counter[str] = Counter()
    crowds = 0
    for seed in range(400):
        channel, seen = Channel(), []
        rng = random.Random(seed)
        before = NOW
        for now, new in random_polls(rng):
            channel.wake(now)
            channel.poll(new, now, away=before if rng.random() < 0.2 else None)
            before = now
            seen += new
            if channel.incidents and rng.random() < 0.5:
                channel.snooze(
                    rng.choice(list(channel.incidents)), now + rng.choice([MINUTE, QUIET, 3 * QUIET])
                )
        channel.wake(before + 4 * QUIET)

        assert channel.held == {}
        assert wrong_places(channel, seen) == [], f"seed {seed}"
        assert sum(one.count for one in channel.incidents.values()) == sum(one.failed for one in seen)
        seen_kinds.update(post.kind for post in channel.posts.values())
        crowds += sum(
            post.kind is PostKind.DIGEST
            and any("known" in one and "own_thread" not in one for one in post.data["incidents"])
            for post in channel.posts.values()
        )
    assert min(seen_kinds[kind] for kind in (PostKind.ALERT, PostKind.LINES, PostKind.DIGEST)) > 50
    assert crowds > 20, "polls with later records of many threads"


def naive(new: Sequence[Record], known: set[str], make_key: Callable[[], str]) -> Plan:
    """The planner that everybody writes first: an alert for each record that a set of hashes does not know."""
    incidents, posts = [], []
    for one in new:
        if one.failed and one.fingerprint not in known:
            known.add(one.fingerprint)
            key = make_key()
            incidents.append(
                Incident(
                    key,
                    "prod",
                    one.event_name,
                    one.target_id,
                    one.status,
                    record_data(one),
                    1,
                    NOW,
                    NOW,
                    IncidentState.FAILING,
                    key,
                )
            )
            posts.append(Post(key, PostKind.ALERT, key, "prod", "C0ALERTS"))
    return Plan(tuple(incidents), tuple(posts))


def test_the_checker_finds_the_twins_that_a_naive_planner_loses():
    channel, known, seen = Channel(), set(), []
    for _, new in random_polls(random.Random(1)):
        channel.take(naive(new, known, channel.make_key))
        seen += new

    wrong = wrong_places(channel, seen)

    assert len(seen) > len(known)
    assert any("not 2" in one for one in wrong)


def test_the_first_failure_opens_an_alert_and_the_next_is_a_line_below_it():
    channel = Channel()

    first = channel.poll([record(secret="a")], NOW)
    second = channel.poll([record(secret="b"), record(secret="c")], NOW + MINUTE)

    assert [post.kind for post in first.posts] == [PostKind.ALERT]
    assert first.posts[0].channel == "C0ALERTS"
    assert [(post.kind, post.parent) for post in second.posts] == [(PostKind.LINES, first.posts[0].key)]
    assert [one["secret"] for one in second.posts[0].data["records"]] == ["b", "c"]
    assert second.incidents[0].count == 3


@pytest.mark.parametrize("other", [{"event": "other"}, {"target": "urn:other"}, {"status": INVALID}])
def test_another_event_target_or_status_is_another_incident(other):
    channel = Channel()
    channel.poll([record()], NOW)

    made = channel.poll([record(**other)], NOW + MINUTE)

    assert [post.kind for post in made.posts] == [PostKind.ALERT]


def test_another_secret_of_the_same_event_is_the_same_incident():
    channel = Channel()

    made = channel.poll([record(secret="a"), record(secret="b")], NOW)

    assert [post.kind for post in made.posts] == [PostKind.ALERT, PostKind.LINES]
    assert len(made.incidents) == 1


def test_a_success_is_never_posted_but_says_that_the_target_delivers():
    channel = Channel()
    channel.poll([record(FAIL), record(INVALID)], NOW)

    made = channel.poll([record(SUCCESS)], NOW + MINUTE)

    assert made.posts == ()
    assert {one.status: one.state for one in made.incidents} == {
        FAIL: IncidentState.DELIVERING,
        INVALID: IncidentState.DELIVERING,
    }
    assert channel.poll([record(SUCCESS)], NOW + 2 * MINUTE) == Plan()
    assert channel.poll([record(SUCCESS, event="other")], NOW + 3 * MINUTE) == Plan()


def test_a_failure_after_a_success_goes_on_with_the_same_incident():
    channel = Channel()
    (alert,) = channel.poll([record()], NOW).posts

    made = channel.poll([record(SUCCESS), record(second=1)], NOW + MINUTE)

    assert [(post.kind, post.parent) for post in made.posts] == [(PostKind.LINES, alert.key)]
    assert made.incidents[0].state == IncidentState.FAILING


def test_the_last_word_of_one_poll_counts():
    (incident,) = Channel().poll([record(), record(SUCCESS, second=1)], NOW).incidents

    assert incident.state == IncidentState.DELIVERING


@pytest.mark.parametrize(
    ("later", "kind"),
    [(QUIET, PostKind.LINES), (QUIET + timedelta(microseconds=1), PostKind.ALERT)],
    ids=["24 h", "a moment more"],
)
def test_after_a_day_of_quiet_the_next_failure_opens_another_incident(later, kind):
    old = Channel().poll([record()], NOW).incidents

    made = plan([record(second=9)], old, where=WHERE, now=NOW + later, make_key=keys())

    assert [post.kind for post in made.posts] == [kind]


def test_each_failure_puts_the_quiet_off():
    channel = Channel()
    channel.poll([record()], NOW)
    channel.poll([record(second=1)], NOW + timedelta(hours=20))

    made = channel.poll([record(second=2)], NOW + timedelta(hours=40))

    assert [post.kind for post in made.posts] == [PostKind.LINES]
    assert len(channel.incidents) == 1


def test_the_numbers_are_those_that_were_promised():
    assert timedelta(hours=24) == QUIET
    assert (MOST_ALERTS, LINES) == (10, 30)


def burst(number: int) -> list[Record]:
    return [record(event=f"e{one}", secret=f"s{one}") for one in range(number)]


def test_ten_incidents_at_once_are_ten_alerts():
    made = Channel().poll(burst(MOST_ALERTS), NOW)

    assert [post.kind for post in made.posts] == [PostKind.ALERT] * 10


def test_eleven_incidents_at_once_are_one_digest_with_the_records_in_its_thread():
    made = Channel().poll(burst(MOST_ALERTS + 1), NOW)

    digest, *replies = made.posts
    assert digest.kind is PostKind.DIGEST
    assert [one["event"] for one in digest.data["incidents"]] == [f"e{one}" for one in range(11)]
    assert digest.data["incidents"][0] == {
        "key": made.incidents[0].key, "event": "e0", "status": FAIL, "target": "t", "count": 1,
    }  # fmt: skip
    assert {(post.kind, post.parent) for post in replies} == {(PostKind.LINES, digest.key)}
    named = [data["secret"] for post in replies for data in post.data["records"]]
    assert sorted(named) == sorted(f"s{one}" for one in range(11))
    assert all(one.digest and one.post == digest.key for one in made.incidents)


def test_a_digest_names_a_target_without_a_name_by_its_id():
    nameless = [replace(one, target_name="") for one in burst(MOST_ALERTS + 1)]

    digest, *_ = Channel().poll(nameless, NOW).posts

    assert {one["target"] for one in digest.data["incidents"]} == {"urn:t"}


def test_later_records_of_a_digest_go_to_its_thread():
    channel = Channel()
    digest, *_ = channel.poll(burst(MOST_ALERTS + 1), NOW).posts

    made = channel.poll([record(event="e3", secret="later")], NOW + MINUTE)

    assert [(post.kind, post.parent) for post in made.posts] == [(PostKind.LINES, digest.key)]


def test_records_of_a_known_incident_do_not_count_towards_a_digest():
    channel = Channel()
    channel.poll([record(event="known")], NOW)

    made = channel.poll([*burst(MOST_ALERTS), record(event="known", second=1)], NOW + MINUTE)

    assert Counter(post.kind for post in made.posts) == {PostKind.ALERT: 10, PostKind.LINES: 1}


def test_a_long_reply_is_split_and_keeps_the_order():
    made = Channel().poll([record(secret=f"s{one}") for one in range(1 + 2 * LINES + 1)], NOW)

    _, *replies = made.posts
    assert [len(post.data["records"]) for post in replies] == [LINES, LINES, 1]
    named = [data["secret"] for post in replies for data in post.data["records"]]
    assert named == [f"s{one}" for one in range(1, 2 * LINES + 2)]


def test_a_status_that_nobody_documented_is_not_alerted():
    assert Channel().poll([record("PENDING"), record("")], NOW) == Plan()


def test_the_first_look_posts_one_count_of_what_is_there():
    found = [record(), record(), record(INVALID), record(SUCCESS), record(event="quiet")]

    made = backfill(found, mode="summary", where=WHERE, now=NOW, make_key=keys())

    assert made.incidents == ()
    (post,) = made.posts
    assert (post.kind, post.channel) == (PostKind.BACKFILL, "C0ALERTS")
    assert (post.data["records"], post.data["failed"]) == (5, 4)
    assert list(post.data["by_event"]) == [("db · FAIL", 2), ("db · INVALID", 1), ("quiet · FAIL", 1)]


def test_the_first_look_lists_at_most_twenty_events():
    made = backfill(burst(30), mode="summary", where=WHERE, now=NOW, make_key=keys())

    assert len(made.posts[0].data["by_event"]) == 20
    assert made.posts[0].data["failed"] == 30


@pytest.mark.parametrize(
    ("mode", "found"), [("none", [record()]), ("none", []), ("all", []), ("all", [record(SUCCESS)])]
)
def test_the_first_look_may_have_nothing_to_say(mode, found):
    assert backfill(found, mode=mode, where=WHERE, now=NOW, make_key=keys()) == Plan()


def test_the_first_look_can_post_every_failure():
    found = [record(), record(SUCCESS), *burst(3)]

    made = backfill(found, mode="all", where=WHERE, now=NOW, make_key=keys())

    channel = Channel()
    channel.take(made)
    assert wrong_places(channel, found) == []
    assert [post.kind for post in made.posts] == [PostKind.ALERT] * 4


def test_a_snoozed_incident_holds_its_records_and_counts_them_all_the_same():
    channel = Channel()
    (alert,) = channel.poll([record()], NOW).posts
    channel.snooze(alert.key, NOW + 3 * QUIET)

    made = channel.poll([record(secret="a"), record(secret="b")], NOW + 2 * QUIET)

    assert made.posts == ()
    assert [data["secret"] for _, data in made.held] == ["a", "b"]
    assert made.incidents[0].count == 3
    channel.wake(NOW + 3 * QUIET)
    told = [post for post in channel.posts.values() if post.kind is PostKind.LINES]
    assert [(post.parent, post.data["after_snooze"]) for post in told] == [(alert.key, 2)]


def test_a_success_long_after_the_failure_still_says_that_it_delivers_again():
    channel = Channel()
    channel.poll([record()], NOW)

    made = channel.poll([record(SUCCESS)], NOW + REMEMBERED)

    assert [one.state for one in made.incidents] == [IncidentState.DELIVERING]


def test_a_success_that_is_older_than_the_trouble_says_nothing():
    channel = Channel()
    channel.poll([record(second=5)], NOW)

    assert channel.poll([record(SUCCESS, second=4)], NOW + MINUTE) == Plan()


def test_a_success_that_is_older_than_the_last_failure_says_nothing():
    channel = Channel()
    channel.poll([record(), record(second=5)], NOW)

    assert channel.poll([record(SUCCESS, second=4)], NOW + MINUTE) == Plan()


def later(channel: Channel, *new: Record) -> tuple[IncidentState, int, list[str]]:
    """What a poll makes of the one incident: its state, its count, and the secrets that it names."""
    made = channel.poll(new, NOW + MINUTE)
    (one,) = channel.incidents.values()
    return one.state, one.count, [data["secret"] for post in made.posts for data in post.data["records"]]


@pytest.mark.parametrize(
    ("second", "state"),
    [(4, IncidentState.DELIVERING), (5, IncidentState.FAILING), (6, IncidentState.FAILING)],
    ids=["older", "of the same moment", "newer"],
)
def test_a_failure_that_is_older_than_the_success_is_named_and_counted_and_reopens_nothing(second, state):
    channel = Channel()
    channel.poll([record(), record(SUCCESS, second=5)], NOW)

    assert later(channel, record(secret="late", second=second)) == (state, 2, ["late"])


def test_a_failure_or_a_success_without_a_time_counts_as_it_comes():
    channel = Channel()
    channel.poll([record(), record(SUCCESS, second=5)], NOW)

    nowhen = replace(record(secret="odd"), created=None)
    assert later(channel, nowhen) == (IncidentState.FAILING, 2, ["odd"])
    assert later(channel, replace(nowhen, status=SUCCESS))[0] is IncidentState.DELIVERING
    assert later(channel, record(second=4)) == (IncidentState.DELIVERING, 3, [""])


def test_a_record_from_a_far_future_does_not_outdo_what_comes_after_it():
    channel = Channel()
    channel.poll([replace(record(), created=NOW + timedelta(days=20_000))], NOW)

    assert later(channel, record(SUCCESS, second=3600))[0] is IncidentState.DELIVERING


def fixed(target: str) -> Channel:
    """A channel with one incident whose fix was applied, three seconds after its record."""
    channel = Channel()
    channel.poll([record()], NOW)
    at = NOW + timedelta(seconds=3)
    channel.incidents = {
        key: replace(one, state=IncidentState.FIXED, fix_target=target, as_of=at)
        for key, one in channel.incidents.items()
    }
    return channel


@pytest.mark.parametrize("target", ["urn:t", "urn:new"])
def test_what_is_older_than_the_fix_neither_reopens_the_alert_nor_says_that_it_delivers(target):
    channel = fixed("urn:new")

    assert channel.poll([record(SUCCESS, target=target, second=2)], NOW + MINUTE) == Plan()
    channel.poll([record(target=target, second=2)], NOW + MINUTE)

    assert next(iter(channel.incidents.values())).state is IncidentState.FIXED


def test_after_a_fix_and_a_success_a_failure_at_the_new_target_reopens_the_alert_as_one_before_it_does_not():
    channel = fixed("urn:new")
    (first,) = channel.incidents
    channel.poll([record(SUCCESS, target="urn:new", second=10)], NOW + MINUTE)
    assert channel.incidents[first].state is IncidentState.DELIVERING

    channel.poll([record(target="urn:new", secret="late", second=9)], NOW + MINUTE)
    assert channel.incidents[first].state is IncidentState.DELIVERING
    channel.poll([record(target="urn:new", secret="again", second=11)], NOW + MINUTE)

    assert channel.incidents[first].state is IncidentState.FAILING
    assert (channel.incidents[first].count, len(channel.incidents)) == (1, 2)
    assert channel.named().total() == 3
    channel.poll([record(SUCCESS, target="urn:new", second=12)], NOW + MINUTE)
    assert {one.state for one in channel.incidents.values()} == {IncidentState.DELIVERING}


@pytest.mark.parametrize("target", ["urn:t", "urn:new"])
def test_after_a_fix_the_next_success_at_either_target_says_that_it_delivers(target):
    made = fixed("urn:new").poll([record(SUCCESS, target=target, second=4)], NOW + 3 * QUIET)

    assert [one.state for one in made.incidents] == [IncidentState.DELIVERING]


def test_after_a_fix_a_success_elsewhere_says_nothing():
    assert fixed("urn:new").poll([record(SUCCESS, target="urn:other", second=4)], NOW + MINUTE) == Plan()


def test_after_a_fix_the_next_failure_reopens_the_incident_however_late_it_comes():
    made = fixed("urn:new").poll([record(second=4)], NOW + 3 * QUIET)

    assert [(one.state, one.count) for one in made.incidents] == [(IncidentState.FAILING, 2)]
    assert [post.kind for post in made.posts] == [PostKind.LINES]


def test_after_a_fix_a_failure_at_the_new_target_opens_its_own_and_reopens_the_old_one():
    made = fixed("urn:new").poll([record(target="urn:new", status=INVALID, second=4)], NOW + MINUTE)

    assert [(one.target_id, one.state) for one in made.incidents] == [
        ("urn:t", IncidentState.FAILING),
        ("urn:new", IncidentState.FAILING),
    ]
    assert [post.kind for post in made.posts] == [PostKind.ALERT]


def test_after_a_silence_few_incidents_are_a_digest_too_with_a_reply_each_that_has_buttons():
    channel = Channel()
    (alert,) = channel.poll([record(event="known")], NOW).posts

    digest, *replies = channel.poll(
        [*burst(2), record(event="known", second=1)], NOW + MINUTE, away=NOW
    ).posts

    assert digest.kind is PostKind.DIGEST
    assert digest.data["away_since"] == NOW.timestamp()
    assert [(one["event"], one.get("known", False)) for one in digest.data["incidents"]] == [
        ("e0", False), ("e1", False), ("known", True),
    ]  # fmt: skip
    assert [post.parent for post in replies] == [digest.key, digest.key, alert.key]
    assert [("incident" in post.data) for post in replies] == [True, True, False]


def test_after_a_silence_one_incident_alone_is_an_alert_that_says_it_is_late():
    made = Channel().poll([record(secret="a"), record(secret="b")], NOW, away=NOW - MINUTE)

    assert [post.kind for post in made.posts] == [PostKind.ALERT, PostKind.LINES]
    assert made.incidents[0].first["away_since"] == (NOW - MINUTE).timestamp()


def test_after_a_silence_without_failures_nothing_is_posted():
    assert Channel().poll([record(SUCCESS)], NOW, away=NOW) == Plan()


def routed(*routes: Route) -> Where:
    return Where("prod", "C0ALERTS", routes)


def test_dropped_records_are_counted_by_reason_and_told_nowhere():
    where = routed(
        Route(event="e1", drop="why"), Route(event="e2", drop="not"), Route(event="e3", drop="why")
    )

    made = plan(burst(4), (), where=where, now=NOW, make_key=keys())

    assert made.dropped == {"why": 2, "not": 1}
    assert [one.event for one in made.incidents] == ["e0"]


def test_records_that_are_routed_to_different_channels_are_different_incidents():
    where = routed(Route(secret="pay*", channel="C0PAY", mention="S0PAY"))
    found = [record(secret="pay1"), record(secret="a", second=1), record(secret="pay2", second=2)]

    made = plan(found, (), where=where, now=NOW, make_key=keys())

    assert [(one.channel, one.mention, one.count) for one in made.incidents] == [
        ("C0PAY", "S0PAY", 2), ("C0ALERTS", "", 1),
    ]  # fmt: skip
    assert [(post.kind, post.channel) for post in made.posts] == [
        (PostKind.ALERT, "C0PAY"), (PostKind.ALERT, "C0ALERTS"), (PostKind.LINES, "C0PAY"),
    ]  # fmt: skip


def test_in_quiet_hours_an_alert_waits_for_their_end():
    where = routed(Route(event="e0", quiet=Quiet(time(4), time(7))))

    made = plan(burst(2), (), where=where, now=NOW, make_key=keys())

    assert [post.wait_until for post in made.posts] == [NOW.replace(hour=7, minute=0, second=0), None]


def test_five_hundred_failures_at_once_are_few_messages():
    made = Channel().poll(burst(500), NOW)

    assert [post.kind for post in made.posts] == [PostKind.DIGEST] + [PostKind.LINES] * 20
    assert sum(len(post.data["records"]) for post in made.posts[1:]) == 500


def opened_alone(number: int) -> Channel:
    """A channel with so many alerts, of polls that opened ten at most."""
    channel = Channel()
    for start in range(0, number, MOST_ALERTS):
        channel.poll(burst(number)[start : start + MOST_ALERTS], NOW)
    assert Counter(post.kind for post in channel.posts.values()) == {PostKind.ALERT: number}
    return channel


def more(number: int) -> list[Record]:
    """Another record for each incident of `burst`."""
    return [replace(one, secret_name=f"more-{one.event_name}") for one in burst(number)]


def test_later_records_of_ten_threads_are_a_reply_in_each():
    channel = opened_alone(MOST_THREADS)

    made = channel.poll(more(MOST_THREADS), NOW + MINUTE)

    assert {post.kind for post in made.posts} == {PostKind.LINES}
    assert [post.parent for post in made.posts] == [one.post for one in channel.incidents.values()]


def test_later_records_of_eleven_threads_are_one_digest_that_says_so_and_the_next_go_to_their_own_again():
    channel = opened_alone(MOST_THREADS + 1)
    before = dict(channel.incidents)

    digest, *replies = channel.poll(more(MOST_THREADS + 1), NOW + MINUTE).posts

    assert digest.kind is PostKind.DIGEST
    assert [one["event"] for one in digest.data["incidents"]] == [f"e{one}" for one in range(11)]
    assert all(one["known"] and "own_thread" not in one for one in digest.data["incidents"])
    assert [(post.kind, post.parent, len(post.data["records"])) for post in replies] == [
        (PostKind.LINES, digest.key, 11)
    ]
    for key, one in channel.incidents.items():
        assert one == replace(before[key], count=2, last=NOW + MINUTE, history=one.history)
    (reply,) = channel.poll([record(event="e3", second=9)], NOW + 2 * MINUTE).posts
    assert reply.parent == next(one.post for one in before.values() if one.event == "e3")


def test_a_digest_of_later_records_mentions_nobody_and_waits_for_the_end_of_quiet_hours():
    where = routed(Route(mention="U0X", quiet=Quiet(time(4), time(7))))
    known: list[Incident] = []
    for start in (0, MOST_ALERTS):
        known += plan(
            burst(20)[start : start + 10], (), where=where, now=NOW, make_key=keys_of(start)
        ).incidents

    digest, *_ = plan(more(20), known, where=where, now=NOW + MINUTE, make_key=keys_of(50)).posts

    assert (digest.kind, digest.wait_until) == (
        PostKind.DIGEST,
        NOW.replace(hour=7, minute=0, second=0),
    )
    assert "mentions" not in digest.data


def keys_of(start: int) -> Callable[[], str]:
    numbers = itertools.count(1 + start)
    return lambda: f"key{next(numbers)}"


def test_new_alerts_come_before_later_records_of_what_is_known():
    channel = opened_alone(30)

    made = channel.poll(
        [*more(30)[:8], record(event="new"), *more(30)[8:], record(event="new2")], NOW + MINUTE
    )

    assert [post.kind for post in made.posts] == [
        PostKind.ALERT, PostKind.ALERT, PostKind.DIGEST, PostKind.LINES, PostKind.LINES,
    ]  # fmt: skip


def test_many_that_open_and_many_that_go_on_are_one_digest():
    channel = opened_alone(20)

    made = channel.poll([*more(20), *(record(event=f"new{one}") for one in range(20))], NOW + MINUTE)

    assert [post.kind for post in made.posts] == [PostKind.DIGEST, PostKind.LINES, PostKind.LINES]
    assert [one.get("known", False) for one in made.posts[0].data["incidents"]] == [False] * 20 + [True] * 20
    assert sorted(channel.named().values()) == [1] * 60


def test_after_a_silence_a_digest_holds_the_later_records_of_many_threads_too():
    channel = opened_alone(20)

    digest, *replies = channel.poll([*more(20), record(event="new")], NOW + MINUTE, away=NOW).posts

    assert len(digest.data["incidents"]) == 21
    assert {post.parent for post in replies} == {digest.key}
    assert sorted(channel.named().values()) == [1] * 41


WITHIN = 55
"""Messages that a channel takes in a minute, at the pace of the outbox."""


@pytest.mark.parametrize("together", [True, False], ids=["of one digest", "with alerts of their own"])
def test_five_hundred_later_records_of_as_many_incidents_fit_into_a_minute(together: bool):
    channel = Channel() if together else opened_alone(500)
    if together:
        channel.poll(burst(500), NOW)

    made = channel.poll(more(500), NOW + MINUTE)

    tops = [post for post in made.posts if not post.parent]
    assert len(tops) == (0 if together else 1)
    assert len(made.posts) <= WITHIN
    assert sorted(channel.named().values()) == [1] * 1000

    a_reply_each = [
        post
        for one, new in zip(channel.incidents.values(), more(500), strict=True)
        for post in meanwhile(one, [record_data(new)], where=WHERE, make_key=keys())
    ]
    assert len(a_reply_each) > WITHIN, "the control, a reply for each incident, does not"


def test_what_a_bot_with_several_projects_posts_carries_the_project_and_of_one_with_one_does_not():
    several = Where("prod", "C0ALERTS", one_of_many=True)
    for where, named in ((several, "prod"), (WHERE, None)):
        alone = plan([record(), record(second=1)], (), where=where, now=NOW, make_key=keys())
        many = plan(burst(11), (), where=where, now=NOW, make_key=keys())
        woken = meanwhile(alone.incidents[0], [record_data(record())], where=where, make_key=keys())

        assert alone.incidents[0].first.get("project") == named
        posts = [*alone.posts, *many.posts, *woken]
        assert [post.data.get("project") for post in posts if post.kind is not PostKind.ALERT] == [named] * 4
