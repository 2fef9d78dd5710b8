"""Who may do what: every combination, against the contract written down a second time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from bot.errors import NotAllowed
from bot.model import Actor, Change, ChangeState, Kind, Patch
from bot.rules.access import Action, Policy, authorize

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ME, SOMEBODY = "U0ME", "U0SOMEBODY"
MY_GROUP, OTHER_GROUP = "S0MINE", "S0OTHER"
LISTED = {"nobody": (), "others": (SOMEBODY, OTHER_GROUP), "by id": (SOMEBODY, ME), "by group": (MY_GROUP,)}
OPERATORS = LISTED | {"everybody": ("*",)}
ENDS = {"in time": NOW + timedelta(microseconds=1), "just over": NOW, "long over": NOW - timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination."""

    kind: Kind
    team: str
    operators: str
    approvers: str
    action: Action
    state: ChangeState
    required: int
    own: bool
    ends: str
    voted: bool
    glass: str = "none"
    """`none`: it was asked in the ordinary way; `owed` or `reviewed`: it was applied at once."""


def cells() -> Iterator[Cell]:
    """All combinations; what an action does not look at is held still for it."""
    who = (list(Kind), ("T0HOME", "T0AWAY"), list(OPERATORS), list(LISTED))
    about = (list(ChangeState), (0, 1, 2), (False, True), list(ENDS), (False, True))
    for action in Action:
        whole = action in (Action.APPROVE, Action.REJECT, Action.CANCEL)
        for kind, team, operators, approvers in itertools.product(*who):
            for state, required, own, ends, voted in itertools.product(*about) if whole else [(*STILL,)]:
                yield Cell(kind, team, operators, approvers, action, state, required, own, ends, voted)
            for state, own, glass in (
                itertools.product(ChangeState, (False, True), GLASS) if action is Action.REVIEW else ()
            ):
                yield Cell(kind, team, operators, approvers, action, state, 1, own, "in time", False, glass)
        if action is Action.BREAK_GLASS:
            for kind, operators, glass in itertools.product(Kind, OPERATORS, LISTED):
                yield Cell(kind, "T0HOME", operators, "by id", action, *STILL, glass)


GLASS = ("none", "owed", "reviewed")
STILL = (ChangeState.PENDING, 1, False, "in time", False)


def may(cell: Cell) -> bool:
    """What docs and contract promise, not how the program says it."""
    if cell.action is Action.READ:
        return cell.kind in {Kind.MEMBER, Kind.GUEST, Kind.BOT}
    operator = cell.operators in {"by id", "by group", "everybody"}
    approver = cell.approvers in {"by id", "by group"}
    open_now = cell.state is ChangeState.PENDING and cell.ends == "in time"
    return (
        cell.kind is Kind.MEMBER
        and {
            Action.ACKNOWLEDGE: True,
            Action.ASK: operator,
            Action.BREAK_GLASS: operator and cell.glass in {"by id", "by group"},
            Action.REVIEW: approver
            and not cell.own
            and cell.glass == "owed"
            and cell.state in {ChangeState.APPLIED, ChangeState.FAILED},
            Action.CANCEL: open_now and cell.own,
            Action.REJECT: open_now and approver and not cell.own,
            Action.APPROVE: open_now
            and (
                (cell.required == 0 and cell.own and operator)
                or (cell.required > 0 and approver and not cell.own and not cell.voted)
            ),
        }[cell.action]
    )


@cache
def policy(operators: str, approvers: str, required: int, glass: str = "nobody") -> Policy:
    return Policy(OPERATORS[operators], LISTED[approvers], required, LISTED.get(glass, ()))


@cache
def actor(kind: Kind, team: str) -> Actor:
    return Actor(ME, team, kind, frozenset({MY_GROUP}))


@cache
def change(
    state: ChangeState, required: int, own: bool, ends: str, voted: bool, glass: str = "none"
) -> Change:
    return Change(
        number=12, key="k", project="prod", event="db", before={"state": "ENABLED", "types": [], "target": None},
        patch=Patch(state="DISABLED"), requester=ME if own else SOMEBODY, reason="", state=state, required=required,
        created=NOW - timedelta(days=2), expires=ENDS[ends], approved_by=(ME,) if voted else ("U0THIRD",),
        break_glass=glass in ("owed", "reviewed"), reviewed=NOW if glass == "reviewed" else None,
    )  # fmt: skip


def says(cell: Cell):
    about = change(cell.state, cell.required, cell.own, cell.ends, cell.voted, cell.glass)
    rules = policy(cell.operators, cell.approvers, cell.required, cell.glass)
    return authorize(actor(cell.kind, cell.team), cell.action, rules, change=about, now=NOW)


