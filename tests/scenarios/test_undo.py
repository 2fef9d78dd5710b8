"""`undo` on the running program: the reverse of an applied change, by the ordinary way."""

from __future__ import annotations

from dataclasses import replace

from tests.support.stage import Stage, blocks_text, change_of, text_of

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
    assert "State: was ENABLED, is DISABLED" in text_of(answer)


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
