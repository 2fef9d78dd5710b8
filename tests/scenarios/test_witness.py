"""Slack as the witness of the audit log: heads are posted, and a log that was rewritten does not agree with them."""

# ruff: noqa: S608 (statements are put together from constants here)

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, replace
from typing import Any

from bot.model import PostKind
from bot.sandbox.slack import Fault, FaultKind, Message
from bot.slack.history import PAGE
from bot.store import open_read_only
from bot.store.audit import head, read
from bot.store.outbox import posted_of
from bot.verify import GENESIS, GUARDS, check, digest
from bot.views.witness import MARK
from tests.support.console import Ended, csms_bot
from tests.support.stage import Stage, blocks_text, change_of, text_of, until

EVENT = "legacy-ftp-password"


async def apply(on: Stage, text: str) -> Message:
    """Asks for a change, approves it, and gives the finished card."""
    change = change_of(await on.ask("engineer", text))
    await on.press("approver", await on.card(change, "pending"), "Approve")
    return await on.card(change, "applied")


def heads(message: Message) -> list[str]:
    """The heads in a message: `seq.hash`."""
    ids = [str(block.get("block_id", "")) for block in message.blocks]
    return [one.removeprefix(f"{MARK}.") for one in ids if one.startswith(f"{MARK}.")]


def posted(on: Stage) -> list[str]:
    """The heads that were posted as messages of their own, oldest first."""
    found = [
        one for one in on.slack.messages(on.approvals) if text_of(one).startswith("The audit log stands")
    ]
    return [one for message in sorted(found, key=lambda one: float(one.ts)) for one in heads(message)]


def newest(on: Stage) -> str:
    """The head of the log in the file, by the store."""
    with closing(open_read_only(on.database)) as db:
        seq, value = head(db)
    return f"{seq}.{value}"


async def stopped(on: Stage) -> None:
    """Ends the bot as SIGTERM does."""
    on.stop.set()
    await on.task


async def verify(on: Stage) -> Ended:
    """`csms-bot audit verify --witness`, as a process of its own."""
    return await csms_bot("audit", "verify", "--witness", env=on.env)


def rewrite(on: Stage, seq: int, **columns: Any) -> None:
    """What the owner of the file can do: one row is changed, the chain made anew, the guards put back."""
    with closing(open_read_only(on.database)) as db:
        rows = [asdict(row) for row in read(db)]
    with closing(sqlite3.connect(on.database, isolation_level=None)) as raw:
        kept = {row[0]: row for row in raw.execute("select * from audit").fetchall()}
        for guard in GUARDS:
            raw.execute(f"drop trigger {guard}")
        prev = GENESIS
        names = list(rows[0])
        for row in rows:
            changed = list(kept[row["seq"]])
            if row["seq"] == seq:
                for name, value in columns.items():
                    changed[names.index(name)] = value
            changed[11] = prev
            changed[12] = prev = digest(tuple(changed))
            raw.execute("delete from audit where seq = ?", [row["seq"]])
            raw.execute(f"insert into audit values ({', '.join('?' * 13)})", changed)
        for sql in GUARDS.values():
            raw.execute(sql)
    assert check(on.database).doubts == [], "control: the rewritten chain by itself holds"


async def test_the_head_stands_on_a_finished_card_and_on_no_other(quick: Stage):
    change = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    pending = await quick.card(change, "pending")
    assert heads(pending) == []
    await quick.press("approver", pending, "Approve")
    card = await quick.card(change, "applied")

    [shown] = heads(card)
    assert shown == newest(quick)
    assert shown.split(".")[1] in blocks_text(card)


