"""What is done to events without the bot is in its log and told, with Accept and Revert; its own writes are not."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import CsmsDown, CsmsError
from bot.model import Found
from bot.rules.sidedoors import compare
from bot.sandbox.csms.faults import Fault
from bot.sandbox.slack import Message
from bot.sandbox.slack.inputs import elements
from bot.services.projects import Projects
from bot.services.sidedoors import MOST_ASKED, SideDoors
from bot.store import open_read_only
from bot.store.audit import read
from tests.support.stage import Stage, all_text, blocks_text, change_of, stage, text_of, until

EVENT = "legacy-ftp-password"
OTHER = "prod-db-password-expiry"


@pytest.fixture
async def knowing(quick: Stage) -> Stage:
    """A bot that has looked once, and so knows the events."""
    assert await look(quick) == []
    return quick


async def look(bot: Stage) -> list[Found]:
    """One look at the events of the only project."""
    return await bot.app.sidedoors.look(next(iter(bot.app.projects)))


def rows(on: Stage, action: str = "event.outside") -> list[tuple[str, str, Any, Any]]:
    """(event, outcome, before, after) of the rows of one action."""
    db = open_read_only(on.database)
    try:
        return [(row.event, row.outcome, row.before, row.after) for row in read(db, action=action)]
    finally:
        db.close()


def settings(on: Stage, name: str) -> dict[str, Any]:
    """An event as CSMS has it, in the words of the audit log."""
    event = on.world.event(name)
    target = event.notification
    return {
        "state": event.state,
        "types": sorted(event.event_types),
        "target": {"type": target.target_type, "id": target.target_id, "name": target.target_name},
    }


async def told(on: Stage, *words: str) -> Message:
    """The message in the approval channel that says all the words."""
    found: Message = await until(
        lambda: next(
            (
                one
                for one in on.slack.messages(on.approvals)
                if all(word in text_of(one) + blocks_text(one) for word in (*words, "outside"))
            ),
            None,
        )
    )
    return found


def labels(message: Message) -> list[str]:
    """What its buttons say."""
    return [one.label for one in elements(message.blocks)]


async def apply(on: Stage, text: str) -> str:
    """Asks for a change, approves it, and waits until it is applied."""
    change = change_of(await on.ask("engineer", text))
    await on.press("approver", await on.card(change, "pending"), "Approve")
    await on.card(change, "applied")
    return change


async def test_the_first_look_only_takes_note(knowing: Stage):
    assert rows(knowing) == []
    assert [row[1] for row in rows(knowing, "event.baseline")] == ["noted"]
    assert await look(knowing) == []
    assert len(rows(knowing, "event.baseline")) == 1


async def test_a_change_from_outside_is_logged_with_before_and_after_told_once_and_accepted(knowing: Stage):
    before = settings(knowing, EVENT)
    knowing.world.put_event(replace(knowing.world.event(EVENT), state="ENABLED"))

    assert [one.finding.event for one in await look(knowing)] == [EVENT]
    assert await look(knowing) == []

    assert rows(knowing) == [(EVENT, "changed", before, before | {"state": "ENABLED"})]
    message = await told(knowing, EVENT)
    assert "`DISABLED` → `ENABLED`" in blocks_text(message)
    assert "Accepted" in text_of(await knowing.click("engineer", message, "Accept"))
    await told(knowing, EVENT, "Accepted by")
    assert "accepted already" in text_of(await knowing.click("approver", message, "Accept"))
    assert knowing.audit(action="outside.accept") == [
        (knowing.people["engineer"], "outside.accept", "accepted")
    ]
    assert knowing.puts() == []
    assert "Changed outside this bot" in blocks_text(await knowing.ask("engineer", f"history {EVENT}"))


async def test_revert_asks_for_what_it_was_by_the_ordinary_way(knowing: Stage):
    before = settings(knowing, EVENT)
    knowing.world.put_event(
        replace(knowing.world.event(EVENT), state="ENABLED", event_types=("SECRET_DELETED",))
    )
    await look(knowing)
    message = await told(knowing, EVENT)

    change = change_of(await knowing.click("engineer", message, "Revert"))
    card = await knowing.card(change, "pending")
    assert "Revert of a change made outside" in blocks_text(card)
    assert knowing.puts() == [], "it waits for approval"
    assert "already" in text_of(await knowing.click("approver", message, "Revert"))
    await knowing.press("approver", card, "Approve")
    await knowing.card(change, "applied")

    assert settings(knowing, EVENT) == before
    assert await look(knowing) == [], "its own write is no change from outside"


async def test_revert_is_refused_when_the_event_has_moved_on(knowing: Stage):
    knowing.world.put_event(replace(knowing.world.event(EVENT), state="ENABLED"))
    await look(knowing)
    message = await told(knowing, EVENT)
    knowing.world.put_event(replace(knowing.world.event(EVENT), event_types=("SECRET_DELETED",)))

    answer = await knowing.click("engineer", message, "Revert")

    assert "has moved on" in text_of(answer)
    assert knowing.audit(action="outside.revert") == [
        (knowing.people["engineer"], "outside.revert", "refused")
    ]


async def test_whoever_may_not_ask_for_changes_can_neither_accept_nor_revert(tmp_path: Path, unpaced: None):
    async with stage(tmp_path, CSMS_BOT_OPERATORS="U00APPROVER") as running:
        await look(running)
        running.world.put_event(replace(running.world.event(EVENT), state="ENABLED"))
        await look(running)
        message = await told(running, EVENT)

        for button in ("Accept", "Revert"):
            assert "not among those" in text_of(await running.click("engineer", message, button))

        engineer = running.people["engineer"]
        assert running.audit(action="outside") == [
            (engineer, "outside.accept", "refused"),
            (engineer, "outside.revert", "refused"),
        ]


async def test_created_deleted_and_made_anew_events_are_found(knowing: Stage):
    was = settings(knowing, OTHER)
    knowing.world.put_event(replace(knowing.world.event(EVENT), name="brand-new", event_id="new"))
    await look(knowing)
    new = settings(knowing, "brand-new")
    message = await told(knowing, "brand-new", "created")
    assert "this bot neither creates nor deletes events" in blocks_text(message)
    assert labels(message) == ["Accept"]
    knowing.world.delete_event("brand-new", caller="console")
    knowing.world.put_event(replace(knowing.world.event(OTHER), event_id="made-anew"))

    await look(knowing)

    assert rows(knowing) == [
        ("brand-new", "created", None, new),
        ("brand-new", "deleted", new, None),
        (OTHER, "deleted", was, None),
        (OTHER, "created", None, was),
    ]
    gone = await told(knowing, "brand-new", "deleted")
    assert "this bot neither creates nor deletes events" in blocks_text(gone)
    assert labels(gone) == ["Accept"]
    assert "Accepted" in text_of(await knowing.click("engineer", gone, "Accept"))
    assert await look(knowing) == []


async def test_its_own_changes_are_never_called_changes_from_outside(knowing: Stage):
    await apply(knowing, f"enable {EVENT}")
    await apply(knowing, f"update {EVENT} --add-type SECRET_DELETED")

    assert await look(knowing) == []
    await apply(knowing, f"disable {EVENT}")
    assert await look(knowing) == []


async def test_control_without_the_log_of_its_own_writes_it_would_accuse_itself(knowing: Stage):
    before = knowing.world.event(EVENT)
    await apply(knowing, f"enable {EVENT}")
    known = settings(knowing, EVENT) | {"state": before.state, "event_id": before.event_id}
    seen = settings(knowing, EVENT) | {"event_id": before.event_id}
    assert [finding.what for finding in compare(known, seen, [], EVENT)] == ["changed"]


async def test_a_change_from_outside_between_two_of_its_own_is_told_apart_from_them(knowing: Stage):
    was = settings(knowing, EVENT)
    await apply(knowing, f"enable {EVENT}")
    knowing.world.put_event(replace(knowing.world.event(EVENT), event_types=("SECRET_DELETED",)))
    await apply(knowing, f"disable {EVENT}")

    await look(knowing)

    enabled = was | {"state": "ENABLED"}
    assert rows(knowing) == [(EVENT, "changed", enabled, enabled | {"types": ["SECRET_DELETED"]})]


async def test_a_change_that_the_bot_made_and_somebody_took_back_is_found(knowing: Stage):
    was = knowing.world.event(EVENT)
    await apply(knowing, f"enable {EVENT}")
    knowing.world.put_event(was)

    await look(knowing)

    assert [(row[1], row[2]["state"], row[3]["state"]) for row in rows(knowing)] == [
        ("changed", "ENABLED", "DISABLED")
    ]


async def test_what_happened_while_the_bot_was_down_is_found_at_the_next_look(knowing: Stage):
    knowing.stop.set()
    await knowing.task
    knowing.world.put_event(replace(knowing.world.event(EVENT), state="ENABLED"))
    await knowing.start()

    assert [one.finding.event for one in await look(knowing)] == [EVENT]


async def test_looks_and_own_changes_at_the_same_time_accuse_nobody(knowing: Stage):
    looking = True

    async def keep_looking() -> list[Found]:
        found: list[Found] = []
        while looking:
            found += await look(knowing)
        return found

    task = asyncio.create_task(keep_looking())
    for verb in ("enable", "disable") * 4:
        await apply(knowing, f"{verb} {EVENT}")
    looking = False

    assert await task == []
    assert await look(knowing) == []


async def many_changed(on: Stage, number: int) -> list[str]:
    """So many events that the bot knows and that somebody has enabled since; their names."""
    template = on.world.event(EVENT)
    names = [f"by-terraform-{one:02d}" for one in range(number)]
    for state in ("DISABLED", "ENABLED"):
        for name in names:
            on.world.put_event(replace(template, name=name, event_id=name, state=state))
        assert len(await look(on)) == number
    return names


async def thread_of(on: Stage, head: Message, number: int) -> list[Message]:
    """The message and its replies, once there are so many."""

    def found() -> list[Message] | None:
        replies = [one for one in on.slack.messages(on.approvals) if one.thread_ts == head.ts and one.ts != head.ts]  # fmt: skip
        return [head, *sorted(replies, key=lambda one: float(one.ts))] if len(replies) == number - 1 else None

    return await until(found)  # type: ignore[no-any-return]


def now(on: Stage, message: Message) -> Message:
    """The message as it stands in the channel by now."""
    return next(one for one in on.slack.messages(on.approvals) if one.ts == message.ts)


def buttons_of(message: Message, label: str) -> list[str]:
    """The keys of its buttons that say so."""
    return [one.body["value"] for one in elements(message.blocks) if one.label == label]


async def test_a_great_many_changes_are_told_in_one_thread_where_each_can_be_reverted(knowing: Stage):
    names = await many_changed(knowing, 25)
    head = await told(knowing, "25 events", "ENABLED")
    thread = await thread_of(knowing, head, 3)

    assert [len(buttons_of(one, "Revert")) for one in thread] == [10, 10, 5]
    assert [len(buttons_of(one, "Accept")) for one in thread] == [10, 10, 5]
    assert [len(buttons_of(one, "Accept all 25")) for one in thread] == [1, 1, 1]
    shown = [re.findall(r"by-terraform-\d\d", " ".join(all_text(b) for b in one.blocks if b["type"] == "section")) for one in thread]  # fmt: skip
    assert [name for page in shown for name in page] == names
    place = next(one for one in elements(thread[2].blocks) if one.label == "Revert")
    before = {one.ts for one in knowing.slack.ephemerals(knowing.people["engineer"])}
    await knowing.slack.click(
        knowing.people["engineer"], thread[2], action_id=place.action_id, block_id=place.block_id
    )
    change = change_of(await knowing.answer("engineer", before))
    card = await knowing.card(change, "pending")
    assert names[20] in blocks_text(card)
    assert "`ENABLED` → `DISABLED`" in blocks_text(card)
    await until(lambda: f"Revert asked for: {change}" in blocks_text(now(knowing, thread[2])))


async def test_of_a_great_many_changes_one_is_accepted_alone_and_all_others_together(knowing: Stage):
    names = await many_changed(knowing, 25)
    head = await told(knowing, "25 events", "ENABLED")
    thread = await thread_of(knowing, head, 3)

    answer = await knowing.click("engineer", thread[1], "Accept")
    assert text_of(answer) == f"Accepted: `{names[10]}`."
    answer = await knowing.click("engineer", head, "Accept all 25")
    assert text_of(answer).endswith("and 4 more.")

    accepted = [row[0] for row in rows(knowing, "outside.accept")]
    assert accepted == [names[10], *names[:10], *names[11:]]
    thread = await thread_of(knowing, head, 3)
    await until(lambda: [labels(now(knowing, one)) for one in thread] == [[], [], []])
    assert [blocks_text(now(knowing, one)).count("Accepted by") for one in thread] == [10, 10, 5]


async def test_a_great_many_events_that_were_created_can_be_accepted_and_say_why_not_reverted(
    knowing: Stage,
):
    template = knowing.world.event(EVENT)
    for number in range(60):
        knowing.world.put_event(replace(template, name=f"made-{number:02d}", event_id=f"t{number}"))
    assert len(await look(knowing)) == 60

    head = await told(knowing, "60 events")
    thread = await thread_of(knowing, head, 6)
    for one in thread:
        assert labels(one) == ["Accept"] * 10 + ["Accept all 60"]
        assert "this bot neither creates nor deletes events" in blocks_text(one)
    await knowing.click("engineer", thread[5], "Accept all 60")
    assert len(knowing.audit(action="outside.accept")) == 60
    assert len(rows(knowing)) == 60


async def test_a_list_that_cannot_be_read_changes_nothing_that_is_known(knowing: Stage):
    knowing.world.put_event(replace(knowing.world.event(EVENT), state="ENABLED"))
    knowing.world.faults.add("list_events", Fault(status=400), times=1)
    with pytest.raises(CsmsError):
        await look(knowing)
    assert [one.finding.event for one in await look(knowing)] == [EVENT]


class Cut:
    """A CSMS whose list lacks some events though it has them, and whose other answers are right, or errors."""

    def __init__(self, csms: Any, missing: set[str], error: CsmsError | None = None) -> None:
        self._csms = csms
        self._missing = missing
        self._error = error

    async def list_events(self) -> list[Any]:
        return [event for event in await self._csms.list_events() if event.name not in self._missing]

    async def show_event(self, name: str) -> Any:
        if self._error is not None:
            raise self._error
        return await self._csms.show_event(name)


async def looked_through(on: Stage, csms: Any) -> list[Found]:
    """One look by another client."""
    scope = next(iter(on.app.projects))
    return await on.app.sidedoors.look(replace(scope, csms=csms))


async def test_a_list_that_is_cut_short_reports_no_deletion(knowing: Stage):
    knowing.world.put_event(replace(knowing.world.event(EVENT), name="spare", event_id="spare"))
    await look(knowing)
    csms = next(iter(knowing.app.projects)).csms
    names = {event.name for event in await csms.list_events()}

    for missing in ({EVENT}, names - {EVENT}, names):
        assert await looked_through(knowing, Cut(csms, missing)) == []
        assert (
            await looked_through(knowing, Cut(csms, missing, CsmsDown("ShowSecretEvent", status=503))) == []
        )
    assert [row[1] for row in rows(knowing)] == ["created"]

    knowing.world.delete_event("spare", caller="console")
    assert [one.finding.event for one in await looked_through(knowing, Cut(csms, {OTHER}))] == ["spare"]
    assert await look(knowing) == [], "what was not believed to be gone is still known"


async def test_control_the_rule_alone_believes_a_list_that_is_cut_short(knowing: Stage):
    known = settings(knowing, EVENT) | {"event_id": "1"}
    assert [finding.what for finding in compare(known, None, [], EVENT)] == ["deleted"]


async def test_a_list_that_fails_half_way_reports_nothing_and_the_next_one_is_whole(knowing: Stage):
    template = knowing.world.event(EVENT)
    for number in range(120):  # More than one page.
        knowing.world.put_event(replace(template, name=f"many-{number:03d}", event_id=f"m{number}"))
    assert len(await look(knowing)) == 120
    for nth in (2, 3, 4):
        knowing.world.faults.add("list_events", Fault(status=400), nth=nth)
        knowing.world.put_event(
            replace(knowing.world.event(EVENT), state="ENABLED" if nth % 2 else "DISABLED")
        )
        with contextlib.suppress(CsmsError):
            await look(knowing)
        knowing.world.faults.clear()
    await look(knowing)

    assert {outcome for _, outcome, *_ in rows(knowing)} == {"created", "changed"}
    assert len([row for row in rows(knowing) if row[1] == "created"]) == 120


async def test_many_deletions_are_asked_one_by_one_and_none_is_forgotten(knowing: Stage):
    template = knowing.world.event(EVENT)
    names = [f"many-{number:03d}" for number in range(70)]
    for name in names:
        knowing.world.put_event(replace(template, name=name, event_id=name))
    await look(knowing)
    for name in names:
        knowing.world.delete_event(name, caller="terraform")

    found = [len(await look(knowing)) for _ in range(3)]

    assert found == [MOST_ASKED, 70 - MOST_ASKED, 0]


async def test_two_changes_between_two_looks_are_one_and_a_change_that_was_taken_back_is_none(knowing: Stage):
    was = knowing.world.event(EVENT)
    before = settings(knowing, EVENT)
    knowing.world.put_event(replace(was, state="ENABLED"))
    knowing.world.put_event(replace(was, state="ENABLED", event_types=("SECRET_DELETED",)))
    await look(knowing)
    assert rows(knowing) == [
        (EVENT, "changed", before, before | {"state": "ENABLED", "types": ["SECRET_DELETED"]})
    ]

    now = knowing.world.event(EVENT)
    knowing.world.put_event(was)
    knowing.world.put_event(now)
    assert await look(knowing) == []


async def test_an_event_that_flaps_is_told_at_each_look_and_each_message_reverts_only_what_it_shows(
    knowing: Stage,
):
    off = knowing.world.event(EVENT)
    for number in range(4):
        knowing.world.put_event(replace(off, state="DISABLED" if number % 2 else "ENABLED"))
        assert len(await look(knowing)) == 1
    messages = await until(
        lambda: (
            len(found := [m for m in knowing.slack.messages(knowing.approvals) if "outside" in text_of(m)])
            == 4
            and sorted(found, key=lambda one: float(one.ts))
        )
    )

    refused = text_of(await knowing.click("engineer", messages[2], "Revert"))
    assert "has moved on since this was found: it is what it was before already" in refused
    change = change_of(await knowing.click("engineer", messages[3], "Revert"))
    assert "`DISABLED` → `ENABLED`" in blocks_text(await knowing.card(change, "pending"))


async def test_a_change_from_outside_makes_an_open_request_stale_and_is_still_found(knowing: Stage):
    change = change_of(await knowing.ask("engineer", f"enable {EVENT}"))
    card = await knowing.card(change, "pending")
    knowing.world.put_event(replace(knowing.world.event(EVENT), event_types=("SECRET_DELETED",)))
    assert [one.finding.event for one in await look(knowing)] == [EVENT]

    await knowing.press("approver", card, "Approve")

    ended = await knowing.card(change, "stale")
    assert "nothing was written" in blocks_text(ended)
    assert "SECRET_VERSION_EXPIRED → SECRET_DELETED" in blocks_text(ended)
    assert knowing.puts() == []
    assert await look(knowing) == [], "it was told already"


async def test_two_people_who_press_at_once_accept_once_and_ask_once(knowing: Stage):
    knowing.world.put_event(replace(knowing.world.event(EVENT), state="ENABLED"))
    knowing.world.put_event(replace(knowing.world.event(OTHER), state="DISABLED"))
    await look(knowing)
    first, second = await told(knowing, EVENT), await told(knowing, OTHER)

    people = ("engineer", "approver", "subscriber")
    await asyncio.gather(*(knowing.press(who, first, "Revert") for who in people * 2))
    await asyncio.gather(*(knowing.press(who, second, "Accept") for who in people * 2))
    await until(lambda: len(knowing.audit(action="outside.revert")) == 5)
    await until(lambda: len(knowing.audit(action="outside.accept")) >= 1)
    await asyncio.sleep(0.3)

    asked = [row for row in knowing.audit(action="change.request", event=EVENT) if row[2] == "pending"]
    assert len(asked) == 1
    assert {row[2] for row in knowing.audit(action="outside.revert")} == {"refused"}
    assert [row[2] for row in knowing.audit(action="outside.accept")] == ["accepted"]


async def test_a_click_on_revert_that_is_looked_at_again_after_a_crash_is_one_request(knowing: Stage):
    knowing.world.put_event(replace(knowing.world.event(EVENT), state="ENABLED"))
    [found] = await look(knowing)
    actor = await knowing.app.actors.again(knowing.people["engineer"])

    made = [await knowing.app.sidedoors.revert(actor, found.key, origin="inbox:again") for _ in range(2)]

    assert made[0].id == made[1].id
    assert knowing.audit(action="outside.revert") == []


async def test_a_project_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    tmp_path: Path, unpaced: None
):
    async with stage(tmp_path) as bot:
        scope = next(iter(bot.app.projects))
        broken = replace(scope, name="broken", csms=Cut(Down(), set()))  # type: ignore[arg-type]
        doors = SideDoors(
            store=bot.app.store, projects=Projects([broken, scope]), changes=bot.app.changes,
            clock=bot.app.services.clock, wake=bot.app.poster.wake, every=timedelta(0), first_after=timedelta(0),
        )  # fmt: skip
        stop = asyncio.Event()
        running = asyncio.create_task(doors.run(stop))
        await until(lambda: rows(bot, "event.baseline"))
        bot.world.put_event(replace(bot.world.event(EVENT), state="ENABLED"))
        await until(lambda: rows(bot))
        stop.set()
        await running

        assert [row[0] for row in rows(bot)] == [EVENT]


class Down:
    """A CSMS that answers nothing."""

    async def list_events(self) -> list[Any]:
        raise CsmsDown("ListSecretEvents", status=503)
