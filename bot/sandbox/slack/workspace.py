"""What people do in the workspace: one way for the web page and for tests."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.sandbox.slack import payloads
from bot.sandbox.slack.blockkit import Surface, check_options
from bot.sandbox.slack.delivery import Ack, Courier, Delivery, Kind
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.inputs import (
    VALUE_KEYS,
    Element,
    elements,
    entered_value,
    find_element,
    form_errors,
    initial_values,
    merged_values,
)
from bot.sandbox.slack.model import Content, JsonDict, Message, View
from bot.sandbox.slack.respond import show_command_answer
from bot.sandbox.slack.seed import Channel, Seed
from bot.sandbox.slack.state import State
from bot.sandbox.slack.tasks import in_background
from bot.sandbox.slack.viewing import push_view, read_view, replace_view

METHOD = "person"
DEFAULT_MIN_QUERY_LENGTH = 3
"""Slack: docs of external selects, `min_query_length`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person sees of an act: it worked, or `error`. `errors` are texts at fields of a form, by block_id.

    `ack` is what the app answered, None where the app was not asked.
    """

    error: str | None = None
    ack: Ack | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it worked, as far as the person can tell."""
        return self.error is None and not self.errors


class Workspace(State):
    """A workspace with people in it who act.

    An act that Slack's own client would not let anyone do (a channel one cannot see, a button that is not there)
    raises `SlackError`. What the app makes of an act is in the `Outcome`.
    """

    def __init__(self, seed: Seed, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(seed, clock=clock)
        self.courier = Courier(self)

    # -- writing -----------------------------------------------------------------------------------------------

    async def write(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Outcome:
        """What the composer does: a text that begins with `/` is a command, any other one a message."""
        if text.startswith("/"):
            return await self.command(user, channel, text, thread_ts=thread_ts)
        self.say(user, channel, text, thread_ts=thread_ts)
        return Outcome()

    def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Posts a person's message. `SlackError`: no_text, not_in_channel, is_archived, channel_not_found."""
        place = self._writable(user, channel)
        if not text.strip():
            raise SlackError("no_text")
        if user not in place.members:
            raise SlackError("not_in_channel")
        if thread_ts is not None and self.message(channel, thread_ts) is None:
            raise SlackError("thread_not_found")
        content = Content(_escaped(text))
        return self.post(Message(channel, self.next_ts(), user, content, thread_ts=thread_ts), method=METHOD)

    async def command(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Outcome:
        """Sends a slash command, `"/csms list"`, and shows what its ack says.

        The outcome's error is what Slack shows: `/csms failed with the error "operation_timeout"`.
        """
        place = self._writable(user, channel)
        name, _, rest = text.strip().partition(" ")
        command = next((known for known in self.app.commands if known.command == name), None)
        if command is None:
            return Outcome(f"{name} is not a valid command. In Slack, all messages that start with the slash "
                           f"key are interpreted as commands.")  # fmt: skip
        if thread_ts is not None:
            return Outcome(f"{name} is not supported in threads. Sorry!")
        payload = payloads.slash_command(
            self,
            user=self.users[user],
            channel=place,
            command=name,
            text=self._with_ids(rest.strip()) if command.should_escape else rest.strip(),
            url=self.response_urls.issue(user, channel),
        )  # fmt: skip
        ack = await self.courier.deliver(Kind.COMMAND, payload)
        if not ack.ok:
            return Outcome(f'{name} failed with the error "{ack.error}"', ack)
        if ack.body and (ack.body.get("text") or ack.body.get("blocks") or ack.body.get("attachments")):
            try:
                show_command_answer(self, user=user, channel=channel, answer=ack.body)
            except SlackError as error:
                return Outcome(f'{name} failed with the error "{error.code}"', ack)
        return Outcome(ack=ack)

    def _writable(self, user: str, channel: str) -> Channel:
        self.person(user)
        place = self.visible_channel(user, channel)
        if place.is_archived:
            raise SlackError("is_archived")
        return place

    def _with_ids(self, typed: str) -> str:
        # With should_escape, Slack turns names and links into `<…>`, so that a typed `<` has to be told from those.
        text = _escaped(typed)
        people = {user.name: user for user in self.users.values()}
        rooms = {channel.name: channel for channel in self.channels.values() if not channel.is_im}

        def person(match: re.Match[str]) -> str:
            user = people.get(match[1])
            return f"<@{user.id}|{user.name}>" if user else match[0]

        def room(match: re.Match[str]) -> str:
            channel = rooms.get(match[1])
            return f"<#{channel.id}|{channel.name}>" if channel else match[0]

        text = re.sub(r"\bhttps?://[^\s<>]+", r"<\g<0>>", text)
        text = re.sub(r"(?<![\w<])@([\w.-]*\w)", person, text)
        return re.sub(r"(?<![\w<])#([\w-]+)", room, text)

    # -- clicking ----------------------------------------------------------------------------------------------

    async def click(
        self,
        user: str,
        source: Message | View,
        *,
        action_id: str | None = None,
        text: str | None = None,
        block_id: str | None = None,
        chosen: Any = None,
        values: JsonDict | None = None,
    ) -> Outcome:
        """Clicks the element with that `action_id`, or the button that says `text`; confirm dialogs are confirmed.

        `source` is what the person has before their eyes, which may be older than what is there now. `chosen` is what
        is picked in a select, an overflow menu, a date picker …: an option's value, or Slack's shape. `values` is what
        was typed elsewhere in the message or view, as in `state.values`.
        """
        self.person(user)
        element = _element(source, action_id=action_id, text=text, block_id=block_id)
        now = self._as_it_is_now(user, source)
        action = self._action(element, chosen)
        url = None
        if isinstance(now, View):
            now = self._typed(now, self._with_choice(now.blocks, values or {}, element, action))
            entered = now.values
        else:
            given = self._with_choice(now.blocks, values or {}, element, action)
            entered = merged_values(now.blocks, initial_values(now.blocks), given)
            url = self.response_urls.issue(
                user, now.channel, source_ts=now.ts, source_is_ephemeral=now.ephemeral_to is not None
            )
        payload = payloads.block_actions(
            self, user=self.users[user], source=now, action=action, values=entered, url=url
        )
        ack = await self.courier.deliver(Kind.INTERACTIVE, payload)
        return Outcome(ack.error, ack)

    def _action(self, element: Element, chosen: Any) -> JsonDict:
        body = element.body
        action: JsonDict = {
            "type": element.type, "action_id": element.action_id, "block_id": element.block_id,
            "action_ts": self.next_ts(),
        }  # fmt: skip
        action |= {key: body[key] for key in ("text", "value", "style", "placeholder") if key in body}
        if element.type == "overflow":
            stand_in = Element(element.block, body | {"type": "static_select"})
            return action | {"selected_option": entered_value(stand_in, chosen)["selected_option"]}
        if element.type in VALUE_KEYS:
            action |= {k: v for k, v in entered_value(element, chosen).items() if k != "type"}
        return action

    def _with_choice(
        self, blocks: tuple[JsonDict, ...], values: JsonDict, element: Element, action: JsonDict
    ) -> JsonDict:
        key = VALUE_KEYS.get(element.type)
        still_there = any(
            (other.block_id, other.action_id) == (element.block_id, element.action_id)
            for other in elements(blocks)
        )
        if key is None or not still_there:
            return values
        chosen = {element.action_id: {"type": element.type, key: action[key]}}
        return values | {element.block_id: values.get(element.block_id, {}) | chosen}

    def _as_it_is_now(self, user: str, source: Message | View) -> Message | View:
        if isinstance(source, View):
            return self._own_view(user, source.id)
        if source.ephemeral_to is not None:
            message = self.ephemeral(user, source.ts) if source.ephemeral_to == user else None
        else:
            self.visible_channel(user, source.channel)
            message = self.message(source.channel, source.ts)
        if message is None:
            raise SlackError("message_not_found")
        return message

    def _own_view(self, user: str, view_id: str) -> View:
        view = self.find_view(view_id)
        if view is None or view.user != user:
            raise SlackError("not_found")
        return view

    def _typed(self, view: View, values: JsonDict) -> View:
        changed = replace(view, values=merged_values(view.blocks, view.values, values))
        self.keep_view(changed)
        return changed

    async def options(
        self, user: str, source: Message | View, *, action_id: str, block_id: str | None = None, value: str
    ) -> JsonDict:
        """What the app offers for the text typed into an external select: `options` or `option_groups`.

        Raises `SlackError` with what Slack shows when the app does not answer, or answers with bad options.
        """
        self.person(user)
        now = self._as_it_is_now(user, source)
        element = find_element(now.blocks, action_id=action_id, block_id=block_id)
        if element.type not in ("external_select", "multi_external_select"):
            raise SlackError("invalid_action")
        if len(value) < element.body.get("min_query_length", DEFAULT_MIN_QUERY_LENGTH):
            return {"options": []}
        payload = payloads.block_suggestion(
            self,
            user=self.users[user],
            source=now,
            action_id=action_id,
            block_id=element.block_id,
            value=value,
        )
        ack = await self.courier.deliver(Kind.INTERACTIVE, payload)
        if not ack.ok:
            raise SlackError(ack.error or "dispatch_failed")
        offered: JsonDict = {
            key: (ack.body or {})[key] for key in ("options", "option_groups") if key in (ack.body or {})
        }
        if problems := check_options(offered):
            raise SlackError("invalid_options", messages=problems)
        return offered

    # -- forms -------------------------------------------------------------------------------------------------

    async def submit(self, user: str, view_id: str, values: JsonDict | None = None) -> Outcome:
        """Sends off the modal on top, with what was entered: `{block_id: {action_id: value}}`, or Slack's shape.

        Empty required fields and wrong lengths are errors at their fields, and the app is not asked.
        """
        self.person(user)
        view = self._own_view(user, view_id)
        if not self.views(user) or self.views(user)[-1].id != view_id:
            raise SlackError("not_found")
        view = self._typed(view, values or {})
        if errors := form_errors(view.blocks, view.values):
            return self._show_errors(view, errors, None)
        payload = payloads.view_submission(self, user=self.users[user], view=view)
        ack = await self.courier.deliver(Kind.INTERACTIVE, payload)
        if not ack.ok:
            return Outcome(ack.error, ack)
        current = self.find_view(view_id)
        if current is None:
            return Outcome(ack=ack)
        try:
            return self._answered(current, ack)
        except SlackError as error:
            return Outcome(error.code, ack)

    def _answered(self, view: View, ack: Ack) -> Outcome:
        answer = ack.body or {}
        match answer.get("response_action"):
            case None:
                self._close_from(view)
            case "clear":
                self.set_stack(view.user, (), changed=None, method=METHOD)
            case "errors":
                return self._show_errors(view, _field_errors(view, answer.get("errors")), ack)
            case "update":
                body = read_view(self, answer.get("view"), Surface.MODAL, replaces=view)
                replace_view(self, view, body, method="view_submission")
            case "push":
                body = read_view(self, answer.get("view"), Surface.MODAL)
                push_view(self, view.user, body, method="view_submission")
            case _:
                raise SlackError("invalid_response_action")
        return Outcome(ack=ack)

    def _show_errors(self, view: View, errors: dict[str, str], ack: Ack | None) -> Outcome:
        shown = replace(view, errors=errors)
        self.keep_view(shown)
        self.set_stack(view.user, self.views(view.user), changed=None, method=METHOD)
        return Outcome(ack=ack, errors=errors)

    def _close_from(self, view: View) -> None:
        stack = self.views(view.user)
        below = next((at for at, other in enumerate(stack) if other.id == view.id), len(stack))
        self.set_stack(view.user, stack[:below], changed=None, method=METHOD)

    async def close(self, user: str, view_id: str) -> Outcome:
        """Closes a modal without sending it off; the app hears of it if the view asked for that."""
        view = self._own_view(user, view_id)
        cleared = bool(view.body["clear_on_close"])
        if cleared:
            self.set_stack(user, (), changed=None, method=METHOD)
        else:
            self._close_from(view)
        if not view.body["notify_on_close"]:
            return Outcome()
        payload = payloads.view_closed(self, user=self.users[user], view=view, is_cleared=cleared)
        ack = await self.courier.deliver(Kind.INTERACTIVE, payload)
        return Outcome(ack.error, ack)

    # -- the rest ----------------------------------------------------------------------------------------------

    def open_home(self, user: str) -> View | None:
        """Opens the app's Home tab: the view last published, while the app is told with an app_home_opened event."""
        person = self.person(user)
        view = self.home(user)
        payload = payloads.app_home_opened(self, user=person, channel=self.open_im(user), view=view)
        in_background(self.background, self._tell(payload))
        if not self.app_connected:
            self.toast(user, f"{self.app.name} is not connected.")
        return view

    def set_request_url(self, url: str | None) -> None:
        """Sets where the app takes deliveries over HTTP, unasked; None: nowhere."""
        self.put_app(replace(self.app, request_url=url))

    async def send_event(self, inner: JsonDict) -> Ack:
        """Sends any event to the app, with retries; returns the last outcome."""
        return await self.courier.deliver_event(payloads.event(self, inner))

    async def _tell(self, payload: JsonDict) -> None:
        await self.courier.deliver_event(payload)

    def dismiss(self, user: str, ts: str) -> None:
        """Takes away a message that only this person sees. `SlackError` message_not_found."""
        message = self.ephemeral(user, ts)
        if message is None:
            raise SlackError("message_not_found")
        self.remove(message, method=METHOD)

    async def redeliver(self, delivery: Delivery) -> Ack:
        """Sends the same payload once more, as a network may; the ack goes nowhere."""
        return await self.courier.deliver(delivery.kind, delivery.payload)


def _escaped(text: str) -> str:
    # Slack stores and sends people's text with these three escaped (Slack: docs of formatting text).
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _element(
    source: Message | View, *, action_id: str | None, text: str | None, block_id: str | None
) -> Element:
    if action_id is not None:
        return find_element(source.blocks, action_id=action_id, block_id=block_id)
    for element in elements(source.blocks):
        if element.type == "button" and element.label == text:
            return element
    raise SlackError("invalid_action")


def _field_errors(view: View, errors: Any) -> dict[str, str]:
    fields = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or set(errors) - fields:
        raise SlackError("invalid_response_action")
    return {str(block_id): str(text) for block_id, text in errors.items()}
