"""The checker of the crash tests. It reads the journals of the embedded CSMS and of the embedded workspace, and nothing
of the bot's: what the service made on one side, what people can see on the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.csms.world import Effect
from bot.sandbox.slack.model import JournalEntry

FAILED = ("FAIL", "INVALID")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What does not match. Counted, so that two lost twins are two."""

    lost: Counter[str]
    """Secrets of failing records that no post names."""
    doubled: Counter[str]
    """Secrets that are named more often than records failed."""
    posted_again: Counter[str]
    """Keys of messages that are there more than once."""
    not_put_once: Counter[str]
    """Events whose change reads as applied without a PUT, or that were put more often than they were changed."""

    @property
    def fine(self) -> bool:
        """Nothing lost, nothing doubled."""
        return not (self.lost or self.doubled or self.posted_again or self.not_put_once)


def compare(csms: Sequence[Effect], slack: Sequence[JournalEntry], *, bot: str, alerts: str) -> Verdict:
    """Holds one journal against the other. `bot` is the bot's user id, `alerts` the channel of the alerts."""
    failed = Counter(
        effect.body["secret_name"]
        for effect in csms
        if effect.operation == "record" and effect.body["notification_status"] in FAILED
    )
    posts = [entry for entry in slack if entry.effect == "post" and entry.user == bot]
    named = Counter(
        secret
        for entry in posts
        if entry.channel == alerts
        for secret in re.findall(r"secret `([^`]+)`", entry.text or "")
    )
    keys = Counter(
        entry.metadata["event_payload"]["k"]
        for entry in posts
        if entry.metadata and "k" in entry.metadata.get("event_payload", {})
    )
    puts = Counter(effect.event for effect in csms if effect.operation == "update_event")
    applied = _applied(slack, bot)
    return Verdict(
        lost=failed - named,
        doubled=named - failed,
        posted_again=Counter({key: number for key, number in keys.items() if number > 1}),
        not_put_once=(puts - applied) + (applied - puts),
    )


def cards(slack: Sequence[JournalEntry], bot: str) -> dict[str, tuple[str, str]]:
    """`CR-…` → (event, state), as its card says at the end of the journal."""
    found: dict[str, tuple[str, str]] = {}
    for entry in slack:
        if entry.user == bot and entry.effect in ("post", "edit"):
            card = re.match(r"(CR-\d+) (\w+).*?`([^`]+)`", entry.text or "", re.DOTALL)
            if card:
                found[card[1]] = (card[3], card[2])
    return found


def _applied(slack: Sequence[JournalEntry], bot: str) -> Counter[str]:
    return Counter(event for event, state in cards(slack, bot).values() if state == "applied")
