"""The audit log and an event's history, in words."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.model import EVENT_TYPES, AuditRow, Event
from bot.views.audit import WORDS, audit_log, words_of
from bot.views.blocks import Message
from tests.views.liveness import REQUESTER, T0, read

ROOT = Path(__file__).parents[2]
PLACES = ("bot/services", "bot/store", "commands")
DOCUMENT = (ROOT / "docs/audit-format.md").read_text(encoding="utf-8")
BEFORE = Event("prod-db", state="ENABLED", types=EVENT_TYPES[:4]).settings()
AFTER = BEFORE | {"state": "DISABLED", "types": sorted(EVENT_TYPES[1:])}
ROW = AuditRow(
    7, T0.isoformat(timespec="microseconds"), REQUESTER, "change.request", "prod", "prod-db", "CR-12", BEFORE, AFTER, "pending",
    "maintenance until noon", "0" * 64, "abcdef" + "0" * 58,
)  # fmt: skip


def text_of(message: Message) -> str:
    return "\n".join(read(list(message.blocks)).texts)


def test_a_row_says_when_who_did_what_to_which_event_from_what_to_what_and_why():
    text = text_of(audit_log([ROW], more=False))

    assert "2026-11-23 04:05:06 UTC" in text
    assert f"<@{REQUESTER}> asked for a change · CR-12 `prod-db`" in text
    assert "State: `ENABLED` → `DISABLED`; Types: +`SECRET_DELETED` -`SECRET_VERSION_CREATED`" in text
    assert "_maintenance until noon_" in text
    assert "1 row, newest first · head 7 `abcdef000000`" in text
    assert "older ones" not in text


@pytest.mark.parametrize(("action", "outcome"), WORDS)
def test_each_kind_of_row_has_words_of_its_own(action, outcome):
    row = replace(ROW, action=action, outcome=outcome)

    text = text_of(audit_log([row], more=False))

    assert f"<@{REQUESTER}> {WORDS[action, outcome]} · CR-12 `prod-db`" in text
    assert ("State: `ENABLED`" in text) == (outcome in ("pending", "applied", "changed"))


def test_the_kinds_of_rows_are_those_that_the_format_lists():
    listed = re.findall(r"^\| `([a-z_.]+)` \| ((?:`[a-z]+`(?:, )?)+) \|", DOCUMENT, re.MULTILINE)
    pairs = {(action, outcome) for action, cell in listed for outcome in re.findall(r"`(\w+)`", cell)}

    assert pairs == set(WORDS)


def test_each_action_that_the_source_writes_has_words():
    modules = [one for place in PLACES for one in (ROOT / place).rglob("*.py")]
    strings = {
        node.value
        for module in modules
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {one for one in strings if re.fullmatch(r"[a-z]+\.[a-z_]+", one)}
    searches = {one for one in named if one.startswith("pick.")}

    assert named - searches == {action for action, _ in WORDS}


@pytest.mark.parametrize(
    ("action", "outcome", "words"),
    [
        ("change.approve", "1 of 2", "approved (1 of 2)"),
        ("command.list", "refused", "typed the command `list` and was refused"),
        ("form.edit", "refused", "sent the form `edit` and was refused"),
        ("home.open", "refused", "opened the home tab and was refused"),
        ("audit.older", "refused", "pressed the button `audit.older` and was refused"),
    ],
)
def test_a_kind_with_a_name_or_a_number_in_it_has_words_too(action: str, outcome: str, words: str):
    assert words_of(replace(ROW, action=action, outcome=outcome)) == words


def test_a_row_of_a_kind_without_words_is_shown_as_it_is():
    row = replace(
        ROW,
        actor="system",
        action="bot.start",
        outcome="done",
        event="",
        change="",
        before=None,
        after=None,
        reason="",
    )

    text = text_of(audit_log([row], more=False))

    assert "system bot.start (done)\n" in text


def test_there_may_be_nothing_to_show():
    assert text_of(audit_log([], more=False)) == "No row of the audit log matches."


def test_older_rows_are_pointed_to():
    assert "older ones: `csms-bot audit export`" in text_of(audit_log([ROW], more=True))


def test_a_row_that_was_tampered_with_is_shown_without_what_it_does_not_say():
    text = text_of(audit_log([replace(ROW, before={"not what was written": "x"})], more=False))

    assert "asked for a change" in text
    assert "State:" not in text
