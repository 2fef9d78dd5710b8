"""The audit log asked in Slack: pages, and files that only the asker gets."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import csv
import io
import json
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.model import AuditRow, Entry
from bot.rules import exporting
from bot.sandbox.slack import Fault, FaultKind, Message
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.inputs import elements
from bot.sandbox.slack.seed import User
from bot.services import exports
from bot.slack.answer import Answer
from bot.verify import check
from bot.views.audit import EXPORT_CSV
from tests.support.console import csms_bot
from tests.support.forging import CLICK
from tests.support.stage import Stage, blocks_text, change_of, text_of, until

HISTORIC = "legacy-ftp-password"
FORMULA = '=HYPERLINK("https://example.com","x")'


async def filled(on: Stage, number: int, **more: str) -> None:
    """So many rows more in the log."""
    for one in range(number):
        given = {"actor": "U00SOMEBODY", "action": "test.row", "outcome": "noted", "project": "default"}
        entry = Entry(**(given | {"event": f"event-{one:03d}", "reason": FORMULA} | more))
        await on.app.store.audit.append(entry, on.app.services.clock())


def rows_in(message: Message) -> list[str]:
    """The events of the rows that a page shows."""
    return re.findall(r"event-\d{3}", blocks_text(message))


def files_of(on: Stage, who: str) -> list[tuple[str, bytes]]:
    """Name and content of the files in the bot's direct messages to somebody."""
    channel = on.slack.open_im(on.people[who]).id
    return [
        (file.name, file.content or b"") for one in on.slack.messages(channel) for file in one.content.files
    ]


async def turned(on: Stage, page: Message, button: str) -> Message:
    """The page after a button was pressed: it stands in the same place."""
    was = blocks_text(page)
    await on.press("engineer", page, button)

    def now() -> Message | None:
        shown = [one for one in on.slack.ephemerals(on.people["engineer"]) if one.ts == page.ts]
        return shown[0] if shown and blocks_text(shown[0]) != was else None

    return await until(now)  # type: ignore[no-any-return]


async def test_the_pages_of_the_log_show_each_row_once_and_lead_back(quick: Stage):
    await filled(quick, 50)
    page = await quick.ask("engineer", "audit --action test")
    first = rows_in(page)
    seen = [*first]
    while "Older" in blocks_text(page):
        page = await turned(quick, page, "Older")
        await filled(quick, 1, action="test.later")
        seen += rows_in(page)

    assert seen == [f"event-{number:03d}" for number in range(49, -1, -1)]
    while "Newer" in blocks_text(page):
        page = await turned(quick, page, "Newer")
    assert rows_in(page) == first


async def test_with_one_project_rows_about_none_are_shown_and_exported_too(quick: Stage):
    await quick.ask("engineer", "undo CR-999")
    page = await quick.ask("engineer", "audit --action change.undo")
    assert "CR-999" in blocks_text(page)

    await quick.click("engineer", page, "Export CSV")

    [(_, content)] = files_of(quick, "engineer")
    [row] = csv.DictReader(io.StringIO(content.decode()))
    assert (row["action"], row["outcome"], row["project"]) == ("change.undo", "refused", "")


async def test_an_export_is_sent_to_the_asker_alone_and_is_in_the_log_before_and_after(quick: Stage):
    await filled(quick, 30)
    page = await quick.ask("engineer", "audit --action test")

    answer = await quick.click("engineer", page, "Export CSV")

    assert "30 rows" in text_of(answer)
    [(name, content)] = files_of(quick, "engineer")
    assert re.fullmatch(r"csms-audit-\d{8}-\d{6}\.csv", name)
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["event"] for row in rows] == [f"event-{number:03d}" for number in range(30)]
    assert {row["reason"] for row in rows} == {f"'{FORMULA}"}, "no cell is a formula"
    assert [file for one in quick.slack.messages(quick.alerts) for file in one.content.files] == []
    engineer = quick.people["engineer"]
    await until(lambda: len(quick.audit(action="audit")) == 2)
    assert quick.audit(action="audit") == [
        (engineer, "audit.export", "intent"),
        (engineer, "audit.export", "sent"),
    ]


async def test_an_export_as_jsonl_is_byte_for_byte_what_the_console_writes(quick: Stage):
    await filled(quick, 3)
    page = await quick.ask("engineer", "audit --action test")
    await quick.click("engineer", page, "Export JSONL")

    [(_, content)] = files_of(quick, "engineer")
    console = await csms_bot("audit", "export", "--format", "jsonl", "--action", "test", env=quick.env)
    assert len(content.splitlines()) == 3
    assert content.decode() == console.out


