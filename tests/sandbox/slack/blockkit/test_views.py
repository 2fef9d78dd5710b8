"""What Slack takes and refuses as a view."""

from typing import Any

import pytest

from bot.sandbox.slack.blockkit import Surface, check_options, check_view
from tests.sandbox.slack.support import modal, option, plain, section, text_input

ALERT = {"type": "alert", "level": "warning", "text": plain("Mind this")}
HOME = {"type": "home", "blocks": [section()]}


def test_a_modal_at_its_limits_is_taken() -> None:
    view = modal(
        *[section() for _ in range(98)], ALERT, text_input(), title=plain("x" * 24), submit=plain("x" * 24),
        close=plain("x" * 24), private_metadata="x" * 3000, callback_id="x" * 255,
    )  # fmt: skip
    assert check_view(view, Surface.MODAL) == []


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"title": plain("x" * 25)}, "/view/title/text"),
        ({"submit": plain("x" * 25)}, "/view/submit/text"),
        ({"close": plain("x" * 25)}, "/view/close/text"),
        ({"title": {"type": "mrkdwn", "text": "x"}}, "/view/title/type"),
        ({"private_metadata": "x" * 3001}, "/view/private_metadata"),
        ({"callback_id": "x" * 256}, "/view/callback_id"),
        ({"blocks": [section()] * 101}, "/view/blocks"),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "/view/blocks/0/type"),
        ({"blocks": [{"type": "table", "rows": []}]}, "/view/blocks/0/type"),
        ({"blocks": [section(block_id="x"), section(block_id="x")]}, "/view/blocks"),
        ({"notify_on_close": "yes"}, "/view/notify_on_close"),
        ({"colour": "red"}, "/view"),
        ({"type": "home"}, "/view/type"),
    ],
)
def test_a_wrong_modal_is_refused_at_its_place(wrong: dict[str, Any], where: str) -> None:
    (problem,) = check_view(modal() | wrong, Surface.MODAL)
    assert problem.endswith(f"[json-pointer:{where}]")


def test_a_modal_with_inputs_needs_a_submit_button() -> None:
    with_input, without = modal(), modal(section())
    del with_input["submit"]
    del without["submit"]
    assert check_view(with_input, Surface.MODAL) == [
        "[ERROR] missing required field: submit [json-pointer:/view]"
    ]
    assert check_view(without, Surface.MODAL) == []


def test_a_home_tab_has_no_title_and_no_alert() -> None:
    assert check_view(HOME, Surface.HOME) == []
    assert check_view(HOME | {"title": plain("x")}, Surface.HOME)
    assert check_view(HOME | {"blocks": [ALERT]}, Surface.HOME)


@pytest.mark.parametrize("hostile", [None, [], "x", {}, {"type": "modal", "blocks": {}}])
def test_anything_can_be_looked_at(hostile: object) -> None:
    assert check_view(hostile, Surface.MODAL)


def test_suggested_options_come_as_options_or_as_groups() -> None:
    group = {"label": plain("Group"), "options": [option("one")]}
    assert check_options({"options": []}) == []
    assert check_options({"option_groups": [group]}) == []
    assert check_options({})
    assert check_options({"options": [option("one")], "option_groups": [group]})
    assert check_options({"options": [option(f"option {n}") for n in range(101)]})
