"""`undo` on the running program: the reverse of an applied change, by the ordinary way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.sandbox.csms.faults import Effect, Fault
from tests.support.stage import Stage, blocks_text, change_of, stage, text_of, until

EVENT = "legacy-ftp-password"


async def applied(quick: Stage, text: str) -> str:
    """The id of a change that was asked for with `text` and applied."""
    change = change_of(await quick.ask("engineer", text))
    await quick.press("approver", await quick.card(change, "pending"), "Approve")
    await quick.card(change, "applied")
    return change


async def test_undo_asks_for_the_reverse_of_just_what_was_changed(quick: Stage):
    was = quick.world.event(EVENT)
    first = await applied(quick, f"update {EVENT} --state enabled --add-type SECRET_DELETED")

    second = change_of(await quick.ask("engineer", f"undo {first.lower()} --reason 'it was too loud'"))
    card = await quick.card(second, "pending")
    assert "`ENABLED` → `DISABLED`" in blocks_text(card)
    assert f"Undo of {first}: it was too loud" in blocks_text(card)
    assert quick.world.event(EVENT).state == "ENABLED", "it is a request, and waits for approval"
    await quick.press("approver", card, "Approve")
    await quick.card(second, "applied")

    now = quick.world.event(EVENT)
    assert (now.state, set(now.event_types)) == (was.state, set(was.event_types))
    assert quick.puts()[1] == {"state": "DISABLED", "event_types": list(was.event_types)}


async def test_the_reverse_of_a_new_target_is_the_old_target_whole(quick: Stage):
    event = "prod-db-password-expiry"
    was = quick.world.event(event).notification
    first = await applied(quick, f"update {event} --target-type SMN --target-id urn:smn:r:p:other")

    second = change_of(await quick.ask("engineer", f"undo {first}"))
    await quick.press("approver", await quick.card(second, "pending"), "Approve")
    await quick.card(second, "applied")

    assert quick.world.event(event).notification == was


async def test_undo_is_refused_with_the_difference_when_the_event_has_moved_on(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")
    quick.world.put_event(replace(quick.world.event(EVENT), event_types=("SECRET_DELETED",)))

    answer = await quick.ask("engineer", f"undo {first}")

    assert f"`{EVENT}` has moved on since {first}".replace("`", "") in text_of(answer).replace("`", "")
    assert "is SECRET_DELETED" in text_of(answer)
    assert (quick.people["engineer"], "change.undo", "refused") in quick.audit(change=first)
    assert len(quick.puts()) == 1


async def test_undo_of_what_was_undone_already_is_refused(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")
    await applied(quick, f"undo {first}")

    answer = await quick.ask("engineer", f"undo {first}")

    assert "has moved on" in text_of(answer)
    assert "it is what it was before already" in text_of(answer)
    assert "State: was ENABLED, is DISABLED" in text_of(answer)


async def test_an_undo_can_be_undone(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")
    second = await applied(quick, f"undo {first}")

    third = await applied(quick, f"undo {second}")

    assert quick.world.event(EVENT).state == "ENABLED"
    assert f"Undo of {second}." in blocks_text(await quick.card(third))
    assert [body["state"] for body in quick.puts()] == ["ENABLED", "DISABLED", "ENABLED"]
    assert "moved on" not in text_of(await quick.ask("engineer", f"undo {first}")), "it is as it left it"


async def test_a_second_undo_while_the_first_waits_is_refused_and_names_it(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")
    second = change_of(await quick.ask("engineer", f"undo {first}"))

    answer = await quick.ask("subscriber", f"undo {first}")

    assert f"{second} asks for that already; it is pending." in text_of(answer)
    assert (quick.people["subscriber"], "change.undo", "refused") in quick.audit(change=first)
    await quick.press("approver", await quick.card(second, "pending"), "Reject")
    await quick.card(second, "rejected")
    assert change_of(await quick.ask("subscriber", f"undo {first}")) not in (first, second)


async def test_an_event_that_was_changed_and_changed_back_can_be_undone(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")
    left = quick.world.event(EVENT)
    quick.world.put_event(replace(left, event_types=("SECRET_DELETED",)))
    assert "moved on" in text_of(await quick.ask("engineer", f"undo {first}"))
    quick.world.put_event(left)

    await applied(quick, f"undo {first}")

    assert quick.world.event(EVENT).state == "DISABLED"


async def test_an_event_that_was_deleted_is_not_undone(quick: Stage):
    quick.world.put_event(replace(quick.world.event(EVENT), name="short-lived", event_id="s"))
    first = await applied(quick, "enable short-lived")
    quick.world.delete_event("short-lived", caller="console")

    assert "There is no event `short-lived`" in text_of(await quick.ask("engineer", f"undo {first}"))
    assert (quick.people["engineer"], "change.undo", "refused") in quick.audit(change=first)


async def test_a_change_without_approval_is_undone_by_the_ordinary_way(tmp_path: Path, unpaced: None):
    async with stage(tmp_path, CSMS_BOT_BREAK_GLASS="U00ENGINEER") as bot:
        first = change_of(await bot.ask("engineer", f'enable {EVENT} --break-glass "it is on fire"'))
        await bot.card(first, "applied")

        second = change_of(await bot.ask("engineer", f"undo {first}"))
        card = await bot.card(second, "pending")

        assert bot.world.event(EVENT).state == "ENABLED", "it needs an approval now"
        assert "own request" in text_of(await bot.click("engineer", card, "Approve"))
        await bot.press("approver", card, "Approve")
        await bot.card(second, "applied")
        assert bot.world.event(EVENT).state == "DISABLED"


async def test_a_change_that_failed_half_way_is_not_undone_and_what_differs_is_said(quick: Stage):
    quick.world.faults.add("update_event", Fault(delay_s=0.6, effect=Effect.AFTER), times=1)
    first = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    await quick.press("approver", await quick.card(first, "pending"), "Approve")
    await until(lambda: quick.puts())
    quick.world.put_event(replace(quick.world.event(EVENT), event_types=("SECRET_DELETED",)))
    await quick.card(first, "failed")

    said = text_of(await quick.ask("engineer", f"undo {first}"))

    assert f"{first} failed, so there is nothing to undo as a whole" in said
    assert "State: was DISABLED, is ENABLED" in said
    assert "is SECRET_DELETED" in said
    assert len(quick.puts()) == 1


async def test_an_undo_that_is_looked_at_again_after_a_crash_is_one_request(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")
    number = int(first.removeprefix("CR-"))
    actor = await quick.app.actors.again(quick.people["engineer"])
    undo = quick.app.services.undo

    made = [await undo.ask(actor, number, project="", reason="", origin="inbox:again") for _ in range(2)]
    await quick.press("approver", await quick.card(made[0].id, "pending"), "Approve")
    await quick.card(made[0].id, "applied")
    made.append(await undo.ask(actor, number, project="", reason="", origin="inbox:again"))

    assert {one.id for one in made} == {made[0].id}
    assert ("change.undo", "refused") not in [row[1:] for row in quick.audit()]


async def test_undo_is_refused_for_what_was_not_applied_or_is_not_there(quick: Stage):
    change = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    for text, said in (
        (f"undo {change}", f"{change} is pending, so there is nothing to undo."),
        ("undo CR-999", "There is no change request CR-999."),
        ("undo everything", "is not a change request; its id looks like CR-12"),
        ("undo", "The change request is missing."),
    ):
        assert said in text_of(await quick.ask("engineer", text)).replace("`", ""), text


async def test_a_guest_cannot_undo_and_the_attempt_is_in_the_log(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")

    assert "Guests" in text_of(await quick.ask("guest", f"undo {first}"))

    assert (quick.people["guest"], "change.request", "refused") in quick.audit(event=EVENT)
    assert quick.world.event(EVENT).state == "ENABLED"


async def test_an_event_that_was_made_anew_is_not_undone(quick: Stage):
    first = await applied(quick, f"enable {EVENT}")
    quick.world.put_event(replace(quick.world.event(EVENT), event_id="another"))

    assert "created anew" in text_of(await quick.ask("engineer", f"undo {first}"))
