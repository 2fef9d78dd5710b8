"""Addresses: which host serves what, and where a credential may be sent: by TLS, or to this machine itself."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
"""Where the metadata service of an ECS instance lives, and nothing that leaves the machine."""
EXAMPLE = "https://kms.ap-southeast-3.myhuaweicloud.com"


def of_region(service: str, region: str) -> str:
    """Where a service answers in a region. CSMS answers at the host of KMS (its OpenAPI definition's `host`)."""
    return f"https://{service}.{region}.myhuaweicloud.com"


def beside(endpoint: str, service: str) -> str:
    """Where a service answers whose neighbour CSMS answers at `endpoint`.

    `kms.` in front of any domain has its neighbours in that domain; another address (the embedded CSMS, a gateway) is
    theirs too.
    """
    return re.sub(r"^(https?://)kms\.", rf"\g<1>{service}.", endpoint)


def checked(text: str, *, link_local: bool = False) -> str:
    """The address without a trailing slash. ValueError, never with the text itself, which may hold a password."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", 0
    if (
        port == 0
        or parts.scheme not in ("http", "https")
        or not re.fullmatch(r"[A-Za-z0-9._:-]+", host)
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
        or not text.isprintable()
    ):
        raise ValueError(f"is not an address like {EXAMPLE}")
    if not is_safe(text, link_local=link_local):
        raise ValueError("must begin with https:// (plain http is for this machine only)")
    return text.rstrip("/")


def is_safe(address: str, *, link_local: bool = False) -> bool:
    """Whether what is sent there is encrypted, or does not leave this machine; False for what is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.scheme in ("https", "wss"):
        return bool(parts.hostname)
    return parts.scheme in ("http", "ws") and _stays_here(parts.hostname or "", link_local=link_local)


def _stays_here(host: str, *, link_local: bool) -> bool:
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return ip.is_loopback or (link_local and ip in LINK_LOCAL)
