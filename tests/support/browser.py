"""A real browser on the workspace's page: Chromium or Chrome as the machine has it, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}


def executable() -> str:
    """Where the browser is. RuntimeError, with what to do, when there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and MAC.exists():
        found = str(MAC)
    if found is None:
        raise RuntimeError(
            "no Chromium and no Chrome here; `make browser` installs Debian's, or says what to do"
        )
    return found


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A headless browser while the block runs."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable(), args=list(QUIET))
        try:
            yield running
        finally:
            await running.close()


async def open_page(
    running: Browser, address: str, *, size: ViewportSize = LAPTOP, dark: bool = False
) -> Page:
    """A page that is ready; whatever the console complains of is kept in `page.complaints`."""
    context = await running.new_context(viewport=size, color_scheme="dark" if dark else "light")
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints  # type: ignore[attr-defined]
    await page.goto(address)
    await page.wait_for_selector("#app:not([aria-busy])")
    return page


async def type_in(page: Page, text: str) -> None:
    """Types into the composer and sends."""
    await page.get_by_test_id("composer").fill(text)
    await page.keyboard.press("Enter")
