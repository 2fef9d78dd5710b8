"""The edit form from its opening to its answer, and all that can come between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.csms.faults import Fault as CsmsFault
from bot.sandbox.slack import Fault, FaultKind, View
from bot.sandbox.slack.model import Effect
from tests.support.stage import Stage, blocks_text, stage, text_of, until

EVENT = "search-cluster-token"
ENGINEER = "U00ENGINEER"


async def opened(bot: Stage, ready: Callable[[View], bool] | None = None, *, who: str = ENGINEER) -> View:
    """The form before that person's eyes, once it can be sent off (or is `ready`)."""

    def look() -> View | None:
        views = bot.slack.views(who)
        good = ready or (lambda view: bool(view.body.get("submit")))
        return views[-1] if views and good(views[-1]) else None

    return await bot.slack.wait_for(look, 8)


async def saying(bot: Stage, words: str) -> View:
    """The modal once it says `words`."""
    return await opened(bot, lambda view: words in blocks_text(view))


def element(view: View, block_id: str) -> dict[str, Any]:
    """The input of a field."""
    return dict(next(block["element"] for block in view.blocks if block.get("block_id") == block_id))


async def send(bot: Stage, view: View, **values: Any) -> dict[str, str]:
    """Fills fields and sends the form off; the errors at its fields."""
    outcome = await bot.slack.submit(
        ENGINEER, view.id, {name: {name: value} for name, value in values.items()}
    )
    assert outcome.error is None, outcome.error
    return dict(outcome.errors)


async def test_the_form_opens_as_loading_and_is_filled_with_the_event_as_it_is(both: Stage):
    both.world.faults.add("show_event", CsmsFault(delay_s=0.5))
    await both.command("engineer", f"update {EVENT}")
    first = await opened(both, lambda view: True)
    assert "Reading the event" in blocks_text(first)
    assert not first.body.get("submit")

    view = await opened(both)
    event = both.world.event(EVENT)
    assert view.id == first.id
    assert element(view, "state")["initial_option"]["value"] == event.state
    assert {one["value"] for one in element(view, "types")["initial_options"]} == set(event.event_types)
    assert element(view, "target_type")["initial_option"]["value"] == event.notification.target_type
    assert element(view, "target_id")["initial_value"] == event.notification.target_id
    assert element(view, "target_name")["initial_value"] == event.notification.target_name
    assert not element(view, "reason").get("initial_value")

    assert await send(both, view, state="DISABLED", reason="quiet") == {}
    done = await saying(both, "CR-1")
    assert "CR-1 was asked for" in blocks_text(done)
    card = await both.card("CR-1", "pending")
    assert "`ENABLED` → `DISABLED`" in blocks_text(card)
    assert "quiet" in blocks_text(card)
    await both.press("approver", card, "Approve")
    await both.card("CR-1", "applied")
    assert both.puts() == [{"state": "DISABLED"}]


async def test_what_is_wrong_is_said_at_its_field_and_the_form_stays(quick: Stage):
    await quick.command("engineer", f"update {EVENT}")
    view = await opened(quick)

    assert "Nothing to change" in (await send(quick, view))["state"]
    assert "cannot be a target id" in (await send(quick, view, target_id="a b"))["target_id"]
    assert "cannot be a target id" in (await send(quick, view, target_id="urn:<!channel>"))["target_id"]
    assert "missing" in (await send(quick, view, target_id="   "))["target_id"]
    right = quick.world.event(EVENT).notification.target_id
    assert (
        "cannot be a target name"
        in (await send(quick, view, target_id=right, target_name="a b"))["target_name"]
    )
    assert "required" in (await send(quick, view, target_name="security-oncall", types=[]))["types"]
    assert quick.audit() == []

    changed = await send(quick, view, types=["SECRET_ROTATED", "SECRET_DELETED"], target_id=f"  {right} ")
    assert changed == {}
    await saying(quick, "CR-1")
    assert quick.audit() == [(ENGINEER, "change.request", "pending")]


async def test_every_field_can_be_changed_at_once_and_only_those_are_written(quick: Stage):
    await quick.command("engineer", "update audit-stream-events")
    view = await opened(quick)
    urn = quick.world.event(EVENT).notification.target_id

    assert await send(
        quick, view, state="DISABLED", types=["SECRET_ROTATED"], target_type="SMN", target_id=urn,
        target_name="security-oncall", reason="all of it",
    ) == {}  # fmt: skip
    await saying(quick, "CR-1")
    await quick.press("approver", await quick.card("CR-1", "pending"), "Approve")
    await quick.card("CR-1", "applied")

    notification = {"target_type": "SMN", "target_id": urn, "target_name": "security-oncall"}
    assert quick.puts() == [
        {"state": "DISABLED", "event_types": ["SECRET_ROTATED"], "notification": notification}
    ]


