"""What people type, on whatever keyboard, into words and flags."""

from __future__ import annotations

import random

import pytest

from bot.errors import Usage
from bot.rules.words import Flag, as_typed, parse, split

FLAGS = (
    Flag("--state", "enabled|disabled"),
    Flag("--types", "A,B", many=True),
    Flag("--reason", '"…"'),
    Flag("--share"),
)


def read(text: str):
    return parse(split(text), FLAGS, "/csms update NAME")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   ", []),
        ("get  prod-db\n", ["get", "prod-db"]),
        ("get\u00a0prod-db", ["get", "prod-db"]),
        ('"two words" x', ["two words", "x"]),
        ("'two words' x", ["two words", "x"]),
        ("\u201ctwo words\u201d", ["two words"]),
        ("\u201etwo words\u201c", ["two words"]),
        ("\u00abtwo words\u00bb", ["two words"]),
        ("\u2018two words\u2019", ["two words"]),
        ("--reason=\u201ctwo words\u201d", ["--reason=two words"]),
        ("it's fine", ["it's", "fine"]),
        ("it\u2019s fine, isn\u2019t it", ["it's", "fine,", "isn't", "it"]),
        ("'don't panic' x", ["don't panic", "x"]),
        ('5" pipe', ['5"', "pipe"]),
        ('"never closed', ['"never', "closed"]),
        ("'", ["'"]),
        ('""', [""]),
        ('a "" b', ["a", "", "b"]),
        ("\u2014state enabled", ["--state", "enabled"]),
        ("\u2013state=enabled", ["--state=enabled"]),
        ("a \u2014 b", ["a", "\u2014", "b"]),
        ("well\u2014known", ["well\u2014known"]),
        ('--reason "off \u2014no, on"', ["--reason", "off \u2014no, on"]),
        ("C:\\new", ["C:\\new"]),
    ],
)
def test_text_becomes_words(text, words):
    assert split(text) == words


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('--reason "two words"', "two words"),
        ('--reason="two words"', "two words"),
        ("--reason='don't panic'", "don't panic"),
        ('--REASON "Case Kept"', "Case Kept"),
        ("\u2014reason \u201cfrom a phone\u201d", "from a phone"),
        ('--reason "--share was forgotten"', "--share was forgotten"),
        ("--reason a=b", "a=b"),
        ("--reason=a=b", "a=b"),
        ('--reason ""', ""),
        ("--reason=", ""),
        ("--reason --", "--"),
    ],
)
def test_a_flag_has_its_value_however_it_is_written(text, reason):
    found = read(f"prod-db {text}")

    assert found.words == ("prod-db",)
    assert found.one("--reason") == reason
    assert type(found.one("--reason")) is str


@pytest.mark.parametrize(
    "text",
    [
        "--types A,B",
        "--types=A,B",
        "--types A, B",
        "--types A ,B",
        "--types A , B",
        "--types=A, B",
        "--types ,A,,B,",
        '--types "A, B"',
        "--types A --types B",
        "--types A --share --types=B",
        "--Types A,B",
    ],
)
def test_a_list_may_have_spaces_and_be_given_in_parts(text):
    assert read(text).all("--types") == ("A", "B")


def test_a_list_ends_where_the_next_word_begins():
    found = read("--types A, B prod-db --share")

    assert found.words == ("prod-db",)
    assert found.all("--types") == ("A", "B")
    assert found.has("--share")


@pytest.mark.parametrize(
    ("marked", "typed"),
    [
        ("ask <@U0A|ann> in <#C0A|alerts>", "ask @ann in #alerts"),
        ("<@U0A>", "<@U0A>"),
        ("<!channel>", "<!channel>"),
        ("a < b > c", "a < b > c"),
    ],
)
def test_people_and_channels_in_a_reason_are_named_as_they_were_typed(marked, typed):
    assert as_typed(marked) == typed


def test_an_empty_list_is_not_a_list_that_was_not_given():
    assert read('--types ""').has("--types")
    assert read('--types ""').all("--types") == ()
    assert not read("prod-db").has("--types")


def test_a_word_in_quotes_is_never_a_flag():
    assert read('"--share"').words == ("--share",)


def test_what_was_not_given_is_none_and_not_empty():
    found = read("prod-db")

    assert (found.one("--state"), found.all("--types"), found.has("--share")) == (None, (), False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("--stat enabled", "`--stat` here. Did you mean `--state`?"),
        ("--resaon x", "Did you mean `--reason`?"),
        ("--zzzzzz", "There is no flag `--zzzzzz` here."),
        ("--state", "`--state` needs a value: `--state enabled|disabled`"),
        ("--state --share", "`--state` needs a value"),
        ("--types", "`--types` needs a value"),
        ("--share=yes", "`--share` takes no value"),
        ("--state enabled --state disabled", "`--state` is given twice"),
        ("--reason a --REASON=b", "`--reason` is given twice"),
    ],
)
def test_a_wrong_flag_is_refused_with_the_nearest_and_a_usage_line(text, says):
    with pytest.raises(Usage) as caught:
        read(text)

    assert says in str(caught.value)
    assert caught.value.usage == "/csms update NAME"


def test_a_flag_shows_itself_as_a_usage_line_does():
    assert [str(flag) for flag in FLAGS[:1] + FLAGS[3:]] == ["[--state enabled|disabled]", "[--share]"]


def test_whatever_is_typed_is_words_or_a_usage_line():
    rng = random.Random(7)
    pieces = ["--state", "--types", "--", "-", "\u2014", "=", '"', "'", "\u201c", "\u2019", ",", " ", "  ", "a", "B,", "\n", "\x00", "--reason=", "\ud800"]  # fmt: skip
    answers = set()
    for _ in range(5_000):
        text = "".join(rng.choices(pieces, k=rng.randrange(12)))
        try:
            found = read(text)
        except Usage as error:
            answers.add("usage" if str(error).endswith((".", "?")) else f"half a sentence: {error}")
        else:
            assert all(type(word) is str for word in found.words), text
            answers.add("words")
    assert answers == {"usage", "words"}


def test_ordinary_words_come_back_as_they_were_typed():
    rng = random.Random(8)
    letters = "abcXYZ019_-.:/é漢😀'"
    for _ in range(2_000):
        words = ["x" + "".join(rng.choices(letters, k=rng.randrange(10))) for _ in range(rng.randrange(6))]

        assert split(" ".join(words)) == words
        assert split(" ".join(f'"{word} and {word}"' for word in words)) == [
            f"{word} and {word}" for word in words
        ]
