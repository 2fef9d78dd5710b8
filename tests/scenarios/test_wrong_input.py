"""What people mistype and what breaks around them: each gets one clear sentence, and nothing is lost or changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.csms.faults import Fault as CsmsFault
from bot.sandbox.slack import Fault, FaultKind, Message
from tests.support.stage import Stage, blocks_text, change_of, stage, text_of, until

EVENT = "search-cluster-token"


@pytest.fixture(autouse=True)
def no_tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that a person or a broken neighbour does ends in a traceback."""
    caplog.set_level(logging.INFO, logger="bot")
    yield
    for when in ("setup", "call"):
        assert [record.getMessage() for record in caplog.get_records(when) if record.exc_info] == []


MISTAKES = (
    # what is typed after /csms, and what the answer has to hold
    ("lst", "There is no command `lst`.", "Did you mean `list`?"),
    ("LSIT --state enabled", "Did you mean `list`?"),
    ("updat x --state enabled", "Did you mean `update`?"),
    ("🔥🔥", "There is no command"),
    (":fire:", "There is no command"),
    ('""', "There is no command"),
    ("x" * 3000, "There is no command"),
    ("help lst", "Did you mean `list`?"),
    ("help list get", "`get` is one word too many"),
    ("status please", "`please` is one word too many"),
    ("pending please", "`please` is one word too many"),
    ("get", "The event's name is missing", "Usage: `/csms get NAME`"),
    ("get a b", "`b` is one word too many"),
    ("get a/b", "cannot be an event's name"),
    ("get ../secrets", "cannot be an event's name"),
    ("get " + "x" * 65, "cannot be an event's name"),
    ("get " + "x" * 2900, "cannot be an event's name"),
    ("get séarch", "cannot be an event's name"),
    ("get search-cluster-tokn", f"Did you mean `{EVENT}`?"),
    ("get zebra", "There is no event `zebra`", "`list` shows"),
    ("list --stat enabled", "There is no flag `--stat`", "Did you mean `--state`?"),
    ("list --state", "`--state` needs a value"),
    ("list --state --share", "`--state` needs a value"),
    ("list --state on", "`on` does not fit `--state`", "`enabled`"),
    ("list --state enabled --state disabled", "`--state` is given twice"),
    ("list --target sms", "Did you mean `SMN`?"),
    ("list --type SECRET_ROTATD", "Did you mean `SECRET_ROTATED`?"),
    ("list --share=yes", "`--share` takes no value"),
    ("records --status failed", "Did you mean `FAIL`?"),
    ("records --since yesterday", "`yesterday` is not a duration"),
    ("records --since 99999999999d", "`99999999999d` is too long"),
    ("records --since 9999999d", "`9999999d` is too long"),
    ("records --since " + "9" * 400, "is not a duration"),
    ("records --type SECRET_ROTATE", "Did you mean `SECRET_ROTATED`?"),
    ("records search-cluster-token", "one word too many", "`--event`"),
    ("records --event a/b", "cannot be an event's name"),
    ("audit --since 1y", "is not a duration"),
    ("audit --since 99999999d", "is too long"),
    ("audit --user nobody", "is not a person"),
    ("audit something", "one word too many"),
    ("history", "The event's name is missing"),
    ("history a/b", "cannot be an event's name"),
    ("update", "The event's name is missing"),
    (f"update {EVENT} --state", "`--state` needs a value"),
    (f"update {EVENT} --reason", "`--reason` needs a value"),
    (f"update {EVENT} --bogus x", "There is no flag `--bogus`"),
    (f"enable {EVENT} --state enabled", "There is no flag `--state` here"),
    (f'disable {EVENT} --reason "no end of it', "A quote is not closed"),
    (f"disable {EVENT} {EVENT}", "one word too many"),
    ("disable a/b", "cannot be an event's name"),
)

REFUSED = (
    # attempts at a change, each of which the audit log has to name
    (f"update {EVENT} --state on", "`on` is not a state"),
    (f"update {EVENT} --types SECRET_ROTATD", "Did you mean `SECRET_ROTATED`?"),
    (f"update {EVENT} --types SECRET_ROTATED,secret_rotated", "`SECRET_ROTATED` is named twice"),
    (f"update {EVENT} --add-type SECRET_DELETED", "has `SECRET_DELETED` already"),
    (f"update {EVENT} --remove-type SECRET_ROTATED", "does not have `SECRET_ROTATED`"),
    (f"update {EVENT} --types SECRET_ROTATED --add-type SECRET_DELETED", "either the whole list"),
    (f"update {EVENT} --types ,", "at least one type"),
    (
        f"update {EVENT} --remove-type SECRET_VERSION_CREATED,SECRET_VERSION_EXPIRED,SECRET_DELETED",
        "at least one type",
    ),
    (f"update {EVENT} --target-type FTP", "`FTP` is not a target type"),
    (f"update {EVENT} --target-type EG", "needs its own id"),
    (f'update {EVENT} --target-id "a b"', "cannot be a target id"),
    (f"update {EVENT} --target-id {'x' * 257}", "cannot be a target id"),
    (f"update {EVENT} --target-name a/b", "cannot be a target name"),
    (f"enable {EVENT}", "Nothing to change"),
    (f"update {EVENT} --reason because", "Nothing to change"),
    (f"disable {EVENT} --reason {'x' * 501}", "The reason is too long"),
    ("enable search-cluster-tokn", f"Did you mean `{EVENT}`?"),
    ("update zebra --state enabled", "There is no event `zebra`"),
)


