"""Texts that try to be more than text. Every id in them is strange to us, so that none can pass for ours."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

LIVE = (
    "<!channel>", "<!here>", "<!everyone>", "<!channel|channel>", "<@U0HOSTILE>", "<@U0HOSTILE|root>", "<#C0HOSTILE>",
    "<!subteam^S0HOSTILE>", "<!subteam^S0HOSTILE|@admins>", "<http://evil.example|https://good.example>",
    "<https://evil.example>", "<mailto:a@evil.example|write>", "<!date^0^{date_long}|click>",
    "<!date^1^{date_short_pretty} {time_secs}|1970-01-01 00:00:01 UTC>", "<javascript:alert(1)|x>",
)  # fmt: skip
"""What Slack acts on when it stands in mrkdwn unescaped (Slack: "Formatting text for app surfaces")."""

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
HIDDEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u3164\u115f\ufe0f\U000e0041\U000e007f"
CONTROL = "\x00\x01\x07\x08\x1b\x7f\x85\x9f\ue000"
_ODD = (
    "", " ", "\n", "\t", "&", "&&&", "&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", "&#60;!channel&#62;", "<", ">", "><", "<<<", "<!", "<@",
    "<!channel", "!channel>", "`", "``", "```", "`<!channel>`", "```<!channel>```", "*bold*", "_it_", "~no~", "*_~`", ">quote", "> quote",
    "- a\n- b", "1. a\n2. b", ":rotating_light:", ":white_check_mark: *Applied*", "@channel", "@here", "#general", "https://evil.example",
    "a\nb", "a\r\nb", "a\u2028b\u2029c", "\U0001f4a9" * 40, "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301" * 80, "שלום עולם", "مرحبا",
    "漢字" * 40, "\ud800", "a\udfffb", "\ufffe\uffff", BIDI, HIDDEN, CONTROL, "null", "None", "[object Object]", "%s%n", "{0}{name}", "$(id)", "'; --", "\\", "\\n",
)  # fmt: skip


def corpus() -> list[str]:
    """Some 240 texts: each trick alone, wrapped, hidden, doubled, mixed at random, and very long."""
    texts = list(_ODD)
    for live in LIVE:
        texts += [live, f"name {live} name", f"`{live}`", f"```{live}```", f"*{live}*", live * 30]
        texts += [live.replace("<", "<\u200b"), "\u202e" + live, live.replace("!", "\x00!")]
    rng = random.Random(20261123)
    pieces = [*LIVE, *_ODD, "prod-db", "x" * 40]
    texts += ["".join(rng.choices(pieces, k=rng.randrange(2, 9))) for _ in range(40)]
    texts += ["A" * 100_000, "&" * 100_000, "<!channel>" * 10_000, "\u200b" * 100_000, ("`" + "<") * 50_000]
    texts += [
        "a" * most + "&<!channel>" for most in (18, 38, 58, 62, 63, 64, 78, 98, 118, 198, 254, 298, 598)
    ]
    return texts


def many(numbers: range) -> Iterator[str]:
    """A text for each number, the same each time: tricks, pieces of tricks and odd characters, some of them 100 kB long."""
    signs = [*"<>&!@#|^`*_~:\n\r\t /\\'\"{}[]", *BIDI, *HIDDEN, *CONTROL]
    for number in numbers:
        rng = random.Random(number)
        parts = [
            rng.choice(
                (
                    rng.choice(LIVE),
                    rng.choice(LIVE)[: rng.randrange(1, 12)],
                    rng.choice(_ODD),
                    "".join(rng.choices(signs, k=rng.randrange(1, 12))),
                    chr(rng.randrange(0x110000)),
                    "x" * rng.choice((1, 17, 63, 119, 297)),
                )
            )
            for _ in range(rng.randrange(1, 12))
        ]
        parts.insert(rng.randrange(len(parts) + 1), str(number))
        text = "".join(parts)
        yield (text * (100_000 // len(text) + 1))[:100_000] if number % 100 == 0 else text


def notices(text: str) -> list[str]:
    """Contents of records with `text` in them: raw, in the documented shape, and nested."""
    data = {"secretName": text, "versionId": text, "versionExpireTime": text, "createTime": text}
    known = {"eventName": text, "eventType": "SECRET_VERSION_EXPIRED", "eventTime": text, "data": data}
    return [
        text,
        json.dumps(known),
        json.dumps({"eventType": text, "data": data}),
        json.dumps([text, {text: text}]),
    ]
