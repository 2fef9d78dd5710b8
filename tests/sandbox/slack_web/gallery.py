"""A workspace with something of everything in it: what tests look at, and what one looks at while changing the page.

`python -m tests.sandbox.slack_web.gallery [PORT]` serves it until it is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.slack import Workspace, build_app, demo_seed
from bot.serving import serving
from tests.sandbox.slack_web.scripted import Payload, ScriptedApp

ALERTS, APPROVALS, GENERAL = "C00ALERTS", "C00APPROVALS", "C00GENERAL"
ENGINEER, APPROVER, SUBSCRIBER = "U00ENGINEER", "U00APPROVER", "U00SUBSCRIBER"

Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def button(text: str, action_id: str, **extra: Any) -> Block:
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": action_id, **extra}


def option(text: str, value: str = "") -> Block:
    return {"text": plain(text), "value": value or text}


def confirm(title: str, text: str, yes: str, style: str = "primary") -> Block:
    return {
        "title": plain(title),
        "text": mrkdwn(text),
        "confirm": plain(yes),
        "deny": plain("Go back"),
        "style": style,
    }


def input_block(block_id: str, label: str, element: Block, **extra: Any) -> Block:
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **extra}


LIST_ANSWER: list[Block] = [
    {"type": "header", "text": plain("Events")},
    {"type": "context", "elements": [mrkdwn("12 events, 10 enabled · sorted by name · page 1 of 3")]},
    *(
        {
            "type": "section",
            "text": mrkdwn(f":{sign}: *{name}*\n{types} → {target}"),
            "accessory": button("Open", f"open-{name}"),
        }
        for sign, name, types, target in (
            (
                "large_green_circle",
                "billing-rotation",
                "SECRET_ROTATED, SECRET_VERSION_EXPIRED",
                "SMN `billing-oncall`",
            ),
            ("large_green_circle", "db-credentials", "SECRET_VERSION_CREATED", "SMN `platform-alerts`"),
            ("white_circle", "legacy-import", "SECRET_DELETED", "EG `audit-channel`"),
        )
    ),
    {"type": "divider"},
    {
        "type": "actions",
        "elements": [
            button("Previous", "previous"),
            button("Next", "next"),
            {
                "type": "overflow",
                "action_id": "more",
                "options": [option("Only enabled", "enabled"), option("Only disabled", "disabled")],
            },
        ],
    },
]


def approval_card(asked_at: int) -> list[Block]:
    return [
        {"type": "header", "text": plain("CR-12 · Change of db-credentials")},
        {
            "type": "section",
            "fields": [
                mrkdwn(f"*Asked by*\n<@{ENGINEER}>"),
                mrkdwn(
                    f"*Expires*\n<!date^{asked_at + 3600}^{{date_short_pretty}} at {{time}}|in an hour>"
                ),
                mrkdwn("*State*\nenabled → *disabled*"),
                mrkdwn("*Target*\n~platform-alerts~ → *billing-oncall*"),
            ],
        },
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_quote",
                    "elements": [{"type": "text", "text": "Maintenance of the database on Sunday, *no* pages please."}],
                }
            ],
        },
        {
            "type": "actions",
            "elements": [
                button("Approve", "approve", style="primary",
                       confirm=confirm("Approve CR-12?", "*db-credentials* becomes *disabled*.", "Approve")),
                button("Reject", "reject", style="danger",
                       confirm=confirm("Reject CR-12?", "The requester is told.", "Reject", "danger")),
                button("Cancel", "cancel"),
            ],
        },
        {"type": "context", "elements": [mrkdwn("1 approval is needed · nobody but <!subteam^S00APPROVERS> may approve")]},
    ]  # fmt: skip


def alert_card(name: str, secret: str) -> list[Block]:
    return [
        {
            "type": "section",
            "text": mrkdwn(f":rotating_light: *{name}* could not be delivered"),
            "fields": [
                mrkdwn("*Trigger*\nSECRET_ROTATED"),
                mrkdwn(f"*Secret*\n`{secret}`"),
                mrkdwn("*Target*\nSMN billing-oncall"),
                mrkdwn("*Status*\nFAIL"),
            ],
        },
        {
            "type": "actions",
            "elements": [
                button("View event", "view"),
                button("Fix target", "fix", style="primary"),
                button("Acknowledge", "ack"),
                {
                    "type": "static_select",
                    "action_id": "snooze",
                    "placeholder": plain("Snooze"),
                    "options": [option("15 minutes"), option("1 hour"), option("1 day")],
                },
            ],
        },
    ]


def edit_form() -> Block:
    types = [
        option(f"SECRET_{name}") for name in ("ROTATED", "DELETED", "VERSION_CREATED", "VERSION_EXPIRED")
    ]
    return {
        "type": "modal",
        "callback_id": "edit",
        "title": plain("Edit event"),
        "submit": plain("Ask for it"),
        "close": plain("Cancel"),
        "blocks": [
            {"type": "section", "text": mrkdwn("*db-credentials* in project `demo`. Someone else has to approve.")},
            input_block("state", "State", {
                "type": "radio_buttons", "action_id": "v", "options": [option("Enabled"), option("Disabled")],
                "initial_option": option("Enabled"),
            }),
            input_block("types", "Trigger types", {
                "type": "multi_static_select", "action_id": "v", "options": types, "initial_options": types[:1],
                "placeholder": plain("Choose types"),
            }),
            input_block("target", "Target topic", {
                "type": "external_select", "action_id": "topic", "min_query_length": 0, "placeholder": plain("Find a topic"),
            }, hint=plain("SMN topics of this project.")),
            input_block("reason", "Reason", {
                "type": "plain_text_input", "action_id": "v", "multiline": True,
                "placeholder": plain("Why is this needed?"),
            }),
            input_block("until", "Until", {"type": "datepicker", "action_id": "v"}, optional=True),
            input_block("tell", "Tell", {
                "type": "multi_users_select", "action_id": "v", "placeholder": plain("People"),
            }, optional=True),
            input_block("flags", "Also", {
                "type": "checkboxes", "action_id": "v", "options": [
                    {**option("Tell me when it is applied", "tell"), "description": plain("In a direct message")},
                ],
            }, optional=True),
        ],
    }  # fmt: skip


def home_view() -> Block:
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": plain("Secrets at a glance")},
            {"type": "section", "fields": [mrkdwn("*Events*\n12, of which 10 are on"), mrkdwn("*Open requests*\n1"),
                                           mrkdwn("*Failing now*\n2 :rotating_light:"), mrkdwn("*Last poll*\n20 s ago")]},
            {"type": "actions", "elements": [button("List events", "list"), button("Pending", "pending")]},
            {"type": "divider"},
            {"type": "section", "text": mrkdwn("*CR-12* disable _db-credentials_, asked by <@U00ENGINEER>"),
             "accessory": button("Look", "look", style="primary")},
            {"type": "context", "elements": [mrkdwn("`/csms help` tells what else there is.")]},
        ],
    }  # fmt: skip


EVERY_BLOCK: list[Block] = [
    {"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [
            {"type": "text", "text": "bold", "style": {"bold": True}}, {"type": "text", "text": " "},
            {"type": "text", "text": "code", "style": {"code": True}}, {"type": "text", "text": " to "},
            {"type": "user", "user_id": ENGINEER}, {"type": "text", "text": " in "},
            {"type": "channel", "channel_id": ALERTS}, {"type": "text", "text": " "},
            {"type": "emoji", "name": "white_check_mark"}, {"type": "text", "text": " see "},
            {"type": "link", "url": "https://example.org/runbook", "text": "the runbook"}]},
        {"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "first"}]},
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "second"}]}]},
        {"type": "rich_text_list", "style": "ordered", "indent": 1, "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "inner"}]}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": '{"secret": "db", "version": 4}'}]},
    ]},
    {"type": "markdown", "text": "## Weekly report\n- **3** changes\n- 1 ~~rejected~~ [withdrawn](https://example.org)\n\n| event | failures |\n|---|---|\n| billing | 2 |"},
    {"type": "table", "rows": [
        [{"type": "raw_text", "text": "Event"}, {"type": "raw_text", "text": "Type"}, {"type": "raw_text", "text": "When"}],
        [{"type": "raw_text", "text": "billing-rotation"}, {"type": "raw_text", "text": "SECRET_ROTATED"}, {"type": "raw_text", "text": "12:04"}],
        [{"type": "raw_text", "text": "db-credentials"}, {"type": "raw_text", "text": "SECRET_DELETED"}, {"type": "raw_text", "text": "12:06"}]],
     "column_settings": [{"is_wrapped": True}, {}, {"align": "right"}]},
]  # fmt: skip


async def fill(app: ScriptedApp) -> None:
    """Posts the gallery's messages, as the app and as people, and scripts the answers to their buttons."""
    workspace = app.workspace
    await app.call("chat.postMessage", channel=ALERTS, text="Backfill", blocks=[
        {"type": "section", "text": mrkdwn("Watching *demo* from now on. 3 older failures are taken as seen.")}])  # fmt: skip
    first = await app.call(
        "chat.postMessage",
        channel=ALERTS,
        text="billing-rotation failed",
        blocks=alert_card("billing-rotation", "billing/stripe-key"),
    )
    for secret in ("billing/paypal-key", "billing/sepa-key", "billing/stripe-key"):
        await app.call(
            "chat.postMessage", channel=ALERTS, thread_ts=first["ts"], text=f":x: `{secret}` at 12:04, FAIL"
        )
    workspace.say(APPROVER, ALERTS, "Looking at it: the topic was deleted yesterday.", thread_ts=first["ts"])
    await app.call(
        "chat.postMessage", channel=APPROVALS, text="CR-12", blocks=approval_card(int(time.time()))
    )
    workspace.say(
        ENGINEER, GENERAL, "Good morning! Sunday is the *database* maintenance, see `db-credentials`."
    )
    workspace.say(ENGINEER, GENERAL, "I will ask for the change in a minute.")
    workspace.say(SUBSCRIBER, GENERAL, "Thanks :+1:")
    await app.call("chat.postMessage", channel=ENGINEER, text="Report", blocks=EVERY_BLOCK)
    await app.call("views.publish", user_id=ENGINEER, view=home_view())

    async def list_events(_payload: Payload) -> Payload:
        return {"response_type": "ephemeral", "text": "12 events", "blocks": LIST_ANSWER}

    async def open_form(payload: Payload) -> None:
        await app.call("views.open", trigger_id=payload["trigger_id"], view=edit_form())

    async def topics(payload: Payload) -> Payload:
        names = ("billing-oncall", "platform-alerts", "audit-channel", "security-team")
        return {"options": [option(name) for name in names if payload["value"] in name]}

    async def refuse_reason(payload: Payload) -> Payload | None:
        reason = payload["view"]["state"]["values"]["reason"]["v"]["value"]
        if len(reason) < 10:
            return {
                "response_action": "errors",
                "errors": {"reason": "A reason that an auditor can use, please."},
            }
        return None

    app.answers |= {
        "list": list_events,
        "update": open_form,
        "fix": open_form,
        "topic": topics,
        "edit": refuse_reason,
    }