async def test_an_event_that_moved_while_the_form_was_open_is_said_and_nothing_is_asked(quick: Stage):
    await quick.command("engineer", f"update {EVENT}")
    view = await opened(quick)
    event = quick.world.event(EVENT)
    quick.world.put_event(replace(event, event_types=("SECRET_DELETED",), update_time=0))

    assert await send(quick, view, state="DISABLED") == {}
    told = await saying(quick, "was changed while the form was open")
    assert "Open it again" in blocks_text(told)
    assert quick.audit() == [(ENGINEER, "change.request", "refused")]


async def test_an_event_that_went_while_the_form_was_open_is_said(quick: Stage):
    await quick.command("engineer", f"update {EVENT}")
    view = await opened(quick)
    del quick.world._events[EVENT]

    assert await send(quick, view, state="DISABLED") == {}
    await saying(quick, f"There is no event `{EVENT}`")
    assert quick.audit() == [(ENGINEER, "change.request", "refused")]


async def test_an_unknown_event_and_a_failing_csms_are_said_in_the_modal(quick: Stage):
    await quick.command("engineer", "update search-cluster-tokn")
    view = await saying(quick, f"Did you mean `{EVENT}`?")
    assert not view.body.get("submit")
    quick.world.faults.add("show_event", CsmsFault(status=403), times=None)
    await quick.command("engineer", f"update {EVENT}")
    await saying(quick, "csms:event:get")
    quick.world.faults.clear()
    await quick.command("engineer", f"update {EVENT}")
    form = await opened(quick)
    quick.world.faults.add("show_event", CsmsFault(status=403), times=None)
    assert await send(quick, form, state="DISABLED") == {}
    await saying(quick, "lacks a permission")
    assert quick.audit() == [(ENGINEER, "change.request", "failed")]


async def test_a_form_that_was_open_works_after_a_restart(quick: Stage):
    await quick.command("engineer", f"update {EVENT}")
    view = await opened(quick)
    await quick.restart()

    assert await send(quick, view, state="DISABLED") == {}
    await saying(quick, "CR-1 was asked for")
    assert quick.audit() == [(ENGINEER, "change.request", "pending")]


async def test_a_slow_csms_loses_neither_the_form_nor_what_was_sent_with_it(quick: Stage):
    quick.world.faults.add("show_event", CsmsFault(delay_s=4))
    await quick.command("engineer", f"update {EVENT}")
    view = await opened(quick)
    quick.world.faults.add("show_event", CsmsFault(delay_s=0.5))

    assert await send(quick, view, state="DISABLED") == {}
    waiting = quick.slack.views(ENGINEER)[-1]
    assert "Making the change request" in blocks_text(waiting)
    await saying(quick, "CR-1 was asked for")


async def test_a_form_that_was_closed_gets_its_answer_in_a_direct_message(quick: Stage):
    await quick.command("engineer", f"update {EVENT}")
    view = await opened(quick)
    quick.world.faults.add("show_event", CsmsFault(status=403, delay_s=0.3))
    assert await send(quick, view, state="DISABLED") == {}
    await quick.slack.close(ENGINEER, view.id)

    direct = quick.slack.open_im(ENGINEER).id
    told = await until(lambda: quick.slack.messages(direct))
    assert "lacks a permission" in text_of(told[0])
    assert told[0].metadata is not None
    assert set(told[0].metadata["event_payload"]) == {"k"}


@pytest.mark.parametrize("fault", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER, FaultKind.RATELIMITED])
async def test_the_answer_to_a_closed_form_arrives_once_though_slack_stumbles(
    tmp_path: Path, unpaced: None, fault: FaultKind
):
    async with stage(tmp_path, CSMS_BOT_SETTLE="1s") as bot:
        await bot.command("engineer", f"update {EVENT}")
        view = await opened(bot)
        bot.world.faults.add("show_event", CsmsFault(status=403, delay_s=0.3))
        assert await send(bot, view, state="DISABLED") == {}
        await bot.slack.close(ENGINEER, view.id)
        bot.slack.faults.add("chat.postMessage", Fault(fault))

        direct = bot.slack.open_im(ENGINEER).id

        async def settled() -> bool:
            left = await bot.app.store.outbox.backlog()
            return bool(bot.slack.messages(direct)) and not any(left.values())

        async with asyncio.timeout(10):
            while not await settled():
                await asyncio.sleep(0.05)
        assert len(bot.slack.faults) == 0, "the fault was met"
        posts = [
            one for one in bot.slack.journal.entries if one.effect == Effect.POST and one.channel == direct
        ]
        assert ["lacks a permission" in (one.text or "") for one in posts] == [True]


