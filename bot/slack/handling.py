"""What a command, a button or a form is given to work with, and what a command consists of."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.errors import CsmsError, NameMissing, Refused, Usage
from bot.model import Actor
from bot.rules.updates import check_event_name
from bot.rules.words import Flag, Words
from bot.services.changes import Changes
from bot.services.exports import Exports
from bot.services.projects import Projects, Scope
from bot.services.sidedoors import SideDoors
from bot.services.status import Status
from bot.services.undo import Undo
from bot.slack.actors import Actors
from bot.slack.answer import Answer
from bot.slack.interactions import FormValues, Origin
from bot.store import Store
from bot.views.blocks import MESSAGE_BLOCKS, Message, context
from bot.views.text import person

log = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True)
class SlashCommand:
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
class ButtonPress:
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
class FormSubmission:
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

    handle: Callable[[FormSubmission], Awaitable[None]]
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
    handle: Callable[[SlashCommand], Awaitable[None]] | None = None
    buttons: Mapping[str, Callable[[ButtonPress], Awaitable[None]]] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)

    @property
    def all_flags(self) -> tuple[Flag, ...]:
        """Its own, and those that every verb takes."""
        return (*self.flags, PROJECT, SHARE)

    def usage(self, command: str) -> str:
        """`/csms get NAME [--share]`."""
        parts = [command, self.name, self.words, *(str(flag) for flag in self.flags)]
        return " ".join(part for part in parts if part)
