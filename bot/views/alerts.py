"""Alerts: one incident, later records in its thread, many incidents at once, and what was there at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.model import FAIL, INVALID, Change, ChangeState, Incident, IncidentState
from bot.rules.snooze import Nap
from bot.views.blocks import Block, Message, actions, button, context, fields, header, quote, section
from bot.views.notices import CONSEQUENCE, Notice, read_notice
from bot.views.text import TYPE_WORDS, channel, clean, code, count, esc, group, local, person, utc

VIEW_EVENT, FIX_TARGET, ACKNOWLEDGE = "incident.view", "incident.fix", "incident.acknowledge"
SNOOZE, SNOOZE_FOR = "incident.snooze", "incident.snooze_for"
LOOK, SHOW_ALL = "incident.look", "digest.all"
NAPS = (
    (Nap.HOUR, "1 hour"),
    (Nap.SHIFT, "8 hours"),
    (Nap.TOMORROW, "Until tomorrow 9:00"),
    (Nap.WEEK, "7 days"),
    (Nap.OVER, "End the snooze"),
)
FACES = {
    IncidentState.FAILING: (":rotating_light:", "Notice not delivered"),
    IncidentState.FIXED: (":hourglass_flowing_sand:", "Fix applied, waiting for the next notice"),
    IncidentState.DELIVERING: (":white_check_mark:", "Delivering again"),
}

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


def alert(incident: Incident, fix: Change | None = None) -> Message:
    """One incident. Only the record that opened it is named here; later ones are named in the thread.

    `fix`: the change request that *Fix target* led to last.
    """
    record = incident.first
    at = _at(record)
    status = clean(incident.status, 20)
    face, title = FACES[incident.state]
    whom = f"{mention(incident.mention)} " if incident.mention else ""
    blocks: list[Block] = [
        header(f"{title}: {clean(incident.event, 100)}"),
        section(
            f"{whom}{face} *{esc(status, 20)}*: {MEANING.get(incident.status, 'The notice was not delivered.')} "
            f"Somebody was not told about secret {code(record['secret'])}."
        ),
        fields(_facts(incident, record, at)),
        *_missed(read_notice(record["content"]), record["type"]),
    ]
    if incident.cause:
        blocks += [
            context("Why the rotation failed, by CSMS's list of tasks"),
            quote(clean(incident.cause, 600)),
        ]
    blocks += [context(text) for text in _story(incident, fix)]
    blocks.append(_buttons(incident))
    of = f" of project {code(record['project'], 64)}" if "project" in record else ""
    text = (
        f"{whom}{title}: {esc(status, 20)} for event {code(record['event'])}{of}, {_what(record)}, secret "
        f"{code(record['secret'])}, target {code(record['target_name'])}, {utc(at)}"
    )
    return Message(text, tuple(blocks))


def _buttons(incident: Incident) -> Block:
    buttons = [
        button("View event", VIEW_EVENT, incident.key),
        button("Fix target", FIX_TARGET, incident.key, style="primary"),
    ]
    if not incident.acknowledged_by:
        buttons.append(button("Acknowledge", ACKNOWLEDGE, incident.key))
    buttons.append(button("Snooze", SNOOZE, incident.key))
    return actions(*buttons, block_id="incident")


def _facts(incident: Incident, record: Mapping[str, Any], at: datetime | None) -> list[tuple[str, str]]:
    facts = [
        *([("Project", code(record["project"], 64))] if "project" in record else []),
        ("Event", code(record["event"])),
        ("What happened", _what(record)),
        ("Secret", code(record["secret"])),
        ("Target", f"{code(record['target_name'])}\n{code(record['target_id'], 200)}"),
        ("When", local(at)),
        ("Failed notices", str(incident.count) + (" (see the thread)" if incident.count > 1 else "")),
    ]
    if incident.count > 1:
        # When the bot saw it, not the record's own time: by that each record is named in one place only.
        facts.append(("Last one seen", local(incident.last)))
    return facts


def _story(incident: Incident, fix: Change | None) -> list[str]:
    """What happened since, and what people did, each in a line of small print."""
    story = []
    if away := incident.first.get("away_since"):
        story.append(f"It came while I was away, since {local(datetime.fromtimestamp(away, UTC))}")
    if len(incident.history) > 1:
        seen = [f"{local(datetime.fromtimestamp(at, UTC))}: {number}" for at, number in incident.history]
        story.append(f"Lately: {' · '.join(seen)}")
    if fix is not None:
        story.append(f":wrench: {_fixing(incident, fix)}")
    if incident.acknowledged_by:
        story.append(
            f":eyes: Acknowledged by {person(incident.acknowledged_by)} · {local(incident.acknowledged)}"
        )
    if incident.snoozed_until is not None:
        waiting = f" · {count(incident.held, 'notice')} came meanwhile" if incident.held else ""
        story.append(
            f":zzz: Snoozed by {person(incident.snoozed_by)} until {local(incident.snoozed_until)}{waiting}"
        )
    return story


def _fixing(incident: Incident, fix: Change) -> str:
    by = f"{fix.id}, asked by {person(fix.requester)}"
    if fix.state is not ChangeState.APPLIED:
        return f"Fix: {by} · {fix.state}"
    if incident.state is IncidentState.FIXED:
        return f"Fix applied, waiting for the next notice ({by})"
    if incident.state is IncidentState.DELIVERING:
        return f"Fix applied, and a notice was delivered since ({by})"
    return f"A fix was applied, but a later notice failed too ({by})"


def mention(whom: str) -> str:
    return group(whom) if whom.startswith("S") else person(whom)


def _missed(notice: Notice, trigger: str) -> list[Block]:
    blocks: list[Block] = []
    if notice.sentence:
        blocks = [context("What was missed"), quote(clean(notice.sentence, 600))]
    elif notice.raw:
        blocks = [context("What was missed (as CSMS sent it)"), quote(clean(notice.raw, 600))]
    if trigger in CONSEQUENCE:
        blocks.append(context(f"What it means: {CONSEQUENCE[trigger]}"))
    return blocks


def snooze_choice(incident: Incident) -> Message:
    """How long? Shown to the one who asks."""
    text = f"For how long should the alert of {code(incident.event)} be quiet? What comes meanwhile is told then."
    choices = [(nap, label) for nap, label in NAPS if nap is not Nap.OVER or incident.snoozed_until]
    row = actions(*(button(label, f"{SNOOZE_FOR}.{nap}", incident.key) for nap, label in choices))
    return Message(text, (section(text), row))


def snoozed(incident: Incident, *, over: bool) -> Message:
    """What became of the choice."""
    if over:
        text = f"The alert of {code(incident.event)} is not snoozed any more."
    else:
        text = (
            f"The alert of {code(incident.event)} is snoozed until {local(incident.snoozed_until)}. "
            "What comes meanwhile is told in its thread then."
        )
    return Message(text, (section(f":zzz: {text}"),))


def in_project(data: Mapping[str, Any]) -> str:
    """Before the words of a post that says of which project it is: those of a bot that has several do."""
    return f"Project {code(str(data['project']), 64)}: " if "project" in data else ""


def line(record: Mapping[str, Any]) -> str:
    """One record in one line, named by secret and time."""
    return f"• {esc(record['status'], 20)} · {_what(record)} · secret {code(record['secret'], 64)} · {utc(_at(record))}"


def mixed_line(record: Mapping[str, Any]) -> str:
    """One record below a digest of many incidents: with its event and target too."""
    return (
        f"• {esc(record['status'], 20)} · {code(record['event'], 64)} → {code(record['target_name'], 40)} · "
        f"{esc(record['type'], 40)} · secret {code(record['secret'], 64)} · {utc(_at(record))}"
    )


def lines(
    data: Mapping[str, Any], incident: Incident | None = None, fix: Change | None = None, *, digest: str = ""
) -> Message:
    """Later records of an incident, in its thread; or those of a digest, whose incidents are mixed in a reply.

    `incident`: the message stands for its alert, too, and shows how it is now. `digest`: the key of the one whose incidents
    a button shows.
    """
    records: Sequence[Mapping[str, Any]] = data["records"]
    what = ""
    if records:
        # In a digest's thread, and without an alert above, nothing else says where they were to go.
        one = records[0]
        what = f" of {code(one['event'])} to {code(one['target_name'] or one['target_id'])}"
    status = esc(records[0]["status"], 20) if records else ""
    if data.get("mixed"):
        first = f"{count(len(records), 'more notice' if data.get('more') else 'notice')} not delivered"
    elif data.get("incident"):
        first = f"{count(len(records), 'notice')}{what} not delivered ({status})"
    elif held := data.get("after_snooze"):
        first = f"The snooze is over. Meanwhile {count(held, 'notice')}{what} not delivered ({status})"
    else:
        first = f"{count(len(records), 'more notice')}{what} not delivered ({status})"
    first = in_project(data) + first
    draw = mixed_line if data.get("mixed") else line
    body = [draw(record) for record in records]
    blocks = [section(first)] + [section("\n".join(body[at : at + 8])) for at in range(0, len(body), 8)]
    if incident is not None:
        if incident.state is not IncidentState.FAILING:
            blocks.append(context(" ".join(FACES[incident.state])))
        blocks += [context(text) for text in _story(incident, fix)]
        blocks.append(_buttons(incident))
    elif digest:
        blocks.append(actions(button("Show all", SHOW_ALL, digest)))
    return Message("\n".join([first, *body]), tuple(blocks))


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
        f"Coverage may be incomplete: CSMS may hold more notification records of project {code(project)} than it "
        "showed (its pages end at 50 or 1,000). Records that it does not show cannot be alerted."
    )
    return Message(text, (section(f":warning: {text}"),))


def outage(project: str, data: Mapping[str, Any]) -> Message:
    """The records cannot be read; told once."""
    text = (
        f"The notification records of project {code(project)} cannot be read: {data['polls']} polls in a row failed, "
        f"since {local(datetime.fromtimestamp(data['since'], UTC))}. New failures are told when it works again."
    )
    blocks = (
        section(f":electric_plug: {text}"),
        context("What CSMS said"),
        quote(clean(str(data["reason"]), 600)),
    )
    return Message(f"{text} ({esc(str(data['reason']), 300)})", blocks)


def back(project: str, data: Mapping[str, Any]) -> Message:
    """The records can be read again."""
    text = (
        f"The notification records of project {code(project)} can be read again; that failed since "
        f"{local(datetime.fromtimestamp(data['since'], UTC))}. What came meanwhile is told now."
    )
    return Message(text, (section(f":white_check_mark: {text}"),))


def closed(data: Mapping[str, Any]) -> Message:
    """A channel cannot be posted to; told in another one, once."""
    text = (
        f"Messages to {channel(str(data['channel']))} wait, because Slack does not take them "
        f"({esc(str(data['error']), 300)}). None is lost: they are sent when that is mended."
    )
    return Message(text, (section(f":warning: {text}"),))