async def test_each_mistake_gets_a_sentence_and_changes_nothing(quick: Stage):
    for text, *parts in MISTAKES:
        answer = await quick.ask("engineer", text)
        for part in parts:
            assert part in text_of(answer), text
        assert len(text_of(answer)) < 1500, text
        assert answer.ephemeral_to == quick.people["engineer"]
    assert quick.audit() == []

    for text, part in REFUSED:
        assert part in text_of(await quick.ask("engineer", text)), text
    assert quick.audit() == [(quick.people["engineer"], "change.request", "refused")] * len(REFUSED)
    assert quick.world.calls["update_event"] == 0
    assert "No change request is open" in text_of(await quick.ask("engineer", "pending"))


async def test_only_spaces_are_help_and_invisible_characters_are_named_as_no_command(quick: Stage):
    for text in ("", "   ", "\t", "\u200b", "\u2060x"):
        answer = await quick.ask("engineer", text)
        assert ("What csms-bot can do" in text_of(answer)) == (not text.strip()), repr(text)


async def test_markup_that_somebody_types_is_shown_and_never_live(quick: Stage):
    quick.world.put_event(replace(quick.world.event(EVENT), name="an-event"))
    for text in (
        "list <!channel>", "list `<!channel>`", "list --state <!channel>", "records --status <!here>",
        "audit --user <!here>", "records --since <!here>", "status <!here>",
    ):  # fmt: skip
        answer = await quick.ask("engineer", text)
        assert "<!" not in text_of(answer) + blocks_text(answer), text
        assert "!channel&gt;" in text_of(answer) or "!here&gt;" in text_of(answer), text
    await quick.ask("engineer", 'disable an-event --reason "<!channel> <@U00APPROVER> *now* `x`"')
    card = await quick.card("CR-1", "pending")
    assert "<!channel>" not in text_of(card)
    quoted = next(block for block in card.blocks if block["type"] == "rich_text")
    assert "<!channel> <@U00APPROVER> *now* `x`" in str(quoted)


FAILING = {
    "400": (CsmsFault(status=400, body={"error": {"error_code": "CSMS.0003", "error_msg": "bad"}}), ["CSMS.0003"]),
    "401": (CsmsFault(status=401), ["credential", "doctor"]),
    "403": (CsmsFault(status=403), ["permission", "csms:event:"]),
    "429": (CsmsFault(status=429, body={"error_code": "APIGW.0308", "error_msg": "time:1 day"}), ["too many requests"]),
    "500": (CsmsFault(status=500), ["could not be reached or failed", "500"]),
    "502 HTML": (CsmsFault(status=502, body="<html>Bad</html>", headers={"Retry-After": "99"}), ["failed", "502"]),
    "HTML": (CsmsFault(status=200, body="<html>Welcome</html>"), ["could not be understood"]),
    "a list": (CsmsFault(status=200, body=[]), ["could not be understood"]),
    "other types": (CsmsFault(status=200, body={"events": {}, "event": 7, "records": "x"}), ["not be understood"]),
}  # fmt: skip


async def test_a_failing_csms_is_explained_for_every_verb_that_asks_it(quick: Stage):
    for name, (fault, parts) in FAILING.items():
        for text in (
            "list",
            f"get {EVENT}",
            "records",
            f"disable {EVENT}",
            f"update {EVENT} --state disabled",
        ):
            quick.world.faults.clear()
            for operation in ("list_events", "show_event", "list_records"):
                quick.world.faults.add(operation, fault, times=None)
            answer = await quick.ask("engineer", text)
            for part in parts:
                assert part in text_of(answer), (name, text)
            assert "<html" not in blocks_text(answer)
    assert quick.audit() == [(quick.people["engineer"], "change.request", "failed")] * 2 * len(FAILING)
    assert quick.puts() == []
    quick.world.faults.clear()
    assert "8 events" in text_of(await quick.ask("engineer", "list"))


