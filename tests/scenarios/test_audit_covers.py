"""Every command, button, search and form, wrong ones too: what CSMS and Slack's files were made to do has its rows of
intent and outcome in the audit log, and the log claims nothing that they did not do."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import commands
from bot.model import AuditRow
from bot.sandbox.csms.faults import Effect as FaultEffect
from bot.sandbox.csms.faults import Fault
from bot.sandbox.csms.model import Record
from bot.sandbox.csms.world import Effect
from bot.sandbox.slack.seed import User
from bot.slack.handling import Command
from bot.store import open_read_only
from bot.store.audit import read
from bot.verify import check
from bot.views.audit import words_of
from tests.scenarios.test_wrong_input import MISTAKES, REFUSED
from tests.support.everything import Forger, done_by, keys_of, press_everything, quiet, registered, send_forms
from tests.support.stage import Stage, change_of, stage, text_of, until

EVENTS = ("legacy-ftp-password", "prod-db-password-expiry", "search-cluster-token")
UPDATE = "update_event"
READ_ONLY = {"put_event", "record"}
"""What the test itself does in the journal, besides the bot's updates."""
HOME_TEAM, ELSEWHERE = "T00DEMO", "T00ELSEWHERE"
ENGINEER, APPROVER, GUEST = "U00ENGINEER", "U00APPROVER", "U00GUEST"
OUTSIDERS = {"U00STRANGER": ELSEWHERE, "U00GONE": HOME_TEAM, GUEST: HOME_TEAM}
CELLS = tuple(f"cell-{number}" for number in range(12))
"""Events for more than one page of a list, and more changes from elsewhere than are told one by one."""
EXAMPLES = tuple(command.example for command in commands.ALL if command.name)
ROUNDS = 4


def differences(journal: Sequence[Effect], rows: Sequence[AuditRow]) -> list[str]:
    """What one of the two knows and the other does not."""
    found: list[str] = []
    effects = [effect for effect in journal if effect.operation == UPDATE]
    found += [f"{one.operation} by the bot" for one in journal if one.operation not in {UPDATE, *READ_ONLY}]
    open_intents: dict[str, AuditRow] = {}
    claimed: list[tuple[str, Any]] = []
    for row in rows:
        if row.action != "change.apply":
            continue
        if row.outcome == "intent":
            if row.change in open_intents:
                found.append(f"row {row.seq}: a second intent of {row.change}")
            open_intents[row.change] = row
        elif row.outcome in ("applied", "failed", "stale"):
            intent = open_intents.pop(row.change, None)
            if intent is None:
                found.append(f"row {row.seq}: an outcome of {row.change} without an intent")
            elif row.after is not None and row.after != row.before and row.outcome != "stale":
                claimed.append((row.event, body_of(intent)))
    found += [f"no outcome of {change}" for change in open_intents]
    for effect in effects:
        if (effect.event, _plain(effect.body)) in claimed:
            claimed.remove((effect.event, _plain(effect.body)))
        else:
            found.append(f"effect {effect.seq} on {effect.event} is not in the log")
    return found + [f"the log claims {event}: {body}" for event, body in claimed]


def body_of(intent: AuditRow) -> dict[str, Any]:
    """The update that a row of intent announces, as CSMS would be asked for it."""
    before, after = intent.before, intent.after
    body: dict[str, Any] = {}
    if after["state"] != before["state"]:
        body["state"] = after["state"]
    if after["types"] != before["types"]:
        body["event_types"] = sorted(after["types"])
    if after["target"] != before["target"]:
        body["notification"] = {f"target_{name}": value for name, value in after["target"].items()}
    return body


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    return body | ({"event_types": sorted(body["event_types"])} if "event_types" in body else {})


def rows_of(on: Stage) -> list[AuditRow]:
    """The whole log."""
    with closing(open_read_only(on.database)) as db:
        return list(read(db))


def exported(on: Stage, rows: Sequence[AuditRow]) -> list[str]:
    """Where the files that people were sent and the log's rows of exports do not say the same."""
    whose = {channel.id: channel.user for channel in on.slack.channels.values() if channel.is_im}
    sent = Counter(
        whose.get(one.channel, one.channel)
        for channel in on.slack.channels
        for one in on.slack.messages(channel)
        for _ in one.content.files
    )
    found = []
    for outcome in ("intent", "sent"):
        noted = Counter(row.actor for row in rows if (row.action, row.outcome) == ("audit.export", outcome))
        if noted != sent:
            found.append(f"files {dict(sent)}, rows of {outcome} {dict(noted)}")
    return found


