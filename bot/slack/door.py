"""The door: takes what Slack sends, keeps it, acknowledges it. Nothing slow and nothing that decides happens here.

Bolt routes; every listener only writes an inbox row and acks, in a millisecond or two, so a click survives a crash and
Slack's three seconds are never in danger. The two things that must be answered inside the ack, the errors of a form
and the suggestions of a field, come from values at hand.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.slack.client import SlackClient
from bot.slack.interactions import Submission, read_submission, secretless
from bot.store.inbox import Inbox

log = logging.getLogger(__name__)

ANY = re.compile(".*", re.DOTALL)

CheckForm = Callable[[Submission], Awaitable[tuple[dict[str, str], Mapping[str, Any] | None]]]
"""What is wrong with a form, by block id, and else the view that waits in its place."""
Suggest = Callable[[str, str, str], Awaitable[list[dict[str, Any]]]]
"""(action id, what was typed, the key of the form it stands in) → options."""


class Door:
    """Builds the Bolt app whose listeners keep and ack."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        check_form: CheckForm,
        suggest: Suggest,
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._wake = wake
        self._check_form = check_form
        self._suggest = suggest
        self.identity: Mapping[str, Any] = {}
        """auth.test's answer, once there is one."""

    def app(self, slack: SlackClient, signing_secret: str) -> AsyncApp:
        """The Bolt app. `process_before_response`: the ack leaves when the listener returns, not at Bolt's next look."""
        quiet = logging.getLogger("bot.slack.bolt")
        quiet.setLevel(
            logging.CRITICAL
        )  # Bolt logs whole bodies when a signature is wrong; the guard logs one line.

        async def authorize() -> (
            AuthorizeResult
        ):  # A plain function: Bolt would hand a bound method a second `self`.
            return AuthorizeResult(
                enterprise_id=None,
                team_id=self.identity.get("team_id"),
                bot_id=self.identity.get("bot_id"),
                bot_user_id=self.identity.get("user_id"),
                bot_token="-",  # noqa: S106 (listeners never call Slack)
            )

        app = AsyncApp(
            client=slack.web,
            signing_secret=signing_secret or None,
            authorize=authorize,
            process_before_response=True,
            logger=quiet,
        )
        app.command(ANY)(self._on_command)
        app.action(ANY)(self._on_action)
        app.view(ANY)(self._on_view)
        app.view_closed(ANY)(self._on_closed)
        app.options(ANY)(self._on_options)
        app.event("app_home_opened")(self._on_event)
        return app

    async def _on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._keep("command", body)
        await ack()

    async def _on_action(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._keep("action", body)
        await ack()

    async def _on_event(self, body: dict[str, Any], ack: AsyncAck) -> None:
        await self._keep("event", body)
        await ack()

    async def _on_closed(self, ack: AsyncAck) -> None:
        await ack()

    async def _on_view(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        submission = read_submission(body, received=self._clock())
        if submission is not None:
            errors, waiting = await self._check_form(submission)
            if errors:
                await ack(response_action="errors", errors=errors)
                return
            await self._keep("view", body)
            if waiting:
                await ack(response_action="update", view=dict(waiting))
                return
        await ack()

    async def _on_options(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        view = body.get("view")
        form = view.get("private_metadata") if isinstance(view, dict) else ""
        words = [
            one if isinstance(one, str) else "" for one in (body.get("action_id"), body.get("value"), form)
        ]
        await ack(options=await self._suggest(*words))

    async def _keep(self, kind: str, body: dict[str, Any]) -> None:
        payload = secretless(body)
        try:
            kept = await self._inbox.receive(_key(kind, payload), kind, payload, self._clock())
        except Exception:
            # Not acked then, so the person sees that it failed, and Slack delivers an event again.
            log.exception("could not keep a delivery", extra={"action": "inbox_failed", "kind": kind})
            raise
        if kept:
            self._wake()
        else:
            log.info("redelivered", extra={"action": "redelivered", "kind": kind})


def _key(kind: str, payload: Mapping[str, Any]) -> str:
    """The same for a redelivery and for nothing else: an event's id, or all that was sent (with its trigger id)."""
    event_id = payload.get("event_id")
    if kind == "event" and event_id:
        return f"event:{event_id}"
    text = json.dumps(payload, sort_keys=True)
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
