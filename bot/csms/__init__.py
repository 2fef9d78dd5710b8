"""The client of CSMS: events, notification records, and what helps to understand them."""

from bot.csms.auth import (
    METADATA,
    AccessKeys,
    AkSkAuth,
    Credential,
    MetadataAuth,
    PasswordAuth,
    TokenAuth,
)
from bot.csms.client import CsmsClient
from bot.csms.credentials import credentials
from bot.csms.endpoints import address
from bot.csms.redact import redact
from bot.csms.wire import FailedTask

__all__ = [
    "METADATA",
    "AccessKeys",
    "AkSkAuth",
    "Credential",
    "CsmsClient",
    "FailedTask",
    "MetadataAuth",
    "PasswordAuth",
    "TokenAuth",
    "address",
    "credentials",
    "redact",
]
