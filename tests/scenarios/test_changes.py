"""Who may decide a change and who may not, and what is said and written when CSMS or Slack fail meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.csms.faults import Effect
from bot.sandbox.csms.faults import Fault as CsmsFault
from bot.sandbox.slack import Fault, FaultKind, Message
from bot.sandbox.slack.seed import User, UserGroup
from tests.support.stage import Stage, blocks_text, change_of, stage, text_of, until

EVENT = "legacy-ftp-password"
OTHER = "search-cluster-token"


async def ask(bot: Stage, text: str = f"enable {EVENT}", *, who: str = "engineer") -> Message:
    """Asks for a change and waits for its card."""
    return await bot.card(change_of(await bot.ask(who, text)), "pending")


async def told(bot: Stage, change: str, state: str) -> str:
    """What the requester is told in a direct message, once it says `state`."""
    channel = bot.slack.open_im(bot.people["engineer"]).id
    start = f"Your change {change} of"
    found = await until(
        lambda: [
            text_of(one)
            for one in bot.slack.messages(channel)
            if text_of(one).startswith(start) and f": {state}." in text_of(one)
        ]
    )
    return str(found[0])


def outcomes(bot: Stage, change: str = "CR-1") -> list[tuple[str, str]]:
    """(action, outcome) of each audit row of a change."""
    return [(action, outcome) for _, action, outcome in bot.audit(change=change)]


def actors_of(bot: Stage, outcome: str) -> list[tuple[str, str]]:
    """(actor, action) of the audit rows with that outcome."""
    return [(actor, action) for actor, action, found in bot.audit() if found == outcome]


async def forged_click(bot: Stage, source: Message, text: str, *, user: str, team: str = "T00DEMO") -> None:
    """The same click by somebody whom Slack's page would not let do it; an empty `team` is left out everywhere."""
    await bot.press("subscriber", source, text)
    sent = bot.slack.courier.delivered[-1]
    payload = {key: value for key, value in sent.payload.items() if key not in ("team", "response_url")}
    payload |= {"user": {"id": user}, "trigger_id": f"forged.{user}.{team}"}
    if team:
        payload |= {"user": {"id": user, "team_id": team}, "team": {"id": team}}
    ack = await bot.slack.courier.deliver(sent.kind, payload)
    assert ack.ok


async def test_nobody_who_may_not_can_decide_and_each_try_is_answered_and_written_down(quick: Stage):
    people = quick.people
    card = await ask(quick)
    for who, button, words in (
        ("engineer", "Approve", "your own request"),
        ("engineer", "Reject", "your own request"),
        ("subscriber", "Approve", "not an approver"),
        ("subscriber", "Reject", "not an approver"),
        ("approver", "Cancel", "Only <@U00ENGINEER>"),
        ("subscriber", "Cancel", "Only <@U00ENGINEER>"),
    ):
        answer = await quick.click(who, card, button)
        assert words in text_of(answer), (who, button)
    quick.slack.put_user(User("U00GONE", "gone", deleted=True))
    quick.slack.put_user(User("U00STRANGER", "stranger", team_id="T00ELSEWHERE"))
    await forged_click(quick, card, "Approve", user=people["guest"])
    await forged_click(quick, card, "Approve", user="U00CSMSBOT")
    await forged_click(quick, card, "Approve", user="U00GONE")
    await forged_click(quick, card, "Approve", user="U00STRANGER", team="T00ELSEWHERE")
    await forged_click(quick, card, "Approve", user="U00STRANGER")
    await forged_click(quick, card, "Approve", user=people["approver"], team="T00ELSEWHERE")
    await forged_click(quick, card, "Approve", user=people["approver"], team="")
    await forged_click(quick, card, "Approve", user="U00NOBODY")
    await until(lambda: len(actors_of(quick, "refused")) >= 22)

    refused = actors_of(quick, "refused")
    assert set(refused) >= {
        (people["engineer"], "change.approve"), (people["engineer"], "change.reject"),
        (people["subscriber"], "change.approve"), (people["subscriber"], "change.reject"),
        (people["subscriber"], "change.cancel"), (people["approver"], "change.cancel"),
        (people["guest"], "change.approve"), ("U00CSMSBOT", "change.approve"), ("U00GONE", "change.approve"),
        ("U00STRANGER", "change.approve"), (people["approver"], "change.approve"), ("U00NOBODY", "change.approve"),
    }  # fmt: skip
    assert (
        len(refused) == 22
    )  # six clicks above, and eight forged ones that each follow one of the subscriber's
    assert quick.puts() == []
    assert outcomes(quick)[0] == ("change.request", "pending")
    await quick.press("approver", card, "Approve")
    await quick.card("CR-1", "applied")
    assert quick.puts() == [{"state": "ENABLED"}]


