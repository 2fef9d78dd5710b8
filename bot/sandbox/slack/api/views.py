"""views.open, views.push, views.update, views.publish."""

from __future__ import annotations

from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.blockkit import Surface
from bot.sandbox.slack.errors import SlackError, invalid_arguments
from bot.sandbox.slack.grants import Trigger
from bot.sandbox.slack.model import JsonDict, View
from bot.sandbox.slack.viewing import new_view, push_view, read_view, replace_view


def _trigger(call: Call) -> tuple[str, Trigger]:
    trigger_id = call.args.required("trigger_id")
    return trigger_id, call.state.triggers.look(trigger_id)


def _view_argument(call: Call) -> object:
    view = call.args.structure("view")
    if view is None:
        raise invalid_arguments("missing required field: view")
    return view


def _answer(call: Call, view: View) -> JsonDict:
    return {"view": call.state.view_json(view)}


def open_(call: Call) -> JsonDict:
    """Slack: docs of views.open. Where a modal is open already, the new one takes the place of the whole stack."""
    trigger_id, trigger = _trigger(call)
    body = read_view(call.state, _view_argument(call), Surface.MODAL)
    view = new_view(call.state, trigger.user, body)
    call.state.triggers.use(trigger_id)
    call.state.set_stack(trigger.user, (view,), changed=view, method=call.method)
    return _answer(call, view)


def push(call: Call) -> JsonDict:
    """Slack: docs of views.push. Only for an act inside a modal, and at most three views on each other."""
    trigger_id, trigger = _trigger(call)
    body = read_view(call.state, _view_argument(call), Surface.MODAL)
    if trigger.view_id is None or call.state.find_view(trigger.view_id) is None:
        raise SlackError("not_found")
    view = push_view(call.state, trigger.user, body, method=call.method)
    call.state.triggers.use(trigger_id)
    return _answer(call, view)


def update(call: Call) -> JsonDict:
    """Slack: docs of views.update. A `hash` that is not the view's is hash_conflict, so a race is seen."""
    if "view_id" in call.args:
        view = call.state.find_view(call.args.required("view_id"))
    else:
        view = call.state.find_external_view(call.args.required("external_id"))
    if view is None:
        raise SlackError("not_found")
    surface = Surface.HOME if view.body["type"] == "home" else Surface.MODAL
    body = read_view(call.state, _view_argument(call), surface, replaces=view)
    given_hash = call.args.text("hash", "")
    if given_hash and given_hash != view.hash:
        raise SlackError("hash_conflict")
    return _answer(call, replace_view(call.state, view, body, method=call.method))


def publish(call: Call) -> JsonDict:
    """Slack: docs of views.publish: the App Home tab of one person."""
    user_id = call.args.required("user_id")
    user = call.state.users.get(user_id)
    if user is None or user.is_bot or user.deleted:
        raise SlackError("user_not_found")
    before = call.state.home(user_id)
    body = read_view(call.state, _view_argument(call), Surface.HOME, replaces=before)
    given_hash = call.args.text("hash", "")
    if before is not None and given_hash and given_hash != before.hash:
        raise SlackError("hash_conflict")
    if before is not None:
        return _answer(call, replace_view(call.state, before, body, method=call.method))
    view = new_view(call.state, user_id, body)
    call.state.put_home(view, method=call.method)
    return _answer(call, view)