async def test_a_reset_once_is_not_even_noticed(quick: Stage):
    quick.world.faults.add("list_events", CsmsFault(reset=True))

    assert "8 events" in text_of(await quick.ask("engineer", "list"))


async def test_a_missing_scope_is_named(quick: Stage):
    scopes = tuple(one for one in quick.slack.app.scopes if one != "users:read")
    quick.slack.put_app(replace(quick.slack.app, scopes=scopes))

    answer = await quick.ask("engineer", f"disable {EVENT}")

    assert "users:read" in text_of(answer)
    assert quick.audit() == [(quick.people["engineer"], "change.request", "refused")]
    assert "8 events" in text_of(await quick.ask("engineer", "list"))


def bot_alert(bot: Stage) -> Message | None:
    """The first alert that was posted."""
    return next((one for one in bot.slack.messages(bot.alerts) if "INVALID" in text_of(one)), None)


async def test_a_bot_that_is_not_in_its_channels_says_so_and_catches_up_when_invited(
    tmp_path: Path, unpaced: None
):
    async with stage(
        tmp_path, CSMS_BOT_APPROVAL_CHANNEL="C00GENERAL", CSMS_BOT_ALERT_CHANNEL="C00GENERAL"
    ) as bot:
        bot.approvals = bot.alerts = "C00GENERAL"
        bot.world.trigger("checkout-db-rotation", "SECRET_ROTATED")
        change = change_of(await bot.ask("engineer", f"disable {EVENT}"))
        await until(lambda: bot.slack.journal.calls["chat.postMessage"] > 0)

        said = ""
        async with asyncio.timeout(12):
            while "/invite" not in said:
                said = text_of(await bot.ask("engineer", "status"))
        assert "not_in_channel" in said
        general = bot.slack.channels["C00GENERAL"]
        bot.slack.put_channel(replace(general, members=(*general.members, "U00CSMSBOT")))
        await bot.slack.wait_for(lambda: bot.find_card(change, "pending"), 12)
        alert = await bot.slack.wait_for(lambda: bot_alert(bot), 12)
        assert "checkout-db-rotation" in text_of(alert)


async def test_whatever_slack_does_to_a_look_up_the_change_is_refused_with_a_reason(quick: Stage):
    for kind in (FaultKind.RATELIMITED, FaultKind.STATUS, FaultKind.ERROR, FaultKind.RESET_BEFORE):
        quick.slack.faults.add("users.info", Fault(kind), times=2)  # A GET that is cut is sent once more.
        answer = await quick.ask("engineer", f"disable {EVENT}")
        quick.slack.faults.clear()

        assert "Slack did not say who you are, so nothing was done" in text_of(answer), kind
        assert "try again" in text_of(answer)
    assert change_of(await quick.ask("engineer", f"disable {EVENT}")) == "CR-1"


async def test_a_busy_slack_gets_the_card_later_and_once(quick: Stage):
    quick.slack.faults.add("chat.postMessage", Fault(FaultKind.RATELIMITED, retry_after=1), times=2)

    change = change_of(await quick.ask("engineer", f"disable {EVENT}"))

    await quick.card(change, "pending")
    assert len([one for one in quick.slack.messages(quick.approvals) if text_of(one).startswith(change)]) == 1


async def test_an_answer_that_slack_refuses_at_its_address_comes_as_an_ephemeral_message(quick: Stage):
    quick.slack.faults.add("response_url", Fault(FaultKind.STATUS, status=404))

    assert "8 events" in text_of(await quick.ask("engineer", "list"))
    assert quick.slack.journal.calls["chat.postEphemeral"] == 1


async def test_a_button_that_the_store_does_not_know_says_what_to_do(quick: Stage):
    listed = await quick.ask("engineer", "list")
    await quick.click("engineer", listed, "Details")
    sent = quick.slack.courier.delivered[-1]
    for action, words in (
        ("list.show", "too old"), ("list.next", "too old"), ("event.enable", "too old"), ("event.edit", "too old"),
        ("event.history", "too old"), ("incident.view", "not known here any more"),
        ("incident.acknowledge", "not known here any more"), ("incident.fix", "not known here any more"),
        ("change.approve", "does not exist any more"), ("no.such.button", "not known to this version"),
    ):  # fmt: skip
        before = {one.ts for one in quick.slack.ephemerals(quick.people["engineer"])}
        forged = sent.payload["actions"][0] | {"action_id": action, "value": "x" * 2000}
        payload = {name: value for name, value in sent.payload.items() if name != "response_url"}
        ack = await quick.slack.courier.deliver(
            sent.kind, payload | {"actions": [forged], "trigger_id": action}
        )
        assert ack.ok
        assert words in text_of(await quick.answer("engineer", before)), action
    assert quick.puts() == []
