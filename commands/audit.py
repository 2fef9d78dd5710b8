"""`audit`: the audit log, newest first, in pages; Export sends it as a file to the one who asks."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from bot.errors import BotError, Usage
from bot.rules.words import Flag
from bot.services.exports import Asked
from bot.slack.flags import since
from bot.slack.handling import ButtonPress, Command, Services, SlashCommand
from bot.views.archived import say_archived
from bot.views.audit import EXPORT_CSV, EXPORT_JSONL, NEWER, OLDER, Turning, audit_log, exported, how_many_fit
from bot.views.blocks import Message

SHOWN = 20
FLAGS = (Flag("--event", "NAME"), Flag("--user", "@WHO"), Flag("--action", "A"), Flag("--since", "30d"))


async def handle(call: SlashCommand) -> None:
    """Shows the newest rows that match."""
    usage = COMMAND.usage(call.services.command)
    call.at_most(0, usage, "; an event is named with `--event`")
    earliest, scope = since(call, usage), call.scope
    asked = Asked(
        # With one project there is nothing to choose, and rows about none (a refused stranger, a restore) are shown too.
        project=scope.name if len(call.services.projects) > 1 else "",
        event=call.words.one("--event") or "",
        actor=_user(call.words.one("--user") or "", usage),
        action=(call.words.one("--action") or "").lower(),
        since=earliest.isoformat() if earliest else "",
    )
    head, _ = await call.services.store.audit.head()
    await call.say(await _page(call.services, asked, [head]))


async def turn(press: ButtonPress) -> None:
    """Newer and Older."""
    data = await press.ticket("audit")
    await press.answer.replace(await _page(press.services, Asked.of(data), data["trail"]))


async def export_csv(press: ButtonPress) -> None:
    """Sends what matches as CSV."""
    await _export(press, "csv")


async def export_jsonl(press: ButtonPress) -> None:
    """Sends what matches as JSONL."""
    await _export(press, "jsonl")


async def _export(press: ButtonPress, form: str) -> None:
    asked = Asked.of(await press.ticket("audit"))
    exports = press.services.exports
    origin = press.origin
    export = await exports.make(await press.actor(), asked, form, click=origin.id, again=origin.again)
    message = exported(export.name, export.rows, left_out=export.left_out)
    begins = await press.services.store.audit.begins()
    message = say_archived(message, begins, asked.filters()["since"])
    try:
        await press.answer.send_file(export.name, export.content, message.text)
    except BotError as error:
        await exports.done(export, problem=str(error))
        raise
    await exports.done(export)
    await press.answer.say(message)


async def _page(services: Services, asked: Asked, trail: list[int]) -> Message:
    """A page; `trail` has the newest row that each page up to this one may show, this one's last."""
    rows = await services.store.audit.read(
        **asked.filters(), until=trail[-1], newest_first=True, limit=SHOWN + 1
    )
    fit = how_many_fit(rows[:SHOWN])
    more = len(rows) > fit

    async def ticket(trail: list[int]) -> str:
        data: dict[str, Any] = {**asdict(asked), "trail": trail[-50:]}
        return await services.store.tickets.issue("audit", data, services.clock())

    turning = Turning(
        this=await ticket(trail) if rows else "",
        newer=await ticket(trail[:-1]) if len(trail) > 1 else "",
        older=await ticket([*trail, rows[fit - 1].seq - 1]) if more else "",
    )
    page = audit_log(rows[:fit], more=more, turning=turning)
    begins = None if more else await services.store.audit.begins()
    return say_archived(page, begins, asked.filters()["since"])


def _user(given: str, usage: str) -> str:
    """A user id, or a mention as Slack writes it with `should_escape`: `<@U123|name>`."""
    match = re.fullmatch(r"<@([UW][A-Za-z0-9_]+)(?:\|[^>]*)?>|@?([UW][A-Z0-9_]+)|(system)|", given)
    if match is None:
        raise Usage(f"`{given[:40]}` is not a person; choose one from Slack's list as you type `@`.", usage)
    return match[1] or match[2] or match[3] or ""


COMMAND = Command(
    name="audit",
    summary="the audit log, newest first",
    example="audit --event prod-db-password --since 30d",
    flags=FLAGS,
    handle=handle,
    buttons={NEWER: turn, OLDER: turn, EXPORT_CSV: export_csv, EXPORT_JSONL: export_jsonl},
)
