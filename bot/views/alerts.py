"""Alerts: one incident, later records in its thread, many incidents at once, and what was there at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.model import FAIL, INVALID, Incident
from bot.views.blocks import Block, Message, actions, button, context, fields, header, quote, section
from bot.views.notices import Notice, read_notice
from bot.views.text import TYPE_WORDS, clean, code, count, esc, local, person, utc

VIEW_EVENT, FIX_TARGET, ACKNOWLEDGE = "incident.view", "incident.fix", "incident.acknowledge"

MEANING = {
    FAIL: "CSMS could not deliver the notice.",
    INVALID: "The topic is missing or wrong, so CSMS could not send the notice.",
}
"""CSMS: notification records page, `notification_status`."""


def _at(record: Mapping[str, Any]) -> datetime | None:
    return None if record["at"] is None else datetime.fromtimestamp(record["at"], UTC)


def _what(record: Mapping[str, Any]) -> str:
    words = TYPE_WORDS.get(record["type"])
    return f"{code(record['type'], 64)} ({words})" if words else code(record["type"], 64)


def alert(incident: Incident) -> Message:
    """One incident. Only the record that opened it is named here; later ones are named in the thread."""
    record = incident.first
    at = _at(record)
    status = clean(incident.status, 20)
    failing = incident.state == "failing"
    face = ":rotating_light:" if failing else ":white_check_mark:"
    title = "Notice not delivered" if failing else "Delivering again"
    blocks: list[Block] = [
        header(f"{title}: {clean(incident.event, 100)}"),
        section(
            f"{face} *{esc(status, 20)}*: {MEANING.get(incident.status, 'The notice was not delivered.')} "
            f"Somebody was not told about secret {code(record['secret'])}."
        ),
        fields(
            [
                ("Event", code(record["event"])),
                ("What happened", _what(record)),
                ("Secret", code(record["secret"])),
                ("Target", f"{code(record['target_name'])}\n{code(record['target_id'], 200)}"),
                ("When", local(at)),
                ("Failed notices", str(incident.count) + (" (see the thread)" if incident.count > 1 else "")),
            ]
        ),
        *_missed(read_notice(record["content"])),
    ]
    if incident.acknowledged_by:
        blocks.append(
            context(
                f":eyes: Acknowledged by {person(incident.acknowledged_by)} · {local(incident.acknowledged)}"
            )
        )
    buttons = [
        button("View event", VIEW_EVENT, incident.key),
        button("Fix target", FIX_TARGET, incident.key, style="primary"),
    ]
    if not incident.acknowledged_by:
        buttons.append(button("Acknowledge", ACKNOWLEDGE, incident.key))
    blocks.append(actions(*buttons, block_id="incident"))
    text = (
        f"{title}: {esc(status, 20)} for event {code(record['event'])}, {_what(record)}, secret "
        f"{code(record['secret'])}, target {code(record['target_name'])}, {utc(at)}"
    )
    return Message(text, tuple(blocks))


def _missed(notice: Notice) -> list[Block]:
    if notice.sentence:
        return [context("What was missed"), quote(clean(notice.sentence, 600))]
    if notice.raw:
        return [context("What was missed (as CSMS sent it)"), quote(clean(notice.raw, 600))]
    return []


def line(record: Mapping[str, Any]) -> str:
    """One record in one line, named by secret and time."""
    return f"• {esc(record['status'], 20)} · {_what(record)} · secret {code(record['secret'], 64)} · {utc(_at(record))}"


def lines(records: Sequence[Mapping[str, Any]]) -> Message:
    """Later records of an incident, in its thread."""
    name = code(records[0]["event"]) if records else ""
    status = esc(records[0]["status"], 20) if records else ""
    first = f"{count(len(records), 'more notice')} of {name} not delivered ({status})"
    body = [line(record) for record in records]
    blocks = [section(first)] + [section("\n".join(body[at : at + 8])) for at in range(0, len(body), 8)]
    return Message("\n".join([first, *body]), tuple(blocks))


def digest(incidents: Sequence[Mapping[str, Any]]) -> Message:
    """Many incidents that one poll opened; the records are in its thread."""
    notices = sum(int(one["count"]) for one in incidents)
    text = f"{count(notices, 'notice')} not delivered, {count(len(incidents), 'incident')}; the records are in the thread"
    body = [
        f"• {code(one['event'], 64)} {esc(str(one['status']), 20)} → {code(str(one['target']), 64)} · {one['count']}"
        for one in incidents
    ]
    shown = body[:48]
    blocks: list[Block] = [header("Many notices were not delivered"), section(f":rotating_light: {text}.")]
    blocks += [section("\n".join(shown[at : at + 8])) for at in range(0, len(shown), 8)]
    if len(body) > len(shown):
        blocks.append(context(f"and {len(body) - len(shown)} more"))
    return Message(text, tuple(blocks))


def backfill(data: Mapping[str, Any]) -> Message:
    """What was there at the very first poll, counted."""
    text = (
        f"csms-bot watches project {code(data['project'])} from now on. CSMS holds {count(data['records'], 'record')} "
        f"of the last three months, {data['failed']} of them failed; those are taken as seen."
    )
    blocks: list[Block] = [section(f":wave: {text}")]
    if data["by_event"]:
        blocks.append(
            section("\n".join(f"• {code(name, 100)} · {number}" for name, number in data["by_event"]))
        )
    blocks.append(
        context("New failures are alerted here. `CSMS_BOT_BACKFILL` decides what the first look does.")
    )
    return Message(text, tuple(blocks))


def coverage(project: str) -> Message:
    """CSMS showed only part of its records."""
    text = (
        f"Coverage may be incomplete: CSMS shows at most 1,000 notification records at once, and project "
        f"{code(project)} has reached that. Records that it does not show cannot be alerted."
    )
    return Message(text, (section(f":warning: {text}"),))
