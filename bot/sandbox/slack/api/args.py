"""The arguments of a call, from a form or from JSON, read as Slack reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.slack.errors import SlackError, invalid_arguments

_TRUE = {"true", "1"}


class Args:
    """Typed access. A form gives every value as text, a JSON body may give any type; both mean the same."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {key: value for key, value in values.items() if value is not None}

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def text(self, name: str, default: str) -> str:
        """A text, or `default` when it is absent. A structure in its place is `invalid_arguments`."""
        value = self._values.get(name, default)
        if isinstance(value, (dict, list)):
            raise invalid_arguments(f"must be a string [json-pointer:/{name}]")
        return str(value)

    def required(self, name: str) -> str:
        """A text that must be there and not empty; else `invalid_arguments`."""
        value = self.text(name, "")
        if not value:
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A truth value: true, "true", 1 and "1" are true."""
        if name not in self._values:
            return default
        return str(self._values[name]).lower() in _TRUE

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number; outside `low`..`high`, or not a number: `invalid_limit` for "limit", else invalid_arguments."""
        try:
            value = int(self.text(name, str(default)))
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise SlackError("invalid_limit") if name == "limit" else invalid_arguments(f"bad {name}")
        return value

    def structure(self, name: str) -> Any:
        """A JSON value, given as such or as text that holds JSON; None when absent.

        Raises `SlackError`: invalid_blocks_format, invalid_metadata_format, invalid_attachments or
        invalid_arguments by the name of the argument, when the text is not JSON.
        """
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            codes = {
                "blocks": "invalid_blocks_format",
                "metadata": "invalid_metadata_format",
                "attachments": "invalid_attachments",
            }
            raise (
                SlackError(codes[name])
                if name in codes
                else invalid_arguments(f"must be valid JSON [json-pointer:/{name}]")
            ) from None
