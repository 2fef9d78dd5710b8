"""Listing 10,000 events: the bot's client against the official SDK, and against reading the same pages and no more."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import httpx
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcsms import v1

from bot.csms import AccessKeys, AkSkAuth, CsmsClient
from tests.bench.canned import EVENTS, PAGE, PROJECT, USUAL_PAGE
from tests.bench.processes import Far
from tests.bench.table import TIMES, Goal, Line, interleaved

ROUNDS = 7
KEYS = AccessKeys("BENCHACCESSKEY000001", "bench-secret-key")
FASTER = Goal(4, at_least=True)
OVERHEAD = Goal(1.6)

List = Callable[[], list[str]]
"""Lists everything once; the names, sorted or as they came."""


def measure(far: Far) -> Iterator[Line]:
    """Three clients in this process, by turns; the server, in another one, gives all the same bytes."""
    with asyncio.Runner() as runner:
        ours = CsmsClient(endpoint=far.canned, project_id=PROJECT, auth=_auth())
        bare = httpx.AsyncClient()
        contenders: dict[str, Callable[[], Any]] = {
            "ours": lambda: runner.run(ours.list_events()),
            "sdk": lambda: _list_with_sdk(sdk, USUAL_PAGE),
            "sdk, large pages": lambda: _list_with_sdk(sdk, PAGE),
            "bare": lambda: runner.run(_read_pages(bare, far.canned)),
        }
        sdk = _sdk(far.canned)
        try:
            times = _times(contenders)
        finally:
            runner.run(ours.aclose())
            runner.run(bare.aclose())
    mid = {name: median(found) * 1000 for name, found in times.items()}
    for peer, pages, goal in (("sdk", USUAL_PAGE, FASTER), ("sdk, large pages", PAGE, None)):
        yield Line(
            f"{EVENTS:,} events listed; peer: huaweicloudsdkcsms, pages of {pages:,}", mid[peer] / mid["ours"], TIMES,
            ours=f"{mid['ours']:.0f} ms", peer=f"{mid[peer]:.0f} ms", goal=goal,
        )  # fmt: skip
    yield Line(
        f"{EVENTS:,} events listed; peer: httpx + json.loads", mid["ours"] / mid["bare"], TIMES,
        ours=f"{mid['ours']:.0f} ms", peer=f"{mid['bare']:.0f} ms", goal=OVERHEAD,
    )  # fmt: skip


def _times(contenders: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for name, act in contenders.items():
        if len(act()) != EVENTS:  # the first time warms up, and shows that each reads everything
            raise RuntimeError(f"{name} did not list {EVENTS} events")
    for name in interleaved(list(contenders), ROUNDS):
        gc.collect()
        began = time.perf_counter()
        found = contenders[name]()
        times[name].append(time.perf_counter() - began)
        del found
    return times


def _auth() -> AkSkAuth:
    return AkSkAuth(KEYS, project_id=PROJECT)


def _sdk(endpoint: str) -> v1.CsmsClient:
    built: Any = v1.CsmsClient.new_builder()
    credentials = BasicCredentials(KEYS.access_key, KEYS.secret_key, PROJECT)
    return built.with_credentials(credentials).with_endpoint(endpoint).build()


def _list_with_sdk(client: v1.CsmsClient, size: int) -> list[Any]:
    """Paged by hand, because the SDK does not: the name of the last event is the marker of the next page.

    It asks for no size of its own, and CSMS then gives 50; ours asks for 1,000, which is part of why it is faster.
    """
    found: list[Any] = []
    marker = None
    while True:
        page = client.list_secret_events(v1.ListSecretEventsRequest(limit=str(size), marker=marker)).events
        found += page
        if len(page) < size:
            return found
        marker = page[-1].name


async def _read_pages(client: httpx.AsyncClient, base: str) -> list[Any]:
    """Neither signed nor checked nor made into anything: what cannot be done without."""
    found: list[Any] = []
    url = f"{base}/v1/{PROJECT}/csms/events"
    params = {"limit": str(PAGE)}
    while True:
        page = json.loads((await client.get(url, params=params)).content)["events"]
        found += page
        if len(page) < PAGE:
            return found
        params["marker"] = page[-1]["name"]
