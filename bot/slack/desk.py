"""What a command, a button or a form is given to work with, and how it answers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.errors import CsmsError, NameMissing, Refused, Sent, SlackError, Usage
from bot.model import Actor, Post, PostKind
from bot.rules.updates import check_event_name
from bot.rules.words import Flag, Words
from bot.services.changes import Changes
from bot.services.exports import Exports
from bot.services.projects import Projects, Scope
from bot.services.sidedoors import SideDoors
from bot.services.status import Status
from bot.services.undo import Undo
from bot.slack.actors import Actors
from bot.slack.client import PARSE, SlackClient
from bot.slack.interactions import FormValues, Origin
from bot.store import Store
from bot.store.outbox import Outbox
from bot.views.blocks import MESSAGE_BLOCKS, Message, context
from bot.views.text import person

log = logging.getLogger(__name__)

FORM_WAITS_S = (0.2, 1.0, 3.0)
"""Pauses before a form is put in its place again; a person is looking at it."""
MOST_WAIT_S = 10.0
GONE = frozenset({"not_found", "view_not_found"})
"""Slack's errors for a form that was closed (views.update, errors)."""

PROJECT = Flag("--project", "NAME")
SHARE = Flag("--share")


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases and the store, as the composition root built them."""

    projects: Projects
    store: Store
    changes: Changes
    undo: Undo
    exports: Exports
    sidedoors: SideDoors
    status: Status
    actors: Actors
    clock: Callable[[], datetime]
    command: str
    """The slash command's name, for usage lines."""