async def test_a_guest_a_stranger_and_a_non_operator_cannot_ask(tmp_path: Path, unpaced: None):
    async with stage(tmp_path, CSMS_BOT_OPERATORS="U00ENGINEER,U00GUEST") as bot:
        got = await bot.ask("engineer", f"get {EVENT}")
        assert "Guests" in text_of(await bot.ask("guest", f"enable {EVENT}"))
        assert "CSMS_BOT_OPERATORS" in text_of(await bot.ask("subscriber", f"update {EVENT} --state enabled"))
        theirs = await bot.ask("subscriber", f"get {EVENT}")
        assert "CSMS_BOT_OPERATORS" in text_of(await bot.click("subscriber", theirs, "Enable"))
        await bot.press("subscriber", theirs, "Edit")
        view = await until(
            lambda: [v for v in bot.slack.views("U00SUBSCRIBER") if "OPERATORS" in blocks_text(v)]
        )
        assert "submit" not in view[0].body or not view[0].body["submit"]

        assert (
            actors_of(bot, "refused")
            == [("U00GUEST", "change.request")] + [("U00SUBSCRIBER", "change.request")] * 3
        )
        assert actors_of(bot, "pending") == []
        assert change_of(await bot.click("engineer", got, "Enable")) == "CR-1"


async def test_rejecting_and_cancelling_end_a_change_and_later_clicks_change_nothing(quick: Stage):
    first = await ask(quick)
    second = await ask(quick, f"disable {OTHER}")

    assert "CR-1 (`legacy-ftp-password`) is rejected." in text_of(
        await quick.click("approver", first, "Reject")
    )
    assert "is cancelled" in text_of(await quick.click("engineer", second, "Cancel"))
    for card, who, button, state in (
        (first, "approver", "Approve", "rejected"),
        (first, "approver", "Reject", "rejected"),
        (first, "engineer", "Cancel", "rejected"),
        (second, "approver", "Approve", "cancelled"),
        (second, "engineer", "Cancel", "cancelled"),
    ):
        assert f"is {state} already" in text_of(await quick.click(who, card, button))
    rejected, cancelled = await quick.card("CR-1", "rejected"), await quick.card("CR-2", "cancelled")

    assert "Rejected by <@U00APPROVER>" in blocks_text(rejected)
    assert "Cancelled by <@U00ENGINEER>" in blocks_text(cancelled)
    assert "Approve" not in blocks_text(rejected) + blocks_text(cancelled)
    assert "rejected" in await told(quick, "CR-1", "rejected")
    assert quick.puts() == []
    assert quick.world.calls["update_event"] == 0


async def test_a_double_click_and_a_redelivered_click_apply_once(both: Stage):
    card = await ask(both)
    approver = both.people["approver"]

    await asyncio.gather(*(both.slack.click(approver, card, text="Approve") for _ in range(4)))
    await both.card("CR-1", "applied")
    click = next(one for one in both.slack.courier.delivered if one.payload.get("actions"))
    assert (await both.slack.redeliver(click)).ok
    answer = await both.click("approver", card, "Approve")

    assert "applied already" in text_of(answer)
    assert both.puts() == [{"state": "ENABLED"}]
    assert [row for row in outcomes(both) if row[1] != "refused"] == [
        ("change.request", "pending"), ("change.approve", "approved"),
        ("change.apply", "intent"), ("change.apply", "applied"),
    ]  # fmt: skip


