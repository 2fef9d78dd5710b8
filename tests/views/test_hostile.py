"""Whatever other people write, in whatever field: nothing in it is live, hidden, or too long for Slack."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.slack.blockkit import Surface, check_blocks, check_view
from bot.views import text as view_text
from bot.views.blocks import BUDGET, Message, size
from tests.views.gallery import alert_messages, messages, views
from tests.views.hostile import LIVE, corpus, many
from tests.views.liveness import ALERTS, APPROVER, T0, hidden, live, read

SCHEMA = Path(__file__).parents[2] / "../shared/data/schemas/block-kit.schema.json"


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ("plain & simple", ["&"]),
        ("a < b", [" b"]),
        ("a > b", [">"]),
        ("<!channel>", ["!channel"]),
        ("`<!channel>`", ["!channel"]),
        ("<@U0HOSTILE>", ["@U0HOSTILE"]),
        ("<http://a|b>", ["http://a|b"]),
        (LIVE[13], [LIVE[13][1:-1]]),
        ("&lt;!channel&gt; &amp; &amp;lt;", []),
        (f"<@{APPROVER}> in <#{ALERTS}>", []),
        (f"<@{APPROVER}|root>", [f"@{APPROVER}|root"]),
        (f"<@{APPROVER}", [f"@{APPROVER}"]),
    ],
)
def test_the_reading_of_mrkdwn_knows_what_is_live(markup, found):
    assert live(markup) == found


def test_a_time_of_ours_is_let_through():
    assert live(view_text.local(T0)) == []


def wrong_with(message: Message) -> list[str]:
    """Everything that must not be in a message."""
    blocks = list(message.blocks)
    reading = read(blocks)
    wrong = wrong_texts(
        [message.text, *(one["text"] for one in reading.mrkdwn)], [message.text, *reading.texts]
    )
    wrong += [
        f"links made by Slack: {one['text'][:40]}"
        for one in reading.mrkdwn
        if one.get("verbatim") is not True
    ]
    wrong += [f"a {kind} in rich text" for kind in reading.leaves - {"text"}]
    wrong += check_blocks(blocks, Surface.MESSAGE) if blocks else []
    if size(blocks) > BUDGET or len(message.text) > BUDGET:
        wrong.append(f"{size(blocks)} characters in blocks, {len(message.text)} in the text")
    return wrong if message.text.strip() else [*wrong, "no text for notifications"]


def wrong_with_view(view: dict[str, Any]) -> list[str]:
    """The same of a modal or home tab."""
    reading = read(view)
    wrong = wrong_texts([one["text"] for one in reading.mrkdwn], reading.texts)
    return wrong + check_view(view, Surface.MODAL if view["type"] == "modal" else Surface.HOME)


def wrong_texts(markup: list[str], seen: list[str]) -> list[str]:
    return [f"live: {one}" for text in markup for one in live(text)] + [
        f"hidden: {one}" for text in seen for one in hidden(text)
    ]


def test_the_corpus_is_large():
    assert len(set(corpus())) >= 240


@pytest.mark.parametrize("part", range(8))
def test_no_message_carries_anything_live_hidden_or_too_long(part):
    drawn = 0
    for text in corpus()[part::8]:
        for name, message in messages(text):
            drawn += 1
            assert wrong_with(message) == [], (name, text[:80])
    assert drawn > 1_500


def test_no_form_and_no_home_tab_carries_anything_live_hidden_or_too_long():
    for text in corpus():
        for name, view in views(text):
            assert wrong_with_view(view) == [], (name, text[:80])


def _wrong_alerts(numbers: range) -> list[str]:
    return [
        f"{number} {name}: {wrong}"
        for number, text in zip(numbers, many(numbers), strict=True)
        for name, message in alert_messages(text)
        for wrong in wrong_with(message)
    ]


def test_a_hundred_more_texts_at_random_are_harmless_in_every_alert():
    assert _wrong_alerts(range(100)) == []


@pytest.mark.proof
def test_ten_thousand_texts_at_random_are_harmless_in_every_alert():
    assert len(set(many(range(10_000)))) == 10_000
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = [range(start, start + 100) for start in range(0, 10_000, 100)]
        wrong = [one for found in pool.map(_wrong_alerts, parts) for one in found]

    assert wrong == []


def test_control_texts_at_random_that_are_not_escaped_are_found(monkeypatch):
    monkeypatch.setattr(view_text, "escape", lambda given: given)

    found = {wrong.split(" ")[0] for wrong in _wrong_alerts(range(1, 60))}

    assert len(found) > 30


@pytest.mark.parametrize("text", LIVE)
def test_the_same_texts_unescaped_are_found_in_every_view_that_shows_them(monkeypatch, text):
    monkeypatch.setattr(view_text, "escape", lambda given: given)

    found = [
        name for name, message in messages(text) if any(one.startswith("live") for one in wrong_with(message))
    ]

    assert {
        "list",
        "event",
        "pending",
        "lines, later",
        "digest",
        "records",
        "audit",
        "history",
        "status",
        "help",
    } <= set(found)
    assert {
        "change_card pending",
        "change_told failed",
        "Usage",
        "Refused",
        "CsmsRefused",
        "StoreError",
    } <= set(found)


def test_texts_that_are_not_cleaned_are_found(monkeypatch):
    monkeypatch.setattr(view_text, "clean", lambda given, limit=300: given[:limit])

    found = {
        name
        for name, message in messages("a\u202eb")
        if any(one.startswith("hidden") for one in wrong_with(message))
    }

    assert {"list", "event", "lines, later", "audit"} <= found


@cache
def _validator() -> Callable[[list[Any]], Iterator[Any]] | None:
    if not SCHEMA.exists():
        return None
    import jsonschema

    schema = json.loads(SCHEMA.read_text())
    root = {"$ref": "#/definitions/KnownBlock", "definitions": schema["definitions"]}
    check = jsonschema.Draft7Validator(root)
    return lambda blocks: (error for block in blocks for error in check.iter_errors(block))


def test_the_public_types_of_block_kit_agree():
    validate = _validator()
    if validate is None:
        print("no public Block Kit schema here; the embedded workspace's own check stands alone")
        assert not SCHEMA.exists()
        return
    for text in ("prod-db", "&<!channel>`" * 50):
        for name, message in messages(text):
            assert [error.message for error in validate(list(message.blocks))] == [], name
        for name, view in views(text):
            assert [error.message for error in validate(view["blocks"])] == [], name
    assert list(validate([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}])) != []
