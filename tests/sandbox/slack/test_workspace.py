"""What people do, and what the app hears of it."""

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.slack import Message, SlackError, View, Workspace
from tests.sandbox.slack.support import (
    ALERTS,
    APPROVALS,
    APPROVER,
    ENGINEER,
    GENERAL,
    GUEST,
    Api,
    AppDouble,
    actions,
    button,
    modal,
    option,
    plain,
    section,
    text_input,
)

SELECT = {"type": "static_select", "action_id": "pick", "options": [option("one"), option("two")]}
FIND = {"type": "external_select", "action_id": "find", "min_query_length": 1}


def _code(refused: pytest.ExceptionInfo[SlackError]) -> str:
    return refused.value.code


async def _card(api: Api, workspace: Workspace, *elements: dict[str, Any]) -> Message:
    await api.ok("chat.postMessage", channel=ALERTS, text="card", blocks=[actions(*elements)])
    return workspace.messages(ALERTS)[-1]


async def _open(api: Api, workspace: Workspace, *blocks: dict[str, Any], **more: Any) -> View:
    trigger_id = workspace.triggers.issue(ENGINEER)
    await api.ok("views.open", trigger_id=trigger_id, view=modal(*blocks, **more))
    return workspace.views(ENGINEER)[-1]


# -- writing ---------------------------------------------------------------------------------------------------


async def test_a_message_is_stored_escaped(workspace: Workspace) -> None:
    message = workspace.say(ENGINEER, ALERTS, "<b> & co")
    assert (message.text, message.user, message.bot_id) == ("&lt;b&gt; &amp; co", ENGINEER, None)


async def test_an_unknown_command_is_told_without_asking_the_app(
    workspace: Workspace, app: AppDouble
) -> None:
    outcome = await workspace.write(ENGINEER, ALERTS, "/nope list")
    assert outcome.error is not None
    assert outcome.error.startswith("/nope is not a valid command")
    assert app.received == []


async def test_a_command_in_a_thread_is_refused_as_slack_does(workspace: Workspace, app: AppDouble) -> None:
    parent = workspace.say(ENGINEER, ALERTS, "parent")
    outcome = await workspace.write(ENGINEER, ALERTS, "/csms list", thread_ts=parent.ts)
    assert outcome.error == "/csms is not supported in threads. Sorry!"
    assert app.received == []


async def test_the_body_of_an_ack_is_shown_to_the_caller(workspace: Workspace, app: AppDouble) -> None:
    app.answer = lambda received: {"text": "Events", "blocks": [section("*Events*")]}
    await workspace.command(ENGINEER, ALERTS, "/csms list")
    app.answer = lambda received: {"text": "Shared", "response_type": "in_channel"}
    await workspace.command(ENGINEER, ALERTS, "/csms list")
    assert [message.text for message in workspace.ephemerals(ENGINEER)] == ["Events"]
    assert [message.text for message in workspace.messages(ALERTS)] == ["Shared"]


async def test_bad_blocks_in_an_ack_fail_the_command(workspace: Workspace, app: AppDouble) -> None:
    app.answer = lambda received: {"text": "x", "blocks": [{"type": "nonsense"}]}
    outcome = await workspace.command(ENGINEER, ALERTS, "/csms list")
    assert outcome.error == '/csms failed with the error "invalid_blocks"'


@pytest.mark.parametrize(
    ("user", "channel", "code"),
    [
        (GUEST, APPROVALS, "channel_not_found"),
        (ENGINEER, "C0NOWHERE", "channel_not_found"),
        ("U0NOBODY", ALERTS, "user_not_found"),
        ("U00CSMSBOT", ALERTS, "user_not_found"),
    ],
)
async def test_nobody_acts_where_they_cannot_be(
    workspace: Workspace, app: AppDouble, user: str, channel: str, code: str
) -> None:
    with pytest.raises(SlackError) as refused:
        await workspace.command(user, channel, "/csms list")
    assert _code(refused) == code
    assert app.received == []


async def test_a_deleted_person_acts_no_more(workspace: Workspace) -> None:
    workspace.put_user(replace(workspace.users[ENGINEER], deleted=True))
    with pytest.raises(SlackError) as refused:
        workspace.say(ENGINEER, ALERTS, "still here")
    assert _code(refused) == "account_inactive"


