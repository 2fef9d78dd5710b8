"""SDK-HMAC-SHA256, the signature of Huawei Cloud's gateway. Pure: text in, text out.

Source: "Signing process" of the API request signing guide, and the vectors of the official SDKs' tests.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

ALGORITHM = "SDK-HMAC-SHA256"


def sdk_date(now: datetime) -> str:
    """The value of X-Sdk-Date. The gateway accepts 15 minutes of skew."""
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def encode(text: str) -> str:
    """Percent-encoding as the signature wants it: everything but letters, digits, `-`, `.`, `_`, `~`."""
    return quote(text, safe="")


def canonical_request(method: str, *, target: str, headers: Mapping[str, str], body: bytes) -> str:
    """What is signed. `target` is the path and query as sent; every one of `headers` is signed."""
    path, _, query = target.partition("?")
    uri = "/".join(encode(unquote(segment)) for segment in path.split("/"))
    if not uri.endswith("/"):
        uri += "/"  # only in what is signed: the path that is sent has none
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    lines = {name.lower(): value.strip() for name, value in headers.items()}
    return "\n".join(
        (
            method.upper(),
            uri,
            "&".join(f"{encode(key)}={encode(value)}" for key, value in pairs),
            "".join(f"{name}:{lines[name]}\n" for name in sorted(lines)),
            ";".join(sorted(lines)),
            hashlib.sha256(body).hexdigest(),
        )
    )


def authorization(*, access_key: str, secret_key: str, date: str, canonical: str) -> str:
    """The value of the Authorization header. `date` is what X-Sdk-Date says."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(secret_key.encode(), f"{ALGORITHM}\n{date}\n{digest}".encode(), hashlib.sha256)
    signed = canonical.rsplit("\n", 2)[1]
    return f"{ALGORITHM} Access={access_key}, SignedHeaders={signed}, Signature={signature.hexdigest()}"
