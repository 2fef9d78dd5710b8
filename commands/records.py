"""`records`: notification records, newest first."""

from __future__ import annotations

from bot.errors import Usage
from bot.model import RECORD_STATUSES
from bot.nearest import did_you_mean
from bot.rules.updates import check_event_name
from bot.rules.words import Flag
from bot.slack.flags import event_type, since
from bot.slack.handling import Command, SlashCommand
from bot.views.records import RecordList, record_list

FLAGS = (
    Flag("--status", "fail|invalid|success"),
    Flag("--event", "NAME"),
    Flag("--type", "TYPE"),
    Flag("--since", "7d"),
)


def _status(given: str | None, usage: str) -> str:
    if given is None:
        return ""
    if given.upper() in RECORD_STATUSES:
        return given.upper()
    raise Usage(
        f"`{given[:40]}` is not a status.{did_you_mean(given, RECORD_STATUSES)} Known: `fail`, `invalid`, `success`.",
        usage,
    )


async def handle(call: SlashCommand) -> None:
    """Reads them from CSMS and shows what matches."""
    usage = COMMAND.usage(call.services.command)
    call.at_most(0, usage, "; an event is named with `--event`")
    status = _status(call.words.one("--status"), usage)
    earliest = since(call, usage)
    event = call.words.one("--event") or ""
    if call.words.has("--event"):
        check_event_name(event)
    scope = call.scope
    page = await scope.csms.notification_records()
    kind = call.words.one("--type") or ""
    if kind:
        kind = event_type(kind, (record.trigger_type for record in page.records), usage)
    found = [
        record
        for record in page.records
        if (not status or record.status == status)
        and (not event or record.event_name == event)
        and (not kind or record.trigger_type == kind)
        and (earliest is None or (record.created is not None and record.created >= earliest))
    ]
    found.sort(key=lambda record: record.created.timestamp() if record.created else 0.0, reverse=True)
    await call.say(
        record_list(RecordList(scope.name, tuple(found), len(page.records), page.maybe_incomplete))
    )


COMMAND = Command(
    name="records",
    summary="notification records, newest first",
    example="records --status fail --since 7d",
    flags=FLAGS,
    handle=handle,
)
