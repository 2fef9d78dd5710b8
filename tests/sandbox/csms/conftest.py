"""A running embedded CSMS with a small world and a clock that stands still.

Starting and stopping a server takes longer than most tests here, so one server on one event loop serves them all, and
each test puts its own world behind it.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
    patch.setenv("HOME", home)  # the official SDK writes a file there when it is imported
    import huaweicloudsdkcsms.v1  # noqa: F401

from bot.serving import serving
from tests.sandbox.csms.tools import Cloud, CloudOf, Stage, cloud_on

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="package"), append=False)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    async with serving(stage) as stage.base, httpx.AsyncClient(timeout=5) as stage.http:
        yield stage


@pytest.fixture
def cloud_of(stage: Stage) -> CloudOf:
    """Puts a world with other fields of its seed behind the server."""
    return lambda **fields: cloud_on(stage, **fields)


@pytest.fixture
def cloud(stage: Stage) -> Cloud:
    return cloud_on(stage)
