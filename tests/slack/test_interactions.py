"""Slack's payloads as values, and what is no payload as nothing."""

from __future__ import annotations

import copy
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.slack.interactions import (
    Click,
    CommandText,
    FormValues,
    HomeOpened,
    Origin,
    Submission,
    read,
    read_submission,
    secretless,
)

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "../shared/data/slack-payloads"

COMMAND = {
    "token": "old-verification-token", "command": "/csms", "text": "get prod-db", "user_id": "U0A", "user_name": "a",
    "team_id": "T0A", "channel_id": "C0A", "response_url": "https://hooks.example/1", "trigger_id": "1.2.3",
}  # fmt: skip
CLICK = {
    "type": "block_actions", "token": "old-verification-token", "user": {"id": "U0A", "team_id": "T0A"}, "team": {"id": "T0A"},
    "channel": {"id": "C0A"}, "container": {"type": "message", "channel_id": "C0A"}, "trigger_id": "1.2.3",
    "response_url": "https://hooks.example/1",
    "actions": [{"type": "button", "action_id": "change.approve", "block_id": "change.12", "value": "key"}],
}  # fmt: skip
VALUES = {
    "state": {"state": {"type": "static_select", "selected_option": {"value": "DISABLED"}}},
    "types": {"types": {"type": "checkboxes", "selected_options": [{"value": "A"}, {"value": "B"}]}},
    "target_type": {"target_type": {"type": "static_select", "selected_option": None, "value": None}},
    "target_id": {"target_id": {"type": "plain_text_input", "value": "urn:a"}},
    "reason": {"reason": {"type": "plain_text_input", "value": None}},
}
SENT = {
    "type": "view_submission", "token": "old-verification-token", "user": {"id": "U0A", "team_id": "T0A"}, "team": {"id": "T0A"},
    "trigger_id": "1.2.3",
    "view": {"id": "V0A", "callback_id": "event.edit", "private_metadata": "key", "state": {"values": VALUES}},
}  # fmt: skip
HOME = {
    "team_id": "T0A", "type": "event_callback", "event_id": "Ev1",
    "event": {"type": "app_home_opened", "user": "U0A", "channel": "D0A", "tab": "home"},
}  # fmt: skip
KINDS = {"command": COMMAND, "action": CLICK, "view": SENT, "event": HOME}


def reading(kind: str, payload: dict[str, Any]):
    return read(kind, payload, inbox_id=7, received=NOW)


def test_a_command_is_who_where_and_what():
    found = reading("command", COMMAND)

    assert found == CommandText(
        Origin("7", "U0A", "T0A", "C0A", "https://hooks.example/1", "1.2.3", NOW), "get prod-db"
    )


def test_a_command_is_read_as_it_was_typed():
    typed = 'update x --reason "a &amp;&lt; b &gt; c &amp;lt;"'

    found = reading("command", COMMAND | {"text": typed})

    assert isinstance(found, CommandText)
    assert found.text == 'update x --reason "a &< b > c &lt;"'


@pytest.mark.parametrize(
    ("marked", "typed"),
    [
        ("see <https://a.example/x|a.example/x>", "see a.example/x"),
        ("see <http://a.example>", "see http://a.example"),
        ("<mailto:me@a.example|me@a.example>", "me@a.example"),
        ("<!subteam^S0A|@leads> <!here>", "@leads @here"),
        ("<@U0A|ann> <#C0A|alerts>", "<@U0A|ann> <#C0A|alerts>"),
        ("&lt;https://a.example|b&gt;", "<https://a.example|b>"),
    ],
)
def test_the_marks_that_slack_makes_in_a_command_are_taken_back(marked, typed):
    found = reading("command", COMMAND | {"text": marked})

    assert isinstance(found, CommandText)
    assert found.text == typed


def test_a_click_is_its_action_and_its_key():
    found = reading("action", CLICK)

    assert isinstance(found, Click)
    assert (found.action_id, found.value) == ("change.approve", "key")
    assert (found.origin.user, found.origin.team, found.origin.channel) == ("U0A", "T0A", "C0A")


def test_a_click_in_a_home_tab_has_no_channel():
    payload = {key: value for key, value in CLICK.items() if key not in ("channel", "container")}

    found = reading("action", payload | {"view": {"id": "V0A"}})

    assert isinstance(found, Click)
    assert found.origin.channel == ""


def test_a_choice_from_a_menu_is_a_click_with_what_was_chosen():
    chosen = {"type": "overflow", "action_id": "x", "selected_option": {"value": "one"}}

    found = reading("action", CLICK | {"actions": [chosen]})

    assert isinstance(found, Click)
    assert found.value == "one"


def test_the_channel_and_the_team_are_looked_for_where_slack_may_put_them():
    payload = {key: value for key, value in CLICK.items() if key not in ("channel", "team")}

    found = reading("action", payload)

    assert isinstance(found, Click)
    assert (found.origin.channel, found.origin.team) == ("C0A", "T0A")