@pytest.mark.parametrize("required", ["1", "2"])
async def test_two_approvers_at_once_lead_to_one_update(tmp_path: Path, unpaced: None, required: str):
    async with stage(
        tmp_path, CSMS_BOT_APPROVERS="U00APPROVER,U00SUBSCRIBER", CSMS_BOT_APPROVALS_REQUIRED=required
    ) as bot:
        card = await ask(bot)
        await asyncio.gather(
            *(bot.slack.click(user, card, text="Approve") for user in ("U00APPROVER", "U00SUBSCRIBER") * 2)
        )
        applied = await bot.card("CR-1", "applied")

        assert bot.puts() == [{"state": "ENABLED"}]
        counted = [one for one in bot.audit() if one[1] == "change.approve" and one[2] != "refused"]
        assert len(counted) == int(required)
        assert counted[-1][2] == "approved"
        assert sum(f"<@{user}>" in blocks_text(applied) for user in ("U00APPROVER", "U00SUBSCRIBER")) == int(
            required
        )


async def test_with_two_required_one_is_not_enough_and_the_same_person_not_two(tmp_path: Path, unpaced: None):
    async with stage(
        tmp_path, CSMS_BOT_APPROVERS="U00APPROVER,U00SUBSCRIBER", CSMS_BOT_APPROVALS_REQUIRED="2"
    ) as bot:
        card = await ask(bot)
        assert "counts: 1 of 2" in text_of(await bot.click("approver", card, "Approve"))
        assert "counted already" in text_of(await bot.click("approver", card, "Approve"))
        shown = await until(
            lambda: (found := bot.find_card("CR-1", "pending")) and "1 of 2" in blocks_text(found) and found
        )
        assert "approved by <@U00APPROVER>" in blocks_text(shown)
        assert bot.puts() == []
        # Whoever approved and is deactivated before the second approval does not count any more.
        bot.slack.put_user(replace(bot.slack.users["U00APPROVER"], deleted=True))
        await bot.press("subscriber", card, "Approve")
        failed = await bot.card("CR-1", "failed")

        assert "the approval of <@U00APPROVER> could not be confirmed" in blocks_text(failed).replace(
            "&lt;", "<"
        ).replace("&gt;", ">")
        assert bot.world.calls["update_event"] == 0


async def test_with_none_required_the_requester_and_nobody_else_confirms(tmp_path: Path, unpaced: None):
    async with stage(tmp_path, CSMS_BOT_APPROVALS_REQUIRED="0", CSMS_BOT_APPROVERS="") as bot:
        card = await ask(bot)
        assert "confirmed by <@U00ENGINEER>" in text_of(await bot.click("approver", card, "Approve"))
        assert bot.puts() == []
        await bot.press("engineer", card, "Approve")
        await bot.card("CR-1", "applied")

        assert bot.puts() == [{"state": "ENABLED"}]


async def test_without_approvers_nothing_can_be_approved(tmp_path: Path, unpaced: None):
    async with stage(tmp_path, CSMS_BOT_APPROVERS="") as bot:
        card = await ask(bot)
        assert "nobody may approve it" in blocks_text(card)
        assert "CSMS_BOT_APPROVERS" in text_of(await bot.click("approver", card, "Approve"))
        assert "CSMS_BOT_APPROVERS" in text_of(await bot.ask("engineer", "status"))
        assert bot.puts() == []


async def test_a_user_group_approves_and_nobody_does_when_slack_does_not_tell_who_is_in_it(
    tmp_path: Path, unpaced: None
):
    async with stage(tmp_path, CSMS_BOT_APPROVERS="S00APPROVERS") as bot:
        card = await ask(bot)
        assert "<!subteam^S00APPROVERS>" in blocks_text(card)
        bot.slack.faults.add("usergroups.users.list", Fault(FaultKind.ERROR, error="fatal_error"), times=None)
        bot.app.actors._members.clear()
        unknown = await bot.click("approver", card, "Approve")
        assert "Slack did not say who you are" in text_of(unknown)
        bot.slack.faults.clear()
        scopes = bot.slack.app.scopes
        bot.slack.put_app(
            replace(bot.slack.app, scopes=tuple(one for one in scopes if one != "usergroups:read"))
        )
        assert "usergroups:read" in text_of(await bot.click("approver", card, "Approve"))
        bot.slack.put_app(replace(bot.slack.app, scopes=scopes))
        assert "not an approver" in text_of(await bot.click("subscriber", card, "Approve"))
        assert bot.puts() == []
        bot.slack.usergroups["S00APPROVERS"] = UserGroup("S00APPROVERS", "x", ("U00SUBSCRIBER",))
        bot.app.actors._members.clear()
        assert "not an approver" in text_of(await bot.click("approver", card, "Approve"))
        await bot.press("subscriber", card, "Approve")
        await bot.card("CR-1", "applied")

        assert bot.puts() == [{"state": "ENABLED"}]
        assert actors_of(bot, "approved") == [("U00SUBSCRIBER", "change.approve")]