async def test_nothing_is_said_in_an_archived_channel(workspace: Workspace) -> None:
    workspace.put_channel(replace(workspace.channels[ALERTS], is_archived=True))
    with pytest.raises(SlackError) as refused:
        workspace.say(ENGINEER, ALERTS, "hello")
    assert _code(refused) == "is_archived"


# -- clicking --------------------------------------------------------------------------------------------------


async def test_a_click_tells_who_what_and_where(workspace: Workspace, app: AppDouble, api: Api) -> None:
    card = await _card(api, workspace, button("Approve", value="cr-12", style="primary"))
    outcome = await workspace.click(APPROVER, card, text="Approve")
    payload = app.received[0].payload
    assert outcome.ok
    assert payload["type"] == "block_actions"
    assert payload["user"] == {
        "id": APPROVER, "username": "approver", "name": "approver", "team_id": "T00DEMO",
    }  # fmt: skip
    assert payload["team"] == {"id": "T00DEMO", "domain": "demo-workspace"}
    assert payload["channel"] == {"id": ALERTS, "name": "secrets-alerts"}
    assert payload["container"] == {
        "type": "message", "message_ts": card.ts, "channel_id": ALERTS, "is_ephemeral": False,
    }  # fmt: skip
    assert payload["message"]["ts"] == card.ts
    (action,) = payload["actions"]
    expected = {
        "type": "button",
        "action_id": "go",
        "block_id": "buttons",
        "value": "cr-12",
        "style": "primary",
    }
    assert {key: action[key] for key in expected} == expected
    assert action["text"]["text"] == "Approve"
    assert (payload["enterprise"], payload["is_enterprise_install"]) == (None, False)
    assert workspace.triggers.look(payload["trigger_id"]).user == APPROVER


async def test_a_click_on_an_ephemeral_message_brings_no_copy_of_it(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="x", blocks=[actions(button())])
    (message,) = workspace.ephemerals(ENGINEER)
    await workspace.click(ENGINEER, message, text="Go")
    payload = app.received[0].payload
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload
    with pytest.raises(SlackError) as refused:
        await workspace.click(APPROVER, message, text="Go")
    assert _code(refused) == "message_not_found"


