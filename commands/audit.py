"""`audit`: the audit log, newest first."""

from __future__ import annotations

import re

from bot.errors import Usage
from bot.rules.words import Flag
from bot.slack.desk import Call, Command
from bot.slack.flags import since
from bot.views.audit import audit_log

SHOWN = 20
FLAGS = (Flag("--event", "NAME"), Flag("--user", "@WHO"), Flag("--action", "A"), Flag("--since", "30d"))


async def handle(call: Call) -> None:
    """Shows the newest rows that match."""
    usage = COMMAND.usage(call.services.command)
    call.at_most(0, usage, "; an event is named with `--event`")
    scope = call.scope
    rows = await call.services.store.audit.read(
        project=scope.name,
        event=call.words.one("--event") or "",
        actor=_user(call.words.one("--user") or "", usage),
        action=(call.words.one("--action") or "").lower(),
        since=since(call, usage),
        newest_first=True,
        limit=SHOWN + 1,
    )
    await call.say(audit_log(rows[:SHOWN], more=len(rows) > SHOWN))


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
)
