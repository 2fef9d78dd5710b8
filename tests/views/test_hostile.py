"""Whatever other people write, in whatever field: nothing in it is live, hidden, or too long for Slack."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.slack.blockkit import Surface, check_blocks, check_view
from bot.views import text as view_text
from bot.views.blocks import BUDGET, SECTION, Message, size
from tests.views.compiled import compiled
from tests.views.gallery import each_kind, each_view, messages, views
from tests.views.hostile import LIVE, corpus, many
from tests.views.liveness import ALERTS, APPROVER, T0, hidden, live, read

SCHEMA = Path(__file__).parents[2] / "../shared/data/schemas/block-kit.schema.json"


@cache
def public(kind: str) -> Callable[[Any], bool]:
    """Whether a value is what Slack publishes as the type of that name; True for all where the schema is not at hand."""
    if not SCHEMA.exists():
        return lambda _value: True
    definitions = json.loads(SCHEMA.read_text())["definitions"]
    return compiled({"$ref": f"#/definitions/{kind}", "definitions": definitions})


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
    blocks = message.body
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
    wrong += check_blocks(blocks, Surface.MESSAGE)
    wrong += [f"not in the published schema: {block}" for block in blocks if not public("KnownBlock")(block)]
    if not message.blocks and len(message.text) > SECTION:
        wrong.append("a text alone that is cut")
    if size(blocks) > BUDGET or len(message.text) > BUDGET:
        wrong.append(f"{size(blocks)} characters in blocks, {len(message.text)} in the text")
    return wrong if message.text.strip() else [*wrong, "no text for notifications"]


def wrong_with_view(view: dict[str, Any]) -> list[str]:
    """The same of a modal or home tab."""
    reading = read(view)
    wrong = wrong_texts([one["text"] for one in reading.mrkdwn], reading.texts)
    surface, kind = (Surface.MODAL, "ModalView") if view["type"] == "modal" else (Surface.HOME, "HomeView")
    wrong += [] if public(kind)(view) else [f"not in the published schema: {view}"]
    return wrong + check_view(view, surface)


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


def _wrong(numbers: range) -> list[str]:
    """What is wrong with one message and one view of each kind, for each of these texts."""
    found = []
    for number, text in zip(numbers, many(numbers), strict=True):
        found += [
            f"{number} {name}: {wrong}" for name, message in each_kind(text) for wrong in wrong_with(message)
        ]
        found += [
            f"{number} {name}: {wrong}" for name, view in each_view(text) for wrong in wrong_with_view(view)
        ]
    return found


def test_a_hundred_more_texts_at_random_are_harmless_in_every_kind_of_message():
    assert _wrong(range(100)) == []


@pytest.mark.proof
def test_ten_thousand_texts_at_random_are_harmless_in_every_kind_of_message():
    began = time.monotonic()
    assert len(set(many(range(10_000)))) == 10_000
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = [range(start, start + 100) for start in range(0, 10_000, 100)]
        wrong = [one for found in pool.map(_wrong, parts) for one in found]

    kinds = len([*each_kind("x"), *each_view("x")])
    schema = "with" if SCHEMA.exists() else "without"
    print(
        f"10,000 texts in {kinds} payloads each, {schema} the published schema: {time.monotonic() - began:.0f} s"
    )
    assert wrong == []


def test_control_texts_at_random_that_are_not_escaped_are_found(monkeypatch):
    monkeypatch.setattr(view_text, "escape", lambda given: given)

    found = {wrong.split(" ")[0] for wrong in _wrong(range(1, 60))}

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


def test_the_published_schema_is_followed_to_the_letter():
    """Also a control: the function made of the schema refuses what a full interpreter of schemas refuses."""
    if not SCHEMA.exists():
        print("no published Block Kit schema here; the embedded workspace's own check stands alone")
        assert public("KnownBlock")({"type": "no such block"})
        return
    import jsonschema

    definitions = json.loads(SCHEMA.read_text())["definitions"]
    for kind, samples in (
        ("KnownBlock", [block for _, message in messages("&<!channel>`" * 50) for block in message.body]),
        ("ModalView", [view for _, view in views("prod-db") if view["type"] == "modal"]),
        ("HomeView", [view for _, view in views("prod-db") if view["type"] == "home"]),
    ):
        slow = jsonschema.Draft7Validator({"$ref": f"#/definitions/{kind}", "definitions": definitions})
        for sample in {json.dumps(one): one for one in samples}.values():
            assert public(kind)(sample)
            spoilt = list(spoil(sample))
            assert [public(kind)(one) for one in spoilt] == [slow.is_valid(one) for one in spoilt]
            assert not all(map(public(kind), spoilt))


def spoil(sample: dict[str, Any]) -> Iterator[Any]:
    """The same, each time with something else wrong, or only different."""
    text = json.dumps(sample)
    for old, new in (
        ('"type": "', '"type": "un'),
        ('"type": "mrkdwn"', '"type": "plain_text"'),
        ('"type": "plain_text"', '"type": "mrkdwn"'),
        ('"text": "', '"text": "' + "x" * 3000),
        ('"value": "', '"value": "' + "x" * 2000),
        ('"text": ', '"txt": '),
        ("[", "[null, "),
        ("true", "1"),
    ):
        if old in text:
            yield json.loads(text.replace(old, new))
    yield [sample]
    yield sample | {"more": 1}
