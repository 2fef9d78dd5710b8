"""Who may do what, from the payload on: every role, every state of a change, every surface, honest and tampered with.

Each cell takes a payload as Slack would send it, or as somebody who can send signed requests would bend it, the way that
the bot takes it: `read`, then Slack is asked who that is, then `authorize`. The oracle below knows none of these; it is
told who really acted and on what, and has the contract in its own words. (`test_access.py` holds the rules alone to
account, with every combination of what they look at.)
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import commands
from bot.errors import Sent, SlackError
from bot.model import Actor, Change, ChangeState, Kind, Patch
from bot.rules.access import Action, Policy, authorize
from bot.slack.actors import Actors
from bot.slack.interactions import Click, CommandText, Submission, read
from tests.support.forging import CLICK, COMMAND, SUBMISSION

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOME, AWAY = "T00DEMO", "T00ELSEWHERE"
ASKED_BY = "U0REQUESTER"


# -- the people: what Slack says of them, and what they are to the oracle -------------------------------------------


@dataclass(frozen=True, slots=True)
class Role:
    """`says` is Slack's user object, None when Slack cannot say; the rest is for the oracle alone."""

    name: str
    user: str
    says: dict[str, Any] | None = None
    member: bool = True
    operator: bool = False
    approver: bool = False
    glass: bool = False


def _role(name: str, user: str, says: dict[str, Any] | None = None, **facts: bool) -> Role:
    return Role(name, user, {"id": user, "team_id": HOME} | (says or {}), **facts)


def _outsider(name: str, user: str, says: dict[str, Any] | None) -> Role:
    """Somebody who stands in every list of the settings, and must get nothing by it."""
    known = None if says is None else {"id": user, "team_id": HOME} | says
    return Role(name, user, known, member=False, operator=True, approver=True, glass=True)


ROLES = (
    _role("requester, also an approver", ASKED_BY, operator=True, approver=True, glass=True),
    _role("operator", "U0OPERATOR", operator=True),
    _role("operator by group", "U0OPGROUP", operator=True),
    _role("approver", "U0APPROVER", approver=True),
    _role("approver by group", "U0APGROUP", approver=True),
    _role("approver who approved already", "U0VOTED", operator=True, approver=True),
    _role("break-glass without being an operator", "U0GLASS", glass=True),
    _role("break-glass operator", "U0GLASSOP", operator=True, glass=True),
    _role("member in no list", "U0NOBODY"),
    _role("member of a grid", "W0GRID", {"team_id": AWAY, "enterprise_user": {"teams": [HOME]}}, approver=True),
    _outsider("guest", "U0GUEST", {"is_restricted": True}),
    _outsider("guest of one channel", "U0ULTRA", {"is_restricted": True, "is_ultra_restricted": True}),
    _outsider("bot", "U0BOT", {"is_bot": True}),
    _outsider("workflow", "U0FLOW", {"is_workflow_bot": True}),
    _outsider("deactivated", "U0GONE", {"deleted": True}),
    _outsider("stranger in a shared channel", "U0STRANGER", {"is_stranger": True}),
    _outsider("of another workspace", "U0AWAY", {"team_id": AWAY}),
    _outsider("unknown to Slack", "U0UNKNOWN", None),
    _outsider("nameless", "", {}),
)  # fmt: skip
GROUPS = {"S0OPERATORS": ["U0OPGROUP"], "S0APPROVERS": ["U0APGROUP"]}


def _listed(fact: str, group: str) -> tuple[str, ...]:
    grouped = set(GROUPS.get(group, ()))
    named = tuple(role.user for role in ROLES if getattr(role, fact) and role.user not in grouped)
    return (*named, group) if grouped else named


OPERATORS, APPROVERS = _listed("operator", "S0OPERATORS"), _listed("approver", "S0APPROVERS")
GLASS = _listed("glass", "")
POLICIES = [
    Policy(OPERATORS, approvers, required, GLASS) for required in (0, 1, 2) for approvers in (APPROVERS, ())
]


class Directory:
    """Stands where the Slack client stands: the two calls that say who somebody is."""

    async def call(self, method: str, **arguments: str) -> dict[str, Any]:
        """SlackError for whom nobody knows."""
        if method == "usergroups.users.list":
            return {"ok": True, "users": GROUPS[arguments["usergroup"]]}
        said = next((role.says for role in ROLES if role.user == arguments["user"]), None)
        if said is None:
            raise SlackError(method, sent=Sent.REFUSED, code="user_not_found")
        return {"ok": True, "user": said}


