"""The bot's client of CSMS, and of the list of SMN topics that events point to.

    client = CsmsClient(endpoint=csms_endpoint("ap-southeast-3"), project_id=…, auth=credentials(…))
    for event in await client.list_events(): …
    await client.update_event("rotation-failures", Patch(state=DISABLED))

Every method raises `CsmsError` (see `bot.errors`): what failed, what CSMS said, and whether a write landed.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar

import httpx

from bot.csms import wire
from bot.csms.answers import reading
from bot.csms.endpoints import address
from bot.csms.exchange import Exchange, Sleep
from bot.csms.operations import (
    LIST_EVENTS,
    LIST_RECORDS,
    LIST_SECRETS,
    LIST_TASKS,
    LIST_TOPICS,
    SHOW_EVENT,
    UPDATE_EVENT,
    Operation,
)
from bot.csms.paging import Endless, walk
from bot.csms.renewal import Clock, utc_now
from bot.csms.signing import encode
from bot.csms.wire import FailedTask, Page
from bot.errors import CsmsRefused, SettingsError
from bot.model import Event, Patch, RecordPage, Target

T = TypeVar("T")

log = logging.getLogger(__name__)

PAGE = 1000
"""Events or secrets a page (CSMS: limit is at most 1,000). The service allows 30 events, so one page is usual."""
TOPICS_PAGE = 100
"""SMN: limit is at most 100."""
MAX_PAGES = 100
"""Where a list is given up that does not end."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # CSMS: docs of event_name, of secret_name
_PROJECT = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class CsmsClient:
    """One project's events. Safe for many tasks of one event loop at the same time."""

    def __init__(
        self,
        *,
        endpoint: str,
        project_id: str,
        auth: httpx.Auth,
        smn_endpoint: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = utc_now,
        sleep: Sleep = asyncio.sleep,
        max_pages: int = MAX_PAGES,
    ) -> None:
        """SettingsError when an address must not be used: only https, or http to this machine.

        `transport`, `clock` and `sleep` are for tests; a transport is wrapped by the guard like the real one.
        """
        if not _PROJECT.fullmatch(project_id):
            raise SettingsError("HUAWEICLOUD_SDK_PROJECT_ID: not a project id")
        self._base = f"{address(endpoint, setting='CSMS_BOT_ENDPOINT')}/v1/{project_id}"
        self._topics = (
            f"{address(smn_endpoint, setting='the SMN address')}/v2/{project_id}/notifications/topics"
            if smn_endpoint
            else ""
        )
        self._exchange = Exchange(auth=auth, transport=transport, clock=clock, sleep=sleep)
        self._max_pages = max_pages
        self._last_records: tuple[bytes, RecordPage] | None = None

    @property
    def requests(self) -> Mapping[tuple[str, str], int]:
        """(operation, HTTP status or `none`) → how many requests ended so."""
        return self._exchange.requests

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._exchange.aclose()

    async def pages(self, *, limit: int = PAGE) -> AsyncGenerator[tuple[Event, ...], None]:
        """The events, page by page as CSMS sends them; an event is given once, by id (by name without one).

        The marker is the name of the last event of the page before, sent together with `limit`. The walk ends
        at an empty or short page, when a page holds nothing new, when a marker comes up again, or after
        `max_pages`. `next_marker` is not believed: CSMS's own sample sets it on its only page.
        """
        walked = self._walk(
            LIST_EVENTS,
            f"{self._base}/csms/events?limit={limit}",
            wire.event_page,
            key=lambda event: event.event_id or event.name,
            limit=limit,
        )
        async with aclosing(walked) as pages:
            async for page in pages:
                yield tuple(page)

    async def list_events(self) -> list[Event]:
        """Every event, once, in CSMS's order."""
        return [event async for page in self.pages() for event in page]

    async def show_event(self, name: str) -> Event:
        """One event. CsmsNotFound when there is none; ValueError when no event can have this name."""
        content = await self._exchange.get(SHOW_EVENT, f"{self._base}/csms/events/{_quoted(name)}")
        with reading(SHOW_EVENT):
            return wire.one_event(content)

    async def update_event(self, name: str, patch: Patch) -> Event:
        """Writes just the fields that the patch names, and gives the event as CSMS then describes it.

        There is no conditional write: who must not overwrite somebody else's change compares before and after.
        Sent again only when it surely was not processed; otherwise the error's `landed` is UNKNOWN.
        ValueError, and nothing is sent, when the patch is empty, or names no types or half a target.
        """
        url, body = f"{self._base}/csms/events/{_quoted(name)}", wire.update_body(patch)
        content = await self._exchange.put(UPDATE_EVENT, url, body)
        with reading(UPDATE_EVENT):
            return wire.one_event(content)

    async def notification_records(self) -> RecordPage:
        """What CSMS shows of the last three months: one GET, no parameters, because none are documented."""
        content = await self._exchange.get(LIST_RECORDS, f"{self._base}/csms/notification-records")
        # A poll that finds nothing new is the usual one, and costs no more than a comparison.
        if self._last_records and self._last_records[0] == content:
            return self._last_records[1]
        with reading(LIST_RECORDS):
            page = wire.record_page(content)
        self._last_records = content, page
        return page

    async def secrets_of(self, event_name: str) -> list[str]:
        """The names of the secrets that an event is attached to, sorted (CSMS: ListSecrets?event_name=)."""
        pages = self._walk(
            LIST_SECRETS,
            f"{self._base}/secrets?event_name={_quoted(event_name)}&limit={PAGE}",
            lambda content: wire.name_page(content, "secrets"),
            key=str,
            limit=PAGE,
        )
        return sorted([name async for page in pages for name in page])

    async def failed_tasks(self, secret_name: str) -> list[FailedTask]:
        """The failed rotations of a secret, newest first: at most one page of 50."""
        url = f"{self._base}/csms/tasks?limit=50&secret_name={_quoted(secret_name)}&status=FAILED"
        content = await self._exchange.get(LIST_TASKS, url)
        with reading(LIST_TASKS):
            tasks = wire.failed_tasks(content)
        return sorted(tasks, key=lambda task: task.at.timestamp() if task.at else 0.0, reverse=True)

    async def topics(self, name: str = "") -> list[Target]:
        """The SMN topics of the project, sorted by name; those with exactly this name when one is given.

        CsmsRefused when the client knows no address of SMN.
        """
        if not self._topics:
            raise CsmsRefused(
                LIST_TOPICS.name, message="no address of SMN is known; it comes from HW_REGION_NAME"
            )
        found: dict[str, Target] = {}
        for number in range(self._max_pages):
            query = f"limit={TOPICS_PAGE}&offset={number * TOPICS_PAGE}"
            if name:
                query = f"{query}&name={encode(name)}"
            content = await self._exchange.get(LIST_TOPICS, f"{self._topics}?{query}")
            with reading(LIST_TOPICS):
                page = wire.topics(content)
            before = len(found)
            found.update((topic.id, topic) for topic in page.items)
            if page.count < TOPICS_PAGE or len(found) == before:
                break
        else:
            self._gave_up(LIST_TOPICS)
        return sorted(found.values(), key=lambda topic: (topic.name, topic.id))

    async def _walk(
        self,
        operation: Operation,
        url: str,
        read: Callable[[bytes], Page[T]],
        *,
        key: Callable[[T], str],
        limit: int,
    ) -> AsyncGenerator[list[T], None]:
        async def fetch(marker: str) -> Page[T]:
            after = f"&marker={encode(marker)}" if marker else ""
            content = await self._exchange.get(operation, url + after)
            with reading(operation):
                return read(content)

        try:
            async with aclosing(walk(fetch, key, limit=limit, max_pages=self._max_pages)) as pages:
                async for page in pages:
                    yield page
        except Endless:
            self._gave_up(operation)

    def _gave_up(self, operation: Operation) -> None:
        log.warning(
            "a list does not end",
            extra={"action": "list_cut", "operation": operation.name, "pages": self._max_pages},
        )


def _quoted(name: str) -> str:
    """A name for a path or query. Checked first: a `/` in it would be signed otherwise than it is sent."""
    if not _NAME.fullmatch(name):
        raise ValueError("a name has 1 to 64 letters, digits, hyphens and underscores")
    return encode(name)