async def test_an_export_that_is_too_long_holds_the_newest_rows_and_says_so(
    quick: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exports, "MOST", 10)
    monkeypatch.setattr(exports, "CHUNK", 4)
    await filled(quick, 11)
    page = await quick.ask("engineer", "audit --action test")

    answer = await quick.click("engineer", page, "Export JSONL")

    [(_, content)] = files_of(quick, "engineer")
    shown = [json.loads(line)["event"] for line in content.decode().splitlines()]
    assert shown == [f"event-{number:03d}" for number in range(1, 11)]
    assert "with 10 rows" in text_of(answer)
    assert "Older ones did not fit; `csms-bot audit export` has them all" in text_of(answer)


async def test_an_export_that_is_too_large_holds_the_newest_rows_and_says_so(
    quick: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exports, "MOST_BYTES", 5_000)
    monkeypatch.setattr(exports, "CHUNK", 4)
    await filled(quick, 30)
    page = await quick.ask("engineer", "audit --action test")

    answers = [await quick.click("engineer", page, f"Export {form}") for form in ("CSV", "JSONL")]

    for (name, content), answer in zip(files_of(quick, "engineer"), answers, strict=True):
        shown = re.findall(rb"event-(\d{3})", content)
        assert 4_500 < len(content) <= 5_000
        assert [int(one) for one in shown] == [*range(30 - len(shown), 30)]
        assert f"{name}` with {len(shown)} rows" in text_of(answer)
        assert "Older ones did not fit" in text_of(answer)


@pytest.mark.parametrize("naive", [False, True])
async def test_the_bot_goes_on_while_an_export_is_written_but_in_the_naive_way(
    quick: Stage, monkeypatch: pytest.MonkeyPatch, naive: bool
):
    """The writing takes until the loop has done something else, for which it waits a second; `naive` does it on the loop."""
    await filled(quick, 3)
    page = await quick.ask("engineer", "audit --action test")
    done, went_on = threading.Event(), []

    def slow(rows: Iterable[AuditRow]) -> Iterator[str]:
        asyncio.run_coroutine_threadsafe(elsewhere(), loop)
        went_on.append(done.wait(1))
        yield from exporting.jsonl(rows)

    async def elsewhere() -> None:
        done.set()

    async def on_the_loop(function: Any, *args: Any) -> Any:
        return function(*args)

    loop = asyncio.get_running_loop()
    monkeypatch.setitem(exporting.FORMATS, "jsonl", slow)
    if naive:
        monkeypatch.setattr(exports.asyncio, "to_thread", on_the_loop)
    await quick.click("engineer", page, "Export JSONL")

    assert went_on == [not naive]
    assert len(files_of(quick, "engineer")) == 1


@pytest.mark.parametrize("sent", [False, True])
async def test_an_export_in_whose_middle_the_bot_dies_is_sent_once_and_has_one_intent_and_one_outcome(
    quick: Stage, monkeypatch: pytest.MonkeyPatch, sent: bool
):
    """It dies before the file is sent, or when that is noted and the click is not done with."""
    await filled(quick, 3)
    page = await quick.ask("engineer", "audit --action test")
    reached, never = asyncio.Event(), asyncio.Event()

    async def stops(*_args: Any) -> None:
        reached.set()
        await never.wait()

    with monkeypatch.context() as patched:
        patched.setattr(Answer, "say" if sent else "send_file", stops)
        await quick.press("engineer", page, "Export CSV")
        await asyncio.wait_for(reached.wait(), 5)
        quick.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await quick.task
    before = {message.ts for message in quick.slack.ephemerals(quick.people["engineer"])}
    await quick.start()
    answer = await quick.answer("engineer", before)
    later = await quick.click("engineer", page, "Export CSV")

    assert ("was sent to you already" in text_of(answer)) == sent
    assert "with 3 rows" in text_of(later)
    assert len(files_of(quick, "engineer")) == 2
    await until(lambda: len(quick.audit(action="audit.export")) == 4)
    assert [row[2] for row in quick.audit(action="audit.export")] == ["intent", "sent", "intent", "sent"]


async def test_a_guest_who_may_read_gets_the_file_alone(quick: Stage):
    await filled(quick, 3)
    page = await quick.ask("guest", "audit --action test")

    await quick.click("guest", page, "Export CSV")

    assert len(files_of(quick, "guest")) == 1
    others = [who for who in quick.people if who not in ("guest", "bot")]
    assert [file for who in others for file in files_of(quick, who)] == []
    assert {row[0] for row in quick.audit(action="audit")} == {quick.people["guest"]}