# -- the changes ----------------------------------------------------------------------------------------------------


def _change(
    key: str, state: ChangeState, *, over: bool = False, glass: bool = False, reviewed: bool = False
) -> Change:
    return Change(
        number=12, key=key, project="p", event="e", before={"state": "ENABLED", "types": [], "target": None},
        patch=Patch(state="DISABLED"), requester=ASKED_BY, reason="", state=state, required=1,
        created=NOW - timedelta(days=1), expires=NOW if over else NOW + timedelta(hours=1), approved_by=("U0VOTED",),
        break_glass=glass, reviewed_by="U0APPROVER" if reviewed else "", reviewed=NOW if reviewed else None,
    )  # fmt: skip


CHANGES = {
    change.key: change
    for change in (
        *(_change(f"{state}-in-time", state) for state in ChangeState),
        *(_change(f"{state}-over", state, over=True) for state in ChangeState),
        *(_change(f"{state}-glass", state, glass=True) for state in ChangeState if state is not ChangeState.PENDING),
        *(
            _change(f"{state}-reviewed", state, glass=True, reviewed=True)
            for state in (ChangeState.APPLIED, ChangeState.FAILED)
        ),
    )
}  # fmt: skip
NO_SUCH_KEY = "nobody-made-this-key"
TELLING = (
    "pending-in-time", "pending-over", "approved-in-time", "applied-in-time", "rejected-in-time", "applied-glass",
)  # fmt: skip
"""What a bent payload is about; an honest one is about every change."""


# -- the surfaces ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bent:
    """A way to bend a payload. `team`: what the bot must take the team for; `meant`: whether it still says what it
    said about the change and the person; if not it must lead to nothing."""

    name: str
    bend: Callable[[dict[str, Any]], None] = lambda payload: None
    team: str = HOME
    meant: bool = True


