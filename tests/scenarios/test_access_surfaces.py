"""Who may do what, tried on the running program: signed requests, honest and bent, by everybody, on every state.

Whoever may not is answered once, is written down once with the rule that said no, and changes nothing; whoever may, can
still do it afterwards. (`tests/rules/test_access_table.py` is the same with every combination, without the sockets.)
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.model import ChangeState
from bot.sandbox.csms.model import Event, EventType, State, Target
from bot.sandbox.slack.delivery import Ack, Kind
from bot.sandbox.slack.payloads import response_url_address
from bot.sandbox.slack.seed import User
from tests.support.forging import CLICK, COMMAND
from tests.support.stage import Stage, blocks_text, stage, until

AT_ONCE = 14
HOME, AWAY = "T00DEMO", "T00ELSEWHERE"
ENGINEER, APPROVER = "U00ENGINEER", "U00APPROVER"
OUTSIDERS = ("U00GUEST", "U00CSMSBOT", "U00GONE", "U00STRANGER", "U00NOBODY")
EVERYBODY = ",".join((ENGINEER, *OUTSIDERS))
"""Outsiders stand in every list, and must get nothing by it."""
PEOPLE = {
    "the requester": (ENGINEER, HOME),
    "an approver": (APPROVER, HOME),
    "a member in no list": ("U00SUBSCRIBER", HOME),
    "a guest": ("U00GUEST", HOME),
    "a bot": ("U00CSMSBOT", HOME),
    "somebody deactivated": ("U00GONE", HOME),
    "a stranger in a shared channel": ("U00STRANGER", HOME),
    "somebody unknown to Slack": ("U00NOBODY", HOME),
    "an approver's id in another workspace": (APPROVER, AWAY),
    "an approver of no workspace": (APPROVER, ""),
}
BUTTONS = ("change.approve", "change.reject", "change.cancel", "change.review")
NO_KEY = "nobody-made-this-key"
MAY = {
    ("the requester", "change.cancel", "pending"),
    ("an approver", "change.approve", "pending"),
    ("an approver", "change.reject", "pending"),
    ("an approver", "change.review", "owed"),
}
BENT: dict[str, dict[str, Any]] = {
    "an approver's name": {"user": {"name": "approver", "username": "approver"}},
    "an approver as the author": {"message": {"user": APPROVER, "ts": "1.2", "text": "CR-1"}},
    "several users": {
        "users": [{"id": APPROVER}],
        "authorizations": [{"user_id": APPROVER, "team_id": HOME}],
    },
    "fields that decide nothing": {
        "approved_by": [APPROVER],
        "required": 0,
        "role": "approver",
        "is_admin": True,
    },
    "another channel": {"channel": {"id": "C00GENERAL", "name": "general"}},
    "a form of an approver's": {"view": {"id": "V1", "private_metadata": "x", "user": APPROVER}},
    "a grid": {"enterprise": {"id": "E1"}, "is_enterprise_install": True},
}


@dataclass(frozen=True, slots=True)
class Try:
    """Somebody tries something; `sink` is who gets the answer, a user id of this try's own."""

    who: str
    what: str
    state: str
    sink: str
    bent: str = ""