@pytest.mark.parametrize(
    "who", [User("U00GONE", "gone", deleted=True), User("U00AWAY", "away", team_id="T0AWAY")]
)
async def test_who_is_not_or_no_longer_of_here_gets_no_file_for_a_key_that_was_somebody_elses(
    quick: Stage, who: User
):
    quick.slack.put_user(who)
    await filled(quick, 3)
    page = await quick.ask("engineer", "audit --action test")
    [key] = {one.body["value"] for one in elements(page.blocks) if one.action_id == EXPORT_CSV}
    payload = copy.deepcopy(CLICK)
    payload["user"] |= {"id": who.id, "team_id": who.team_id or "T00DEMO"}
    payload["team"] |= {"id": who.team_id or "T00DEMO"}
    payload["actions"][0] |= {"action_id": EXPORT_CSV, "value": key}

    await quick.slack.courier.deliver(Kind.INTERACTIVE, payload)

    rows = await until(lambda: quick.audit(action="audit"))
    assert [(actor, outcome) for actor, _, outcome in rows] == [(who.id, "refused")]
    assert quick.slack.files == {}


async def test_an_export_that_slack_refuses_is_told_and_logged(quick: Stage):
    await filled(quick, 3)
    page = await quick.ask("engineer", "audit --action test")
    quick.slack.faults.add(
        "files.getUploadURLExternal", Fault(FaultKind.ERROR, error="missing_scope"), times=1
    )

    answer = await quick.click("engineer", page, "Export CSV")

    assert "lacks the scope" in text_of(answer)
    assert files_of(quick, "engineer") == []
    assert [row[2] for row in quick.audit(action="audit")] == ["intent", "failed"]
    assert check(quick.database).doubts == []


async def test_the_history_of_an_event_tells_each_story_once_over_its_pages(quick: Stage):
    wanted = []
    for number in range(1, 13):
        asked = {
            "event": HISTORIC,
            "change": f"CR-{number}",
            "action": "change.request",
            "outcome": "pending",
        }
        await filled(quick, 1, **asked)
        await filled(
            quick, 1, event=HISTORIC, action="change.request", outcome="refused", reason=f"no-{number:02d}"
        )
        wanted += [f"CR-{number}", f"no-{number:02d}"]
    await filled(quick, 30)
    for number in range(1, 13):
        ended = {
            "event": HISTORIC,
            "change": f"CR-{number}",
            "action": "change.cancel",
            "outcome": "cancelled",
        }
        await filled(quick, 1, **ended)
    page = await quick.ask("engineer", f"history {HISTORIC}")
    pages = [blocks_text(page)]
    while "Older" in pages[-1]:
        page = await turned(quick, page, "Older")
        await filled(quick, 1, event=HISTORIC, action="change.request", outcome="refused", reason="later")
        pages.append(blocks_text(page))

    assert [story for text in pages for story in re.findall(r"CR-\d+|no-\d\d", text)] == wanted[::-1]
    assert [text.count("Cancelled") for text in pages] == [4, 4, 4], "each is told to its end, on every page"
    while "Newer" in blocks_text(page):
        page = await turned(quick, page, "Newer")
    assert blocks_text(page) == pages[0]


async def test_the_history_says_of_one_event_what_was_asked_refused_approved_and_done_outside(quick: Stage):
    scope = next(iter(quick.app.projects))
    await quick.app.sidedoors.look(scope)
    change = change_of(await quick.ask("engineer", f'enable {HISTORIC} --reason "the partner is back"'))
    card = await quick.card(change, "pending")
    await quick.click("subscriber", card, "Approve")
    await quick.press("approver", card, "Approve")
    await quick.card(change, "applied")
    quick.world.put_event(replace(quick.world.event(HISTORIC), event_types=("SECRET_DELETED",)))
    await quick.app.sidedoors.look(scope)
    page = await quick.ask("engineer", f"audit --event {HISTORIC}")
    await quick.click("engineer", page, "Export CSV")

    text = blocks_text(await quick.ask("engineer", f"history {HISTORIC}"))

    wanted = (
        "Changed outside this bot", f"*{change}* · :white_check_mark: Applied", "`DISABLED` → `ENABLED`",
        f"<@{quick.people['engineer']}> asked for a change", "the partner is back",
        f"<@{quick.people['subscriber']}> tried to approve and was refused", f"<@{quick.people['approver']}> approved",
        "the bot applied",
    )  # fmt: skip
    places = [text.index(words) for words in wanted]
    assert places == sorted(places)
    assert "export" not in text
