"""One call of a Web API method, and the checks that several methods share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.seed import Channel
from bot.sandbox.slack.state import State

_TS = re.compile(r"\d{1,12}\.\d{1,6}")

Access = Literal["history", "read"]


@dataclass(frozen=True, slots=True)
class Call:
    """What a method works on."""

    state: State
    method: str
    args: Args

    def require_scope(self, *any_of: str) -> None:
        """`SlackError` missing_scope unless the token has one of these."""
        granted = self.state.app.scopes
        if not any(scope in granted for scope in any_of):
            raise SlackError("missing_scope", needed=any_of[0], provided=",".join(granted))

    def conversation(self, access: Access | None = None) -> Channel:
        """The channel of the argument `channel`, as far as the bot knows of it.

        Raises `SlackError`: channel_not_found, also for a private channel that the bot is not in; with `access`,
        missing_scope for the scope that this kind of channel needs (Slack: docs of conversations.history, .info).
        """
        if access is not None:
            self.require_scope(*(f"{kind}:{access}" for kind in ("channels", "groups", "im")))
        channel = self.state.channels.get(self.args.required("channel"))
        if channel is None:
            raise SlackError("channel_not_found")
        if access is not None:
            self.require_scope(f"{_kind(channel)}:{access}")
        if channel.is_private and not self.bot_is_in(channel):
            raise SlackError("channel_not_found")
        return channel

    def joined_conversation(self, access: Access | None = None) -> Channel:
        """As `conversation`; not_in_channel for a public one that the bot has not joined."""
        channel = self.conversation(access)
        if not self.bot_is_in(channel):
            raise SlackError("not_in_channel")
        return channel

    def bot_is_in(self, channel: Channel) -> bool:
        """Whether the app's bot is a member."""
        return self.state.app.bot_user_id in channel.members

    def thread_ts(self, channel: Channel) -> str | None:
        """The argument `thread_ts`, checked to be the first message of a thread or one that can become it.

        None also for a message that was deleted before anybody had answered: what is said below it stands in the
        channel then, with neither error nor `thread_ts` (slack-go issue 1571, python-slack-events-api issue 87).

        Raises `SlackError`: invalid_thread_ts for no time, thread_not_found for no message, cannot_reply_to_message
        for a reply. (Slack lets some of these pass and shows a stray message; here a mistake is to be seen.)
        """
        thread_ts = self.args.text("thread_ts", "")
        if not thread_ts:
            return None
        if not _TS.fullmatch(thread_ts):
            raise SlackError("invalid_thread_ts")
        parent = self.state.message(channel.id, thread_ts)
        if parent is None and self.state.was_deleted(channel.id, thread_ts):
            return None
        if parent is None:
            raise SlackError("thread_not_found")
        if parent.is_reply:
            raise SlackError("cannot_reply_to_message")
        return thread_ts


def _kind(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "groups" if channel.is_private else "channels"
