"""The main job from end to end, on real sockets."""

from __future__ import annotations

from tests.support.stage import Stage, blocks_text, change_of, text_of, until


async def test_an_engineer_lists_the_events(both: Stage):
    answer = await both.ask("engineer", "list")

    assert "8 events" in text_of(answer)
    assert "`audit-stream-events`" in text_of(answer)
    assert "7 enabled" in blocks_text(answer)


async def test_a_change_is_asked_approved_by_another_applied_once_and_told(both: Stage):
    event = "legacy-ftp-password"

    answer = await both.ask("engineer", f"enable {event} --reason 'the FTP server is back'")
    change = change_of(answer)
    card = await both.card(change, "pending")
    assert "`DISABLED` → `ENABLED`" in blocks_text(card)
    assert "the FTP server is back" in blocks_text(card)
    await both.press("approver", card, "Approve")
    await both.card(change, "applied")

    assert both.puts() == [{"state": "ENABLED"}]
    assert both.world.event(event).state == "ENABLED"
    assert both.audit(change=change) == [
        (both.people["engineer"], "change.request", "pending"),
        (both.people["approver"], "change.approve", "approved"),
        ("system", "change.apply", "intent"),
        ("system", "change.apply", "applied"),
    ]
    dm = both.slack.open_im(both.people["engineer"]).id
    told = await until(lambda: both.slack.messages(dm))
    assert text_of(told[0]).startswith(f"Your change {change} of `{event}`: applied.")


async def test_each_new_failure_is_alerted_once_and_success_never(both: Stage):
    both.world.trigger("checkout-db-rotation", "SECRET_ROTATED")
    both.world.trigger("mail-gateway-credentials", "SECRET_VERSION_EXPIRED")
    both.world.trigger("prod-db-password-expiry", "SECRET_ROTATED")

    invalid = await both.alert("INVALID", "checkout-db-rotation")
    failed = await both.alert("FAIL", "mail-gateway-credentials")
    both.world.trigger("mail-gateway-credentials", "SECRET_VERSION_EXPIRED")
    await until(lambda: both.slack.replies(both.alerts, failed.ts))
    await both.restart()

    top = [one for one in both.slack.messages(both.alerts) if "not delivered" in text_of(one)]
    assert [one.ts for one in top if one.thread_ts in (None, one.ts)] == [invalid.ts, failed.ts]
    assert not [one for one in both.slack.messages(both.alerts) if "prod-db-password-expiry" in text_of(one)]
    assert len(both.slack.replies(both.alerts, failed.ts)) == 1
