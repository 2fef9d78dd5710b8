"""Which addresses the client takes."""

from __future__ import annotations

from bot.addresses import checked
from bot.errors import SettingsError


def address(text: str, *, setting: str, link_local: bool = False) -> str:
    """The address without a trailing slash. SettingsError, naming `setting`, when a signature must not go there."""
    try:
        return checked(text, link_local=link_local)
    except ValueError as error:
        raise SettingsError(f"{setting} {error}") from None
