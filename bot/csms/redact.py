"""Makes text from outside fit to be shown and logged: no credential, no control character, not long.

The gateway echoes what it could not verify: the canonical request with key id and signature (APIGW.0301).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

SHOWN = 300
"""Characters that are kept."""
LOOKED_AT = 20_000
"""Characters that are looked at; what lies beyond could not be shown anyway."""

KNOWN_FROM = 4
"""Characters a known value must have to be hidden: hiding every "a" would tell more than it hides."""

HIDDEN = "[hidden]"

_KEYS = (
    "access|signature|ak|sk|access_?key(?:_?id)?|secret_?(?:access_?)?key|password"
    "|security_?token|x-auth-token|x-subject-token|x-security-token|x-metadata-token"
)
_RULES = (
    # The echo of a canonical request runs to the end: every line of it may be a header with a token.
    (re.compile(r"(canonical[ _-]?request).*", re.I | re.S), rf"\1 {HIDDEN}"),
    (re.compile(r"(SDK-HMAC-SHA256)\s+\S.*", re.I | re.S), rf"\1 {HIDDEN}"),
    (re.compile(r"(authorization[\"']?\s*[=:]).*", re.I | re.S), rf"\1 {HIDDEN}"),
    (re.compile(rf"""(?<![\w-])({_KEYS})(["']?\s*[=:]\s*["']?)[^\s,;"'&]+""", re.I), rf"\1\2{HIDDEN}"),
    (re.compile(r"""(["']secret["']\s*:\s*)["'][^"']*["']""", re.I), rf"\1{HIDDEN}"),
    (re.compile(r"\bx(?:ox[a-z]|app)[.-][A-Za-z0-9.-]+"), HIDDEN),
    (re.compile(r"\bMII[A-Za-z0-9+/=_-]{40,}"), HIDDEN),  # how every IAM token begins: a CMS message, base64
)


def redact(text: str, *, known: Iterable[str] = (), limit: int = SHOWN) -> str:
    """`text` without credentials, on one line, at most `limit` characters.

    `known` are values to hide wherever they stand: the access key id of the credential in use.
    """
    if len(text) > LOOKED_AT:
        text = text[:LOOKED_AT].rpartition(" ")[0]  # never ends inside a token, which no rule would know
    text = plain(text)
    for value in known:
        if len(value) >= KNOWN_FROM:
            text = text.replace(value, HIDDEN)
    for rule, instead in _RULES:
        text = rule.sub(instead, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain(text: str) -> str:
    """One line: runs of white space and control characters become a space; format characters
    (bidirectional overrides, zero width) and lone surrogates go, so that no rule can be dodged by them."""
    kept = "".join(_plain(char) for char in text) if not text.isprintable() else text
    return " ".join(kept.split())


def _plain(char: str) -> str:
    match unicodedata.category(char):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs":
            return ""
        case _:
            return char
