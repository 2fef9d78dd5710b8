"""The page on a phone: one thing at a time, nothing wider than the screen."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.slack_web.conftest import OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def assert_nothing_is_wider_than_the_screen(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    wide = "[...document.querySelectorAll('.message, .header, .composer, .dialog')].filter(n => n.getBoundingClientRect().right > 391).length"
    assert await page.evaluate(wide) == 0


async def test_the_sidebar_is_a_drawer(open_page: OpenPage) -> None:
    page = await open_page(phone=True)
    channel = page.get_by_test_id("channel-secrets-alerts")
    await expect(channel).to_be_hidden()
    await page.get_by_test_id("menu").click()
    await expect(channel).to_be_visible()
    await channel.click()
    await expect(channel).to_be_hidden()
    await expect(page.get_by_role("heading", name="secrets-alerts")).to_be_visible()
    await assert_nothing_is_wider_than_the_screen(page)


async def test_a_thread_takes_the_whole_screen_and_back_leaves_it(open_page: OpenPage) -> None:
    page = await open_page(channel="secrets-alerts", phone=True)
    await page.locator(".thread-bar").click()
    thread = page.get_by_test_id("thread")
    assert await thread.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    await page.go_back()
    await expect(thread).to_be_hidden()
    await expect(page.get_by_test_id("composer")).to_be_visible()


async def test_a_form_fits_and_its_buttons_stay_in_reach(open_page: OpenPage) -> None:
    page = await open_page(phone=True)
    await page.get_by_test_id("composer").fill("/csms update")
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("modal")).to_be_visible()
    submit = await page.get_by_test_id("modal-submit").bounding_box()
    assert submit is not None
    assert submit["y"] + submit["height"] <= 844
    await assert_nothing_is_wider_than_the_screen(page)
