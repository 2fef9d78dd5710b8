"""Presses, types, chooses and sends everything that the bot has, honestly and not, and says what was left out."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bot.sandbox.slack import Message, SlackError, View
from bot.sandbox.slack.delivery import Delivery, Kind
from bot.sandbox.slack.inputs import Element, elements
from bot.sandbox.slack.payloads import response_url_address
from bot.slack.handling import Command
from bot.views.forms import EDIT_FORM, REASON, REASON_FORM, STATE, TARGET, TARGET_ID
from tests.support.forging import CLICK, COMMAND, EVENT, SUBMISSION
from tests.support.stage import Stage

PRESSED = ("button", "external_select")
HOME = "home tab"
NO_KEY = "nobody-made-this-key"
ENOUGH = 5
"""How often a person presses one kind of button in one go; there are dozens of *View event* on the screen."""
AT_ONCE = 12
WRONG_KEYS = 3
"""Keys of other buttons that each is tried with, another three each time."""
ODD_VALUES: dict[str, Any] = {
    "state": {"state": {"type": "static_select", "selected_option": {"value": "EXPLODED"}}},
    "types": {"types": {"type": "checkboxes", "selected_options": [{"value": "<!channel>"}, {"value": ""}]}},
    "target_id": {"target_id": {"type": "plain_text_input", "value": "a b\u202e"}},
    "reason": {"reason": {"type": "plain_text_input", "value": " "}},
}
"""What no honest client sends: options that were not offered, text that no field takes."""


def registered(commands: Iterable[Command]) -> set[str]:
    """All that somebody can type, press, choose, send or open, as the commands list it."""
    found = {HOME, f"search {TARGET}"}
    for command in commands:
        found |= {f"/{command.name}"} if command.name else set()
        found |= {f"press {action}" for action in command.buttons}
        found |= {f"search {action}" for action in command.buttons if action.startswith("pick.")}
        found |= {f"send {form}" for form in command.forms}
    return found


def what(delivery: Delivery) -> str:
    """The name, among the registered ones, of what Slack delivered."""
    payload = delivery.payload
    if delivery.kind is Kind.COMMAND:
        return f"/{(payload['text'].split() or ['help'])[0]}"
    if delivery.kind is Kind.EVENT:
        return HOME
    if payload["type"] == "block_actions":
        return f"press {payload['actions'][0]['action_id']}"
    if payload["type"] == "block_suggestion":
        return f"search {payload['action_id']}"
    return f"send {payload['view']['callback_id']}"


def done_by(delivered: Iterable[Delivery], *users: str) -> set[str]:
    """What these people did, by the workspace's own list of what it delivered and the bot took."""
    found = set()
    for one in delivered:
        payload = one.payload
        user = payload.get("user_id") or payload.get("user", {}).get("id") or payload["event"]["user"]
        if one.ack.ok and user in users:
            found.add(what(one))
    return found


async def quiet(on: Stage) -> None:
    """Waits until nothing is worked on any more."""

    async def busy() -> bool:
        report = await on.app.status.report()
        return bool(report.inbox) or any(report.backlog[state] for state in ("pending", "sending", "behind"))

    still = 0
    async with asyncio.timeout(40):
        while still < 5:
            still = 0 if await busy() else still + 1
            await asyncio.sleep(0.05)


async def press_everything(on: Stage, who: str) -> None:
    """Buttons and searches of the newest messages that the person sees; forms that open are sent."""
    user, often = on.people[who], Counter[str]()
    shown = [*on.slack.messages(on.approvals), *on.slack.messages(on.alerts), *on.slack.ephemerals(user)]
    for message in reversed(shown):
        for element in list(elements(message.blocks)):
            if element.type not in PRESSED or often[element.action_id] == ENOUGH:
                continue
            often[element.action_id] += 1
            try:
                await _press(on, user, message, element)
            except SlackError:
                continue  # It is gone, or nothing of theirs.
    await quiet(on)
    await send_forms(on, who)
    await quiet(on)


async def _press(on: Stage, user: str, source: Message, element: Element) -> None:
    chosen = None
    if element.type == "external_select":
        offered = await on.slack.options(
            user, source, action_id=element.action_id, block_id=element.block_id, value=""
        )
        chosen = offered["options"][0] if offered.get("options") else None
    await on.slack.click(user, source, action_id=element.action_id, block_id=element.block_id, chosen=chosen)


async def send_forms(on: Stage, who: str) -> None:
    """Fills and sends each form before the person's eyes: wrongly first, then as it should be; then closes it."""
    user = on.people[who]
    while views := on.slack.views(user):
        top = views[-1]
        if top.body.get("callback_id") == EDIT_FORM:
            await _edit(on, user, top)
        elif top.body.get("callback_id") == REASON_FORM:
            await on.slack.submit(user, top.id, {REASON: {REASON: "   "}})
            await on.slack.submit(user, top.id, {REASON: {REASON: "not on a Friday"}})
        await quiet(on)
        if any(view.id == top.id for view in on.slack.views(user)):
            await on.slack.close(user, top.id)


