"""Every failing record is named once: in the alert that it opens, or as one line in one reply."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.model import FAIL, INVALID, SUCCESS, Incident, Plan, Post, PostKind, Record, record_data
from bot.rules.alerts import LINES, MOST_ALERTS, QUIET, Where, backfill, plan

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
        self.make_key = keys()

    def poll(self, new: Sequence[Record], now: datetime) -> Plan:
        made = plan(new, self.going_on(now), where=WHERE, now=now, make_key=self.make_key)
        self.take(made)
        return made

    def going_on(self, now: datetime) -> list[Incident]:
        return [one for one in self.incidents.values() if one.last >= now - QUIET]

    def take(self, made: Plan) -> None:
        self.incidents |= {one.key: one for one in made.incidents}
        for post in made.posts:
            assert post.key not in self.posts
            self.posts[post.key] = post

    def named(self) -> Counter[str]:
        """How often each record is named, by its data; an alert names the record that opened it."""
        found: Counter[str] = Counter()
        for post in self.posts.values():
            if post.kind is PostKind.ALERT:
                found[repr(self.incidents[post.ref].first)] += 1
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
        incident, parent = channel.incidents[post.ref], channel.posts.get(post.parent)
        if (
            parent is None
            or post.parent != incident.post
            or parent.kind not in (PostKind.ALERT, PostKind.DIGEST)
        ):
            wrong.append(f"a reply of {incident.key} hangs on {post.parent}")
        if not 0 < len(post.data["records"]) <= LINES:
            wrong.append(f"a reply of {len(post.data['records'])} lines")
        for data in post.data["records"]:
            if (data["event"], data["target_id"], data["status"]) != (
                incident.event, incident.target_id, incident.status,
            ):  # fmt: skip
                wrong.append(f"{data} is in the thread of {incident.key}")
    return wrong


def random_polls(rng: random.Random) -> list[tuple[datetime, list[Record]]]:
    """Polls with twins, successes in between, bursts over many events, days of silence and records without a time."""
    now, polls = NOW, []
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
    for seed in range(400):
        channel, seen = Channel(), []
        for now, new in random_polls(random.Random(seed)):
            channel.poll(new, now)
            seen += new

        assert wrong_places(channel, seen) == [], f"seed {seed}"
        assert sum(one.count for one in channel.incidents.values()) == sum(one.failed for one in seen)
        seen_kinds.update(post.kind for post in channel.posts.values())
    assert min(seen_kinds[kind] for kind in (PostKind.ALERT, PostKind.LINES, PostKind.DIGEST)) > 50


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
                    "failing",
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
    assert {one.status: one.state for one in made.incidents} == {FAIL: "delivering", INVALID: "delivering"}
    assert channel.poll([record(SUCCESS)], NOW + 2 * MINUTE) == Plan()
    assert channel.poll([record(SUCCESS, event="other")], NOW + 3 * MINUTE) == Plan()


def test_a_failure_after_a_success_goes_on_with_the_same_incident():
    channel = Channel()
    (alert,) = channel.poll([record()], NOW).posts

    made = channel.poll([record(SUCCESS), record(second=1)], NOW + MINUTE)

    assert [(post.kind, post.parent) for post in made.posts] == [(PostKind.LINES, alert.key)]
    assert made.incidents[0].state == "failing"


def test_the_last_word_of_one_poll_counts():
    (incident,) = Channel().poll([record(), record(SUCCESS, second=1)], NOW).incidents

    assert incident.state == "delivering"


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
    assert digest.data["incidents"][0] == {"event": "e0", "status": FAIL, "target": "t", "count": 1}
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