def wordless(rows: Sequence[AuditRow]) -> set[tuple[str, str]]:
    """Kinds of rows that people would read as raw codes; also what is called a button and is none."""
    buttons = {name for command in commands.ALL for name in command.buttons}
    found = set()
    for row in rows:
        words = words_of(row)
        if words.startswith("pressed the button") and row.action not in buttons:
            found.add((row.action, row.outcome))
        if words == f"{row.action} ({row.outcome})":
            found.add((row.action, row.outcome))
    return found


def left_out(on: Stage, everything: Sequence[Command], *users: str, since: int = 0) -> set[str]:
    """What is registered and none of these people has done."""
    return registered(everything) - done_by(on.slack.courier.delivered[since:], *users)


def typed() -> list[str]:
    """What is typed: each example, each mistake, and changes of every kind."""
    return [
        *EXAMPLES,
        *(
            f"{verb} {event} {more}".strip()
            for event in EVENTS
            for verb, more in (
                ("get", ""),
                ("history", ""),
                ("enable", ""),
                ("disable", "--reason x"),
                ("update", "--add-type SECRET_DELETED"),
                ("disable", '--break-glass "it is loud"'),
                ("enable", '--break-glass "and now it is not"'),
            )
        ),
        *(f"undo CR-{number}" for number in range(1, 6)),
        *(f"why CR-{number}" for number in range(1, 4)),
        *(mistake[0] for mistake in (*MISTAKES, *REFUSED)),
        *("enable", "disable", "list", "audit", f"history {EVENTS[0]}", f"update {EVENTS[0]}", "get"),
    ]


async def meddle(on: Stage) -> None:
    """What others do meanwhile: changes outside, failing notices, and a CSMS that is not well."""
    on.world.put_event(replace(on.world.event(EVENTS[0]), event_types=("SECRET_ROTATED",)))
    for name in CELLS:
        cell = on.world.event(name)
        on.world.put_event(replace(cell, state="DISABLED" if cell.state == "ENABLED" else "ENABLED"))
    on.world.add_record(
        Record(
            event_name="checkout-db-rotation",
            trigger_event_type="SECRET_ROTATED",
            secret_name="checkout-db",
            notification_status="FAIL",
        )
    )
    on.world.faults.add("update_event", Fault(status=503), times=1)
    on.world.faults.add("update_event", Fault(reset=True, effect=FaultEffect.AFTER), nth=2, times=1)
    await on.app.sidedoors.look(next(iter(on.app.projects)))


def fail_at_once(on: Stage) -> None:
    """More incidents than one page of a digest shows: they open together, before the bot can look in between."""
    for number in range(45):
        failed = Record(
            event_name="mail-gateway-credentials",
            trigger_event_type="SECRET_VERSION_EXPIRED",
            secret_name=f"mail-{number}",
            notification_status="FAIL",
            notification_target_id=f"urn:smn:r:p:{number}",
        )
        on.world.add_record(failed)


async def reject_one(on: Stage) -> None:
    """Among all others a form that opens is soon covered by the next; this one is alone."""
    asked = await on.ask("engineer", "enable cell-0")
    await on.press("approver", await on.card(change_of(asked), "pending"), "Reject")
    await quiet(on)
    await send_forms(on, "approver")


async def do_everything(on: Stage) -> None:
    """Types and presses as people do, until nothing that is registered is left."""
    for name in CELLS:
        on.world.put_event(replace(on.world.event(EVENTS[0]), name=name, event_id=""))
    await on.app.sidedoors.look(next(iter(on.app.projects)))
    for who in ("engineer", "guest", "subscriber"):
        on.slack.open_home(on.people[who])
        for text in typed() if who == "engineer" else typed()[: len(EXAMPLES) + 12]:
            await on.command(who, text)
    await quiet(on)
    await reject_one(on)
    fail_at_once(on)
    for _ in range(ROUNDS):
        await meddle(on)
        for who in ("engineer", "approver"):
            for event in EVENTS:
                for verb in ("enable", "disable", "update --remove-type SECRET_DELETED"):
                    await on.command(who, f"{verb} {event}")
            await on.command(who, f"history {EVENTS[0]}")
        await quiet(on)
        for who in ("engineer", "approver"):
            await press_everything(on, who)
        if not left_out(on, commands.ALL, ENGINEER, APPROVER):
            break
    await on.command("engineer", "undo CR-1")
    await until(lambda: not _unfinished(rows_of(on)))
    await quiet(on)


