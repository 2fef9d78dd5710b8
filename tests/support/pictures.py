"""Takes the README's pictures from the running program: `python -m tests.support.pictures docs`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Locator, Page

from tests.support.browser import browser, open_page, type_in
from tests.support.stage import stage

TOPIC = "urn:smn:cn-north-4:5f1d7c0e9a3b4c6d8e2f0a1b2c3d4e5f:platform-oncall"


async def _still(page: Page) -> None:
    await page.wait_for_timeout(400)


async def take(folder: Path) -> None:
    """Writes demo.png, list.png, form.png, card.png, alert.png and history.png."""
    with tempfile.TemporaryDirectory() as scratch:
        async with stage(Path(scratch), socket_mode=True) as bot, browser() as chromium:
            address = bot.slack.base_url
            page = await open_page(chromium, f"{address}/?as=engineer&channel=secrets-alerts")
            if await page.get_by_test_id("welcome-close").count():
                await page.get_by_test_id("welcome-close").click()
            bot.world.trigger("checkout-db-rotation", "SECRET_ROTATED")
            alert = page.get_by_test_id("message").filter(
                has_text="Notice not delivered: checkout-db-rotation"
            )
            await alert.wait_for()
            await _still(page)
            await page.screenshot(path=folder / "alert.png")

            await type_in(page, "/csms list")
            await page.get_by_text("8 events").last.wait_for()
            await _still(page)
            await page.screenshot(path=folder / "list.png")

            await type_in(page, "/csms update checkout-db-rotation")
            form: Locator = page.get_by_test_id("modal")
            await form.get_by_label("Target id").fill(TOPIC)
            await form.get_by_label("Target name").fill("platform-oncall")
            await form.get_by_label("Reason").fill("platform-oncall-old was deleted last week")
            await _still(page)
            await page.screenshot(path=folder / "form.png")
            await page.get_by_test_id("modal-submit").click()
            await form.get_by_text("CR-1 was asked for.").wait_for()
            await page.get_by_test_id("modal-close").click()

            await page.goto(f"{address}/?as=approver&channel=secrets-approvals")
            card = page.get_by_test_id("message").filter(has_text="CR-1: change checkout-db-rotation")
            await card.wait_for()
            await _still(page)
            await page.screenshot(path=folder / "card.png")
            await card.get_by_role("button", name="Approve").click()
            await _still(page)
            await page.screenshot(path=folder / "demo.png")
            await page.get_by_test_id("confirm-yes").click()
            await card.get_by_text("Applied").wait_for()

            await type_in(page, "/csms history checkout-db-rotation")
            await page.get_by_role("heading", name="History of checkout-db-rotation").wait_for()
            await _still(page)
            await page.screenshot(path=folder / "history.png")


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    target.mkdir(exist_ok=True)
    asyncio.run(take(target))
