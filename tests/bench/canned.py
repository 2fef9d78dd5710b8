"""A server that costs next to nothing: finished bytes for each target, so that the clients are what is measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.csms.model import Event, Record, Target

PROJECT = "0123456789abcdef0123456789abcdef"
EVENTS, PAGE, USUAL_PAGE = 10_000, 1000, 50
"""The figures of the goal: the largest page that CSMS gives, and the one that it gives unasked."""
RECORDS = 1000
RESPOND = "/respond"
"""Stands for a response_url: takes whatever is sent to it."""
NOON_MS = 1_780_000_000_000
TARGET = Target(target_type="SMN", target_id=f"urn:smn:cn-north-4:{PROJECT}:oncall", target_name="oncall")
KINDS = ("SECRET_VERSION_EXPIRED", "SECRET_ROTATED", "SECRET_ROTATED_FAILED")


def event_pages(*, total: int, limit: int) -> dict[str, dict[str, Any]]:
    """ListSecretEvents by query: full pages, then an empty one, which is how a client that walks learns of the end."""
    names = [f"event-{at:05d}" for at in range(total)]
    pages: dict[str, dict[str, Any]] = {}
    query = f"limit={limit}"
    for start in range(0, total + 1, limit):
        part = names[start : start + limit]
        pages[query] = {
            "events": [_event(name, start + at) for at, name in enumerate(part)],
            "page_info": {"next_marker": part[-1] if part else None, "current_count": len(part)},
        }
        if part:
            query = f"limit={limit}&marker={part[-1]}"
    return pages


def _event(name: str, at: int) -> dict[str, Any]:
    made = NOON_MS - at * 1000
    event_id = f"6a1f3c52-8c0e-4b7d-9a55-{at:012d}"
    event = Event(
        name=name,
        event_types=KINDS,
        notification=TARGET,
        event_id=event_id,
        create_time=made,
        update_time=made,
    )
    return event.json()


def record_page(total: int) -> dict[str, Any]:
    """ListNotificationRecords with as many different records."""
    records = [
        Record(
            event_name=f"event-{at % 30:05d}",
            trigger_event_type=KINDS[at % 3],
            create_time=NOON_MS - at * 60_000,
            secret_name=f"secret-{at:05d}",
            secret_type="COMMON",
            notification_target_id=TARGET.target_id,
            notification_target_name=TARGET.target_name,
            notification_content=f"The secret secret-{at:05d} of project {PROJECT} needs attention. " * 4,
            notification_status="FAIL" if at % 10 == 0 else "SUCCESS",
        ).json()
        for at in range(total)
    ]
    return {"records": records, "page_info": {"next_marker": "", "current_count": total}}


def answers() -> dict[bytes, bytes]:
    """Target → the whole response."""
    base = f"/v1/{PROJECT}/csms"
    pages = event_pages(total=EVENTS, limit=PAGE) | event_pages(total=EVENTS, limit=USUAL_PAGE)
    bodies = {f"{base}/events?{query}": _compact(page) for query, page in pages.items()}
    bodies[f"{base}/notification-records"] = _compact(record_page(RECORDS))
    bodies[RESPOND] = b'{"ok":true}'
    return {target.encode(): response(body) for target, body in bodies.items()}


def response(body: bytes) -> bytes:
    """A 200 with JSON."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class Canned(asyncio.Protocol):
    """HTTP/1.1, kept alive, with just enough parsing for the clients of the bench."""

    def __init__(self, table: Mapping[bytes, bytes]) -> None:
        self._table = table
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: a client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio: answers every request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            size = end + 4 + _length(head)
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            target = head.split(b" ", 2)[1]
            self._transport.write(self._table.get(target) or _missing())


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _missing() -> bytes:
    return response(b'{"error_code":"BENCH.404","error_msg":"not canned"}').replace(
        b"200 OK", b"404 Not Found"
    )
