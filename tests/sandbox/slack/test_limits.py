"""Rate limits, by a clock that stands until told to go on."""

from bot.sandbox.slack.limits import RateLimits
from tests.sandbox.slack.support import ALERTS, GENERAL, Clock


def test_three_posts_pass_at_once_and_the_fourth_waits_a_second() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    assert [limits.post(ALERTS) for _ in range(4)] == [None, None, None, 1]
    clock.pass_(1)
    assert [limits.post(ALERTS) for _ in range(2)] == [None, 1]


def test_each_channel_has_its_own_posts() -> None:
    limits = RateLimits(Clock())
    assert [limits.post(channel) for channel in [ALERTS] * 3 + [GENERAL]] == [None] * 4


def test_a_minute_without_posts_saves_up_no_more_than_the_burst() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    limits.post(ALERTS)
    clock.pass_(60)
    assert [limits.post(ALERTS) for _ in range(4)] == [None, None, None, 1]


def test_a_tier_counts_calls_of_the_last_minute() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    for _ in range(20):
        assert limits.call("usergroups.users.list", 20) is None
    assert limits.call("usergroups.users.list", 20) == 60
    assert limits.call("users.info", 100) is None
    clock.pass_(59.5)
    assert limits.call("usergroups.users.list", 20) == 1
    clock.pass_(0.5)
    assert limits.call("usergroups.users.list", 20) is None


def test_limits_that_are_off_refuse_nothing() -> None:
    limits = RateLimits(Clock(), enabled=False)
    assert [limits.post(ALERTS) for _ in range(50)] == [None] * 50
    assert limits.call("users.info", 0) is None
