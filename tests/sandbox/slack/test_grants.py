"""Trigger ids and response URLs: how long and how often."""

import pytest

from bot.sandbox.slack import SlackError
from bot.sandbox.slack.grants import ResponseUrls, Triggers
from tests.sandbox.slack.support import ALERTS, ENGINEER, Clock


def _code(refused: pytest.ExceptionInfo[SlackError]) -> str:
    return refused.value.code


def test_a_trigger_works_for_three_seconds() -> None:
    clock = Clock()
    triggers = Triggers(clock)
    trigger_id = triggers.issue(ENGINEER)
    clock.pass_(3)
    assert triggers.look(trigger_id).user == ENGINEER
    clock.pass_(0.1)
    with pytest.raises(SlackError) as refused:
        triggers.look(trigger_id)
    assert _code(refused) == "expired_trigger_id"


def test_a_second_use_of_a_trigger_is_refused() -> None:
    triggers = Triggers(Clock())
    trigger_id = triggers.issue(ENGINEER)
    triggers.use(trigger_id)
    with pytest.raises(SlackError) as refused:
        triggers.look(trigger_id)
    assert _code(refused) == "exchanged_trigger_id"


@pytest.mark.parametrize("made_up", ["", "abc", "1.2.3", "1700000000000.0.00000000000000000000000000000000"])
def test_a_made_up_trigger_is_refused(made_up: str) -> None:
    with pytest.raises(SlackError) as refused:
        Triggers(Clock()).look(made_up)
    assert _code(refused) == "invalid_trigger_id"


def test_a_response_url_works_five_times() -> None:
    urls = ResponseUrls(Clock())
    key = urls.issue(ENGINEER, ALERTS).key
    for _ in range(5):
        urls.use(urls.look(key))
    with pytest.raises(SlackError) as refused:
        urls.look(key)
    assert _code(refused) == "used_url"


def test_a_response_url_works_for_thirty_minutes() -> None:
    clock = Clock()
    urls = ResponseUrls(clock)
    key = urls.issue(ENGINEER, ALERTS).key
    clock.pass_(30 * 60)
    assert urls.look(key).channel == ALERTS
    clock.pass_(1)
    with pytest.raises(SlackError) as refused:
        urls.look(key)
    assert _code(refused) == "expired_url"