def _in(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Puts a value at a place of the payload; None takes away what is there."""

    def bend(payload: dict[str, Any]) -> None:
        holder: Any = payload
        for key in path[:-1]:
            holder = holder[key]
        if value is None:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value

    return bend


def _all(*bends: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def bend(payload: dict[str, Any]) -> None:
        for one in bends:
            one(payload)

    return bend


PRETENDED = {"id": "U0APPROVER", "name": "approver", "team_id": HOME, "is_admin": True}
ADDED = {
    "approved_by": ["U0APPROVER", "U0APGROUP"],
    "required": 0,
    "state_of_change": "approved",
    "role": "approver",
}
HONEST = Bent("as Slack sends it")
EVERYWHERE = (
    HONEST,
    Bent("another channel", lambda payload: payload.update(channel={"id": "C0OTHER"}, channel_id="C0OTHER")),
    Bent("fields that decide nothing", lambda payload: payload.update(ADDED)),
    Bent("an installation for the whole grid", lambda payload: payload.update(enterprise={"id": "E1"},
         is_enterprise_install=True, enterprise_id="E1")),
)  # fmt: skip
INTERACTIVE = (
    *EVERYWHERE,
    Bent("an approver's name", _all(_in("user", "name", value="approver"), _in("user", "username", value="approver"))),
    Bent("an approver as the author", _in("message", value={"user": "U0APPROVER", "ts": "1.2", "text": "CR-12"})),
    Bent("more of a user", _in("user", "is_admin", value=True)),
    Bent("several users", _in("users", value=[PRETENDED])),
    Bent("an authorization of another", _in("authorizations", value=[{"user_id": "U0APPROVER", "team_id": HOME}])),
    Bent("the team of the user alone", _in("team", value=None)),
    Bent("another team of the user", _in("user", "team_id", value=AWAY)),
    Bent("another team", _in("team", "id", value=AWAY), team=AWAY),
    Bent("no team", _all(_in("team", value=None), _in("user", "team_id", value=None)), team=""),
    Bent("a list of teams", _in("team", "id", value=[HOME, AWAY])),
    Bent("a user that is a text", _in("user", value="U0APPROVER"), meant=False),
    Bent("a list of users", _in("user", "id", value=["U0APPROVER"]), meant=False),
    Bent("a user in the user", _in("user", "id", value={"id": "U0APPROVER"}), meant=False),
    Bent("no user", _in("user", value=None), meant=False),
)  # fmt: skip
CLICKS = (
    *INTERACTIVE,
    Bent("a second action", lambda payload: payload["actions"].append({"action_id": "change.approve", "value": "x"})),
    Bent("in a form of somebody's", _in("view", value={"id": "V1", "private_metadata": "x", "user": "U0APPROVER"})),
    Bent("the key as a choice", lambda payload: payload["actions"][0].update(
         selected_option={"value": payload["actions"][0].pop("value")})),
    Bent("another block", _in("actions", 0, "block_id", value="change.99")),
    Bent("the number for the key", _in("actions", 0, "value", value="12"), meant=False),
    Bent("the short id for the key", _in("actions", 0, "value", value="CR-12"), meant=False),
    Bent("a pattern for the key", _in("actions", 0, "value", value="%"), meant=False),
    Bent("no key", _in("actions", 0, "value", value=None), meant=False),
    Bent("a list for the key", _in("actions", 0, "value", value=["pending-in-time"]), meant=False),
    Bent("no action", _in("actions", value=[]), meant=False),
    Bent("another case of the action", lambda payload: payload["actions"][0].update(
         action_id=payload["actions"][0]["action_id"].upper()), meant=False),
    Bent("a space after the action", lambda payload: payload["actions"][0].update(
         action_id=payload["actions"][0]["action_id"] + " "), meant=False),
)  # fmt: skip
COMMANDS = (
    *EVERYWHERE,
    Bent("an approver's name", _in("user_name", value="approver")),
    Bent("a user object beside the id", _in("user", value=PRETENDED)),
    Bent("somebody else's trigger", _in("trigger_id", value="1.2.other")),
    Bent("another team", _in("team_id", value=AWAY), team=AWAY),
    Bent("no team", _in("team_id", value=""), team=""),
    Bent("a space after the user", lambda payload: payload.update(user_id=payload["user_id"] + " "), meant=False),
    Bent("a mention for the user", lambda payload: payload.update(user_id=f"<@{payload['user_id']}>"), meant=False),
    Bent("a list of users", lambda payload: payload.update(user_id=[payload["user_id"]]), meant=False),
)  # fmt: skip
FORMS = (
    *INTERACTIVE,
    Bent("a form of somebody else's", _in("view", "user", value="U0APPROVER")),
    Bent("another hash", _in("view", "hash", value="0.x")),
    Bent("the team of the form", _in("view", "team_id", value=AWAY)),
)
BUTTONS = {
    "change.approve": Action.APPROVE, "change.reject": Action.REJECT, "change.cancel": Action.CANCEL,
    "change.review": Action.REVIEW,
}  # fmt: skip
ASKING = (Action.ASK, Action.BREAK_GLASS, Action.ACKNOWLEDGE)


# -- the oracle -----------------------------------------------------------------------------------------------------


def promised(
    role: Role, team: str, action: Action, change: Change | None, *, required: int, approvers: bool
) -> bool:
    """The contract, in words of its own."""
    if not role.member or team != HOME:
        return False
    mine = role.user == ASKED_BY
    decides = role.approver and approvers and not mine
    if action in ASKING:
        return {
            Action.ASK: role.operator,
            Action.BREAK_GLASS: role.operator and role.glass,
            Action.ACKNOWLEDGE: True,
        }[action]
    if change is None:
        return False
    if action is Action.REVIEW:
        return decides and change.key in ("applied-glass", "failed-glass")
    if change.key != "pending-in-time":
        return False
    if action is Action.APPROVE:
        return mine and role.operator if required == 0 else decides and role.user != "U0VOTED"
    return mine if action is Action.CANCEL else decides


# -- the table ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """A payload, who sent it, and what it is about."""

    role: Role
    surface: str
    bent: Bent
    action: Action
    key: str
    """Of the change; empty where there is none."""


def _clicked(cell: Cell) -> dict[str, Any]:
    payload = copy.deepcopy(CLICK)
    payload["user"] |= {"id": cell.role.user, "team_id": HOME}
    action_id = next(name for name, action in BUTTONS.items() if action is cell.action)
    payload["actions"][0] |= {"action_id": action_id, "value": cell.key}
    return payload


def _typed(cell: Cell) -> dict[str, Any]:
    return copy.deepcopy(COMMAND) | {"user_id": cell.role.user}


def _sent(cell: Cell) -> dict[str, Any]:
    payload = copy.deepcopy(SUBMISSION)
    payload["user"] |= {"id": cell.role.user, "team_id": HOME}
    return payload


MAKE = {"action": _clicked, "command": _typed, "view": _sent}


def cells() -> Iterator[Cell]:
    """One for every payload; each is then judged under every policy."""
    for role in ROLES:
        for action in BUTTONS.values():
            yield from (Cell(role, "action", HONEST, action, key) for key in (*CHANGES, NO_SUCH_KEY))
            for key in TELLING:
                yield from (Cell(role, "action", bent, action, key) for bent in CLICKS[1:])
        for action in ASKING:
            yield from (Cell(role, "command", bent, action, "") for bent in COMMANDS)
            yield from (Cell(role, "view", bent, action, "") for bent in FORMS)


class Bot:
    """The way of a payload through the bot, as far as it is about who may do what."""

    def __init__(self) -> None:
        self._actors = Actors(Directory(), groups=GROUPS, monotonic=lambda: 0.0)  # type: ignore[arg-type]
        self._actors.team_id = HOME
        self._known: dict[tuple[str, str], Actor] = {}
        self._pressed = {name for command in commands.ALL for name in command.buttons}

    async def taken(self, cell: Cell) -> tuple[Actor, Action, Change | None] | None:
        """Who acts, what they do, and on what; None when the payload leads nowhere."""
        payload = MAKE[cell.surface](cell)
        cell.bent.bend(payload)
        got = read(cell.surface, payload, inbox_id=1, received=NOW)
        if got is None:
            return None
        who = (got.origin.user, got.origin.team)
        if who not in self._known:
            self._known[who] = await self._actors.look_up(*who)
        match got:
            case Click(action_id=action_id, value=key):
                known = action_id in self._pressed and action_id in BUTTONS
                return (self._known[who], BUTTONS[action_id], CHANGES.get(key)) if known else None
            case CommandText() | Submission():
                return self._known[who], cell.action, None
        return None


async def judged(chosen: Callable[[Cell], bool] = lambda cell: True) -> tuple[list[str], Counter[bool]]:
    """Every cell that the bot and the oracle do not agree on, in words, and how many were allowed and refused."""
    bot, wrong, counted = Bot(), [], Counter[bool]()
    for cell in filter(chosen, cells()):
        taken = await bot.taken(cell)
        for policy in POLICIES:
            allowed = False
            if taken is not None:
                actor, action, change = taken
                about = replace(change, required=policy.required) if change else None
                allowed = authorize(actor, action, policy, change=about, now=NOW).allowed
            counted[allowed] += 1
            said = cell.bent.meant and promised(
                cell.role, cell.bent.team, cell.action, CHANGES.get(cell.key),
                required=policy.required, approvers=bool(policy.approvers),
            )  # fmt: skip
            if allowed != said:
                wrong.append(
                    f"{cell.role.name}: {cell.action} by {cell.surface} ({cell.bent.name}), "
                    f"{cell.key}, {policy.required} required: {'allowed' if allowed else 'refused'}"
                )
    return wrong, counted


async def test_every_role_gets_on_every_surface_what_is_promised_and_nothing_by_bending_it():
    wrong, counted = await judged()

    assert wrong[:20] == []
    assert counted.total() >= 100_000
    assert counted[True] >= 500, "a table of refusals alone would prove little"


BROKEN = {
    "takes the name for the person": lambda actor: replace(actor, user_id="U0APPROVER"),
    "forgets who is no member": lambda actor: replace(actor, kind=Kind.MEMBER),
    "lets groups go to anybody": lambda actor: replace(actor, groups=frozenset(GROUPS)),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_the_table_notices_a_bot_that(monkeypatch: pytest.MonkeyPatch, broken: str):
    true_way = Bot.taken

    async def taken(self: Bot, cell: Cell) -> tuple[Actor, Action, Change | None] | None:
        found = await true_way(self, cell)
        return None if found is None else (BROKEN[broken](found[0]), *found[1:])

    monkeypatch.setattr(Bot, "taken", taken)
    wrong, _ = await judged(lambda cell: cell.bent is HONEST)

    assert any("allowed" in one for one in wrong)
