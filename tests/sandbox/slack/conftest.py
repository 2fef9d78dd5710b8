"""One workspace for each test, its clock in the test's hand, and three ways to reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from bot.sandbox.slack import Workspace, build_app, demo_seed, running
from tests.sandbox.slack.support import BOT_TOKEN, Api, AppDouble, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(clock: Clock) -> Workspace:
    """The demo's workspace without rate limits."""
    return Workspace(replace(demo_seed(), rate_limits=False), clock=clock)


@pytest.fixture
async def http(workspace: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    """The workspace's HTTP, without a socket: for everything that needs none."""
    transport = httpx.ASGITransport(build_app(workspace))
    async with httpx.AsyncClient(transport=transport, base_url="http://slack.test") as client:
        yield client


@pytest.fixture
def api(http: httpx.AsyncClient) -> Api:
    """The Web API with the bot's token."""
    return Api(http, BOT_TOKEN)


@pytest.fixture
async def served(workspace: Workspace) -> AsyncIterator[str]:
    """The workspace on a real socket: its address."""
    async with running(workspace) as base_url:
        yield base_url


@pytest.fixture
def app(workspace: Workspace) -> AppDouble:
    """An app with a request URL, that answers what the test tells it to."""
    return AppDouble().attach(workspace)