async def _edit(on: Stage, user: str, view: View) -> None:
    state = next(element for element in elements(view.blocks) if element.action_id == STATE)
    now = state.body.get("initial_option", {}).get("value")
    toggled = "DISABLED" if now == "ENABLED" else "ENABLED"
    if any(element.action_id == TARGET for element in elements(view.blocks)):
        await on.slack.options(user, view, action_id=TARGET, value="")
    await on.slack.submit(user, view.id, {TARGET_ID: {TARGET_ID: "a b"}})
    right = next(e.body.get("initial_value", "") for e in elements(view.blocks) if e.action_id == TARGET_ID)
    await on.slack.submit(user, view.id, {STATE: {STATE: toggled}, TARGET_ID: {TARGET_ID: right}})


def keys_of(delivered: Sequence[Delivery]) -> dict[str, str]:
    """For everything that was pressed, chosen or sent: the newest key that it carried."""
    found = {}
    for one in delivered:
        payload = one.payload
        if one.kind is Kind.INTERACTIVE and payload["type"] == "block_actions":
            action = payload["actions"][0]
            key = action.get("value") or (action.get("selected_option") or {}).get("value")
            found[what(one)] = key or NO_KEY
        elif one.kind is Kind.INTERACTIVE and payload["type"] == "view_submission":
            found[what(one)] = payload["view"]["private_metadata"]
    return found


class Forger:
    """Sends what Slack's own clients would not: other people's keys, made-up ones, keys of other buttons."""

    def __init__(self, on: Stage, commands: Sequence[Command], keys: dict[str, str]) -> None:
        self._on = on
        self._commands = commands
        self._keys = keys
        self._number = itertools.count(1)

    async def as_somebody_else(self, user: str, team: str) -> None:
        """Everything, with the keys that were somebody else's."""
        await self._all(user, team, lambda name: [self._keys.get(name, NO_KEY)])

    async def with_wrong_keys(self, user: str, team: str) -> None:
        """Everything, with a key that nobody made, and with keys of other things."""
        others = itertools.cycle(sorted({*self._keys.values()}))
        await self._all(user, team, lambda name: [NO_KEY, *itertools.islice(others, WRONG_KEYS)])

    async def _all(self, user: str, team: str, keys: Any) -> None:
        sent = list(self._payloads(user, team, keys))
        for at in range(0, len(sent), AT_ONCE):
            await asyncio.gather(
                *(self._on.slack.courier.deliver(kind, payload) for kind, payload in sent[at : at + AT_ONCE])
            )
        await quiet(self._on)

    def _payloads(self, user: str, team: str, keys: Any) -> Iterator[tuple[Kind, dict[str, Any]]]:
        person = {"id": user, "team_id": team, "name": "approver", "username": "approver"}
        whose = {"user": person, "team": {"id": team, "domain": "demo"}}
        for command in self._commands:
            if command.name:
                typed = COMMAND | {"text": command.example, "user_id": user, "team_id": team}
                yield Kind.COMMAND, typed | self._unique(user)
            for name in command.buttons:
                for key in keys(f"press {name}"):
                    action = CLICK["actions"][0] | {"action_id": name, "value": key}
                    if name.startswith("pick."):
                        action = {
                            "type": "external_select", "action_id": name, "block_id": "b", "action_ts": "1.2",
                            "selected_option": {"value": key, "text": {"type": "plain_text", "text": "x"}},
                        }  # fmt: skip
                        asked = {"type": "block_suggestion", "action_id": name, "block_id": "b", "value": ""}
                        yield Kind.INTERACTIVE, copy.deepcopy(CLICK) | whose | asked | self._unique(user)
                    yield (
                        Kind.INTERACTIVE,
                        copy.deepcopy(CLICK) | whose | {"actions": [action]} | self._unique(user),
                    )
            for form in command.forms:
                for key in keys(f"send {form}"):
                    for values in (SUBMISSION["view"]["state"]["values"], ODD_VALUES):
                        view = SUBMISSION["view"] | {
                            "callback_id": form, "private_metadata": key, "state": {"values": values},
                        }  # fmt: skip
                        yield (
                            Kind.INTERACTIVE,
                            copy.deepcopy(SUBMISSION) | whose | {"view": view} | self._unique(user),
                        )
        searched = {"type": "block_suggestion", "action_id": TARGET, "block_id": TARGET, "value": ""}
        view = SUBMISSION["view"] | {"private_metadata": keys(f"send {EDIT_FORM}")[0]}
        yield Kind.INTERACTIVE, copy.deepcopy(CLICK) | whose | searched | {"view": view} | self._unique(user)
        home = copy.deepcopy(EVENT) | {"team_id": team, "event_id": f"Ev{next(self._number)}{user}"}
        home["event"]["user"] = user
        yield Kind.EVENT, home

    def _unique(self, user: str) -> dict[str, Any]:
        url = self._on.slack.response_urls.issue(user, self._on.approvals)
        return {
            "trigger_id": f"1.2.{user}.{next(self._number)}",
            "response_url": response_url_address(self._on.slack, url),
        }
