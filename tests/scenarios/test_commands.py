"""Every verb as a person uses it, on the running program."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.sandbox.csms.model import Event, Record, Target
from bot.sandbox.slack import Message
from tests.support.stage import Stage, blocks_text, change_of, text_of, until

ALL = [
    "audit-stream-events", "checkout-db-rotation", "legacy-ftp-password", "mail-gateway-credentials",
    "payments-api-key-rotation", "prod-db-password-expiry", "search-cluster-token", "warehouse-db-credentials",
]  # fmt: skip


def named(message: Message) -> list[str]:
    """The events that an answer names in its text, in order."""
    return [name for name in re.findall(r"`([a-z0-9-]+)`", text_of(message)) if name.count("-") >= 2]


def buttons(message: Message) -> list[str]:
    """What the buttons say, in the order shown."""
    found = []
    for block in message.blocks:
        for element in [block.get("accessory"), *block.get("elements", [])]:
            if isinstance(element, dict) and element.get("type") == "button":
                found.append(element["text"]["text"])
    return found


async def test_list_is_sorted_counted_and_filtered(quick: Stage):
    everything = await quick.ask("engineer", "list")
    assert named(everything) == ALL
    assert buttons(everything) == ["Details"] * 8

    for text, wanted in (
        ("list --state disabled", ["legacy-ftp-password"]),
        ("LIST --STATE Disabled", ["legacy-ftp-password"]),
        ("list DB", ["checkout-db-rotation", "prod-db-password-expiry", "warehouse-db-credentials"]),
        ("list --target eg", ["audit-stream-events"]),
        ("list --target=EG --state=enabled", ["audit-stream-events"]),
        ("list --type secret_deleted", ["audit-stream-events", "search-cluster-token"]),
        ("list --type SECRET_VERSION_NEAR_EXPIRY", ["warehouse-db-credentials"]),
        ("list db --type SECRET_ROTATED --state enabled", [ALL[1], ALL[5], ALL[7]]),
    ):
        answer = await quick.ask("engineer", text)
        assert named(answer) == wanted, text
        assert f"{len(wanted)} of 8 events match" in text_of(answer)
        assert "7 enabled" in text_of(answer)
    nothing = await quick.ask("engineer", "list zebra")
    assert "No event matches." in blocks_text(nothing)


async def test_a_long_list_has_pages_and_its_details_open(quick: Stage):
    target = Target(target_type="SMN", target_id="urn:smn:r:p:t", target_name="t")
    for number in range(12):
        name = f"zz-extra-event-{number:02d}"
        quick.world.put_event(
            Event(name=name, state="ENABLED", event_types=("SECRET_ROTATED",), notification=target)
        )

    first = await quick.ask("engineer", "list")
    assert named(first) == ALL
    assert "Page 1 of 3" in blocks_text(first)
    assert buttons(first)[-1] == "Next"
    assert "Previous" not in buttons(first)
    await quick.press("engineer", first, "Next")
    user = quick.people["engineer"]
    second = await quick.slack.wait_for(
        lambda: next((one for one in quick.slack.ephemerals(user) if "Page 2 of 3" in blocks_text(one)), None)
    )
    assert second.ts == first.ts
    assert named(second) == [f"zz-extra-event-{number:02d}" for number in range(8)]
    assert buttons(second)[-2:] == ["Previous", "Next"]
    await quick.press("engineer", second, "Next")
    third = await until(lambda: "Page 3 of 3" in blocks_text(quick.slack.ephemerals(user)[0]))
    assert third
    details = await quick.click("engineer", quick.slack.ephemerals(user)[0], "Details")
    assert "Event `zz-extra-event-08`" in text_of(details)


async def test_get_shows_every_field_and_its_buttons_work(quick: Stage):
    answer = await quick.ask("engineer", "GET search-cluster-token")

    event = quick.world.event("search-cluster-token")
    for part in (event.name, event.state, event.event_id, *event.event_types, event.notification.target_type,
                 event.notification.target_id, event.notification.target_name):  # fmt: skip
        assert part in blocks_text(answer)
    assert buttons(answer) == ["Edit", "Disable", "History"]
    history = await quick.click("engineer", answer, "History")
    assert "Nothing has been done to `search-cluster-token`" in text_of(history)
    asked = await quick.click("engineer", answer, "Disable")
    assert change_of(asked) == "CR-1"
    disabled = await quick.ask("engineer", "get legacy-ftp-password")
    assert buttons(disabled) == ["Edit", "Enable", "History"]


async def test_names_are_case_sensitive_and_verbs_and_flags_are_not(quick: Stage):
    wrong = await quick.ask("engineer", "get Search-Cluster-Token")
    right = await quick.ask("engineer", "gEt search-cluster-token")
    asked = await quick.ask("engineer", "DISABLE search-cluster-token --REASON Quiet")

    assert "There is no event `Search-Cluster-Token`" in text_of(wrong)
    assert "Did you mean `search-cluster-token`?" in text_of(wrong)
    assert text_of(right).startswith("Event `search-cluster-token`")
    assert change_of(asked)


async def test_records_are_filtered_and_newest_first(quick: Stage):
    def add(event: str, status: str, secret: str, age_s: int, kind: str = "SECRET_ROTATED") -> None:
        quick.world.add_record(
            Record(
                event_name=event, trigger_event_type=kind, secret_name=secret, notification_status=status,
                create_time=-age_s * 1000,
            )
        )  # fmt: skip

    add("checkout-db-rotation", "FAIL", "s-old", 8 * 86400)
    add("checkout-db-rotation", "FAIL", "s-new", 60)
    add("checkout-db-rotation", "INVALID", "s-mid", 3600, "SECRET_DELETED")
    add("search-cluster-token", "SUCCESS", "s-ok", 120)

    def secrets(message: Message) -> list[str]:
        return re.findall(r"secret `(s-\w+)`", text_of(message))

    assert secrets(await quick.ask("engineer", "records"))[:3] == ["s-new", "s-ok", "s-mid"]
    for text, wanted in (
        ("records --since 7d", ["s-new", "s-ok", "s-mid"]),
        ("records --since 7d --status fail", ["s-new"]),
        ("records --status FAIL --event checkout-db-rotation", ["s-new", "s-old"]),
        ("records --event checkout-db-rotation --since 1d", ["s-new", "s-mid"]),
        ("records --type secret_deleted --event checkout-db-rotation", ["s-mid"]),
        ("records --status success --since 10m", ["s-ok"]),
        ("records --event Checkout-DB-rotation", []),
    ):
        assert secrets(await quick.ask("engineer", text)) == wanted, text


async def test_pending_shows_what_waits_on_the_asker_first_with_buttons(quick: Stage):
    await quick.ask("approver", "disable search-cluster-token")
    await quick.ask("engineer", "enable legacy-ftp-password")

    theirs = await quick.ask("approver", "pending")
    mine = await quick.ask("engineer", "pending")

    assert "2 open change requests" in text_of(theirs)
    assert text_of(theirs).index("CR-2") < text_of(theirs).index("CR-1")
    assert blocks_text(theirs).count("waits on you") == 1
    assert blocks_text(mine).count("waits on you") == 0
    assert buttons(theirs) == ["Approve", "Reject", "Cancel"] * 2
    decided = await quick.click("approver", theirs, "Reject")
    assert "`legacy-ftp-password`" in text_of(decided)
    assert "rejected" in text_of(decided)
    assert "1 open change request" in text_of(await quick.ask("approver", "pending"))


async def test_status_help_and_nothing_at_all(both: Stage):
    status = await both.ask("subscriber", "status")
    assert "all is well" in text_of(status)
    for part in ("Last poll", "Audit log", "Version", "<#C00ALERTS>"):
        assert part in blocks_text(status)

    empty = await both.ask("subscriber", "")
    for verb in (
        "list",
        "get",
        "update",
        "enable",
        "disable",
        "records",
        "pending",
        "history",
        "audit",
        "status",
    ):
        assert f"*{verb}*" in blocks_text(empty)
        one = await both.ask("subscriber", f"help {verb.upper()}")
        assert f"Usage: `/csms {verb}" in text_of(one)
        assert f"Example: `/csms {verb}" in text_of(one)


async def test_history_and_audit_tell_what_was_done_by_whom(quick: Stage):
    engineer, approver = quick.people["engineer"], quick.people["approver"]
    await quick.ask("engineer", 'disable search-cluster-token --reason "too loud"')
    card = await quick.card("CR-1", "pending")
    await quick.press("engineer", card, "Approve")
    await quick.press("approver", card, "Approve")
    await quick.card("CR-1", "applied")
    await quick.ask("engineer", "enable legacy-ftp-password")

    history = blocks_text(await quick.ask("subscriber", "history search-cluster-token"))
    for part in (
        f"<@{engineer}> asked for a change",
        f"<@{approver}> approved",
        "refused",
        "applied",
        "too loud",
    ):
        assert part in history
    assert "`ENABLED` → `DISABLED`" in history
    assert "CR-2" not in history

    whole = text_of(await quick.ask("subscriber", "audit"))
    assert "CR-2" in whole
    of_event = text_of(await quick.ask("subscriber", "audit --event search-cluster-token"))
    assert "CR-1" in of_event
    assert "CR-2" not in of_event
    of_person = text_of(await quick.ask("subscriber", "audit --user @approver"))
    assert "change.approve approved" in of_person
    assert "change.request" not in of_person
    of_action = text_of(await quick.ask("subscriber", "audit --action CHANGE.APPROVE --since 1h"))
    assert of_action.count("change.approve") == 2
    assert "No row" in text_of(await quick.ask("subscriber", "audit --user system --action change.cancel"))


async def test_a_shared_answer_is_seen_by_the_channel_and_any_other_by_the_asker_alone(quick: Stage):
    engineer = quick.people["engineer"]
    for text in ("list", "get search-cluster-token", "status", "help", "records", "pending", "audit"):
        assert (await quick.ask("engineer", text)).ephemeral_to == engineer
        alone = len(quick.slack.ephemerals(engineer))
        before = {one.ts for one in quick.slack.messages(quick.alerts)}
        await quick.command("engineer", f"{text} --SHARE")

        shared = await until(
            lambda before=before: [m for m in quick.slack.messages(quick.alerts) if m.ts not in before]
        )
        assert shared[0].ephemeral_to is None
        assert f"<@{engineer}>" in blocks_text(shared[0])
        assert len(quick.slack.ephemerals(engineer)) == alone


async def test_a_command_works_where_the_bot_is_not_and_in_its_direct_messages(quick: Stage):
    general = next(one.id for one in quick.slack.channels.values() if one.name == "general")
    direct = quick.slack.open_im(quick.people["engineer"]).id

    assert "8 events" in text_of(await quick.ask("engineer", "list", channel=general))
    assert "8 events" in text_of(await quick.ask("engineer", "list", channel=direct))


async def test_an_unknown_project_is_named_with_the_nearest(quick: Stage):
    for text in (
        "list",
        "get search-cluster-token",
        "records",
        "pending",
        "history x",
        "audit",
        "enable x",
        "update x",
    ):
        answer = await quick.ask("engineer", f"{text} --project defaultt")
        assert text_of(answer).startswith("There is no project `defaultt`. Did you mean `default`?"), text
    assert "8 events" in text_of(await quick.ask("engineer", "list --project default"))
    assert quick.puts() == []


async def test_a_guest_may_look_and_somebody_of_another_workspace_may_not(quick: Stage):
    assert "8 events" in text_of(await quick.ask("guest", "list"))
    user = quick.slack.users[quick.people["subscriber"]]
    quick.slack.put_user(replace(user, team_id="T00ELSEWHERE"))
    sent = quick.slack.courier.delivered[-1]
    payload = sent.payload | {"user_id": user.id, "team_id": "T00ELSEWHERE", "trigger_id": "1.elsewhere"}

    ack = await quick.slack.courier.deliver(sent.kind, payload)

    assert ack.ok
    told = await until(
        lambda: [one for one in quick.slack.ephemerals(quick.people["guest"]) if "workspace" in text_of(one)]
    )
    assert "Only people of the workspace" in text_of(told[0])
