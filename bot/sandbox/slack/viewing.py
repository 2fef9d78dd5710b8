"""How a view comes to be, changes and goes: one way for views.* and for answers to a submission."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

from bot.sandbox.slack.blockkit import Surface, check_view, complete_blocks
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.inputs import initial_values
from bot.sandbox.slack.model import JsonDict, View
from bot.sandbox.slack.state import State

MAX_STACK = 3
"""Slack: docs of views.push, "limited to pushing 2 additional views"."""
MAX_VIEW_BYTES = 250_000
"""Slack: docs of views.open, view_too_large "if the provided view is greater than 250kb"."""


def read_view(state: State, view: object, surface: Surface, *, replaces: View | None = None) -> JsonDict:
    """A view as an app gave it, checked and with Slack's defaults filled in.

    Raises `SlackError`: view_too_large, invalid_arguments (with the places that are wrong), duplicate_external_id.
    """
    if len(json.dumps(view)) > MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    problems = check_view(view, surface)
    if problems or not isinstance(view, dict):
        raise SlackError("invalid_arguments", messages=problems)
    external_id = view.get("external_id") or ""
    holder = state.find_external_view(external_id) if external_id else None
    if holder is not None and (replaces is None or holder.id != replaces.id):
        raise SlackError("duplicate_external_id")
    defaults = {
        "callback_id": "", "private_metadata": "", "external_id": "", "title": None, "submit": None, "close": None,
        "clear_on_close": False, "notify_on_close": False, "submit_disabled": False,
    }  # fmt: skip
    completed = complete_blocks([view])[0]
    return defaults | completed | {"blocks": complete_blocks(view["blocks"])}


def _hash(state: State) -> str:
    return f"{int(state.clock())}.{secrets.token_hex(4)}"


def new_view(state: State, user: str, body: JsonDict) -> View:
    """A view that has just come to be and is not yet shown."""
    view_id = state.next_id("V")
    return View(view_id, user, body, _hash(state), view_id, values=initial_values(body["blocks"]))


def push_view(state: State, user: str, body: JsonDict, *, method: str) -> View:
    """Puts a view on top of a person's modals. `SlackError` push_limit_reached."""
    stack = state.views(user)
    if len(stack) >= MAX_STACK:
        raise SlackError("push_limit_reached")
    view = new_view(state, user, body)
    if stack:
        view = replace(view, root_view_id=stack[0].id, previous_view_id=stack[-1].id)
    state.set_stack(user, (*stack, view), changed=view, method=method)
    return view


def replace_view(state: State, view: View, body: JsonDict, *, method: str) -> View:
    """Changes what a view shows, in its place. What was typed stays where block_id and action_id stay."""
    values = initial_values(body["blocks"])
    for block_id, actions in values.items():
        for action_id, value in actions.items():
            typed = view.values.get(block_id, {}).get(action_id)
            if typed is not None and typed["type"] == value["type"]:
                actions[action_id] = typed
    changed = replace(view, body=body, hash=_hash(state), values=values, errors={})
    if body["type"] == "home":
        state.put_home(changed, method=method)
    else:
        stack = tuple(changed if other.id == view.id else other for other in state.views(view.user))
        state.set_stack(view.user, stack, changed=changed, method=method)
    return changed
