"""views.open, views.push, views.update, views.publish."""

from typing import Any

import pytest

from bot.sandbox.slack import View, Workspace
from tests.sandbox.slack.support import APPROVER, ENGINEER, Api, Clock, modal, plain, section, text_input


async def _opened(api: Api, workspace: Workspace, **view: Any) -> View:
    trigger_id = workspace.triggers.issue(ENGINEER)
    await api.ok("views.open", trigger_id=trigger_id, view=modal(**view))
    return workspace.views(ENGINEER)[-1]


async def test_a_trigger_opens_a_modal_before_its_person(api: Api, workspace: Workspace) -> None:
    trigger_id = workspace.triggers.issue(ENGINEER)
    answer = await api.ok("views.open", trigger_id=trigger_id, view=modal(private_metadata="x"))
    (view,) = workspace.views(ENGINEER)
    assert workspace.views(APPROVER) == ()
    assert answer["view"]["id"] == view.id == answer["view"]["root_view_id"]
    assert answer["view"]["private_metadata"] == "x"
    assert answer["view"]["state"] == {
        "values": {"reason": {"typed": {"type": "plain_text_input", "value": None}}}
    }


async def test_a_trigger_opens_one_modal_only(api: Api, workspace: Workspace) -> None:
    trigger_id = workspace.triggers.issue(ENGINEER)
    await api.ok("views.open", trigger_id=trigger_id, view=modal())
    assert await api.error("views.open", trigger_id=trigger_id, view=modal()) == "exchanged_trigger_id"


async def test_a_trigger_is_too_old_after_three_seconds(api: Api, workspace: Workspace, clock: Clock) -> None:
    trigger_id = workspace.triggers.issue(ENGINEER)
    clock.pass_(3.1)
    assert await api.error("views.open", trigger_id=trigger_id, view=modal()) == "expired_trigger_id"


async def test_a_bad_view_leaves_the_trigger_usable(api: Api, workspace: Workspace) -> None:
    trigger_id = workspace.triggers.issue(ENGINEER)
    answer = await api("views.open", trigger_id=trigger_id, view=modal(title=plain("x" * 25)))
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    await api.ok("views.open", trigger_id=trigger_id, view=modal())


async def test_a_view_over_250_kilobytes_is_too_large(api: Api, workspace: Workspace) -> None:
    blocks = [section("x" * 3000) for _ in range(100)]
    trigger_id = workspace.triggers.issue(ENGINEER)
    assert await api.error("views.open", trigger_id=trigger_id, view=modal(*blocks)) == "view_too_large"


@pytest.mark.parametrize("missing", ["view", "trigger_id"])
async def test_a_missing_argument_is_refused(api: Api, workspace: Workspace, missing: str) -> None:
    args = {"trigger_id": workspace.triggers.issue(ENGINEER), "view": modal()}
    del args[missing]
    assert await api.error("views.open", **args) == "invalid_arguments"


async def test_a_push_goes_on_top_and_knows_what_is_below(api: Api, workspace: Workspace) -> None:
    below = await _opened(api, workspace)
    trigger_id = workspace.triggers.issue(ENGINEER, view_id=below.id)
    pushed = (await api.ok("views.push", trigger_id=trigger_id, view=modal(callback_id="second")))["view"]
    assert [view.id for view in workspace.views(ENGINEER)] == [below.id, pushed["id"]]
    assert (pushed["previous_view_id"], pushed["root_view_id"]) == (below.id, below.id)


async def test_a_push_needs_an_act_inside_a_modal(api: Api, workspace: Workspace) -> None:
    trigger_id = workspace.triggers.issue(ENGINEER)
    assert await api.error("views.push", trigger_id=trigger_id, view=modal()) == "not_found"


async def test_a_fourth_modal_is_one_too_many(api: Api, workspace: Workspace) -> None:
    top = await _opened(api, workspace)
    for _ in range(2):
        trigger_id = workspace.triggers.issue(ENGINEER, view_id=top.id)
        await api.ok("views.push", trigger_id=trigger_id, view=modal())
    trigger_id = workspace.triggers.issue(ENGINEER, view_id=top.id)
    assert await api.error("views.push", trigger_id=trigger_id, view=modal()) == "push_limit_reached"


async def test_an_update_with_an_old_hash_is_a_conflict(api: Api, workspace: Workspace) -> None:
    view = await _opened(api, workspace)
    first = await api.ok("views.update", view_id=view.id, hash=view.hash, view=modal(title=plain("Filled")))
    assert first["view"]["hash"] != view.hash
    again = {"view_id": view.id, "hash": view.hash, "view": modal()}
    assert await api.error("views.update", **again) == "hash_conflict"
    assert workspace.views(ENGINEER)[0].title == "Filled"


async def test_an_update_finds_a_view_by_the_apps_own_id(api: Api, workspace: Workspace) -> None:
    await _opened(api, workspace, external_id="edit-1")
    await api.ok("views.update", external_id="edit-1", view=modal(external_id="edit-1", title=plain("New")))
    assert workspace.views(ENGINEER)[0].title == "New"
    trigger_id = workspace.triggers.issue(APPROVER)
    taken = {"trigger_id": trigger_id, "view": modal(external_id="edit-1")}
    assert await api.error("views.open", **taken) == "duplicate_external_id"


async def test_an_update_of_a_closed_view_finds_nothing(api: Api, workspace: Workspace) -> None:
    view = await _opened(api, workspace)
    await workspace.close(ENGINEER, view.id)
    assert await api.error("views.update", view_id=view.id, view=modal()) == "not_found"


async def test_what_was_typed_stays_through_an_update(api: Api, workspace: Workspace) -> None:
    view = await _opened(api, workspace)
    workspace.keep_view(workspace._typed(view, {"reason": {"typed": "half a sent"}}))
    await api.ok("views.update", view_id=view.id, view=modal(text_input(), section()))
    entered = workspace.views(ENGINEER)[0].values["reason"]["typed"]
    assert entered == {"type": "plain_text_input", "value": "half a sent"}


async def test_a_home_tab_is_published_for_one_person(api: Api, workspace: Workspace) -> None:
    home = {"type": "home", "blocks": [section("Yours")]}
    await api.ok("views.publish", user_id=ENGINEER, view=home)
    published = workspace.home(ENGINEER)
    assert published is not None
    assert published.blocks[0]["text"]["text"] == "Yours"
    assert workspace.home(APPROVER) is None
    await api.ok("views.publish", user_id=ENGINEER, view=home)
    again = workspace.home(ENGINEER)
    assert again is not None
    assert again.id == published.id
    assert await api.error("views.publish", user_id="U0NOBODY", view=home) == "user_not_found"
    stale = {"user_id": ENGINEER, "view": home, "hash": published.hash}
    assert await api.error("views.publish", **stale) == "hash_conflict"