async def test_a_change_expires_and_cannot_be_approved_then(tmp_path: Path, unpaced: None):
    async with stage(tmp_path, CSMS_BOT_APPROVAL_TTL="1s") as bot:
        card = await ask(bot)
        expired = await bot.card("CR-1", "expired")
        answer = await bot.click("approver", card, "Approve")

        assert "expired" in text_of(answer)
        assert "Approve" not in blocks_text(expired)
        assert outcomes(bot)[1:] == [("change.expire", "expired"), ("change.approve", "refused")]
        assert "expired" in await told(bot, "CR-1", "expired")
        assert bot.world.calls["update_event"] == 0


async def test_a_change_whose_event_moved_or_went_is_stale_and_nothing_is_written(quick: Stage):
    moved, gone = await ask(quick), await ask(quick, f"disable {OTHER}")
    event = quick.world.event(EVENT)
    quick.world.put_event(
        replace(event, notification=replace(event.notification, target_name="elsewhere"), update_time=0)
    )
    quick.world._events.pop(OTHER)  # deleted in the console

    await quick.press("approver", moved, "Approve")
    await quick.press("approver", gone, "Approve")
    first, second = await quick.card("CR-1", "stale"), await quick.card("CR-2", "stale")

    assert "elsewhere" in blocks_text(first)
    assert "does not exist any more" in blocks_text(second)
    assert "Ask again" in await told(quick, "CR-1", "stale")
    assert quick.world.calls["update_event"] == 0
    assert ("change.apply", "stale") in outcomes(quick, "CR-1")
    assert ("change.apply", "stale") in outcomes(quick, "CR-2")


HTML = "<html><body>Bad gateway</body></html>"
ANSWERS: dict[str, tuple[CsmsFault, str, tuple[str, ...], int, int]] = {
    # name: (fault, how it ends, what is said, PUTs sent, effects in CSMS)
    "400": (CsmsFault(status=400, body={"error": {"error_code": "CSMS.0003", "error_msg": "no"}}), "failed",
            ("Nothing was written", "CSMS.0003"), 1, 0),
    "403": (CsmsFault(status=403, body={"error": {"error_code": "CSMS.0302", "error_msg": "no"}}), "failed",
            ("Nothing was written", "csms:event:update"), 1, 0),
    "404": (CsmsFault(status=404, body={"error": {"error_code": "CSMS.0005", "error_msg": "no"}}), "failed",
            ("Nothing was written", "404"), 1, 0),
    "409": (CsmsFault(status=409, body={"error_code": "CSMS.0409", "error_msg": "busy"}), "failed",
            ("Nothing was written", "409"), 1, 0),
    "429 for a day": (CsmsFault(status=429, body={"error_code": "APIGW.0308", "error_msg": "limit:1,time:1 day"}),
                      "failed", ("Nothing was written", "429"), 1, 0),
    "500": (CsmsFault(status=500), "failed", ("did not confirm", "500", "look at it before asking again"), 1, 0),
    "500 after the effect": (CsmsFault(status=500, effect=Effect.AFTER), "applied", ("reads as asked",), 1, 1),
    "502 HTML": (CsmsFault(status=502, body=HTML), "failed", ("did not confirm", "502"), 1, 0),
    "reset before": (CsmsFault(reset=True, effect=Effect.BEFORE), "failed", ("did not confirm",), 1, 0),
    "reset after": (CsmsFault(reset=True, effect=Effect.AFTER), "applied", ("answer was lost",), 1, 1),
    "reset, then late": (CsmsFault(effect=Effect.LATE, delay_s=0.5), "failed", ("It may still become so",), 1, 1),
    "200 HTML": (CsmsFault(status=200, body=HTML), "failed", ("did not confirm",), 1, 0),
    "200 HTML after": (CsmsFault(status=200, body=HTML, effect=Effect.AFTER), "applied", ("reads as asked",), 1, 1),
    "200 with something else": (CsmsFault(status=200, body={"event": {"name": EVENT, "state": "DISABLED"}}), "failed",
                                ("is not what was asked",), 1, 0),
    "302": (CsmsFault(status=302, headers={"Location": "http://127.0.0.1:9/"}), "failed", ("did not confirm",), 1, 0),
    "429 twice": (CsmsFault(status=429, headers={"Retry-After": "0"}), "applied", (), 3, 1),
}  # fmt: skip


