"""Every command and every button, wrong ones too: what CSMS was made to do has its rows of intent and outcome in the
audit log, and the log claims nothing that CSMS did not do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import commands
from bot.model import AuditRow
from bot.sandbox.csms.faults import Effect as FaultEffect
from bot.sandbox.csms.faults import Fault
from bot.sandbox.csms.world import Effect
from bot.sandbox.slack import Message, SlackError
from bot.store import open_read_only
from bot.store.audit import read
from bot.verify import check
from bot.views.alerts import ACKNOWLEDGE
from bot.views.audit import EXPORT_CSV, EXPORT_JSONL
from bot.views.change import APPROVE, CANCEL, REJECT, REVIEW
from bot.views.events import DISABLE, ENABLE
from bot.views.outside import ACCEPT, REVERT
from tests.scenarios.test_wrong_input import MISTAKES
from tests.support.stage import Stage, stage, text_of, until

EVENTS = ("legacy-ftp-password", "prod-db-password-expiry", "search-cluster-token")
UPDATE = "update_event"
WRITING = {
    APPROVE, REJECT, CANCEL, REVIEW, ACCEPT, REVERT, ENABLE, DISABLE, ACKNOWLEDGE, EXPORT_CSV, EXPORT_JSONL,
}  # fmt: skip
"""Every button that does more than show something."""
READ_ONLY = {"put_event", "record"}
"""What the test itself does in the journal, besides the bot's updates."""


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


def buttons(message: Message) -> list[tuple[str, str]]:
    """(action id, block id) of what can be pressed in a message."""
    found = []
    for block in message.blocks:
        for element in [block.get("accessory"), *block.get("elements", [])]:
            if isinstance(element, dict) and element.get("type") == "button":
                found.append((str(element["action_id"]), str(block.get("block_id", ""))))
    return list(dict.fromkeys(found))


async def press_everything(on: Stage, who: str, messages: Sequence[Message], seen: set[str]) -> None:
    """Each button of each message once; those that the person cannot see any more are left."""
    for message in messages:
        for action, block in buttons(message):
            seen.add(action)
            try:
                await on.slack.click(on.people[who], message, action_id=action, block_id=block or None)
            except SlackError:
                continue


async def quiet(on: Stage) -> None:
    """Waits until nothing is worked on any more."""

    async def busy() -> bool:
        report = await on.app.status.report()
        return bool(report.inbox) or any(report.backlog[state] for state in ("pending", "sending", "behind"))

    still = 0
    async with asyncio.timeout(30):
        while still < 5:
            still = 0 if await busy() else still + 1
            await asyncio.sleep(0.05)


async def test_each_effect_in_csms_has_its_intent_and_outcome_and_nothing_else_has(
    tmp_path: Path, unpaced: None
):
    async with stage(
        tmp_path, CSMS_BOT_BREAK_GLASS="U00ENGINEER", CSMS_BOT_APPROVERS="U00APPROVER,U00ENGINEER"
    ) as on:
        on.slack.rate_limits.enabled = False
        scope = next(iter(on.app.projects))
        await on.app.sidedoors.look(scope)
        pressed: set[str] = set()
        typed = [command.example for command in commands.ALL if command.name]
        typed += [
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
        ]
        typed += [
            *(f"undo CR-{number}" for number in range(1, 6)),
            *(f"why CR-{number}" for number in range(1, 4)),
        ]
        typed += [mistake[0] for mistake in MISTAKES]
        for who in ("engineer", "guest", "subscriber"):
            for text in typed:
                await on.command(who, text)
        await quiet(on)
        for round_ in range(2):
            if round_:
                on.world.put_event(replace(on.world.event(EVENTS[0]), event_types=("SECRET_ROTATED",)))
                on.world.trigger("checkout-db-rotation", "SECRET_ROTATED")
                on.world.faults.add("update_event", Fault(status=503), times=1)
                on.world.faults.add(
                    "update_event", Fault(reset=True, effect=FaultEffect.AFTER), nth=2, times=1
                )
                await on.app.sidedoors.look(scope)
                for who in ("engineer", "approver"):
                    for event in EVENTS:
                        for verb in ("enable", "disable", "update"):
                            more = " --remove-type SECRET_DELETED" if verb == "update" else ""
                            await on.command(who, f"{verb} {event}{more}")
                await quiet(on)
            for who in ("guest", "engineer", "approver"):
                user = on.people[who]
                shown = [*on.slack.messages(on.approvals), *on.slack.messages(on.alerts)]
                await press_everything(on, who, [*shown, *on.slack.ephemerals(user)], pressed)
                await quiet(on)
        await on.command("engineer", "undo CR-1")
        await until(lambda: not _unfinished(rows_of(on)))
        await quiet(on)

        rows = rows_of(on)
        assert differences(on.world.journal, rows) == []
        assert check(on.database).doubts == []
        effects = [one for one in on.world.journal if one.operation == UPDATE]
        assert len(effects) >= 6, "the run did something"
        assert pressed >= WRITING, WRITING - pressed
        _controls(on.world.journal, rows)


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
