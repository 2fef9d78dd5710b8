"""Five hundred failures at once, and how soon one alone is told; at the pace that Slack allows."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from bot.sandbox.slack.model import Effect
from tests.scenarios.test_alerts import add, records_named
from tests.support.stage import Stage, stage, until

WITHIN_S = 60.0
MOST_TOP = 15
INTERVAL_S = 0.5


def posts(bot: Stage) -> list[str]:
    """The texts that the bot posted to the channel of the alerts, by the workspace's journal."""
    return [
        one.text or ""
        for one in bot.slack.journal.entries
        if one.effect == Effect.POST and one.channel == bot.alerts and one.user == "U00CSMSBOT"
    ]


@pytest.mark.proof
@pytest.mark.parametrize(
    ("incidents", "top"), [(500, 1), (100, 1), (10, 10), (1, 1)], ids="{} incidents".format
)
async def test_five_hundred_failures_at_once_are_all_named_within_a_minute(
    tmp_path: Path, incidents: int, top: int
):
    async with stage(tmp_path, CSMS_BOT_POLL_INTERVAL="1s") as bot:
        before = len(posts(bot))
        began = time.monotonic()
        for number in range(500):
            add(bot, secret=f"s-{number}", target=f"urn:smn:r:p:t{number % incidents}")

        def named() -> Counter[str]:
            return Counter(records_named(bot.slack.messages(bot.alerts)))

        await until(lambda: named().total() >= 500, WITHIN_S)
        took = time.monotonic() - began
        await asyncio.sleep(1.5)

        print(f"{incidents} incidents: {took:.1f} s, {len(posts(bot)) - before} messages")
        assert named() == Counter(f"s-{number}" for number in range(500))
        found = [one for one in bot.slack.messages(bot.alerts) if not one.is_reply and records_or_digest(one)]
        assert len(found) == top <= MOST_TOP
        for method, effect in (("chat.postMessage", Effect.POST), ("chat.update", Effect.EDIT)):
            done = sum(one.method == method and one.effect == effect for one in bot.slack.journal.entries)
            assert bot.slack.journal.calls[method] == done, "Slack refused one"


@pytest.mark.proof
async def test_five_hundred_more_of_known_incidents_are_all_named_within_a_minute(tmp_path: Path):
    async with stage(tmp_path, CSMS_BOT_POLL_INTERVAL="1s") as bot:
        for wave in ("s", "more"):
            began = time.monotonic()
            for number in range(500):
                add(bot, secret=f"{wave}-{number}", target=f"urn:smn:r:p:t{number}")

            def named(wave: str = wave) -> Counter[str]:
                found = records_named(bot.slack.messages(bot.alerts))
                return Counter(one for one in found if one.startswith(wave))

            await until(lambda named=named: named().total() >= 500, WITHIN_S)
            print(f"wave {wave}: {time.monotonic() - began:.1f} s")
            assert named() == Counter(f"{wave}-{number}" for number in range(500))
        began = time.monotonic()
        add(bot, secret="fresh", target="urn:smn:r:p:fresh")
        await until(lambda: "fresh" in records_named(bot.slack.messages(bot.alerts)), WITHIN_S)
        print(f"a fresh alert: {time.monotonic() - began:.1f} s")

        assert time.monotonic() - began < 5.0
        top = [one for one in bot.slack.messages(bot.alerts) if not one.is_reply and records_or_digest(one)]
        assert len(top) <= MOST_TOP


def records_or_digest(message: object) -> bool:
    """Not the greeting."""
    return "not delivered" in str(message)


async def latencies(bot: Stage, number: int) -> list[float]:
    """Seconds from a record being visible to its alert, for records that come alone."""
    dice, born = random.Random(1), {}
    for one in range(number):
        # Apart by more than Slack's second for a message, at any moment between two looks.
        await asyncio.sleep(dice.uniform(1.2, 1.8))
        add(bot, secret=f"s-{one}", target=f"urn:smn:r:p:t{one}")
        born[f"s-{one}"] = time.time()
    await until(lambda: len(records_named(bot.slack.messages(bot.alerts))) == number)
    return [
        entry.at - born[secret]
        for entry in bot.slack.journal.entries
        if entry.effect == Effect.POST and entry.channel == bot.alerts
        for secret in born
        if f"secret `{secret}`" in (entry.text or "")
    ]


async def test_a_record_is_alerted_within_the_poll_interval_and_a_second(tmp_path: Path):
    async with stage(tmp_path, CSMS_BOT_POLL_INTERVAL=f"{INTERVAL_S}s") as bot:
        took = await latencies(bot, 6)

    assert len(took) == 6
    assert max(took) <= INTERVAL_S + 1.0


@pytest.mark.proof
async def test_of_a_hundred_records_each_is_alerted_within_the_poll_interval_and_a_second(tmp_path: Path):
    async with stage(tmp_path, CSMS_BOT_POLL_INTERVAL=f"{INTERVAL_S}s") as bot:
        took = sorted(await latencies(bot, 100))

    print(f"median {took[50]:.2f} s, 99th percentile {took[98]:.2f} s, at an interval of {INTERVAL_S} s")
    assert len(took) == 100
    assert took[98] <= INTERVAL_S + 1.0