async def test_whatever_csms_answers_to_the_update_all_say_what_is_known_and_it_is_sent_as_often_as_right(
    quick: Stage,
):
    for number, (name, (fault, state, said, sent, effects)) in enumerate(ANSWERS.items(), start=1):
        event = quick.world.event(EVENT)
        quick.world.put_event(replace(event, state="DISABLED", update_time=0))
        calls, done = quick.world.calls["update_event"], len(quick.puts())
        change = f"CR-{number}"
        card = await ask(quick)
        quick.world.faults.add("update_event", fault, times=max(1, sent - 1))
        await quick.press("approver", card, "Approve")
        ended = blocks_text(await quick.card(change, state))
        message = await told(quick, change, state)
        await until(lambda done=done, effects=effects: len(quick.puts()) - done == effects)

        for part in said:
            assert part in ended, (name, part)
            assert part in message, (name, part)
        assert quick.world.calls["update_event"] - calls == sent, name
        rows = quick.audit(change=change)
        assert [(action, outcome) for _, action, outcome in rows[-2:]] == [
            ("change.apply", "intent"), ("change.apply", state),
        ], name  # fmt: skip
        quick.world.faults.clear()


async def test_an_event_that_cannot_be_read_before_or_after_the_update_is_said_to_be_so(quick: Stage):
    before, after = await ask(quick), await ask(quick, f"disable {OTHER}")
    quick.world.faults.add("show_event", CsmsFault(status=403))
    await quick.press("approver", before, "Approve")
    failed = await quick.card("CR-1", "failed")
    assert "could not be read, so nothing was written" in blocks_text(failed)
    assert "csms:event:get" in blocks_text(failed)
    assert quick.world.calls["update_event"] == 0

    quick.world.faults.add("show_event", CsmsFault(status=403), nth=2)
    await quick.press("approver", after, "Approve")
    applied = await quick.card("CR-2", "applied")
    assert "could not be read back" in blocks_text(applied)
    assert quick.puts() == [{"state": "DISABLED"}]


async def test_a_lost_answer_and_an_event_that_cannot_be_read_leave_it_open_what_was_written(quick: Stage):
    card = await ask(quick)
    quick.world.faults.add("update_event", CsmsFault(reset=True, effect=Effect.AFTER))
    quick.world.faults.add("show_event", CsmsFault(status=403), nth=2)
    await quick.press("approver", card, "Approve")

    failed = await quick.card("CR-1", "failed")
    assert "It is not known whether the change was written" in blocks_text(failed)
    assert "not known" in await told(quick, "CR-1", "failed")
    assert len(quick.puts()) == 1


async def test_a_click_after_a_restart_counts_as_before(both: Stage):
    card = await ask(both)
    await both.restart()

    await both.press("approver", card, "Approve")
    await both.card("CR-1", "applied")

    assert both.puts() == [{"state": "ENABLED"}]


async def test_a_change_is_applied_while_slack_is_down_and_the_card_follows(quick: Stage):
    card = await ask(quick)
    for method in (
        "chat.update",
        "chat.postMessage",
        "conversations.open",
        "response_url",
        "chat.postEphemeral",
    ):
        quick.slack.faults.add(method, Fault(FaultKind.RESET_BEFORE), times=None)
    await quick.press("approver", card, "Approve")
    await until(lambda: outcomes(quick)[-1] == ("change.apply", "applied"))
    await until(lambda: quick.slack.journal.calls["chat.update"])
    assert quick.find_card("CR-1", "pending")

    quick.slack.faults.clear()
    await quick.slack.wait_for(lambda: quick.find_card("CR-1", "applied"), 10)
    assert "applied" in await told(quick, "CR-1", "applied")
    assert quick.puts() == [{"state": "ENABLED"}]
    assert len([one for one in quick.slack.messages(quick.approvals) if text_of(one).startswith("CR-1")]) == 1
