"""Reading and writing: messages as they come, commands, completion, threads, acting as somebody else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from bot.sandbox.slack.server import running
from tests.sandbox.slack_web.conftest import OpenPage, Site
from tests.sandbox.slack_web.gallery import ALERTS, APPROVALS, ENGINEER, GENERAL, SUBSCRIBER

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def send(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").fill(text)
    await page.get_by_test_id("composer").press("Enter")


async def test_the_page_opens_for_every_role_and_says_so_in_its_address(open_page: OpenPage) -> None:
    page = await open_page("engineer")
    for role in ("approver", "subscriber", "guest", "engineer"):
        await page.get_by_test_id(f"act-as-{role}").click()
        await expect(page.get_by_test_id(f"act-as-{role}")).to_have_attribute("aria-checked", "true")
        await expect(page.get_by_test_id("app-state")).to_have_text("csms-bot connected")
        await expect(page.get_by_test_id("message").first).to_contain_text("Good morning!")
        assert f"as=U00{role.upper()}" in page.url
        assert "channel=C00GENERAL" in page.url


async def test_an_answer_to_a_command_is_seen_by_its_person_only(open_page: OpenPage) -> None:
    page, other = await open_page("engineer"), await open_page("approver")
    await send(page, "/csms list")
    answer = page.locator("[data-testid=message][data-ephemeral]")
    await expect(answer).to_contain_text("Only visible to you")
    await expect(answer.locator("[data-action-id=open-db-credentials]")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_have_value("")
    await expect(other.locator("[data-ephemeral]")).to_have_count(0)
    await answer.get_by_test_id("dismiss").click()
    await expect(answer).to_have_count(0)


async def test_a_command_that_nobody_has_keeps_what_was_typed(open_page: OpenPage) -> None:
    page = await open_page()
    await send(page, "/csmz list")
    await expect(page.get_by_test_id("composer-error")).to_contain_text("/csmz is not a valid command")
    await expect(page.get_by_test_id("composer")).to_have_value("/csmz list")


async def test_a_command_the_app_does_not_take_keeps_what_was_typed(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    site.workspace.app = replace(site.workspace.app, request_url=None)
    await send(page, "/csms list")
    await expect(page.get_by_test_id("composer-error")).to_contain_text("dispatch_failed")
    await expect(page.get_by_test_id("composer")).to_have_value("/csms list")


async def test_typing_a_slash_offers_commands_that_arrow_keys_tab_and_enter_take(open_page: OpenPage) -> None:
    page = await open_page()
    composer, offers = (
        page.get_by_test_id("composer"),
        page.get_by_test_id("composer-offers").get_by_role("option"),
    )
    await composer.press_sequentially("/cs")
    await expect(offers.first).to_contain_text("/csms")
    await composer.press("Enter")
    await expect(composer).to_have_value("/csms ")
    await composer.press_sequentially("li")
    await expect(offers).to_have_text(["/csms list"])
    await composer.press("Tab")
    await expect(composer).to_have_value("/csms list")
    await composer.fill("/csms en")
    await composer.press("ArrowDown")
    await composer.press("Enter")
    await expect(composer).to_have_value("/csms enable legacy-ftp-password")
    await composer.press("Escape")
    await expect(page.get_by_test_id("composer-offers")).to_be_hidden()


async def test_enter_sends_a_whole_command_although_a_longer_one_is_offered(
    open_page: OpenPage, site: Site
) -> None:
    site.workspace.app = replace(site.workspace.app, suggestions=("/csms list --state enabled",))
    page = await open_page()
    await send(page, "/csms list")
    await expect(page.locator("[data-ephemeral]")).to_contain_text("Events")
    assert [one["text"] for one in site.app.received if one.get("command")] == ["list"]


async def test_arrow_up_brings_back_what_was_sent(open_page: OpenPage) -> None:
    page = await open_page()
    composer = page.get_by_test_id("composer")
    for text in ("one", "two"):
        await send(page, text)
        await expect(composer).to_have_value("")
    await composer.press("ArrowUp")
    await expect(composer).to_have_value("two")
    await composer.press("ArrowUp")
    await expect(composer).to_have_value("one")
    await composer.press("ArrowDown")
    await composer.press("ArrowDown")
    await expect(composer).to_have_value("")


async def test_a_draft_waits_in_its_channel(open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_test_id("composer").fill("not yet")
    await page.get_by_test_id("channel-secrets-alerts").click()
    await expect(page.get_by_test_id("composer")).to_have_value("")
    await page.go_back()
    await expect(page.get_by_test_id("composer")).to_have_value("not yet")


async def test_messages_of_others_appear_and_count_as_unread_elsewhere(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page("approver", "general")
    badge = page.get_by_test_id("channel-secrets-approvals").get_by_test_id("unread")
    await expect(badge).to_contain_text("1")
    await site.app.call("chat.postMessage", channel=APPROVALS, text="CR-13")
    await expect(badge).to_contain_text("2")
    site.workspace.say(SUBSCRIBER, GENERAL, "hello there")
    await expect(page.get_by_test_id("message").last).to_contain_text("hello there")
    await page.get_by_test_id("channel-secrets-approvals").click()
    await expect(page.get_by_test_id("message").last).to_contain_text("CR-13")
    await expect(badge).to_have_count(0)


async def test_a_changed_message_is_marked_and_a_deleted_one_goes(open_page: OpenPage, site: Site) -> None:
    page = await open_page("engineer", "secrets-alerts")
    ts = (await site.app.call("chat.postMessage", channel=ALERTS, text="before"))["ts"]
    message = page.locator(f"[data-testid=message][data-ts='{ts}']")
    await expect(message).to_contain_text("before")
    await site.app.call("chat.update", channel=ALERTS, ts=ts, text="after")
    await expect(message).to_contain_text("after")
    await expect(message).to_contain_text("(edited)")
    await site.app.call("chat.delete", channel=ALERTS, ts=ts)
    await expect(message).to_have_count(0)


async def test_a_thread_shows_its_replies_beside_the_channel(open_page: OpenPage, site: Site) -> None:
    page = await open_page("engineer", "secrets-alerts")
    bar = page.locator(".thread-bar")
    await expect(bar).to_contain_text("4 replies")
    await expect(page.locator("#main").get_by_text("billing/sepa-key")).to_have_count(0)
    await bar.click()
    thread = page.get_by_test_id("thread")
    await expect(thread.get_by_test_id("message")).to_have_count(5)
    await thread.get_by_test_id("thread-composer").fill("I see it too")
    await thread.get_by_test_id("thread-send").click()
    await expect(thread.get_by_test_id("message").last).to_contain_text("I see it too")
    await expect(bar).to_contain_text("5 replies")
    assert site.workspace.messages(ALERTS)[-1].is_reply
    await thread.get_by_test_id("thread-composer").fill("/csms list")
    await thread.get_by_test_id("thread-composer").press("Enter")
    await expect(thread.get_by_test_id("thread-composer-error")).to_contain_text("not supported in threads")
    await thread.get_by_test_id("thread-close").click()
    await expect(thread).to_be_hidden()


async def test_acting_as_somebody_else_shows_what_they_may_see(open_page: OpenPage) -> None:
    page = await open_page("engineer", "general")
    await expect(page.get_by_test_id("channel-secrets-approvals")).to_be_visible()
    await page.get_by_test_id("act-as-guest").click()
    await expect(page.get_by_test_id("act-as-guest")).to_have_attribute("aria-checked", "true")
    await expect(page.get_by_test_id("channel-secrets-approvals")).to_have_count(0)
    await expect(page).to_have_url(re.compile("as=U00GUEST"))


async def test_the_welcome_strip_fills_the_composer_and_stays_away_once_dismissed(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.get_by_test_id("chip").first.click()
    await expect(page.get_by_test_id("composer")).to_have_value("/csms list")
    await page.get_by_test_id("welcome-close").click()
    await page.reload()
    await expect(page.get_by_test_id("message").first).to_be_visible()
    await expect(page.get_by_test_id("welcome")).to_have_count(0)


async def test_the_page_comes_back_by_itself_and_misses_nothing(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    port = int(site.base_url.rpartition(":")[2])
    workspace = site.workspace
    async with running(workspace) as elsewhere:
        # A second address for the same workspace, which then goes away and comes back.
        gone = int(elsewhere.rpartition(":")[2])
        await page.goto(f"{elsewhere}/?as=engineer&channel=general")
        await page.wait_for_selector("#app:not([aria-busy])")
    assert gone != port
    await expect(page.get_by_text("Connection lost")).to_be_visible()
    workspace.remove(workspace.messages(GENERAL)[-1], method="test")
    workspace.say(SUBSCRIBER, GENERAL, "said meanwhile")
    async with running(workspace, port=gone):
        await expect(page.get_by_test_id("message").last).to_contain_text("said meanwhile")
        await expect(page.get_by_text("Connection lost")).to_be_hidden()
        await expect(page.get_by_text("Thanks")).to_have_count(0)
        await page.close()
    site.complaints.clear()  # a browser logs every refused connection as an error


async def test_a_toast_tells_what_went_wrong_and_can_be_sent_away(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    site.workspace.toast(ENGINEER, "The app did not take an event.")
    toast = page.get_by_test_id("toast")
    await expect(toast).to_have_text("The app did not take an event.")
    await expect(toast).to_have_role("alert")
    await toast.get_by_role("button", name="Dismiss").click()
    await expect(toast).to_have_count(0)


async def test_an_archived_channel_can_be_read_and_not_written_to(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    site.workspace.put_channel(replace(site.workspace.channels[GENERAL], is_archived=True))
    await expect(page.get_by_text("This channel is archived.")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_have_count(0)
    await expect(page.get_by_test_id("message").first).to_contain_text("Good morning!")


async def test_the_app_home_shows_the_view_that_was_published(open_page: OpenPage, site: Site) -> None:
    page = await open_page()
    await page.get_by_test_id("home-tab").click()
    home = page.get_by_test_id("home")
    await expect(home).to_contain_text("Secrets at a glance")
    await site.app.call("views.publish", user_id=ENGINEER, view={"type": "home", "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "All is *well*"}}]})  # fmt: skip
    await expect(home).to_have_text("All is well")
    opened = [one for one in site.app.received if one.get("type") == "event_callback"]
    assert [one["event"]["type"] for one in opened] == ["app_home_opened"]