async def test_a_form_is_filled_though_slack_stumbles(quick: Stage):
    for kind in (FaultKind.RATELIMITED, FaultKind.STATUS, FaultKind.RESET_BEFORE):
        quick.slack.faults.add("views.update", Fault(kind))
        await quick.command("engineer", f"update {EVENT}")
        view = await opened(quick)
        assert element(view, "state")["initial_option"]["value"] == "ENABLED", kind
        await quick.slack.close(ENGINEER, view.id)


async def test_a_form_that_slack_does_not_take_is_said_beside_the_command(quick: Stage):
    quick.slack.faults.add("views.open", Fault(FaultKind.ERROR, error="expired_trigger_id"))
    answer = await quick.ask("engineer", f"update {EVENT}")
    assert "took too long to open" in text_of(answer)
    quick.slack.faults.add("views.update", Fault(FaultKind.ERROR, error="invalid_arguments"), times=None)
    answer = await quick.ask("engineer", f"update {EVENT}")
    assert "Slack did not take it" in text_of(answer)
    assert quick.audit() == []


HOSTILE: tuple[Any, ...] = (
    None,
    "",
    "x",
    "x" * 3000,
    "'; drop table audit; --",
    '{"event": "x"}',
    "😀",
    "\u0000",
)


async def test_a_forged_form_changes_nothing_and_leaves_no_traceback(
    quick: Stage, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="bot")
    await quick.command("engineer", f"update {EVENT}")
    view = await opened(quick)
    assert "Nothing to change" in (await send(quick, view))["state"]
    sent = quick.slack.courier.delivered[-1]
    key = sent.payload["view"]["private_metadata"]
    number = 0

    async def forge(**changes: Any) -> dict[str, Any]:
        nonlocal number
        number += 1
        payload = sent.payload | {"view": sent.payload["view"] | changes, "trigger_id": f"forged.{number}"}
        ack = await quick.slack.courier.deliver(sent.kind, payload)
        assert ack.ok, changes
        return ack.body or {}

    for hostile in HOSTILE:
        answer = await forge(private_metadata=hostile)
        assert "too old" in answer["errors"]["state"]
        if hostile is not None:  # Without any it is no form of Slack's, and refused at the door.
            assert await forge(callback_id=hostile) == {}
    for values in (
        {}, {"state": {}}, {"state": {"state": {}}}, {"state": {"state": {"selected_option": {"value": "x" * 5000}}}},
        {"types": {"types": {"selected_options": [{"value": "NO_SUCH"}]}}},
        {"types": {"types": {"selected_options": [{}, None, 1]}}},
        {"types": {"types": {"selected_options": [{"value": "SECRET_DELETED"}] * 2}}},
        {"target_id": {"target_id": {"value": ["x"]}}}, {"target_id": {"target_id": {"value": "x" * 5000}}},
        {name: {name: {"value": None}} for name in ("target_id", "target_name", "reason", "state", "types")},
        {"a": {"state": {"value": "ENABLED"}}, "b": {"state": {"value": "DISABLED"}}},
    ):  # fmt: skip
        answer = await forge(state={"values": values})
        assert answer.get("response_action") == "errors", values
    stolen = sent.payload | {"user": {"id": "U00GUEST", "team_id": "T00DEMO"}, "trigger_id": "stolen"}
    values = {"state": {"state": {"type": "static_select", "selected_option": {"value": "DISABLED"}}}}
    target = {name: sent.payload["view"]["state"]["values"][name] for name in ("target_id", "target_name")}
    stolen["view"] = sent.payload["view"] | {"private_metadata": key, "state": {"values": values | target}}
    assert (await quick.slack.courier.deliver(sent.kind, stolen)).ok
    await until(lambda: ("U00GUEST", "change.request", "refused") in quick.audit())
    await asyncio.sleep(0.1)

    assert {outcome for _, _, outcome in quick.audit()} == {"refused"}
    assert quick.world.calls["update_event"] == 0
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