def test_every_combination_is_allowed_or_refused_as_promised_and_refusals_say_why():
    wrong_allows, wrong_refusals, silent, seen, rules = [], [], [], 0, set()
    for cell in cells():
        seen += 1
        decision = says(cell)
        if decision.allowed:
            if not may(cell):
                wrong_allows.append(cell)
        else:
            rules.add(decision.rule)
            if may(cell):
                wrong_refusals.append(cell)
            if not (decision.rule and decision.text.endswith(".") and len(decision.text) > 20):
                silent.append((cell, decision))

    assert seen > 80_000
    assert wrong_allows == []
    assert wrong_refusals == []
    assert silent == []
    assert rules == {
        "guest", "bot", "deactivated", "foreign", "unknown", "not-operator", "decided", "expired", "not-requester",
        "own-request", "no-approvers", "not-approver", "voted", "not-break-glass", "no-review",
    }  # fmt: skip


FORGETFUL = {
    "own": {"own": False},
    "expiry": {"ends": "in time"},
    "votes": {"voted": False},
    "state": {"state": ChangeState.PENDING},
    "accounts": {"kind": Kind.MEMBER},
    "approvers": {"approvers": "by id"},
    "operators": {"operators": "everybody"},
    "quorum": {"required": 1},
    "who may break glass": {"glass": "by id"},
    "that a review is owed once": {"glass": "owed"},
}


@pytest.mark.parametrize("forgotten", FORGETFUL)
def test_the_table_notices_a_rule_that_is_forgotten(forgotten):
    def forgetful(cell: Cell) -> bool:
        return may(replace(cell, **FORGETFUL[forgotten]))

    assert any(forgetful(cell) and not may(cell) for cell in cells())


def test_a_change_that_is_gone_is_refused():
    for action in (Action.APPROVE, Action.REJECT, Action.CANCEL):
        decision = authorize(actor(Kind.MEMBER, "T0HOME"), action, policy("everybody", "by id", 1), now=NOW)

        assert (decision.allowed, decision.rule) == (False, "no-change")


def test_a_refusal_is_raised_with_its_rule_and_its_sentence():
    decision = says(Cell(Kind.GUEST, "T0HOME", "everybody", "by id", Action.ASK, *STILL))

    with pytest.raises(NotAllowed, match="Guests of this workspace") as caught:
        decision.enforce()
    assert caught.value.rule == "guest"


def test_an_empty_user_id_is_never_taken_for_somebody_listed():
    nameless = Actor("", "T0HOME", Kind.MEMBER, frozenset())
    about = change(ChangeState.PENDING, 1, False, "in time", False)

    for action in (Action.APPROVE, Action.REJECT, Action.CANCEL):
        assert not authorize(nameless, action, policy("by id", "by id", 1), change=about, now=NOW).allowed


def test_what_slack_said_when_it_could_not_be_asked_is_told_without_its_markup():
    unknown = Actor(ME, "T0HOME", Kind.UNKNOWN, problem="Slack: users.info: <!channel> `fatal_error` & more")

    text = authorize(unknown, Action.ASK, policy("everybody", "by id", 1)).text

    assert "users.info" in text
    assert "fatal_error" in text
    assert not set(text) & set("<>&`!")


@pytest.mark.parametrize(
    ("action", "cell", "says"),
    [
        (Action.CANCEL, {}, f"Only <@{SOMEBODY}>, who asked for CR-12, can cancel it."),
        (Action.APPROVE, {"required": 0}, f"CR-12 is confirmed by <@{SOMEBODY}>, who asked for it."),
        (Action.APPROVE, {"own": True}, "CR-12 is your own request; somebody else has to approve it."),
        (Action.REJECT, {"own": True}, "CR-12 is your own request; use *Cancel* to take it back."),
        (
            Action.APPROVE,
            {"state": ChangeState.APPLIED},
            "CR-12 is applied already, so this click changes nothing.",
        ),
        (Action.APPROVE, {"ends": "just over"}, "CR-12 has expired. Ask for the change again."),
        (Action.APPROVE, {"voted": True, "required": 2}, "Your approval of CR-12 is counted already"),
        (Action.APPROVE, {"approvers": "nobody"}, "the setting CSMS_BOT_APPROVERS is empty."),
        (Action.APPROVE, {"approvers": "others"}, "You are not an approver, so CR-12 stays as it is."),
        (Action.ASK, {"operators": "others"}, "(setting CSMS_BOT_OPERATORS)."),
    ],
)
def test_a_refusal_says_what_to_do_instead(action, cell, says):
    decision = says_of(action, **cell)

    assert not decision.allowed
    assert says in decision.text


def says_of(action: Action, **given):
    whole = Cell(Kind.MEMBER, "T0HOME", "everybody", "by id", action, *STILL)
    return says(replace(whole, **given))


def test_a_requester_whose_id_is_none_is_not_mentioned():
    odd = replace(change(*STILL), requester="U1> <!channel")

    decision = authorize(
        actor(Kind.MEMBER, "T0HOME"), Action.CANCEL, policy("everybody", "by id", 1), change=odd, now=NOW
    )

    assert decision.text == "Only the requester, who asked for CR-12, can cancel it."