def test_a_form_that_was_sent_is_its_fields():
    found = reading("view", SENT)

    assert isinstance(found, Submission)
    assert (found.form, found.key, found.view_id) == ("event.edit", "key", "V0A")
    assert found.values == FormValues(
        {"state": "DISABLED", "target_type": "", "target_id": "urn:a", "reason": ""}, {"types": ("A", "B")}
    )


def test_a_form_is_read_the_same_before_it_has_an_inbox_row():
    early = read_submission(SENT, received=NOW)
    late = reading("view", SENT)

    assert early is not None
    assert isinstance(late, Submission)
    assert (early.values, early.key, early.origin.user) == (late.values, late.key, late.origin.user)
    assert early.origin.id == ""


def test_a_key_that_is_none_of_ours_is_dropped():
    for odd in ("x" * 201, None, 7, ["key"]):
        found = reading("view", SENT | {"view": SENT["view"] | {"private_metadata": odd}})
        assert isinstance(found, Submission)
        assert found.key == ""


def test_a_key_may_have_two_hundred_characters():
    found = reading("view", SENT | {"view": SENT["view"] | {"private_metadata": "x" * 200}})

    assert isinstance(found, Submission)
    assert found.key == "x" * 200


def test_an_opened_home_tab_is_who_opened_it():
    assert reading("event", HOME) == HomeOpened(Origin("7", "U0A", "T0A", "", "", "", NOW))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("event", HOME | {"event": {"type": "app_home_opened", "user": "U0A", "tab": "messages"}}),
        ("event", HOME | {"event": {"type": "message", "text": "hello"}}),
        ("event", HOME | {"event": None}),
        ("event", {}),
        ("action", CLICK | {"actions": []}),
        ("action", CLICK | {"actions": {"0": {}}}),
        ("action", CLICK | {"actions": ["approve"]}),
        ("action", {}),
        ("view", SENT | {"view": None}),
        ("view", {}),
        ("shortcut", CLICK),
        ("", {}),
    ],
)
def test_what_the_bot_does_not_know_is_nothing(kind, payload):
    assert reading(kind, payload) is None


ODD = (
    None,
    True,
    0,
    -1.5,
    "",
    "x",
    "\ud800",
    [],
    [None],
    [[]],
    {},
    {"id": None},
    {"value": {}},
    {"": [{}]},
    "y" * 5000,
)


def damaged(value: Any, rng: random.Random) -> Any:
    """The payload with one place of it taken away or replaced by something else."""
    copied = copy.deepcopy(value)
    place = copied
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return copied
        key = rng.choice(keys)
        if isinstance(place[key], dict | list) and rng.random() < 0.7:
            place = place[key]
            continue
        if isinstance(place, dict) and rng.random() < 0.3:
            del place[key]
        else:
            place[key] = rng.choice(ODD)
        return copied


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_payload_is_a_value_of_texts_or_nothing_and_never_an_error(kind):
    rng = random.Random(5)
    values = nothings = 0
    for _ in range(3_000):
        payload = KINDS[kind]
        for _ in range(rng.randrange(1, 4)):
            payload = damaged(payload, rng)

        found = reading(rng.choice([kind, kind, kind, *KINDS]), payload)

        if found is None:
            nothings += 1
            continue
        values += 1
        origin = found.origin
        texts = [origin.user, origin.team, origin.channel, origin.response_url, origin.trigger_id]
        if isinstance(found, Click):
            texts += [found.action_id, found.value]
        if isinstance(found, Submission):
            texts += [found.form, found.key, found.view_id, *found.values.texts.values()]
            texts += [one for chosen in found.values.choices.values() for one in chosen]
        assert all(type(one) is str for one in texts), payload
    assert min(values, nothings) > 20


def test_the_old_verification_token_is_not_kept():
    for payload in KINDS.values():
        kept = secretless(payload)
        assert "old-verification-token" not in json.dumps(kept)
        assert kept == {key: value for key, value in payload.items() if key != "token"}
        assert reading("command", kept) is not None


def test_what_is_no_json_is_kept_as_text():
    assert secretless({"at": NOW, "token": "t"}) == {"at": str(NOW)}


def test_public_samples_of_slacks_payloads_are_read():
    if not SAMPLES.exists():
        print("no public payload samples here; the ones written above stand alone")
        assert not SAMPLES.exists()
        return
    samples = {
        "command": "SlashCommandPayload",
        "action": "BlockActionPayload",
        "view": "ViewSubmissionPayload",
    }
    for kind, name in samples.items():
        found = reading(kind, json.loads((SAMPLES / f"{name}.json").read_text()))
        assert found is not None, name
        assert isinstance(found.origin.user, str)
