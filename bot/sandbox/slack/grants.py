"""What Slack hands to an app to answer one act of a person: trigger ids and response URLs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.sandbox.slack.errors import SlackError

TRIGGER_LIFE_S = 3
"""How long a trigger_id opens a view (Slack: docs of views.open)."""

RESPONSE_URL_LIFE_S = 30 * 60
RESPONSE_URL_USES = 5
"""Slack: docs of message responses, "up to 5 times within 30 minutes"."""

_TRIGGER_FORMAT = re.compile(r"\d+\.\d+\.[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Leave to open one view for `user`. `view_id`: the modal the act was in."""

    user: str
    view_id: str | None
    expires_at: float


class Triggers:
    """The trigger ids given out: each works once, for three seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, Trigger] = {}
        self._used: set[str] = set()

    def issue(self, user: str, *, view_id: str | None = None) -> str:
        """A new trigger id for an act of `user`."""
        now = self._clock()
        trigger_id = f"{int(now * 1000)}.{len(self._open) + len(self._used)}.{secrets.token_hex(16)}"
        self._open[trigger_id] = Trigger(user, view_id, now + TRIGGER_LIFE_S)
        return trigger_id

    def look(self, trigger_id: str) -> Trigger:
        """What a trigger id gives leave to. Raises `SlackError`: invalid_, exchanged_ or expired_trigger_id."""
        if trigger_id in self._used:
            raise SlackError("exchanged_trigger_id")
        trigger = self._open.get(trigger_id)
        if trigger is None or not _TRIGGER_FORMAT.fullmatch(trigger_id):
            raise SlackError("invalid_trigger_id")
        if self._clock() > trigger.expires_at:
            raise SlackError("expired_trigger_id")
        return trigger

    def use(self, trigger_id: str) -> None:
        """Marks a trigger id as used up."""
        del self._open[trigger_id]
        self._used.add(trigger_id)


@dataclass(frozen=True, slots=True)
class ResponseUrl:
    """Leave to answer one act of `user` in `channel`. `source_ts` is the message it was on, None for a command."""

    key: str
    user: str
    channel: str
    expires_at: float
    source_ts: str | None = None
    source_is_ephemeral: bool = False
    uses: int = 0


class ResponseUrls:
    """The response URLs given out, by the last part of their path."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given: dict[str, ResponseUrl] = {}

    def issue(
        self, user: str, channel: str, *, source_ts: str | None = None, source_is_ephemeral: bool = False
    ) -> ResponseUrl:
        """A new response URL for an act of `user` in `channel`."""
        url = ResponseUrl(
            secrets.token_urlsafe(18), user, channel, self._clock() + RESPONSE_URL_LIFE_S, source_ts,
            source_is_ephemeral,
        )  # fmt: skip
        self._given[url.key] = url
        return url

    def look(self, key: str) -> ResponseUrl:
        """Raises `SlackError`: expired_url after 30 minutes, used_url after five uses, invalid_url if never given."""
        url = self._given.get(key)
        if url is None:
            raise SlackError("invalid_url")
        if self._clock() > url.expires_at:
            raise SlackError("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        return url

    def use(self, url: ResponseUrl) -> None:
        """Counts one use."""
        self._given[url.key] = replace(url, uses=url.uses + 1)
