"""Every view that the bot draws, with one text in every field that other people fill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.errors import (
    BotError,
    CsmsDown,
    CsmsForbidden,
    CsmsGarbled,
    CsmsNotFound,
    CsmsRefused,
    CsmsUnauthorized,
    NotAllowed,
    Refused,
    Sent,
    SlackError,
    StoreError,
    Usage,
)
from bot.model import (
    FAIL,
    INVALID,
    Actor,
    AuditRow,
    Change,
    ChangeState,
    Event,
    Finding,
    Found,
    Incident,
    IncidentState,
    Kind,
    Outside,
    Patch,
    PostKind,
    Record,
    Target,
    record_data,
)
from bot.rules.access import Action, Policy, authorize
from bot.rules.listing import Filter, Listing
from bot.rules.timeline import Story
from bot.services.status import ProjectReport, Report
from bot.views.alerts import snooze_choice, snoozed
from bot.views.audit import Turning, audit_log, exported
from bot.views.blocks import Message
from bot.views.change import asked, decided, pending
from bot.views.digest import Page, all_incidents
from bot.views.errors import sentence
from bot.views.events import EventDetail, ListPage, event_detail, list_page
from bot.views.forms import EditForm, edit_form, loading, outcome, sending
from bot.views.help import HelpEntry, all_help, one_help
from bot.views.history import history
from bot.views.home import home
from bot.views.outside import accepted as accepted_outside
from bot.views.outside import outside
from bot.views.posts import draw_change, draw_data, draw_digest, draw_incident, draw_lines
from bot.views.records import RecordList, record_list
from bot.views.status import status
from tests.views.hostile import notices
from tests.views.liveness import ALERTS, APPROVALS, APPROVER, GROUP, REQUESTER, T0, TIMES

KEY = "0123456789abcdef0123456789abcdef"


def an_event(text: str) -> Event:
    return Event(
        name=text,
        event_id=text,
        state=text,
        types=(text, f"{text}2", "SECRET_ROTATED"),
        target=Target(text, text, text),
        created=T0,
        updated=TIMES[1],
        unknown={text: text, "more": {text: [text]}},
    )


def a_change(text: str, state: ChangeState = ChangeState.PENDING, required: int = 1) -> Change:
    before = Event(text, text, text, (text, "SECRET_DELETED"), Target(text, text, text), updated=T0).image()
    return Change(
        number=12,
        key=KEY,
        project=text,
        event=text,
        before=before,
        patch=Patch("DISABLED", (f"{text}2", "SECRET_ROTATED"), Target("EG", f"{text}2", f"{text}3")),
        requester=REQUESTER,
        reason=text,
        state=state,
        required=required,
        created=T0,
        expires=TIMES[2],
        approved_by=() if state is ChangeState.PENDING and required < 2 else (APPROVER,),
        decided_by="" if state.open else APPROVER,
        decided=None if state.open else TIMES[3],
        note="" if state.open else f"{text} <@{APPROVER}>",
    )


def a_record(text: str, status: str = FAIL, content: str = "") -> Record:
    return Record(text, text, TIMES[4], text, text, text, text, content or text, status, "f")


def an_incident(text: str, status: str = FAIL, content: str = "") -> Incident:
    first = record_data(a_record(text, status, content))
    return Incident("i", text, text, text, status, first, 3, T0, TIMES[5], IncidentState.FAILING, "p")


def a_row(text: str) -> AuditRow:
    before, after = (
        Event(text, state=text, types=(text,), target=Target(text, text, text)),
        an_event(f"{text}2"),
    )
    return AuditRow(
        7, T0.isoformat(), text, text, text, text, text, before.settings(), after.settings(), text, text, text, text
    )  # fmt: skip


def stories(text: str) -> list[Story]:
    """Change requests, one with many steps and one without its beginning, and what stood alone."""
    asked = replace(a_row(text), action="change.request", outcome="pending")
    refused = replace(a_row(text), action="change.approve", outcome="refused")
    outside_rows = [replace(a_row(text), action="event.outside", outcome=what) for what in Outside]
    made = replace(outside_rows[1], before=None)
    gone = replace(outside_rows[2], after=None)
    tampered = replace(asked, before={"not what was written": text})
    return [
        Story(
            "CR-12", (asked, *[refused] * 30, replace(a_row(text), action="change.apply", outcome="applied"))
        ),
        Story(text, (refused, tampered)),
        *(Story("", (row,)) for row in (refused, outside_rows[0], made, gone, a_row(text), tampered)),
    ]


def a_report(text: str) -> Report:
    project = ProjectReport(text, text, text, T0, 3, text, 5, True, ALERTS, APPROVALS, 2, ((text, 3),))
    bare = replace(project, last_poll=None, alert_channel=text, approval_channel="")
    return Report(
        version="1.0", mode="HTTP", connected=True, projects=(project, bare), open_changes=1,
        backlog={"pending": 1, "sending": 0, "behind": 2, "unknown": 3}, inbox=0, head=(7, text),
        troubles=((text, text, 2),), wrong=(text, f"The last poll of project {text} failed: {text}"),
    )  # fmt: skip


def errors(text: str) -> Iterator[BotError]:
    facts: dict[str, Any] = {"status": 400, "code": text, "message": text, "request_id": text}
    yield Usage(f"`{text}` is one word too many.", text)
    yield Usage(text)
    yield Refused(text)
    yield CsmsRefused("UpdateSecretEvent", **facts)
    yield CsmsUnauthorized("UpdateSecretEvent", **facts)
    yield CsmsForbidden("UpdateSecretEvent", **facts | {"status": 403}, permission=text)
    yield CsmsNotFound("ShowSecretEvent", **facts)
    yield CsmsDown("ShowSecretEvent", **facts)
    yield CsmsDown("ShowSecretEvent", **facts | {"status": 429})
    yield CsmsGarbled("ShowSecretEvent", **facts)
    yield SlackError("views.open", sent=Sent.REFUSED, code=text, needed=text)
    yield SlackError("views.open", sent=Sent.REFUSED, code="missing_scope", needed=text)
    yield SlackError("chat.postMessage", sent=Sent.REFUSED, code="not_in_channel")
    yield StoreError(text)
    yield BotError(text)
    rules = Policy((), (), 1)
    stranger = Actor("U0ELSE", "T0", Kind.UNKNOWN, problem=text)
    member = Actor("U0ELSE", "T0", Kind.MEMBER)
    for change in (a_change(text), replace(a_change(text), requester=text)):
        for actor, action in ((stranger, Action.ASK), (member, Action.CANCEL), (member, Action.APPROVE)):
            refusal = authorize(actor, action, rules, change=change, now=T0)
            yield NotAllowed(refusal.rule, refusal.text)


def a_finding(text: str, what: Outside) -> Found:
    """Something that was done without the bot."""
    target = {"type": text, "id": text, "name": text}
    before = {"state": text, "types": [text, "SECRET_DELETED"], "target": target}
    after = {"state": "ENABLED", "types": None, "target": None}
    made = None if what is Outside.CREATED else before
    left = None if what is Outside.DELETED else after if made else before
    return Found(KEY, KEY, text, Finding(text, what, made, left, text), 7)


def messages(text: str) -> Iterator[tuple[str, Message]]:
    """Each message that the bot can post or answer."""
    event = an_event(text)
    wanted = Filter(text, text, text, text)
    listing = Listing(
        text, (event, replace(event, types=None, target=None), replace(event, types=())), 3, 2, 1, wanted
    )
    yield "list", list_page(ListPage(listing, 0, {text: KEY}, KEY, KEY))
    yield "list, nothing matches", list_page(ListPage(replace(listing, events=()), 0, {}))
    yield "event", event_detail(EventDetail(event, text, KEY))
    yield (
        "bare event",
        event_detail(EventDetail(replace(event, types=None, target=None, created=None), text, KEY)),
    )
    for state in ChangeState:
        change = a_change(text, state)
        for kind in (PostKind.CARD, PostKind.TOLD):
            yield f"{kind} {state}", draw_change(kind, change, (APPROVER, GROUP, text), {})
        yield f"decided {state}", decided(change)
    for required, approvers in ((0, ()), (1, ()), (2, (APPROVER,)), (1, (f"S {text}", f"U {text}"))):
        yield (
            f"card of {required}",
            draw_change(PostKind.CARD, a_change(text, required=required), approvers, {}),
        )
    odd = replace(a_change(text), requester=text, decided_by=text, approved_by=(text, f"S {text}"))
    for state in ChangeState:
        yield f"card with odd ids {state}", draw_change(PostKind.CARD, replace(odd, state=state), (text,), {})
    flagged = replace(a_change(text), warnings=(text,) * 9)
    yield "card with warnings", draw_change(PostKind.CARD, flagged, (APPROVER,), {})
    for reviewer in ("", APPROVER, text):
        broken = replace(
            a_change(text, ChangeState.APPLIED),
            break_glass=True,
            reviewed_by=reviewer,
            reviewed=TIMES[7] if reviewer else None,
        )
        yield "broken glass", draw_change(PostKind.CARD, broken, (APPROVER, text), {})
        yield "broken glass, told", draw_change(PostKind.TOLD, broken, (APPROVER,), {})
    owed = replace(a_change(text, ChangeState.APPLIED), break_glass=True)
    reminders = (
        ("half", flagged),
        ("half", odd),
        ("review", owed),
        ("review", replace(owed, requester=text)),
    )
    for what, reminded in reminders:
        drawn = draw_change(PostKind.REMINDER, reminded, (GROUP, text), {"what": what})
        assert drawn is not None
        yield f"reminder of {what}", drawn
    yield "asked", asked(a_change(text), APPROVALS)
    yield "asked elsewhere", asked(a_change(text, required=0), text)
    changes = [a_change(text), a_change(text, ChangeState.APPLYING), replace(odd, number=13)]
    yield "pending", pending(changes, yours=frozenset({"CR-12"}), project=text)
    yield "nothing pending", pending([], yours=frozenset(), project=text)
    yield from alert_messages(text)
    records = (a_record(text), a_record(text, text), replace(a_record(text), created=None))
    yield "records", record_list(RecordList(text, records, 9, True))
    yield "no records", record_list(RecordList(text, (), 0, False))
    rows = [
        a_row(text),
        replace(a_row(text), outcome="applied"),
        replace(a_row(text), before=text, after=[text]),
    ]
    yield "audit", audit_log(rows, more=True)
    yield "audit with buttons", audit_log(rows, more=True, turning=Turning(KEY, KEY, KEY))
    yield "exported", exported(text, 3, left_out=True)
    yield "no audit", audit_log([], more=False)
    told = stories(text)
    yield "history", history(text, told, command="/csms", turning=Turning())
    yield "history with buttons", history(text, told, command="/csms", turning=Turning(KEY, KEY, KEY))
    yield "no history", history(text, [], command="/csms", turning=Turning())
    for number in (1, 60):
        for what in Outside:
            message = outside([a_finding(text, what)] * number)
            assert message is not None
            yield f"{number} {what} outside", message
    accepted = replace(a_finding(text, Outside.CHANGED), accepted_by=text, change=text)
    yield "accepted outside", outside([accepted]) or Message("")
    yield "you accepted", accepted_outside([accepted] * 30)
    yield "restored", draw_data(PostKind.RESTORED, text, {"seq": 9, "lost": [text] * 50})
    yield "head", draw_data(PostKind.WITNESS, text, {"seq": 12, "hash": "a" * 64})
    yield (
        "finished card",
        draw_change(PostKind.CARD, a_change(text, ChangeState.APPLIED), (text,), {}, (12, "a" * 64)),
    )
    yield "status", status(a_report(text), T0)
    entry = HelpEntry(text, text, text, text)
    yield "help", all_help([entry] * 3)
    yield "help of one", one_help(entry)
    for error in errors(text):
        yield type(error).__name__, sentence(error, "/csms")


def each_kind(text: str) -> Iterator[tuple[str, Message]]:
    """One message of each kind, with as many fields as it can have: little enough for ten thousand texts."""
    first, later = a_record(text), replace(a_record(text), created=None)
    content = notices(text)[len(text) % 4]
    busy = replace(
        an_incident(text, text, content), mention=text, cause=text, snoozed_until=TIMES[7], snoozed_by=text, held=2,
        history=((T0.timestamp(), 1), (TIMES[1].timestamp(), 2)), acknowledged_by=text, acknowledged=T0,
    )  # fmt: skip
    change = replace(
        a_change(text, ChangeState.FAILED), requester=text, approved_by=(text,), decided_by=text,
        reviewed_by=text, warnings=(text, text), break_glass=True,
    )  # fmt: skip
    yield "alert", draw_incident(busy, change)
    records = [record_data(first), record_data(later)]
    yield "lines", draw_lines({"records": records, "after_snooze": 2}, busy, change)
    yield "lines of many", draw_lines({"records": records, "mixed": True}, None, digest=KEY)
    summary = {"key": KEY, "event": text, "status": text, "target": text, "count": 3, "own_thread": True}
    away = {
        "incidents": [summary, summary],
        "project": text,
        "away_since": T0.timestamp(),
        "mentions": [GROUP, text],
    }
    yield "digest", draw_digest(KEY, away, {KEY: busy})
    yield "all incidents", all_incidents(Page([summary] * 3, 0, KEY, KEY), {KEY: busy})
    trouble = {"since": T0.timestamp(), "reason": text, "polls": 5}
    yield "outage", draw_data(PostKind.OUTAGE, text, trouble)
    yield "closed", draw_data(PostKind.CLOSED, text, {"channel": text, "error": text})
    counts = {"records": 3, "failed": 2, "by_event": [(text, 2)]}
    yield "backfill", draw_data(PostKind.BACKFILL, text, counts)
    yield "told", draw_change(PostKind.TOLD, change, (), {}) or Message("")
    asking = replace(change, state=ChangeState.PENDING)
    yield "card", draw_change(PostKind.CARD, asking, (APPROVER, text), {}) or Message("")
    yield "pending", pending([asking], yours=frozenset(), project=text)
    event = an_event(text)
    listing = Listing(text, (event,), 1, 1, 0, Filter(text, text, text, text))
    yield "list", list_page(ListPage(listing, 0, {text: KEY}))
    yield "event", event_detail(EventDetail(event, text, KEY))
    yield "records", record_list(RecordList(text, (first, later), 2, True))
    yield "audit", audit_log([a_row(text)], more=True, turning=Turning(KEY, KEY, KEY))
    yield "outside", outside([a_finding(text, Outside.CHANGED)]) or Message("")
    yield "status", status(a_report(text), T0)
    yield "refused", sentence(Refused(text), "/csms")
    yield "usage", sentence(Usage(text, text), "/csms")
    yield "csms", sentence(next(one for one in errors(text) if isinstance(one, CsmsRefused)), "/csms")


def each_view(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """One modal of each kind with foreign text in it, and the home tab."""
    yield "form", edit_form(EditForm(an_event(text), KEY, text, (Target(text, text, text),)))
    yield "answered", outcome(decided(a_change(text, ChangeState.FAILED)))
    yield "home", home(a_report(text), [a_change(text)], "/csms")


def alert_messages(text: str) -> Iterator[tuple[str, Message]]:
    """Those that show notification records and what became of them."""
    data = record_data(a_record(text))
    for content in notices(text):
        for status_ in (FAIL, INVALID, text):
            yield f"alert {status_}"[:20], draw_incident(an_incident(text, status_, content))
    for state in IncidentState:
        for change_state in (ChangeState.PENDING, ChangeState.APPLIED):
            followed = replace(an_incident(text), state=state, fix=KEY, cause=text, mention=GROUP)
            yield f"alert {state}, fix {change_state}", draw_incident(followed, a_change(text, change_state))
    busy = replace(
        an_incident(text), mention=text, snoozed_until=TIMES[7], snoozed_by=text, held=2,
        history=tuple((TIMES[one].timestamp(), one) for one in range(1, 6)),
    )  # fmt: skip
    yield "alert, busy", draw_incident(busy)
    yield "alert, late", draw_incident(replace(busy, first={**busy.first, "away_since": T0.timestamp()}))
    yield "how long to snooze", snooze_choice(busy)
    yield "snoozed", snoozed(busy, over=False)
    yield "not snoozed", snoozed(busy, over=True)
    over = replace(
        an_incident(text), state=IncidentState.DELIVERING, acknowledged_by=APPROVER, acknowledged=TIMES[6]
    )
    yield "alert, delivering again", draw_incident(over)
    yield "alert, odd ids", draw_incident(replace(over, acknowledged_by=text))
    two = [data, {**data, "at": None, "status": text}]
    for name, more in (("later", False), ("mixed", True), ("incident", KEY), ("after_snooze", 2)):
        shown = {"records": two, name: more}
        yield f"lines, {name}", draw_lines(shown, None)
        for how in (busy, over, replace(busy, state=IncidentState.FIXED, acknowledged_by=text)):
            standing = draw_lines(shown, how, a_change(text), digest=KEY)
            yield f"lines, {name}, for an alert", standing
    yield "lines, alone", draw_lines({"records": two, "mixed": True}, None, digest=KEY)
    named = replace(an_incident(text), first=data | {"project": text})
    yield "alert, one project of many", draw_incident(named)
    yield (
        "lines, one project of many",
        draw_lines({"records": two, "project": text, "mixed": True, "more": True}, None),
    )
    summary = {"key": KEY, "event": text, "status": text, "target": text, "count": 3}
    yield "digest", draw_digest(KEY, {"incidents": [summary] * 12}, {})
    yield "digest of known", draw_digest(KEY, {"incidents": [summary] * 60}, {KEY: busy})
    away = {
        "incidents": [summary | {"known": True, "own_thread": True}] * 3,
        "away_since": T0.timestamp(),
        "mentions": [GROUP, text],
    }
    yield "while away", draw_digest(KEY, away, {KEY: replace(over, acknowledged_by=text)})
    known = {"incidents": [summary | {"known": True}] * 60, "project": text}
    yield "digest of later records", draw_digest(KEY, known, {KEY: busy})
    yield "all incidents", all_incidents(Page([summary] * 60, 1, KEY, KEY), {KEY: busy})
    trouble = {"since": T0.timestamp(), "reason": text, "polls": 5}
    yield "outage", draw_data(PostKind.OUTAGE, text, trouble)
    yield "outage over", draw_data(PostKind.BACK, text, trouble)
    yield "closed", draw_data(PostKind.CLOSED, text, {"channel": text, "error": text})
    counts = {"records": 3, "failed": 2, "by_event": [(f"{text} · FAIL", 2)]}
    yield "backfill", draw_data(PostKind.BACKFILL, text, counts)
    yield "coverage", draw_data(PostKind.COVERAGE, text, {})


def views(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each modal and the home tab."""
    yield "loading", loading()
    yield "sending", sending()
    yield "form", edit_form(EditForm(an_event(text), KEY, text, (Target(text, text, text),) * 9))
    yield "bare form", edit_form(EditForm(Event(text), KEY, text))
    yield "form answered", outcome(asked(a_change(text), APPROVALS))
    yield "form refused", outcome(sentence(Refused(text), "/csms"))
    yield "form answered in words", outcome(decided(a_change(text, ChangeState.FAILED)))
    yield "home", home(a_report(text), [a_change(text)] * 12, "/csms")
