"""One event's history: what a person reads there."""

from __future__ import annotations

from dataclasses import replace

from bot.model import EVENT_TYPES, AuditRow, Event
from bot.rules.timeline import Story
from bot.views.audit import Turning
from bot.views.blocks import Message
from bot.views.history import history
from tests.views.liveness import APPROVER, REQUESTER, TIMES, read

BEFORE = Event("prod-db", state="ENABLED", types=EVENT_TYPES[:4]).settings()
AFTER = BEFORE | {"state": "DISABLED", "types": sorted(EVENT_TYPES[1:])}
ASKED = AuditRow(
    7, TIMES[0].isoformat(timespec="microseconds"), REQUESTER, "change.request", "prod", "prod-db", "CR-12", BEFORE, AFTER,
    "pending", "maintenance until noon", "0" * 64, "a" * 64,
)  # fmt: skip


def step(
    number: int, actor: str, action: str, outcome: str, reason: str = "", change: str = "CR-12"
) -> AuditRow:
    """A later row, without images."""
    return replace(
        ASKED, seq=7 + number, at=TIMES[number].isoformat(timespec="microseconds"), actor=actor, action=action,
        outcome=outcome, reason=reason, change=change, before=None, after=None,
    )  # fmt: skip


def shown(*stories: Story) -> Message:
    return history("prod-db", stories, command="/csms", turning=Turning())


def text_of(message: Message) -> str:
    return "\n".join(read(list(message.blocks)).texts)


def test_a_change_says_who_asked_and_why_what_differs_who_approved_and_what_became_of_it_in_this_order():
    text = text_of(
        shown(
            Story(
                "CR-12",
                (
                    ASKED,
                    step(1, REQUESTER, "change.approve", "refused", "own-request: somebody else has to"),
                    step(2, APPROVER, "change.approve", "approved"),
                    step(3, "system", "change.apply", "intent"),
                    step(4, "system", "change.apply", "applied", "the answer was lost"),
                ),
            )
        )
    )

    wanted = (
        "*CR-12* · :white_check_mark: Applied",
        "State: `ENABLED` → `DISABLED`",
        "Types: +`SECRET_DELETED` -`SECRET_VERSION_CREATED`",
        f"2026-11-23 04:05:06 UTC>  <@{REQUESTER}> asked for a change",
        "_maintenance until noon_",
        f"04:06:06 UTC>  <@{REQUESTER}> tried to approve and was refused",
        "_own-request: somebody else has to_",
        f"04:07:06 UTC>  <@{APPROVER}> approved",
        "04:09:06 UTC>  the bot applied",
        "_the answer was lost_",
    )
    places = [text.index(words) for words in wanted]
    assert places == sorted(places)
    assert "began to apply" not in text


def test_before_and_after_stand_there_whole_also_where_they_are_long():
    was, now = (f"urn:smn:cn-north-4:5f1d7c0e9a3b4c6d8e2f0a1b2c3d4e5f:{name}" for name in ("old", "new"))
    targets = [{"target": {"type": "SMN", "id": urn, "name": "ops"}} for urn in (was, now)]
    row = replace(ASKED, before=BEFORE | targets[0], after=BEFORE | targets[1])

    assert f"Target id: `{was}` → `{now}`" in text_of(shown(Story("CR-12", (row,))))


def test_what_was_changed_created_or_deleted_outside_stands_in_its_place_with_what_it_was_and_is():
    changed = replace(ASKED, actor="system", action="event.outside", outcome="changed", change="", reason="")
    created = replace(changed, outcome="created", before=None)
    deleted = replace(changed, outcome="deleted", after=None)

    text = text_of(shown(*(Story("", (row,)) for row in (deleted, created, changed))))

    assert text.index("Deleted outside") < text.index("Created outside") < text.index("Changed outside")
    assert "State: `ENABLED` → `DISABLED`" in text
    assert "`ENABLED` · `SECRET_ROTATED`" in text, "what it was before it was deleted"
    assert "`DISABLED` · `SECRET_DELETED`" in text, "what it is since it was created"


def test_a_refused_attempt_that_led_to_no_request_stands_alone():
    text = text_of(shown(Story("", (step(1, APPROVER, "change.request", "refused", "guest: no", ""),))))

    assert f":no_entry_sign: <@{APPROVER}> asked for a change and was refused" in text
    assert "_guest: no_" in text


def test_a_story_without_its_beginning_says_so():
    text = text_of(shown(Story("CR-12", (step(1, APPROVER, "change.approve", "refused"),))))

    assert "*CR-12* · what came before is not in the log any more" in text


def test_there_may_be_nothing_to_show_and_every_row_can_be_asked_for():
    assert text_of(shown()) == "Nothing has been done to `prod-db` through this bot yet."
    assert "`/csms audit --event prod-db`" in text_of(shown(Story("CR-12", (ASKED,))))
