"""A CSMS and a Slack of values. What they hold is the truth that the checker compares."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.errors import CsmsDown, Sent, SlackError
from bot.model import FAIL, INVALID, SUCCESS, Record, RecordPage
from tests.simulation.machine import BEGIN, Machine

SETTLE_S = 120.0
LATEST_S = 90.0
"""A request that lands late lands by then."""
LAG_S = 5.0
"""History shows a message by then."""
BOT, STRANGER = "B0BOT", "B0STRANGER"
ALERTS, APPROVALS = "C0ALERTS", "C0APPROVALS"


@dataclass
class Csms:
    """Makes records, some of them twins, some shown late; answers short, out of order, or not at all."""

    machine: Machine
    made: list[Record] = field(default_factory=list)
    late: dict[int, float] = field(default_factory=dict)
    """Index in `made` → when it is shown first."""

    def make(self) -> None:
        """Some records of now, or of a while ago."""
        dice, passed = self.machine.dice, self.machine.passed
        for _ in range(dice.choice((0, 1, 1, 2, 4))):
            if self.made and dice.random() < 0.3:
                self.made.append(dice.choice(self.made))
                continue
            event, status = f"e{dice.randrange(3)}", dice.choice((FAIL, FAIL, FAIL, INVALID, SUCCESS))
            if dice.random() < 0.15:
                self.late[len(self.made)] = passed + dice.uniform(0, 60)
            secret = f"s{len(self.made)}"
            at = datetime.fromtimestamp(BEGIN + int(passed) - dice.choice((0, 0, 0, 20)), UTC)
            self.made.append(
                Record(event, "SECRET_ROTATED", at, secret, "COMMON", "t", "urn:t", "", status, secret)
            )
        if dice.random() < 0.04:
            # A storm: many incidents at once.
            for number in range(12):
                secret = f"s{len(self.made)}"
                at = datetime.fromtimestamp(BEGIN + int(passed), UTC)
                target = f"urn:{number}"
                self.made.append(
                    Record("e9", "SECRET_ROTATED", at, secret, "COMMON", "t", target, "", FAIL, secret)
                )

    async def notification_records(self) -> RecordPage:
        """What the API shows now."""
        machine = self.machine
        machine.step("before a look")
        if machine.happens(0.05):
            raise CsmsDown("ListNotificationRecords", status=503)
        shown = [
            record
            for number, record in enumerate(self.made)
            if not machine.faults or self.late.get(number, 0.0) <= machine.passed
        ]
        shown.reverse()
        if machine.happens(0.1):
            machine.dice.shuffle(shown)
        if machine.happens(0.1):
            del shown[machine.dice.randrange(len(shown) + 1) :]
        machine.step("after a look")
        return RecordPage(tuple(shown), maybe_incomplete=False)

    def failed(self) -> Counter[str]:
        """How often each secret failed, truly."""
        return Counter(record.secret_name for record in self.made if record.failed)


@dataclass
class Shown:
    """A message that stands in Slack."""

    channel: str
    ts: str
    thread: str
    text: str
    metadata: dict[str, Any]
    bot: str
    visible: float
    """When history shows it."""


@dataclass
class Slack:
    """Takes messages; loses answers, lands late, says 429, closes the channel, lags in its history, lets people delete."""

    machine: Machine
    messages: list[Shown] = field(default_factory=list)
    flying: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """Requests that land later."""
    last: float = 0.0
    refuses: bool = field(init=False)
    """Whether a reply below what was deleted is an error. Slack lets it stand in the channel, as far as anybody tells."""
    deleted: list[Shown] = field(default_factory=list)
    """What people took away, as it was."""
    stones: set[str] = field(default_factory=set)
    """The ts of deleted messages below which a thread goes on."""

    def __post_init__(self) -> None:
        self.refuses = self.machine.dice.random() < 0.5

    def delete(self, ts: str) -> None:
        """Somebody deletes a message."""
        self.machine.tell("somebody deletes a message")
        self.machine.injected += 1
        (gone,) = [one for one in self.messages if one.ts == ts]
        self.messages.remove(gone)
        self.deleted.append(gone)
        if any(one.thread == ts for one in self.messages):
            self.stones.add(ts)

    def _stands(self, ts: str) -> bool:
        return ts in self.stones or any(one.ts == ts for one in self.messages)

    def land_due(self) -> None:
        """Lands what was late and is due."""
        due = sorted((one for one in self.flying if one[0] <= self.machine.passed), key=lambda one: one[0])
        self.flying = [one for one in self.flying if one[0] > self.machine.passed]
        for at, arguments in due:
            self.machine.tell("a late request lands")
            self._land(arguments, at=at)

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """As `bot.slack.client.SlackClient.call`."""
        machine = self.machine
        machine.step(f"before {method}")
        if method == "chat.postMessage":
            answer = self._post(arguments)
        elif method == "chat.update":
            answer = self._update(arguments)
        else:
            answer = self._history(method, arguments)
        machine.step(f"after {method}")
        return answer

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        machine = self.machine
        if machine.happens(0.05):
            raise SlackError("chat.postMessage", sent=Sent.LIMITED, code="ratelimited", retry_after_s=3.0)
        if machine.happens(0.02):
            raise SlackError("chat.postMessage", sent=Sent.REFUSED, code="is_archived")
        if machine.happens(0.02):
            raise SlackError("chat.postMessage", sent=Sent.NO, code="Slack cannot be reached")
        thread = arguments.get("thread_ts")
        if thread and self.refuses and not self._stands(thread):
            raise SlackError("chat.postMessage", sent=Sent.REFUSED, code="thread_not_found")
        if machine.happens(0.08):
            machine.tell("a post is lost before it lands")
            if machine.happens(0.3):
                self._land(arguments, bot=STRANGER)
            raise SlackError("chat.postMessage", sent=Sent.UNKNOWN, code="no answer")
        if machine.happens(0.08):
            machine.tell("a post will land late")
            self.flying.append((machine.passed + machine.dice.uniform(0, LATEST_S), arguments))
            raise SlackError("chat.postMessage", sent=Sent.UNKNOWN, code="no answer")
        ts = self._land(arguments)
        if machine.happens(0.1):
            machine.tell("the answer to a post is lost")
            raise SlackError("chat.postMessage", sent=Sent.UNKNOWN, code="no answer")
        message = {"thread_ts": self.messages[-1].thread} if self.messages[-1].thread else {}
        return {"channel": arguments["channel"], "ts": ts, "message": message}

    def _land(self, arguments: dict[str, Any], bot: str = BOT, at: float | None = None) -> str:
        machine = self.machine
        at = machine.passed if at is None else at
        # Slack's own clock, on which no two messages are the same.
        self.last = max(self.last + 0.000001, BEGIN + at)
        ts = f"{self.last:.6f}"
        lag = machine.dice.uniform(0, LAG_S) if machine.faults else 0.0
        thread = arguments.get("thread_ts") or ""
        self.messages.append(
            Shown(
                arguments["channel"], ts, thread if self._stands(thread) else "", arguments["text"],
                arguments["metadata"], bot, at + lag,
            )
        )  # fmt: skip
        machine.tell(f"posted: {arguments['text'][:100]!r}")
        return ts

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        lost = self.machine.happens(0.05)
        if not lost and not any(one.ts == arguments["ts"] for one in self.messages):
            raise SlackError("chat.update", sent=Sent.REFUSED, code="message_not_found")
        if not lost or self.machine.dice.random() < 0.5:
            for message in self.messages:
                if message.ts == arguments["ts"]:
                    message.text = arguments["text"]
        if lost:
            raise SlackError("chat.update", sent=Sent.UNKNOWN, code="no answer")
        return {}

    def _history(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.machine.happens(0.05):
            raise SlackError(method, sent=Sent.UNKNOWN, code="no answer")
        if arguments.get("ts") and not self._stands(arguments["ts"]):
            raise SlackError(method, sent=Sent.REFUSED, code="thread_not_found")
        found = [
            {"ts": one.ts, "bot_id": one.bot, "metadata": one.metadata}
            | ({"thread_ts": one.thread} if one.thread else {})
            for one in self.messages
            if one.channel == arguments["channel"]
            and one.thread == arguments.get("ts", "")
            and one.visible <= self.machine.passed
            and float(one.ts) > float(arguments.get("oldest", 0))
        ]
        return {"messages": found[::-1]}

    def named(self) -> Counter[str]:
        """How often the bot's messages name each secret, as they stand now, or as they were when somebody deleted them."""
        ours = (one.text for one in (*self.messages, *self.deleted) if one.bot == BOT)
        return Counter(secret for text in ours for secret in re.findall(r"secret `([^`]+)`", text))
