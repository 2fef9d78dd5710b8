"""What is in the workspace now. Every change goes through here, and from here to the journal and the open pages."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from bot.sandbox.faults import FaultPlan
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.fault import Fault
from bot.sandbox.slack.grants import ResponseUrls, Triggers
from bot.sandbox.slack.journal import Journal
from bot.sandbox.slack.limits import RateLimits
from bot.sandbox.slack.model import TOMBSTONE, Content, Effect, JsonDict, Message, StoredFile, View
from bot.sandbox.slack.seed import App, Channel, Seed, User
from bot.sandbox.slack.sockets import SocketHub

FoundT = TypeVar("FoundT")

SLACKBOT = "USLACKBOT"
"""Whom Slack names as the author of a tombstone."""


class Standing(StrEnum):
    """Whether the app's credentials are good; any other than VALID is the error that every call gets."""

    VALID = "valid"
    INVALID_AUTH = "invalid_auth"
    ACCOUNT_INACTIVE = "account_inactive"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105


class State:
    """The data of one workspace. All of it belongs to one event loop; nothing here waits for the network.

    `clock` gives seconds since the epoch; trigger ids, response URLs, rate limits and message times all go by it.
    `base_url` is how the app reaches this server; the server keeps it to what the app itself last called.
    """

    def __init__(self, seed: Seed, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.team = seed.team
        self.app = seed.app
        self.users = {user.id: user for user in seed.users}
        self.channels = {channel.id: channel for channel in seed.channels}
        self.usergroups = {group.id: group for group in seed.usergroups}
        self.base_url = ""
        self.standing = Standing.VALID
        self.journal = Journal(clock)
        self.faults: FaultPlan[Fault] = FaultPlan()
        self.rate_limits = RateLimits(clock, enabled=seed.rate_limits)
        self.triggers = Triggers(clock)
        self.response_urls = ResponseUrls(clock)
        self.sockets = SocketHub(on_change=self._app_connection_changed)
        self.files: dict[str, StoredFile] = {}
        self._messages: dict[str, dict[str, Message]] = {}
        self._replies: dict[tuple[str, str], dict[str, Message]] = {}
        self._deleted: set[tuple[str, str]] = set()
        self._ephemerals: dict[str, dict[str, Message]] = {}
        self._stacks: dict[str, tuple[View, ...]] = {}
        self._homes: dict[str, View] = {}
        self._pages: dict[asyncio.Queue[JsonDict], str] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self._last_ts_us = 0
        self._ids = itertools.count(1)
        self.background: set[asyncio.Task[None]] = set()

    # -- identifiers -------------------------------------------------------------------------------------------

    def next_ts(self) -> str:
        """A message time, later than every one before it even if the clock stands still."""
        self._last_ts_us = max(int(self.clock() * 1_000_000), self._last_ts_us + 1)
        seconds, microseconds = divmod(self._last_ts_us, 1_000_000)
        return f"{seconds}.{microseconds:06d}"

    def next_id(self, prefix: str) -> str:
        """An id that nothing else in this workspace has."""
        return f"{prefix}{next(self._ids):08d}{secrets.token_hex(2).upper()}"

    # -- people and channels -----------------------------------------------------------------------------------

    def person(self, user_id: str) -> User:
        """A user who may act. Raises `SlackError`: user_not_found, and account_inactive for a deleted one."""
        user = self.users.get(user_id)
        if user is None or user.is_bot:
            raise SlackError("user_not_found")
        if user.deleted:
            raise SlackError("account_inactive")
        return user

    def sees(self, user_id: str, channel: Channel) -> bool:
        """Whether a person can read `channel`: a guest, and anyone in a private one, only as a member."""
        if user_id in channel.members:
            return True
        user = self.users.get(user_id)
        return user is not None and not user.is_guest and not channel.is_private and not channel.is_im

    def visible_channel(self, user_id: str, channel_id: str) -> Channel:
        """The channel, if that person can read it; else `SlackError` channel_not_found."""
        channel = self.channels.get(channel_id)
        if channel is None or not self.sees(user_id, channel):
            raise SlackError("channel_not_found")
        return channel

    def open_im(self, user_id: str) -> Channel:
        """The conversation of the app's bot with a person, made at first use. `SlackError` user_not_found."""
        user = self.users.get(user_id)
        if user is None or user.is_bot:
            raise SlackError("user_not_found")
        for channel in self.channels.values():
            if channel.is_im and channel.user == user_id:
                return channel
        bot = self.app.bot_user_id
        channel = Channel(
            self.next_id("D"),
            self.app.name,
            members=(user_id, bot),
            is_im=True,
            is_private=True,
            user=user_id,
        )
        self.put_channel(channel)
        return channel

    def put_channel(self, channel: Channel) -> None:
        """Adds a channel or changes one."""
        self.channels[channel.id] = channel
        for page, user_id in self._pages.items():
            page.put_nowait({"type": "channels", "channels": self.channels_shown_to(user_id)})
        self._touch()

    def put_app(self, app: App) -> None:
        """Changes the app: its scopes, its request URL."""
        self.app = app
        self._app_connection_changed()

    def put_user(self, user: User) -> None:
        """Adds a user or changes one."""
        self.users[user.id] = user
        self._touch()

    def channels_shown_to(self, user_id: str) -> list[JsonDict]:
        """The sidebar of one person, as the page takes it."""
        return [
            {
                "id": channel.id, "name": channel.name, "topic": channel.topic, "is_private": channel.is_private,
                "is_im": channel.is_im, "is_archived": channel.is_archived,
                "is_member": user_id in channel.members, "members": list(channel.members),
                **({"user": self.app.bot_user_id} if channel.is_im else {}),
            }
            for channel in self.channels.values() if self.sees(user_id, channel)
        ]  # fmt: skip

    # -- messages ----------------------------------------------------------------------------------------------

    def messages(self, channel: str) -> list[Message]:
        """Everything in a channel, thread replies included, oldest first; nothing that is ephemeral."""
        return list(self._messages.get(channel, {}).values())

    def message(self, channel: str, ts: str) -> Message | None:
        """One message that everybody in the channel sees."""
        return self._messages.get(channel, {}).get(ts)

    def replies(self, channel: str, thread_ts: str) -> list[Message]:
        """The replies of a thread, oldest first, without its first message."""
        return list(self._replies.get((channel, thread_ts), {}).values())

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person sees, in all channels, oldest first."""
        return list(self._ephemerals.get(user, {}).values())

    def ephemeral(self, user: str, ts: str) -> Message | None:
        """One message that only this person sees."""
        return self._ephemerals.get(user, {}).get(ts)

    def bot_message(
        self, channel: str, content: Content, *, thread_ts: str | None = None, ephemeral_to: str | None = None
    ) -> Message:
        """A new message by the app, not yet posted."""
        app = self.app
        return Message(
            channel, self.next_ts(), app.bot_user_id, content, thread_ts=thread_ts, bot_id=app.bot_id,
            app_id=app.app_id, ephemeral_to=ephemeral_to,
        )  # fmt: skip

    def post(self, message: Message, *, method: str) -> Message:
        """Puts a new message into its channel, or before the one person it is for."""
        parent = self.message(message.channel, message.thread_ts) if message.thread_ts else None
        self._put(message)
        self.journal.message(Effect.POST, message, method=method)
        self._show("message", message)
        if parent is not None and message.ephemeral_to is None:
            parent = replace(parent, thread_ts=parent.ts)
            self._put(parent)
            self._show("message_changed", parent)
        self._touch()
        return message

    def edit(self, message: Message, content: Content, *, method: str) -> Message:
        """Changes what a message says."""
        edited = replace(message, content=content, edited_ts=self.next_ts())
        self._put(edited)
        self.journal.message(Effect.EDIT, edited, method=method)
        self._show("message_changed", edited)
        self._touch()
        return edited

    def remove(self, message: Message, *, method: str) -> None:
        """Takes a message away. Where a thread hangs from it, Slack leaves a tombstone until that is empty too."""
        self.journal.message(Effect.DELETE, message, method=method)
        if not message.is_reply and self.replies(message.channel, message.ts):
            words = Content("This message was deleted.")
            stone = Message(
                message.channel, message.ts, SLACKBOT, words, thread_ts=message.ts, subtype=TOMBSTONE
            )
            self._put(stone)
            self._show("message_changed", stone)
            self._touch()
            return
        self._take_away(message)
        if message.is_reply and (parent := self.message(message.channel, message.thread_ts or "")):
            if parent.is_tombstone and not self.replies(parent.channel, parent.ts):
                self._take_away(parent)
            else:
                self._show("message_changed", parent)
        self._touch()

    def was_deleted(self, channel: str, ts: str) -> bool:
        """Whether a message stood there once."""
        return (channel, ts) in self._deleted

    def _take_away(self, message: Message) -> None:
        for shelf in self._shelves(message):
            shelf.pop(message.ts, None)
        if message.ephemeral_to is None:
            self._deleted.add((message.channel, message.ts))
        self._broadcast(message, {"type": "message_deleted", "channel": message.channel, "ts": message.ts})

    def page_message(self, message: Message) -> JsonDict:
        """A message as the page takes it."""
        shown = message.as_json() | {"channel": message.channel}
        if message.ephemeral_to is not None:
            return shown | {"is_ephemeral": True}
        return shown | self.thread_summary(message)

    def thread_summary(self, message: Message) -> JsonDict:
        """What Slack adds to the first message of a thread; empty for any other message."""
        replies = [] if message.is_reply else self.replies(message.channel, message.ts)
        if not replies:
            return {}
        authors = list(dict.fromkeys(reply.user for reply in replies))
        return {
            "thread_ts": message.ts, "reply_count": len(replies), "reply_users": authors,
            "reply_users_count": len(authors), "latest_reply": replies[-1].ts,
        }  # fmt: skip

    # -- views -------------------------------------------------------------------------------------------------

    def views(self, user: str) -> tuple[View, ...]:
        """The open modals of a person, the one on top last."""
        return self._stacks.get(user, ())

    def home(self, user: str) -> View | None:
        """The App Home tab last published for a person."""
        return self._homes.get(user)

    def find_view(self, view_id: str) -> View | None:
        """An open modal or a published home, by its id."""
        everything = itertools.chain(self._homes.values(), *self._stacks.values())
        return next((view for view in everything if view.id == view_id), None)

    def find_external_view(self, external_id: str) -> View | None:
        """An open modal or a published home, by the id the app gave it."""
        everything = itertools.chain(self._homes.values(), *self._stacks.values())
        return next((view for view in everything if view.body.get("external_id") == external_id), None)

    def set_stack(self, user: str, stack: tuple[View, ...], *, changed: View | None, method: str) -> None:
        """Changes which modals a person has open; `changed` is the view that is new or different, if one is."""
        self._stacks[user] = stack
        if changed is not None:
            self.journal.view(Effect.VIEW, changed, method=method)
        self._to_pages(user, {"type": "views", "stack": [self.page_view(view) for view in stack]})
        self._touch()

    def keep_view(self, view: View) -> None:
        """Keeps what a person typed into a view, or the errors at its fields; pages are not told."""
        if view.body["type"] == "home":
            self._homes[view.user] = view
        else:
            self._stacks[view.user] = tuple(
                view if other.id == view.id else other for other in self.views(view.user)
            )

    def put_home(self, view: View, *, method: str) -> None:
        """Publishes a person's App Home tab."""
        self._homes[view.user] = view
        self.journal.view(Effect.HOME, view, method=method)
        self._to_pages(view.user, {"type": "home", "view": self.page_view(view)})
        self._touch()

    def view_json(self, view: View) -> JsonDict:
        """A view in Slack's shape."""
        return view.body | {
            "id": view.id, "team_id": self.team.id, "state": {"values": view.values}, "hash": view.hash,
            "root_view_id": view.root_view_id, "previous_view_id": view.previous_view_id,
            "app_id": self.app.app_id, "app_installed_team_id": self.team.id, "bot_id": self.app.bot_id,
        }  # fmt: skip

    def page_view(self, view: View) -> JsonDict:
        """A view as the page takes it: Slack's shape and the errors to show at its fields."""
        return self.view_json(view) | ({"errors": view.errors} if view.errors else {})

    # -- pages and waiting -------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def page(self, user_id: str) -> Iterator[asyncio.Queue[JsonDict]]:
        """A queue of every frame an open page of this person gets while the block runs."""
        frames: asyncio.Queue[JsonDict] = asyncio.Queue()
        self._pages[frames] = user_id
        try:
            yield frames
        finally:
            del self._pages[frames]

    def toast(self, user_id: str, text: str, *, level: str = "error") -> None:
        """Shows a passing notice (level `error` or `info`) on a person's pages."""
        self._to_pages(user_id, {"type": "toast", "level": level, "text": text})

    async def wait_for(self, predicate: Callable[[], FoundT | None], timeout_s: float = 3.0) -> FoundT:
        """Waits until `predicate` gives something true, and returns that. TimeoutError after `timeout_s` seconds.

        It is asked again at each change here, and every 50 ms for what changes elsewhere.
        """
        async with asyncio.timeout(timeout_s):
            while not (found := predicate()):
                changed = asyncio.get_running_loop().create_future()
                self._waiting.add(changed)
                await asyncio.wait({changed}, timeout=0.05)
                self._waiting.discard(changed)
        return found

    def _shelves(self, message: Message) -> list[dict[str, Message]]:
        if message.ephemeral_to is not None:
            return [self._ephemerals.setdefault(message.ephemeral_to, {})]
        shelves = [self._messages.setdefault(message.channel, {})]
        if message.thread_ts is not None and message.is_reply:
            shelves.append(self._replies.setdefault((message.channel, message.thread_ts), {}))
        return shelves

    def _put(self, message: Message) -> None:
        for shelf in self._shelves(message):
            shelf[message.ts] = message

    def _show(self, kind: str, message: Message) -> None:
        self._broadcast(message, {"type": kind, "message": self.page_message(message)})

    def _broadcast(self, about: Message, frame: JsonDict) -> None:
        channel = self.channels.get(about.channel)
        for page, user_id in self._pages.items():
            if about.ephemeral_to is not None:
                if user_id == about.ephemeral_to:
                    page.put_nowait(frame)
            elif channel is not None and self.sees(user_id, channel):
                page.put_nowait(frame)

    def _to_pages(self, user_id: str, frame: JsonDict) -> None:
        for page, owner in self._pages.items():
            if owner == user_id:
                page.put_nowait(frame)

    def _app_connection_changed(self) -> None:
        for page in self._pages:
            page.put_nowait({"type": "app", "connected": self.app_connected})
        self._touch()

    @property
    def app_connected(self) -> bool:
        """Whether the app can be reached: a Socket Mode connection, or a request URL."""
        return bool(self.sockets) or self.app.request_url is not None

    def _touch(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
