"""One Chromium for all tests of the page, a fresh context for each; every test fails on an error in the console."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.sandbox.slack_web.gallery import Stage
from tests.sandbox.slack_web.scripted import ScriptedApp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

OpenPage = Callable[..., Awaitable[Page]]


def chromium() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), ON_A_MAC)
    assert Path(found).exists(), "these tests need Chromium or Google Chrome; `make browser` looks for one"
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))
        yield started
        await started.close()


class Site:
    """The gallery as it is served, and what its pages complained about."""

    def __init__(self, base_url: str, app: ScriptedApp) -> None:
        self.base_url = base_url
        self.app = app
        self.workspace = app.workspace
        self.complaints: list[str] = []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    async with Stage.serving() as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def site(stage: Stage) -> AsyncIterator[Site]:
    async with stage.gallery() as app:
        served = Site(stage.base_url, app)
        yield served
        assert served.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, site: Site) -> AsyncIterator[OpenPage]:
    """`await open_page(as_="approver", channel="general", phone=False)`: a page that has read its messages."""
    contexts = []

    async def opened(as_: str = "engineer", channel: str = "general", *, phone: bool = False, **options: Any) -> Page:
        options |= {"viewport": {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}}
        context = await browser.new_context(**options, has_touch=phone, is_mobile=phone, reduced_motion="reduce")
        context.set_default_timeout(5_000)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: site.complaints.append(str(error)))
        page.on("console", lambda said: site.complaints.append(said.text) if said.type == "error" else None)
        await page.goto(f"{site.base_url}/?as={as_}&channel={channel}")
        await page.wait_for_selector("#app:not([aria-busy])")
        return page

    yield opened
    for context in contexts:
        await context.close()