@dataclass
class Scene:
    """A running program with a change in every state."""

    bot: Stage
    keys: dict[str, str]

    async def click(self, one: Try) -> Ack:
        """The try, as a signed request."""
        payload = copy.deepcopy(CLICK)
        user, team = PEOPLE[one.who]
        payload["user"] |= {"id": user, "team_id": team}
        payload["team"] |= {"id": team}
        payload["actions"][0] |= {"action_id": one.what, "value": self.keys.get(one.state, NO_KEY)}
        for name, value in BENT.get(one.bent, {}).items():
            payload[name] = payload[name] | value if isinstance(payload.get(name), dict) else value
        return await self._deliver(Kind.INTERACTIVE, payload, one)

    async def type(self, one: Try) -> Ack:
        """A command, as a signed request."""
        user, team = PEOPLE[one.who]
        payload = COMMAND | {"user_id": user, "team_id": team, "text": one.what, "user_name": "approver"}
        return await self._deliver(Kind.COMMAND, payload, one)

    async def _deliver(self, kind: Kind, payload: dict[str, Any], one: Try) -> Ack:
        url = self.bot.slack.response_urls.issue(one.sink, self.bot.approvals)
        payload |= {
            "response_url": response_url_address(self.bot.slack, url),
            "trigger_id": f"1.2.{one.sink}",
        }
        return await self.bot.slack.courier.deliver(kind, payload)

    async def all(self, tries: list[Try]) -> None:
        """Every try, some at a time, until all are answered."""
        for at in range(0, len(tries), AT_ONCE):
            batch = tries[at : at + AT_ONCE]
            acks = await asyncio.gather(
                *(self.click(one) if one.what in BUTTONS else self.type(one) for one in batch)
            )
            assert all(ack.ok for ack in acks)
            async with asyncio.timeout(10):
                while await self.bot.app.store.inbox.waiting():
                    await asyncio.sleep(0.01)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the bot's database, past the bot."""
        with closing(sqlite3.connect(f"{self.bot.database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def frozen(self) -> tuple[Any, ...]:
        """All that a refusal must leave as it is."""
        return (
            self.rows("select number, state, decided_by, reviewed_by, note from changes order by number"),
            self.rows("select * from votes order by change, voter"),
            list(self.bot.world.events()),
        )


@pytest.fixture
async def scene(tmp_path: Path, unpaced: None) -> AsyncIterator[Scene]:
    """A program whose lists hold outsiders, and a change in every state."""
    lists = {
        "CSMS_BOT_OPERATORS": EVERYBODY, "CSMS_BOT_APPROVERS": f"{EVERYBODY},{APPROVER}",
        "CSMS_BOT_BREAK_GLASS": EVERYBODY, "CSMS_BOT_POLL_INTERVAL": "1h",
    }  # fmt: skip
    async with stage(tmp_path, **lists) as bot:
        bot.slack.rate_limits.enabled = False
        bot.slack.put_user(User("U00GONE", "gone", deleted=True))
        bot.slack.put_user(User("U00STRANGER", "stranger", team_id=AWAY))
        yield Scene(bot, await _one_of_each(bot))


async def _one_of_each(bot: Stage) -> dict[str, str]:
    """State → key of a change that is in it. `owed` was applied at once; its review is owed."""
    states = [*ChangeState, "owed"]
    for number, _ in enumerate(states, start=1):
        target = Target(target_type="SMN", target_id="urn:smn:cells", target_name="cells")
        bot.world.put_event(
            Event(
                name=f"cell-{number}",
                event_types=(EventType.ROTATED,),
                notification=target,
                state=State.DISABLED,
            )
        )
        glass = ' --break-glass "it is on fire"' if number == len(states) else ""
        await bot.command("engineer", f"enable cell-{number}{glass}")
        await until(lambda wanted=number: bot.find_card(f"CR-{wanted}"))
    found = {}
    for number, state in enumerate(states, start=1):
        change = await bot.app.store.changes.by_number(number)
        assert change is not None
        found[str(state)] = change.key
        await _put_into(bot, change.key, str(state))
    return found


async def _put_into(bot: Stage, key: str, state: str) -> None:
    store, now = bot.app.store.changes, datetime.now(UTC)
    if state in ("rejected", "cancelled", "expired"):
        await store.end(
            key, frm=ChangeState.PENDING, to=ChangeState(state), by=APPROVER, reason="for the table", now=now
        )
    elif state not in ("pending", "owed"):
        await store.vote(key, APPROVER, now)
        if state != "approved":
            await store.begin_apply(key, now)
        if state in ("applied", "stale", "failed"):
            await store.finish_apply(key, to=ChangeState(state), note="for the table", found=None, now=now)


def _tries() -> Iterator[Try]:
    number = itertools.count(1)
    states = [*(str(state) for state in ChangeState), "owed", "gone"]
    for who, what, state in itertools.product(PEOPLE, BUTTONS, states):
        if (who, what, state) not in MAY:
            yield Try(who, what, state, f"U9{next(number):06d}")
    for who, what, bent in itertools.product(PEOPLE, BUTTONS, BENT):
        state = "owed" if what == "change.review" else "pending"
        if (who, what, state) not in MAY:
            yield Try(who, what, state, f"U9{next(number):06d}", bent)
    for who in PEOPLE:
        asked = "enable cell-1", "update cell-1 --state enabled", 'enable cell-1 --break-glass "now"'
        if who != "the requester":
            yield from (Try(who, text, "", f"U9{next(number):06d}") for text in asked)


async def test_each_of_hundreds_of_tries_is_answered_and_written_down_and_changes_nothing(scene: Scene):
    await _tried(scene, random.Random(12).sample(list(_tries()), 250))


@pytest.mark.proof
async def test_each_try_of_all_is_answered_and_written_down_and_changes_nothing(scene: Scene):
    await _tried(scene, list(_tries()))


async def _tried(scene: Scene, tries: list[Try]) -> None:
    before, rows = scene.frozen(), len(scene.rows("select 1 from audit"))
    puts = len(scene.bot.puts())

    await scene.all(tries)

    assert len(tries) >= 250
    assert scene.frozen() == before
    assert len(scene.bot.puts()) == puts
    answers = Counter(
        entry.user for entry in scene.bot.slack.journal.entries if entry.user.startswith("U9") and entry.text
    )
    assert [one for one in tries if answers[one.sink] != 1] == []
    written = scene.rows(f"select actor, action, outcome, reason from audit where seq > {rows}")  # noqa: S608
    assert {outcome for _, _, outcome, _ in written} == {"refused"}
    assert [reason for *_, reason in written if ": " not in reason] == []
    assert Counter(actor for actor, *_ in written) == Counter(PEOPLE[one.who][0] for one in tries)
    clicked = Counter((PEOPLE[one.who][0], one.what) for one in tries if one.what in BUTTONS)
    assert Counter((actor, action) for actor, action, *_ in written if action in BUTTONS) == clicked


async def test_whoever_may_still_can_after_all_that(scene: Scene):
    await scene.all([Try(who, what, "gone", "U9000001") for who in PEOPLE for what in BUTTONS])

    await scene.click(Try("an approver", "change.approve", "pending", "U9100001"))
    await scene.bot.card("CR-1", "applied")
    await scene.click(Try("an approver", "change.review", "owed", "U9100002"))
    await until(lambda: ("change.review", "reviewed") in [row[1:] for row in scene.bot.audit(change="CR-10")])

    assert scene.bot.puts() == [{"state": "ENABLED"}] * 2


async def test_a_request_without_a_good_signature_gets_nothing(scene: Scene):
    before, rows = scene.frozen(), scene.rows("select count(*) from audit")
    scene.bot.slack.app = replace(scene.bot.slack.app, signing_secret="somebody-else's")

    acks = [await scene.click(Try("an approver", what, "pending", "U9000001")) for what in BUTTONS]

    assert [ack.retry_reason for ack in acks] == ["http_error"] * len(BUTTONS)
    assert scene.frozen() == before
    assert scene.rows("select count(*) from audit") == rows


async def test_a_form_that_somebody_else_sends_asks_for_nothing_unless_they_may_ask(scene: Scene):
    bot = scene.bot
    await bot.command("engineer", "update cell-1")
    view = await until(
        lambda: next((v for v in bot.slack.views(ENGINEER) if v.body.get("private_metadata")), None)
    )
    assert "cell-1" in blocks_text(view)
    changes = scene.rows("select count(*) from changes")
    form = bot.slack.view_json(view)
    form["state"]["values"]["state"]["state"]["selected_option"] = {"value": "ENABLED"}

    tried = [who for who in PEOPLE if who != "the requester"]
    for who in tried:
        user, team = PEOPLE[who]
        payload = copy.deepcopy(CLICK) | {"type": "view_submission", "trigger_id": f"1.2.{who}"}
        for name in ("actions", "container", "message", "channel", "response_url", "state"):
            del payload[name]
        payload["user"] |= {"id": user, "team_id": team}
        payload["team"] |= {"id": team}
        payload["view"] = form | {"user": APPROVER}
        ack = await bot.slack.courier.deliver(Kind.INTERACTIVE, payload)
        assert (ack.body or {}).get("response_action") == "update", ack
    await until(lambda: len([row for row in bot.audit() if row[2] == "refused"]) == len(tried))

    assert scene.rows("select count(*) from changes") == changes
    assert Counter(actor for actor, _, outcome in bot.audit() if outcome == "refused") == Counter(
        PEOPLE[who][0] for who in tried
    )
    shown = [entry for entry in bot.slack.journal.entries if entry.view_id == view.id]
    assert len(shown) >= len(tried)
