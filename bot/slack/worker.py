"""Takes inbox rows and lets the commands answer them. The one seam where every error becomes a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.errors import BotError, NotAllowed, Refused, SlackError, StoreFailed, Usage
from bot.model import Entry
from bot.nearest import did_you_mean
from bot.rules.access import NOBODY, Action, authorize
from bot.rules.words import parse, split
from bot.slack.answer import Answer
from bot.slack.client import SlackClient
from bot.slack.handling import ButtonPress, Command, Form, FormSubmission, Services, SlashCommand
from bot.slack.interactions import Click, CommandText, HomeOpened, Interaction, Origin, Submission, read
from bot.store.inbox import Envelope, Inbox
from bot.views.blocks import Message
from bot.views.errors import sentence
from bot.views.forms import outcome

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Deliveries that are worked on at the same time: one that waits for CSMS holds nobody else up."""
ANSWERABLE = timedelta(minutes=29)
"""A response_url is good for 30 minutes; a command found later (after a long stop) is dropped, a click is not."""
MOST_ATTEMPTS = 3
"""A row that was in work when the process died this often is put aside: it may be what kills it."""


class Worker:
    """Runs the commands."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        slack: SlackClient,
        services: Services,
        commands: Sequence[Command],
        home: Callable[[Services, Answer, Origin], Any],
        clock: Callable[[], datetime],
        after: Callable[[], None],
    ) -> None:
        self._inbox = inbox
        self._slack = slack
        self._services = services
        self._verbs = {command.name: command for command in commands if command.name}
        self._buttons = {action: press for command in commands for action, press in command.buttons.items()}
        self.forms: Mapping[str, Form] = {
            name: form for command in commands for name, form in command.forms.items()
        }
        self._home = home
        self._clock = clock
        self._after = after
        self._work = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There is something new in the inbox."""
        self._work.set()

    async def check_form(self, sent: Submission) -> tuple[dict[str, str], Mapping[str, Any] | None]:
        """Inside the ack: (field → what is wrong with it, the form to show meanwhile when nothing is)."""
        form = self.forms.get(sent.form)
        if form is None:
            return {}, None
        errors = await form.check(self._services, sent.key, sent.values)
        return (errors, None) if errors else ({}, form.waiting())

    async def run(self, stop: asyncio.Event, *, idle_s: float = 1.0, grace_s: float = 8.0) -> None:
        """Works until `stop` is set, then lets what is under way finish; what does not is taken up at the next start."""
        while not stop.is_set():
            self._work.clear()
            try:
                taken = (
                    await self._inbox.take(AT_ONCE - len(self._running))
                    if len(self._running) < AT_ONCE
                    else []
                )
            except Exception:
                log.exception("inbox failed", extra={"action": "inbox_failed"})
                taken = []
            for envelope in taken:
                task = asyncio.create_task(self._work_on(envelope))
                self._running.add(task)
                task.add_done_callback(self._finished)
            if not taken:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(idle_s):
                        await self._work.wait()
        if self._running:
            await asyncio.wait(self._running, timeout=grace_s)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._work.set()

    async def _work_on(self, envelope: Envelope) -> None:
        try:
            if envelope.attempts > MOST_ATTEMPTS:
                log.error(
                    "put aside", extra={"action": "poison", "kind": envelope.kind, "inbox": envelope.id}
                )
            else:
                await self._read(envelope)
            await self._inbox.done(envelope.id)
        except Exception:
            log.exception("handling failed", extra={"action": "handling_failed", "inbox": envelope.id})
        finally:
            self._after()

    async def _read(self, envelope: Envelope) -> None:
        interaction = read(envelope.kind, envelope.payload, inbox_id=envelope.id, received=envelope.received)
        if interaction is None:
            log.info("not for us", extra={"action": "ignored", "kind": envelope.kind})
            return
        origin = replace(interaction.origin, again=envelope.attempts > 1)
        await self._handle(replace(interaction, origin=origin))

    async def _handle(self, interaction: Interaction) -> None:
        answer = Answer(self._slack, interaction.origin, self._services.store.outbox)
        try:
            await self._route(interaction, answer)
        except BotError as error:
            await self._tell(interaction, answer, sentence(error, self._services.command))
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("unexpected error", extra={"action": "unexpected", "reference": reference})
            text = (
                "Something went wrong inside csms-bot, and nothing more was done. "
                f"The log has the details under `{reference}`."
            )
            await self._tell(interaction, answer, Message(text))

    async def _route(self, interaction: Interaction, answer: Answer) -> None:
        await self._only_people_of_here(interaction)
        match interaction:
            case CommandText():
                await self._command(interaction, answer)
            case Click():
                await self._click(interaction, answer)
            case Submission():
                form = self.forms.get(interaction.form)
                if form is None:
                    raise Refused("This form is not known here; please run the command again.")
                await form.handle(
                    FormSubmission(
                        self._services,
                        answer,
                        interaction.origin,
                        interaction.key,
                        interaction.view_id,
                        interaction.values,
                    )
                )
            case HomeOpened():
                await self._home(self._services, answer, interaction.origin)

    async def _only_people_of_here(self, interaction: Interaction) -> None:
        """Whoever is not of this workspace gets nothing, not even to read. NotAllowed, audited."""
        if isinstance(interaction, Click) and interaction.action_id.startswith("change."):
            return  # The way of a change asks this itself, and audits it with the change's number.
        origin = interaction.origin
        actor = self._services.actors.glance(origin.user, origin.team)
        try:
            authorize(actor, Action.READ, NOBODY).enforce()
        except NotAllowed as error:
            entry = Entry(origin.user, _what(interaction), "refused", reason=f"{error.rule}: {error}")
            await self._services.store.audit.append(entry, self._clock())
            raise

    async def _command(self, typed: CommandText, answer: Answer) -> None:
        if self._clock() - typed.origin.received > ANSWERABLE:
            log.info("too late to answer", extra={"action": "command_too_late"})
            return
        verb, *rest = split(typed.text) or ["help"]
        command = self._verbs.get(verb.lower())
        if command is None or command.handle is None:
            raise Usage(
                f"There is no command `{verb[:40]}`.{did_you_mean(verb, self._verbs)}",
                f"{self._services.command} {'|'.join(self._verbs)}",
            )
        words = parse(rest, command.all_flags, command.usage(self._services.command))
        await command.handle(SlashCommand(self._services, answer, typed.origin, words))

    async def _click(self, click: Click, answer: Answer) -> None:
        press = self._buttons.get(click.action_id)
        if press is None:
            raise Refused("This button is not known to this version of csms-bot.")
        await press(ButtonPress(self._services, answer, click.origin, click.value))

    async def _tell(self, interaction: Interaction, answer: Answer, message: Message) -> None:
        """The sentence goes where the person looks: into the form they sent, else beside what they pressed."""
        try:
            if isinstance(interaction, Submission):
                if not await answer.show_form(interaction.view_id, outcome(message)):
                    await answer.tell(message)
            else:
                await answer.say(message)
        except (SlackError, StoreFailed) as error:
            log.warning("could not tell", extra={"action": "tell_failed", "error": str(error)})


def _what(interaction: Interaction) -> str:
    """What was tried, for the audit log."""
    match interaction:
        case CommandText(text=text):
            return f"command.{(split(text) or ['help'])[0][:40].lower()}"
        case Click(action_id=action_id):
            return action_id[:80]
        case Submission(form=form):
            return f"form.{form[:80]}"
        case HomeOpened():
            return "home.open"
