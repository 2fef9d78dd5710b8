"""Buttons, confirm dialogs, forms and selects, against an app that answers by a script."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.slack_web.conftest import OpenPage, Site
from tests.sandbox.slack_web.gallery import APPROVALS, approval_card
from tests.sandbox.slack_web.scripted import Payload

pytestmark = pytest.mark.asyncio(loop_scope="session")


def clicks(site: Site) -> list[str]:
    return [one["actions"][0]["action_id"] for one in site.app.received if one.get("type") == "block_actions"]


async def open_form(page: Page) -> None:
    await page.get_by_test_id("composer").fill("/csms update")
    await page.get_by_test_id("composer").press("Enter")
    await expect(page.get_by_test_id("modal")).to_be_visible()


async def test_a_confirm_dialog_stands_between_a_click_and_the_app(open_page: OpenPage, site: Site) -> None:
    page = await open_page("approver", "secrets-approvals")
    approve = page.locator("[data-action-id=approve]")
    await approve.click()
    dialog = page.get_by_test_id("confirm")
    await expect(dialog).to_contain_text("Approve CR-12?")
    await expect(page.get_by_test_id("confirm-yes")).to_be_focused()
    await page.get_by_test_id("confirm-no").click()
    await expect(dialog).to_have_count(0)
    await expect(approve).to_be_focused()
    await approve.click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert clicks(site) == []
    await approve.click()
    await page.get_by_test_id("confirm-yes").click()
    await site.workspace.wait_for(lambda: clicks(site) == ["approve"])


async def test_what_can_hurt_is_not_confirmed_by_a_second_enter(open_page: OpenPage) -> None:
    page = await open_page("approver", "secrets-approvals")
    await page.locator("[data-action-id=reject]").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("confirm-no")).to_be_focused()


async def test_a_clicked_button_waits_and_does_not_click_twice(open_page: OpenPage, site: Site) -> None:
    page = await open_page("engineer", "secrets-approvals")
    cancel = page.locator("[data-action-id=cancel]")
    site.app.gate.clear()
    await cancel.click()
    await expect(cancel).to_have_attribute("aria-busy", "true")
    await cancel.dispatch_event("click")
    site.app.gate.set()
    await expect(cancel).not_to_have_attribute("aria-busy", "true")
    assert clicks(site) == ["cancel"]


async def test_a_click_that_fails_says_so_beside_the_button(open_page: OpenPage, site: Site) -> None:
    page = await open_page("engineer", "secrets-approvals")
    site.workspace.app = replace(site.workspace.app, request_url=None)
    await page.locator("[data-action-id=cancel]").click()
    await expect(page.get_by_test_id("action-error")).to_have_text("The app could not be reached.")


async def test_a_click_that_changes_the_message_leaves_the_focus_there(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page("engineer", "secrets-approvals")
    ts = site.workspace.messages(APPROVALS)[0].ts

    async def cancelled(_payload: Payload) -> None:
        await site.app.call(
            "chat.update", channel=APPROVALS, ts=ts, text="CR-12 cancelled", blocks=approval_card(0)[:1]
        )

    site.app.answers["cancel"] = cancelled
    await page.locator("[data-action-id=cancel]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-action-id=cancel]")).to_have_count(0)
    await expect(page.locator(f"[data-testid=message][data-ts='{ts}']")).to_be_focused()


async def test_a_select_in_a_message_sends_its_choice(open_page: OpenPage, site: Site) -> None:
    page = await open_page("engineer", "secrets-alerts")
    await page.locator("[data-action-id=snooze]").click()
    await page.get_by_role("option", name="1 hour").click()
    await site.workspace.wait_for(lambda: clicks(site) == ["snooze"])
    assert site.app.received[-1]["actions"][0]["selected_option"]["value"] == "1 hour"
    await expect(page.locator("[data-action-id=snooze]")).to_have_text("1 hour")


async def test_an_overflow_menu_is_used_by_keys(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    await page.get_by_test_id("composer").fill("/csms list")
    await page.get_by_test_id("composer").press("Enter")
    await page.locator("[data-action-id=more]").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await site.workspace.wait_for(lambda: clicks(site) == ["more"])
    assert site.app.received[-1]["actions"][0]["selected_option"]["value"] == "disabled"


async def test_a_form_asks_for_what_is_missing_before_it_asks_the_app(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page()
    await open_form(page)
    await page.get_by_test_id("modal-submit").click()
    for block in ("target", "reason"):
        await expect(page.locator(f".block-input[data-block-id={block}] .field-error")).to_have_text(
            "Please complete this required field."
        )
    await expect(page.locator("[data-action-id=topic]")).to_be_focused()
    assert [one for one in site.app.received if one.get("type") == "view_submission"] == []


async def test_a_form_is_filled_refused_mended_and_taken(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    await open_form(page)
    await page.get_by_label("Disabled").check()
    await page.locator("[data-block-id=types] [role=combobox]").first.click()
    await page.get_by_role("option", name="SECRET_DELETED").click()
    await page.keyboard.press("Escape")
    await page.locator("[data-action-id=topic]").click()
    await page.get_by_placeholder("Type to search").fill("plat")
    await expect(page.get_by_role("option")).to_have_text(["platform-alerts"])
    await page.keyboard.press("Enter")
    reason = page.get_by_label("Reason")
    await reason.fill("short")
    await page.get_by_test_id("modal-submit").click()
    error = page.locator(".block-input[data-block-id=reason] .field-error")
    await expect(error).to_have_text("A reason that an auditor can use, please.")
    await expect(reason).to_be_focused()
    await expect(reason).to_have_value("short")
    await reason.fill("Sunday's maintenance")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    await expect(page.get_by_test_id("composer")).to_be_focused()

    sent = site.app.received[-1]["view"]["state"]["values"]
    assert sent["state"]["v"]["selected_option"]["value"] == "Disabled"
    assert [one["value"] for one in sent["types"]["v"]["selected_options"]] == [
        "SECRET_ROTATED",
        "SECRET_DELETED",
    ]
    assert sent["target"]["topic"]["selected_option"]["value"] == "platform-alerts"
    assert sent["reason"]["v"]["value"] == "Sunday's maintenance"
    assert sent["until"]["v"]["selected_date"] is None


async def test_escape_closes_a_list_first_and_then_the_form(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    await open_form(page)
    await page.locator("[data-action-id=topic]").click()
    await expect(page.get_by_role("option").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("option")).to_have_count(0)
    await expect(page.get_by_test_id("modal")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    assert site.workspace.views("U00ENGINEER") == ()


async def test_tab_stays_inside_a_form(open_page: OpenPage) -> None:
    page = await open_page()
    await open_form(page)
    inside = "document.querySelector('dialog').contains(document.activeElement)"
    for _ in range(20):
        await page.keyboard.press("Tab")
        assert await page.evaluate(inside)
    await page.get_by_test_id("modal-close").focus()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_test_id("modal-submit")).to_be_focused()


async def test_what_was_typed_outlives_an_update_of_the_form(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    await open_form(page)
    await page.get_by_label("Reason").fill("a long story")
    view = site.workspace.views("U00ENGINEER")[-1]
    body = {key: view.body[key] for key in ("type", "callback_id", "title", "submit", "close")}
    note = {"type": "section", "text": {"type": "mrkdwn", "text": "It has changed meanwhile."}}
    await site.app.call("views.update", view_id=view.id, view={**body, "blocks": [note, *view.blocks]})
    await expect(page.get_by_test_id("modal")).to_contain_text("It has changed meanwhile.")
    await expect(page.get_by_label("Reason")).to_have_value("a long story")