async def test_what_is_picked_is_one_of_what_is_offered(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    overflow = {"type": "overflow", "action_id": "more", "options": [option("one"), option("two")]}
    card = await _card(api, workspace, SELECT, overflow)
    for action_id in ("pick", "more"):
        await workspace.click(ENGINEER, card, action_id=action_id, chosen="two")
        (action,) = app.received[-1].payload["actions"]
        assert action["selected_option"]["value"] == "two"
        with pytest.raises(SlackError) as refused:
            await workspace.click(ENGINEER, card, action_id=action_id, chosen="three")
        assert _code(refused) == "invalid_action"
    assert len(app.received) == 2


async def test_other_fields_of_a_message_come_along_in_its_state(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    card = await _card(api, workspace, SELECT, button())
    await workspace.click(ENGINEER, card, text="Go", values={"buttons": {"pick": "one"}})
    values = app.received[0].payload["state"]["values"]
    assert values["buttons"]["pick"]["selected_option"]["value"] == "one"


async def test_a_button_that_was_taken_away_meanwhile_can_still_have_been_clicked(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    card = await _card(api, workspace, button(value="cr-12"))
    await api.ok("chat.update", channel=ALERTS, ts=card.ts, text="done", blocks=[])
    outcome = await workspace.click(APPROVER, card, text="Go")
    payload = app.received[0].payload
    assert outcome.ok
    assert payload["actions"][0]["value"] == "cr-12"
    assert payload["message"]["text"] == "done"


async def test_a_button_that_never_was_cannot_be_clicked(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    card = await _card(api, workspace, button())
    with pytest.raises(SlackError) as refused:
        await workspace.click(ENGINEER, card, action_id="steal")
    assert _code(refused) == "invalid_action"
    assert app.received == []


async def test_typed_text_is_answered_with_options(workspace: Workspace, app: AppDouble, api: Api) -> None:
    card = await _card(api, workspace, FIND)
    app.answer = lambda received: {"options": [option("topic")]}
    offered = await workspace.options(ENGINEER, card, action_id="find", value="top")
    payload = app.received[0].payload
    assert offered == {"options": [option("topic")]}
    assert (payload["type"], payload["value"], payload["action_id"]) == ("block_suggestion", "top", "find")
    assert (payload["block_id"], payload["container"]["message_ts"]) == ("buttons", card.ts)


async def test_too_little_text_is_not_asked_about_and_bad_options_are_refused(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    card = await _card(api, workspace, FIND)
    assert await workspace.options(ENGINEER, card, action_id="find", value="") == {"options": []}
    assert app.received == []
    app.answer = lambda received: {"options": [{"text": "no object", "value": "x"}]}
    with pytest.raises(SlackError) as refused:
        await workspace.options(ENGINEER, card, action_id="find", value="x")
    assert _code(refused) == "invalid_options"


# -- forms -----------------------------------------------------------------------------------------------------


async def test_a_submission_brings_every_value_and_an_empty_ack_closes_the_form(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    pick = {
        "type": "input",
        "block_id": "which",
        "label": plain("Which"),
        "element": SELECT,
        "optional": True,
    }
    view = await _open(api, workspace, text_input(), pick, private_metadata="cr-12")
    outcome = await workspace.submit(ENGINEER, view.id, {"reason": {"typed": "because"}})
    payload = app.received[0].payload
    assert outcome.ok
    assert workspace.views(ENGINEER) == ()
    assert (payload["type"], payload["view"]["id"]) == ("view_submission", view.id)
    assert (payload["view"]["callback_id"], payload["view"]["private_metadata"]) == ("form", "cr-12")
    assert payload["view"]["state"]["values"] == {
        "reason": {"typed": {"type": "plain_text_input", "value": "because"}},
        "which": {"pick": {"type": "static_select", "selected_option": None}},
    }
    assert payload["response_urls"] == []


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "Please complete this required field."),
        ("ab", "Must be at least 3 characters."),
        ("abcdef", "Must be less than 6 characters."),
    ],
)
async def test_what_slacks_own_form_refuses_does_not_reach_the_app(
    workspace: Workspace, app: AppDouble, api: Api, typed: str, error: str
) -> None:
    view = await _open(api, workspace, text_input(min_length=3, max_length=5))
    outcome = await workspace.submit(ENGINEER, view.id, {"reason": {"typed": typed}})
    assert outcome.errors == {"reason": error}
    assert app.received == []


async def test_errors_of_the_app_are_shown_at_their_fields(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    view = await _open(api, workspace)
    app.answer = lambda received: {"response_action": "errors", "errors": {"reason": "Too vague"}}
    outcome = await workspace.submit(ENGINEER, view.id, {"reason": {"typed": "because"}})
    (shown,) = workspace.views(ENGINEER)
    assert (outcome.ok, outcome.errors, shown.errors) == (
        False,
        {"reason": "Too vague"},
        {"reason": "Too vague"},
    )
    app.answer = lambda received: None
    assert (await workspace.submit(ENGINEER, view.id)).ok


async def test_a_submission_can_update_push_and_clear(workspace: Workspace, app: AppDouble, api: Api) -> None:
    view = await _open(api, workspace)
    values = {"reason": {"typed": "because"}}
    app.answer = lambda received: {"response_action": "update", "view": modal(title=plain("Updated"))}
    await workspace.submit(ENGINEER, view.id, values)
    assert [shown.title for shown in workspace.views(ENGINEER)] == ["Updated"]
    app.answer = lambda received: {"response_action": "push", "view": modal(title=plain("Pushed"))}
    await workspace.submit(ENGINEER, view.id, values)
    assert [shown.title for shown in workspace.views(ENGINEER)] == ["Updated", "Pushed"]
    app.answer = lambda received: {"response_action": "clear"}
    await workspace.submit(ENGINEER, workspace.views(ENGINEER)[-1].id, values)
    assert workspace.views(ENGINEER) == ()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"response_action": "shout"}, "invalid_response_action"),
        ({"response_action": "errors", "errors": {"nowhere": "x"}}, "invalid_response_action"),
        ({"response_action": "errors"}, "invalid_response_action"),
        ({"response_action": "update", "view": {"type": "modal"}}, "invalid_arguments"),
    ],
)
async def test_a_bad_answer_to_a_submission_leaves_the_form_open(
    workspace: Workspace, app: AppDouble, api: Api, answer: dict[str, Any], code: str
) -> None:
    view = await _open(api, workspace)
    app.answer = lambda received: answer
    outcome = await workspace.submit(ENGINEER, view.id, {"reason": {"typed": "because"}})
    assert outcome.error == code
    assert [shown.id for shown in workspace.views(ENGINEER)] == [view.id]