async def test_the_head_is_posted_when_the_bot_stops_and_not_twice(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    await stopped(quick)
    assert posted(quick) == [newest(quick)]

    await quick.start()
    await stopped(quick)
    assert len(posted(quick)) == 1, "nothing was added to the log, so there is nothing to say"


async def test_the_head_is_posted_again_when_a_day_is_over(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    assert await quick.app.witness.post()
    await until(lambda: len(posted(quick)) == 1)
    assert not await quick.app.witness.post()
    await apply(quick, f"disable {EVENT}")
    assert await quick.app.witness.post()
    await until(lambda: len(posted(quick)) == 2)


async def test_the_times_of_the_posts_are_kept_over_a_restart(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    await stopped(quick)
    await quick.start()
    await apply(quick, f"disable {EVENT}")
    await stopped(quick)

    shown = [
        one.ts for one in quick.slack.messages(quick.approvals) if text_of(one).startswith("The audit log")
    ]
    with closing(open_read_only(quick.database)) as db:
        kept = posted_of(db, PostKind.WITNESS, quick.approvals)
    assert [ts for ts, _ in kept] == sorted(shown, key=float)
    assert [f"{data['seq']}.{data['hash']}" for _, data in kept] == posted(quick)


async def test_a_bot_that_cannot_reach_slack_stops_all_the_same_and_posts_the_head_later(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    was = newest(quick)
    quick.slack.faults.add("chat.postMessage", Fault(FaultKind.STATUS, status=503), times=None)
    await stopped(quick)
    quick.slack.faults.clear()
    assert posted(quick) == []
    await quick.start(CSMS_BOT_SETTLE="0.1s")
    await until(lambda: posted(quick) == [was])


async def test_verify_with_the_witness_agrees_with_a_log_that_nobody_touched(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    assert (await verify(quick)).out.endswith("; 1 heads in Slack agree\n"), "while the bot runs"
    await stopped(quick)

    ended = await verify(quick)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("; 2 heads in Slack agree\n")


async def test_a_log_that_was_rewritten_whole_does_not_agree_with_slack(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    await stopped(quick)
    rewrite(quick, 2, actor="U00SOMEBODY")

    ended = await verify(quick)

    assert ended.code == 1
    assert "one of the rows 1 to 4 was written anew: row 4 is not the one that Slack holds" in ended.err


async def test_a_log_whose_tail_was_cut_does_not_agree_with_slack(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    await stopped(quick)
    with closing(sqlite3.connect(quick.database, isolation_level=None)) as raw:
        raw.execute("drop trigger audit_never_shrinks")
        raw.execute("delete from audit where seq = 4")
        raw.execute(GUARDS["audit_never_shrinks"])
    assert check(quick.database).doubts == [], "control: what is left of the chain holds"

    ended = await verify(quick)

    assert ended.code == 1
    assert "row 4 is missing: the log ends before row 4, which Slack holds" in ended.err


async def test_heads_that_somebody_else_posts_prove_nothing(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    forged = {"type": "context", "block_id": f"{MARK}.1.{'0' * 64}", "elements": []}
    message = quick.slack.say(quick.people["engineer"], quick.approvals, "look")
    quick.slack._put(replace(message, content=replace(message.content, blocks=(forged,))))

    assert (await verify(quick)).code == 0


async def test_no_head_in_slack_is_a_doubt_and_so_is_slack_being_away(quick: Stage):
    change = change_of(await quick.ask("engineer", f"enable {EVENT}"))
    await quick.card(change, "pending")
    ended = await verify(quick)
    assert ended.code == 1
    assert "Slack holds no head of it" in ended.err

    quick.slack.faults.add("conversations.history", Fault(FaultKind.STATUS, status=503), times=None)
    ended = await verify(quick)
    assert ended.code == 1
    assert "Slack could not be asked" in ended.err


async def test_a_head_that_was_deleted_in_slack_is_a_doubt(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    await quick.app.witness.post()
    await until(lambda: posted(quick))
    [message] = [
        one for one in quick.slack.messages(quick.approvals) if text_of(one).startswith("The audit log")
    ]
    await quick.app.slack.call("chat.delete", channel=quick.approvals, ts=message.ts)

    ended = await verify(quick)

    assert ended.code == 1
    assert "that held the head of row 4" in ended.err
    assert "is gone from Slack" in ended.err


async def test_a_head_whose_message_was_edited_and_lost_its_block_is_a_doubt(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    await quick.app.witness.post()
    await until(lambda: posted(quick))
    [message] = [
        one for one in quick.slack.messages(quick.approvals) if text_of(one).startswith("The audit log")
    ]
    assert (await verify(quick)).code == 0
    blocks = [block for block in message.blocks if not str(block.get("block_id", "")).startswith(MARK)]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text_of(message)}}
    await quick.app.slack.call(
        "chat.update",
        channel=quick.approvals,
        ts=message.ts,
        text=text_of(message),
        blocks=blocks or [section],
    )

    ended = await verify(quick)

    assert ended.code == 1
    assert "that held the head of row 4" in ended.err
    assert "is gone from Slack" in ended.err


async def test_when_slack_asks_for_a_pause_between_two_pages_verify_waits_and_misses_no_head(quick: Stage):
    await apply(quick, f"enable {EVENT}")
    for number in range(PAGE + 10):
        quick.slack.say(quick.people["engineer"], quick.approvals, f"chatter {number}")
    limit = Fault(FaultKind.RATELIMITED, retry_after=1)
    quick.slack.faults.add("conversations.history", limit, nth=2, times=2)
    began = time.monotonic()

    ended = await verify(quick)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("; 1 heads in Slack agree\n"), "the card's, on the second page"
    assert time.monotonic() - began > 2, "it waited twice"
