"""Addresses: which host serves what in a region, and which addresses are safe to send a credential to."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from bot.errors import SettingsError

LOCAL = ipaddress.ip_network("169.254.0.0/16")
"""Link-local: where the metadata service of an ECS instance lives, and nothing that leaves the machine."""


def csms_endpoint(region: str) -> str:
    """CSMS answers at the host of KMS. (CSMS: the OpenAPI definition's host.)"""
    return f"https://kms.{_region(region)}.myhuaweicloud.com"


def iam_endpoint(region: str) -> str:
    """The regional IAM: its tokens are good in that region only, which is all that the bot needs."""
    return f"https://iam.{_region(region)}.myhuaweicloud.com"


def smn_endpoint(region: str) -> str:
    """SMN, whose topics are the targets of events."""
    return f"https://smn.{_region(region)}.myhuaweicloud.com"


def address(text: str, *, setting: str, link_local: bool = False) -> str:
    """The address without a trailing slash. SettingsError, naming `setting`, when it must not be used.

    Requests carry signatures or tokens, so only https will do, or plain http that stays on this machine.
    A value is shown in the error only when it can hold no password.
    """
    try:
        parts = urlsplit(text.strip())
        _ = parts.port  # raises ValueError when it is not a port
    except ValueError:
        raise SettingsError(f"{setting}: not an address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{setting}: not an http or https address")
    if "@" in parts.netloc:
        raise SettingsError(f"{setting}: user and password do not belong into an address")
    if parts.query or parts.fragment:
        raise SettingsError(f"{setting}: an address ends before ? and #")
    if parts.scheme == "http" and not _stays_here(parts, link_local=link_local):
        raise SettingsError(f"{setting}: plain http only to a loopback address, not to {parts.hostname}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _stays_here(parts: SplitResult, *, link_local: bool) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return ip.is_loopback or (link_local and ip in LOCAL)


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        raise SettingsError("HW_REGION_NAME: not a region; one looks like ap-southeast-3")
    return text
