"""Foreign text made harmless, and times that people can read."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.views.text import channel, clean, code, count, cut, esc, escape, group, local, people, person, utc
from tests.views.hostile import BIDI, CONTROL, HIDDEN, corpus


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("  a\tb\r\n c\u2028d\u00a0e ", "a b c d e"),
        ("a\x00b", "ab"),
        ("\x85", ""),
        (BIDI + HIDDEN + CONTROL, ""),
        ("pay\u202elap", "paylap"),
        ("<\u200b!channel>", "<!channel>"),
        ("\ud800x", "x"),
        ("שלום 漢字 😀", "שלום 漢字 😀"),
    ],
)
def test_cleaning_keeps_what_people_see_in_one_line(text, seen):
    assert clean(text) == seen


def test_a_long_text_ends_in_an_ellipsis_and_never_exceeds_its_limit():
    assert clean("abcdef", 6) == "abcdef"
    assert clean("abcdefg", 6) == "abcde…"
    assert clean("\u200b" * 5000 + "x", 6) == "…"
    for text in corpus():
        assert len(clean(text, 20)) <= 20
        assert len(esc(text, 20)) <= 20
        assert len(code(text, 20)) <= 22


def test_an_escape_is_never_split_and_counts_as_it_is_sent():
    assert esc("a<b>&c") == "a&lt;b&gt;&amp;c"
    assert esc("&&&", 15) == "&amp;&amp;&amp;"
    assert esc("&&&", 14) == "&amp;&amp;…"
    assert esc("&&&", 11) == "&amp;&amp;…"
    assert esc("&&&", 10) == "&amp;…"
    assert escape("&lt;") == "&amp;lt;"


def test_code_marks_cannot_be_closed_from_inside():
    assert code("a`b`") == "`a'b'`"
    assert code("<!channel>") == "`&lt;!channel&gt;`"
    assert code("") == code(" \u200b") == "_none_"


def test_a_cut_takes_escapes_mentions_dates_and_code_marks_whole_or_not_at_all():
    date = local(datetime(2026, 11, 23, tzinfo=UTC))
    pieces = ["&amp;", "&lt;", "<@U0A>", date, "`code here`", "plain ", "é"]
    rng = random.Random(1)
    for _ in range(500):
        chosen = rng.choices(pieces, k=10)
        whole, limit = "".join(chosen), rng.randrange(1, 300)

        short = cut(whole, limit)

        assert len(short) <= limit
        if short != whole:
            kept = short.removesuffix("…")
            assert whole.startswith(kept)
            assert kept.count("<") == kept.count(">")
            assert kept.count("`") % 2 == 0
            assert kept.count("&") == kept.count(";")
    assert cut("a < b", 3) == "a …"


@pytest.mark.parametrize(
    "wrong", ["", "<!channel>", "U", "U1><!channel", "u0abc", "U0A B", "X0A", "U" + "A" * 40]
)
def test_only_an_id_is_mentioned(wrong):
    assert person("U0A") == "<@U0A>"
    assert person("W0A") == "<@W0A>"
    assert group("S0A") == "<!subteam^S0A>"
    assert channel("C0A") == "<#C0A>"
    assert channel("") == "_no channel_"
    assert "<" not in person(wrong)
    assert "<" not in group(wrong.replace("U", "S"))
    assert "<" not in channel(wrong.replace("U", "C"))


def test_people_are_named_and_a_crowd_is_counted():
    assert people(("U0A", "S0B")) == "<@U0A>, <!subteam^S0B>"
    assert people(()) == ""
    assert "more" not in people(tuple(f"U0A{one}" for one in range(20)))
    assert people(tuple(f"U0A{one}" for one in range(23))).endswith("<@U0A19> and 3 more")


def test_times_are_shown_in_utc_and_in_the_readers_own_zone():
    at = datetime(2026, 11, 23, 5, 5, 6, tzinfo=timezone(timedelta(hours=1)))

    assert utc(at) == "2026-11-23 04:05:06 UTC"
    assert utc(at + timedelta(milliseconds=7)) == "2026-11-23 04:05:06.007 UTC"
    assert local(at) == "<!date^1795406706^{date_short_pretty} {time_secs}|2026-11-23 04:05:06 UTC>"
    assert utc(None) == local(None) == "unknown"


def test_things_are_counted_in_english():
    assert [count(one, "event") for one in (0, 1, 2)] == ["0 events", "1 event", "2 events"]


def test_marks_are_not_heaped_on_a_letter():
    assert clean("Z" + "\u0321\u035f" * 100 + "a\u0301lgo") == "Z\u0321\u035f\u0321a\u0301lgo"
    assert clean("e\u0323\u0302 cafe\u0301") == "e\u0323\u0302 cafe\u0301"
