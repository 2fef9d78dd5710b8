"""No credential survives, whatever text it stands in."""

from __future__ import annotations

import pytest

from bot.csms import redact

SIGNATURE = "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842"


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (
            "verify aksk signature fail, canonicalRequest:GET\n/v1/p/\n\nhost:h\nx-security-token:TOKENTOKEN\n\n"
            f"host SDK-HMAC-SHA256 Access=AKAKAK, SignedHeaders=host, Signature={SIGNATURE}",
            ["TOKENTOKEN", "AKAKAK", SIGNATURE],
        ),
        ("Get secretKey failed,ak:AKAKAK,err:ak not exist", ["AKAKAK"]),
        (f"x Access=AKAKAK, SignedHeaders=host, Signature={SIGNATURE}", ["AKAKAK", SIGNATURE]),
        ("ACCESS = AKAKAK", ["AKAKAK"]),
        ('{"X-Auth-Token": "gAAAAABtoken", "a": 1}', ["gAAAAABtoken"]),
        ("X-Auth-Token: gAAAAABtoken\r\nHost: h", ["gAAAAABtoken"]),
        ("X-Subject-Token=gAAAAABtoken", ["gAAAAABtoken"]),
        ("x-security-token:sts/token+x==", ["sts/token+x=="]),
        ("Authorization: Bearer some.jwt.token", ["some.jwt.token"]),
        ("password=hunter2&user=x", ["hunter2"]),
        ('{"access":"AKAKAK","secret":"SKSKSK","securitytoken":"STSTST"}', ["AKAKAK", "SKSKSK", "STSTST"]),
        ("token xoxb-1234-abcdEFGH was refused", ["xoxb-1234-abcdEFGH", "abcdEFGH"]),
        ("xapp-1-A01-99-deadbeef", ["deadbeef"]),
        ("xoxe.xoxp-1-abcdef", ["abcdef"]),
        ("the token MII" + "Ab3" * 40 + " ends", ["Ab3Ab3"]),
        ("Acc\u200bess=AKAKAK", ["AKAKAK"]),
        ("Signa\u00adture=" + SIGNATURE, [SIGNATURE]),
    ],
)
def test_a_credential_does_not_survive(text, secrets):
    shown = redact(text)

    assert [secret for secret in secrets if secret in shown] == []


def test_a_known_value_is_hidden_wherever_it_stands():
    assert redact("key AKNOWN9 of somebody", known=["AKNOWN9", ""]) == "key [hidden] of somebody"


@pytest.mark.parametrize(
    "text",
    [
        "The secret prod-db does not exist.",
        "The throttling threshold has been reached: policy user over ratelimit,limit:20,time:1 second",
        "verify aksk signature fail",
        "Policy doesn't allow csms:event:update to be performed.",
        "event größe-密 does not exist",
    ],
)
def test_what_helps_is_left_as_it_is(text):
    assert redact(text) == text


def test_control_characters_and_line_ends_become_one_space():
    assert redact("a\r\n\x00\x1b[31mb\u2028c\u202ed\td") == "a [31mb cd d"


def test_long_text_is_cut_to_300_characters():
    shown = redact("x" * 1000)

    assert len(shown) == 300
    assert shown == "x" * 299 + "…"


def test_text_of_300_characters_is_whole():
    assert redact("y" * 300) == "y" * 300


def test_a_token_that_spans_the_end_of_what_is_looked_at_is_not_shown():
    """Nineteen thousand characters that shrink to a word, then a token whose end would be cut off."""
    text = "Signature=" + "a" * 19_980 + " xoxb-secret-secret"

    assert "secret" not in redact(text)
