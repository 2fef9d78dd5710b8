"""How a command, a button or a form answers the person who used it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from bot.errors import Refused, Sent, SlackError
from bot.model import Post, PostKind
from bot.slack.client import PARSE, SlackClient
from bot.slack.interactions import Origin
from bot.store.outbox import Outbox
from bot.views.blocks import Message

log = logging.getLogger(__name__)

FORM_WAITS_S = (0.2, 1.0, 3.0)
"""Pauses before a form is put in its place again; a person is looking at it."""
MOST_WAIT_S = 10.0
GONE = frozenset({"not_found", "view_not_found"})
"""Slack's errors for a form that was closed (views.update, errors)."""


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
        """A direct message, where there is no place to answer in (a form that was closed). StoreFailed.

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
