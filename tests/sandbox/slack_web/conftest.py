"""One Chromium for all tests of the page, a fresh context for each; every test fails on an error in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.sandbox.slack_web.gallery import Stage
from tests.sandbox.slack_web.scripted import ScriptedApp
from tests.support.browser import LAPTOP, PHONE, QUIET, executable

OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=executable(), args=list(QUIET))
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


class Desk:
    """The browser, with one page that is used again and again: opening a new one takes longer than most tests."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.complaints: list[str] = []
        self._kept: Page | None = None

    async def new_page(self, **options: Any) -> Page:
        context = await self.browser.new_context(**options, reduced_motion="reduce")
        context.set_default_timeout(5_000)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        return page

    async def kept_page(self) -> Page:
        if self._kept is None or self._kept.is_closed():
            self._kept = await self.new_page(viewport=LAPTOP)
        return self._kept

    async def clear(self, opened: list[Page]) -> None:
        """Closes what a test opened, and leaves the kept page as a new one would be."""
        for page in opened:
            if page is not self._kept:
                await page.context.close()
            elif not page.is_closed():
                await page.evaluate("localStorage.clear()")
                await page.goto("about:blank")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(browser: Browser) -> Desk:
    return Desk(browser)


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(desk: Desk, site: Site) -> AsyncIterator[OpenPage]:
    """`await open_page("approver", "general", phone=False)`: a page that has read its messages."""
    opened: list[Page] = []
    desk.complaints = site.complaints

    async def open_one(
        as_: str = "engineer", channel: str = "general", *, phone: bool = False, **options: Any
    ) -> Page:
        if opened or phone or options:
            size = (
                {"viewport": PHONE, "has_touch": True, "is_mobile": True} if phone else {"viewport": LAPTOP}
            )
            page = await desk.new_page(**size, **options)
        else:
            page = await desk.kept_page()
        opened.append(page)
        await page.goto(f"{site.base_url}/?as={as_}&channel={channel}")
        await page.wait_for_selector("#app:not([aria-busy])")
        return page

    yield open_one
    await desk.clear(opened)