async def test_only_its_own_person_sends_off_a_form_and_only_the_top_one(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    below = await _open(api, workspace)
    trigger_id = workspace.triggers.issue(ENGINEER, view_id=below.id)
    await api.ok("views.push", trigger_id=trigger_id, view=modal())
    for user in (APPROVER, ENGINEER):
        with pytest.raises(SlackError) as refused:
            await workspace.submit(user, below.id, {"reason": {"typed": "because"}})
        assert _code(refused) == "not_found"


async def test_nobody_clicks_in_or_closes_the_form_of_another(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    view = await _open(api, workspace, text_input(), actions(button()))
    for refused_act in (workspace.click(APPROVER, view, text="Go"), workspace.close(APPROVER, view.id)):
        with pytest.raises(SlackError) as refused:
            await refused_act
        assert _code(refused) == "not_found"
    assert app.received == []
    assert [shown.id for shown in workspace.views(ENGINEER)] == [view.id]


async def test_a_choice_in_a_form_is_told_and_kept(workspace: Workspace, app: AppDouble, api: Api) -> None:
    view = await _open(api, workspace, text_input(), actions(SELECT))
    await workspace.click(
        ENGINEER, view, action_id="pick", chosen="two", values={"reason": {"typed": "half"}}
    )
    payload = app.received[0].payload
    assert payload["container"] == {"type": "view", "view_id": view.id}
    assert payload["view"]["state"]["values"]["reason"]["typed"]["value"] == "half"
    assert "response_url" not in payload
    kept = workspace.views(ENGINEER)[0].values
    assert kept["buttons"]["pick"]["selected_option"]["value"] == "two"


async def test_the_app_hears_of_a_closed_form_only_if_it_asked(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    quiet = await _open(api, workspace)
    await workspace.close(ENGINEER, quiet.id)
    assert app.received == []
    telling = await _open(api, workspace, notify_on_close=True)
    await workspace.close(ENGINEER, telling.id)
    payload = app.received[0].payload
    assert (payload["type"], payload["view"]["id"], payload["is_cleared"]) == (
        "view_closed",
        telling.id,
        False,
    )
    assert workspace.views(ENGINEER) == ()


# -- the rest --------------------------------------------------------------------------------------------------


async def test_opening_home_tells_the_app_and_shows_what_it_publishes(
    workspace: Workspace, app: AppDouble, api: Api
) -> None:
    assert workspace.open_home(ENGINEER) is None
    await workspace.wait_for(lambda: app.received)
    event = app.received[0].payload["event"]
    assert (event["type"], event["user"], event["tab"]) == ("app_home_opened", ENGINEER, "home")
    await api.ok("views.publish", user_id=ENGINEER, view={"type": "home", "blocks": [section("Yours")]})
    shown = workspace.open_home(ENGINEER)
    assert shown is not None
    assert shown.blocks[0]["text"]["text"] == "Yours"


async def test_an_ephemeral_message_is_dismissed_by_its_person(api: Api, workspace: Workspace) -> None:
    await api.ok("chat.postEphemeral", channel=ALERTS, user=ENGINEER, text="x")
    (message,) = workspace.ephemerals(ENGINEER)
    with pytest.raises(SlackError):
        workspace.dismiss(APPROVER, message.ts)
    workspace.dismiss(ENGINEER, message.ts)
    assert workspace.ephemerals(ENGINEER) == []


async def test_waiting_ends_with_what_was_waited_for_or_in_time(workspace: Workspace) -> None:
    workspace.say(ENGINEER, GENERAL, "hello")
    (message,) = await workspace.wait_for(lambda: workspace.messages(GENERAL))
    assert message.text == "hello"
    with pytest.raises(TimeoutError):
        await workspace.wait_for(lambda: workspace.messages(ALERTS), timeout_s=0.01)
