"""SDK-HMAC-SHA256 from the receiving side: what a request must have been signed as, from its raw bytes.

Written from the description of the algorithm, apart from the bot's own signer, so that one can check the other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "SDK-HMAC-SHA256"

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Access=(?P<access>[^,\s]+), ?SignedHeaders=(?P<headers>[^,\s]+), ?Signature=(?P<signature>[0-9a-f]{{64}})"
)


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it came over the wire; `path` and `query` still percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of an Authorization header: access key, names of the signed headers, signature in hex."""

    access: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)

    @classmethod
    def parse(cls, header: str) -> Authorization | None:
        """None when the header is of another scheme or shape."""
        found = _AUTHORIZATION.fullmatch(header.strip())
        if found is None:
            return None
        return cls(found["access"], tuple(found["headers"].split(";")), found["signature"])


def canonical_request(request: RawRequest, signed_headers: tuple[str, ...]) -> str:
    """The six lines that the signature covers. KeyError when a signed header was not sent."""
    segments = [quote(unquote_to_bytes(segment), safe="~") for segment in request.path.split("/")]
    uri = "/".join(segments)
    if not uri.endswith("/"):
        uri += "/"  # the signed path ends so, whatever the sent one does
    pairs = [part.partition("=") for part in request.query.split("&") if part]
    query = "&".join(sorted(f"{_again(name)}={_again(value)}" for name, _, value in pairs))
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed_headers)
    digest = hashlib.sha256(request.body).hexdigest()
    return "\n".join((request.method, uri, query, headers, ";".join(signed_headers), digest))


def sign(canonical: str, *, date: str, secret_key: str) -> str:
    """The signature in hex; `date` is the X-Sdk-Date header. The secret key is used as it is, nothing is derived."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{date}\n{digest}"
    return hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _again(encoded: str) -> str:
    """One spelling of a query's name or value, whichever way the client encoded it on the wire."""
    return quote(unquote_to_bytes(encoded.replace("+", " ")), safe="~")