async def do_it_wrongly(on: Stage) -> None:
    """Everything once more by people who may not, with others' keys; then with keys that are none or another's."""
    keys = keys_of(on.slack.courier.delivered)
    forger = Forger(on, commands.ALL, keys)
    puts, since = len(on.puts()), len(on.slack.courier.delivered)
    for user, team in OUTSIDERS.items():
        await forger.as_somebody_else(user, team)
        assert left_out(on, commands.ALL, user, since=since) == set(), user
    assert len(on.puts()) == puts, "nobody of them changed anything"
    await forger.with_wrong_keys(ENGINEER, HOME_TEAM)
    assert left_out(on, commands.ALL, ENGINEER, since=since) == set()
    await until(lambda: not _unfinished(rows_of(on)))
    await quiet(on)


async def test_each_outside_effect_has_its_intent_and_outcome_and_nothing_else_has(
    tmp_path: Path, unpaced: None, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="bot")
    async with stage(
        tmp_path, CSMS_BOT_BREAK_GLASS="U00ENGINEER", CSMS_BOT_APPROVERS="U00APPROVER,U00ENGINEER"
    ) as on:
        on.slack.rate_limits.enabled = False
        on.slack.courier.ack_timeout_s = 20  # What a busy machine takes to ack is another test's.
        on.slack.put_user(User("U00STRANGER", "stranger", team_id=ELSEWHERE))
        on.slack.put_user(User("U00GONE", "gone", deleted=True))

        await do_everything(on)
        assert left_out(on, commands.ALL, ENGINEER, APPROVER) == set()
        before = len(rows_of(on))
        await do_it_wrongly(on)

        rows = rows_of(on)
        assert differences(on.world.journal, rows) == []
        assert exported(on, rows) == []
        assert check(on.database).doubts == []
        assert wordless(rows) == set()
        assert len([one for one in on.world.journal if one.operation == UPDATE]) >= 6, "the run did something"
        assert {row.outcome for row in rows[before:] if row.actor in ("U00STRANGER", "U00GONE")} == {
            "refused"
        }
        assert [one.getMessage() for one in caplog.records if one.exc_info] == []
        _controls(on.world.journal, rows)
        _controls_of_coverage(on, rows)


def _unfinished(rows: Sequence[AuditRow]) -> list[str]:
    intents = {row.change for row in rows if (row.action, row.outcome) == ("change.apply", "intent")}
    ended = {row.change for row in rows if row.action == "change.apply" and row.outcome != "intent"}
    return sorted(intents - ended)


def _controls(journal: Sequence[Effect], rows: Sequence[AuditRow]) -> None:
    """The check is no good if it does not see what is missing on either side."""
    applied = next(row for row in rows if (row.action, row.outcome) == ("change.apply", "applied"))
    without_outcome = [row for row in rows if row.seq != applied.seq]
    assert f"no outcome of {applied.change}" in differences(journal, without_outcome)
    without_intents = [row for row in rows if row.outcome != "intent"]
    assert len(differences(journal, without_intents)) >= 6
    first = next(effect for effect in journal if effect.operation == UPDATE)
    assert any("the log claims" in one for one in differences([e for e in journal if e is not first], rows))
    assert differences([*journal, first], rows) == [f"effect {first.seq} on {first.event} is not in the log"]


def _controls_of_coverage(on: Stage, rows: Sequence[AuditRow]) -> None:
    """A button that nobody pressed is seen, and a file or a row too many."""

    async def nobody(_press: Any) -> None: ...

    unpressed = Command(name="shred", buttons={"shred.all": nobody})
    assert left_out(on, [*commands.ALL, unpressed], ENGINEER, APPROVER) == {"/shred", "press shred.all"}
    assert left_out(on, commands.ALL, "U00CSMSBOT") == registered(commands.ALL)
    for kind in (("bot.start", "done"), ("bot.start", "refused")):
        assert wordless([replace(rows[0], action=kind[0], outcome=kind[1])]) == {kind}
    last = next(row for row in rows if (row.action, row.outcome) == ("audit.export", "sent"))
    assert len(exported(on, [row for row in rows if row is not last])) == 1


async def test_when_the_audit_log_cannot_be_written_nothing_is_done_and_the_person_is_told(quick: Stage):
    answer = await quick.ask("engineer", f"enable {EVENTS[0]}")
    card = await quick.card("CR-1", "pending")
    assert "CR-1" in text_of(answer)
    await quick.app.store._engine.run(
        lambda tx: tx.execute(
            "create trigger full before insert on audit begin select raise(abort, 'disk full'); end"
        )
    )

    refused = await quick.click("approver", card, "Approve")
    asked = await quick.ask("engineer", f"disable {EVENTS[1]}")

    assert "nothing was done" in text_of(refused)
    assert "nothing was done" in text_of(asked)
    assert quick.puts() == []
    assert (await quick.app.store.changes.by_number(1)).state == "pending"
    assert await quick.app.store.changes.by_number(2) is None