class Stage:
    """One server for one workspace after another, each with its scripted app: starting a server takes a while."""

    def __init__(self) -> None:
        self.base_url = ""
        self._client = httpx.AsyncClient()
        self._workspace: ASGIApp | None = None
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self._app if scope["path"] == "/scripted" else self._workspace
        assert chosen is not None, "nothing is on stage"
        await chosen(scope, receive, send)

    @contextlib.asynccontextmanager
    async def gallery(self) -> AsyncIterator[ScriptedApp]:
        """Puts a new, filled workspace on stage and yields its app."""
        workspace = Workspace(replace(demo_seed(), rate_limits=False))
        workspace.base_url = self.base_url
        workspace.app = replace(workspace.app, request_url=f"{self.base_url}/scripted")
        app = ScriptedApp(workspace, self._client)
        self._workspace, self._app = build_app(workspace), app.asgi
        await fill(app)
        try:
            yield app
        finally:
            app.gate.set()
            for task in workspace.background:
                task.cancel()
            await asyncio.gather(*workspace.background, return_exceptions=True)

    @classmethod
    @contextlib.asynccontextmanager
    async def serving(cls, port: int = 0) -> AsyncIterator[Stage]:
        """A stage behind a socket while the block runs."""
        stage = cls()
        async with stage._client, serving(stage, port=port) as stage.base_url:
            yield stage


async def _serve(port: int) -> None:
    async with Stage.serving(port) as stage, stage.gallery():
        print(stage.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