class Answer:
    """Answers one delivery: to the person alone unless they share it, in the place where they asked."""

    def __init__(self, slack: SlackClient, origin: Origin, outbox: Outbox) -> None:
        self._slack = slack
        self._origin = origin
        self._outbox = outbox

    async def say(self, message: Message, *, share: bool = False) -> None:
        """A new message to the person, or to the channel with `share`."""
        body: dict[str, Any] = {
            "text": message.text,
            "blocks": message.body,
            "response_type": "in_channel" if share else "ephemeral",
            "replace_original": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        await self._respond(body, message)

    async def replace(self, message: Message) -> None:
        """In place of the message whose button was pressed."""
        body = {"text": message.text, "blocks": message.body, "replace_original": True}
        await self._respond(body, message)

    async def open_form(self, view: Mapping[str, Any]) -> str:
        """Opens a form; its view id. Refused when Slack's three seconds for it are over."""
        try:
            opened = await self._slack.call("views.open", trigger_id=self._origin.trigger_id, view=dict(view))
        except SlackError as error:
            if error.code in (
                "expired_trigger_id",
                "exchanged_trigger_id",
                "invalid_trigger_id",
                "trigger_expired",
            ):
                raise Refused(
                    "Slack gave the form up because it took too long to open. Please try again."
                ) from None
            raise
        return str(opened["view"]["id"])

    async def show_form(self, view_id: str, view: Mapping[str, Any]) -> bool:
        """Puts `view` in an open form's place; False when the person has closed it. SlackError.

        Tried again when the answer was lost or Slack is busy: putting the same view twice shows it once.
        """
        for wait_s in (*FORM_WAITS_S, None):
            try:
                await self._slack.call("views.update", view_id=view_id, view=dict(view))
            except SlackError as error:
                log.info("form not updated", extra={"action": "form_update_failed", "error": str(error)})
                if error.code in GONE:
                    return False
                if wait_s is None or error.sent is Sent.REFUSED or error.retry_after_s > MOST_WAIT_S:
                    raise
                await asyncio.sleep(max(wait_s, error.retry_after_s))
            else:
                break
        return True

    async def publish_home(self, view: Mapping[str, Any]) -> None:
        """The person's home tab."""
        await self._slack.call("views.publish", user_id=self._origin.user, view=dict(view))

    async def tell(self, message: Message) -> None:
        """A direct message, where there is no place to answer in (a form that was closed). StoreError.

        By the outbox, so that it arrives once, also when this delivery is worked on again after a crash.
        """
        origin = self._origin
        # The number of a row is another row's in another database; the moment tells them apart.
        delivery = f"answer/{origin.id}/{origin.received.isoformat()}/{origin.user}"
        key = hashlib.sha256(delivery.encode()).hexdigest()[:32]
        data = {"text": message.text, "blocks": message.body}
        post = Post(key, PostKind.ANSWER, origin.id, project="", user=origin.user, data=data)
        await self._outbox.put(post, origin.received)

    async def send_file(self, name: str, content: bytes, comment: str) -> None:
        """A file in a direct message to the person, and to nobody else. SlackError."""
        opened = await self._slack.call("conversations.open", users=self._origin.user)
        place = await self._slack.call("files.getUploadURLExternal", filename=name, length=len(content))
        await self._slack.upload(str(place["upload_url"]), content)
        await self._slack.call(
            "files.completeUploadExternal",
            files=[{"id": place["file_id"], "title": name}],
            channel_id=opened["channel"]["id"],
            initial_comment=comment,
        )

    async def _respond(self, body: dict[str, Any], message: Message) -> None:
        if self._origin.response_url:
            try:
                await self._slack.respond(self._origin.response_url, body)
                return
            except SlackError as error:
                log.warning("answer failed", extra={"action": "respond_failed", "error": str(error)})
                if error.sent is Sent.UNKNOWN or not self._origin.channel:
                    return
        if self._origin.channel:
            await self._slack.call(
                "chat.postEphemeral",
                channel=self._origin.channel,
                user=self._origin.user,
                text=message.text,
                blocks=message.body,
                parse=PARSE,
            )


@dataclass(frozen=True, slots=True)
class Call:
    """A slash command, parsed."""

    services: Services
    answer: Answer
    origin: Origin
    words: Words

    @property
    def scope(self) -> Scope:
        """The project it means. Refused when that is not clear."""
        return self.services.projects.pick(self.words.one("--project") or "", self.origin.channel)

    async def actor(self) -> Actor:
        """Who asks, looked up in Slack."""
        return await self.services.actors.look_up(self.origin.user, self.origin.team)

    async def say(self, message: Message) -> None:
        """Answers, to the channel when `--share` was given."""
        share = self.words.has("--share")
        if share and message.blocks:
            by = context(f"Shared by {person(self.origin.user)}")
            message = Message(message.text, (*message.blocks[: MESSAGE_BLOCKS - 1], by))
        await self.answer.say(message, share=share)

    def argument(self, what: str, usage: str) -> str:
        """The one word that a verb takes. Usage when it is missing or there are more."""
        if not self.words.words:
            raise Usage(f"{what} is missing.", usage)
        self.at_most(1, usage)
        return self.words.words[0]

    async def event(self, command: Command) -> str:
        """The event that a verb takes. NameMissing, which lets it be chosen; Usage and Refused for a wrong one."""
        usage = command.usage(self.services.command)
        if not self.words.words:
            with contextlib.suppress(
                CsmsError, Refused
            ):  # Names to choose from; the sentence is good without them.
                scope = self.scope
                scope.names = tuple(event.name for event in await scope.csms.list_events())
            raise NameMissing("The event's name is missing.", usage, command.name)
        return check_event_name(self.argument("The event's name", usage))

    def at_most(self, number: int, usage: str, hint: str = "") -> None:
        """Usage when there are more words than `number`; a quote that nobody closed is the usual reason."""
        words = self.words.words
        if len(words) <= number:
            return
        typed = (*words, *(value for values in self.words.flags.values() for value in values))
        if opened := next((word for word in typed if word[:1] in ('"', "'")), ""):
            raise Usage(f"A quote is not closed, from `{opened[:40]}` on.", usage)
        raise Usage(f"`{words[number][:40]}` is one word too many{hint}.", usage)


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button. `key` is untrusted until the store knows it."""

    services: Services
    answer: Answer
    origin: Origin
    key: str

    async def actor(self) -> Actor:
        """Who pressed it, looked up in Slack."""
        return await self.services.actors.look_up(self.origin.user, self.origin.team)

    async def ticket(self, kind: str) -> dict[str, Any]:
        """What the button stands for. Refused when the store does not know it."""
        found = await self.services.store.tickets.read(kind, self.key)
        if found is None:
            raise Refused("This button is too old; please run the command again.")
        return found


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form that was sent."""

    services: Services
    answer: Answer
    origin: Origin
    key: str
    view_id: str
    values: FormValues

    async def actor(self) -> Actor:
        """Who sent it, looked up in Slack."""
        return await self.services.actors.look_up(self.origin.user, self.origin.team)


@dataclass(frozen=True, slots=True)
class Form:
    """A form that a command owns."""

    handle: Callable[[Sheet], Awaitable[None]]
    check: Callable[[Services, str, FormValues], Awaitable[dict[str, str]]]
    """Inside the ack, with values at hand: block id → what is wrong there."""
    waiting: Callable[[], Mapping[str, Any]]
    """The view that stands in the form's place until `handle` has answered."""


@dataclass(frozen=True, slots=True)
class Command:
    """One verb, or a family of buttons, as `commands/__init__.py` lists it."""

    name: str
    """The verb; empty for buttons alone."""
    summary: str = ""
    words: str = ""
    """How its words are written in the usage line."""
    example: str = ""
    flags: tuple[Flag, ...] = ()
    handle: Callable[[Call], Awaitable[None]] | None = None
    buttons: Mapping[str, Callable[[Press], Awaitable[None]]] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)

    @property
    def all_flags(self) -> tuple[Flag, ...]:
        """Its own, and those that every verb takes."""
        return (*self.flags, PROJECT, SHARE)

    def usage(self, command: str) -> str:
        """`/csms get NAME [--share]`."""
        parts = [command, self.name, self.words, *(str(flag) for flag in self.flags)]
        return " ".join(part for part in parts if part)
