"""How fast lists and records are read, next to the official SDK and to httpx with json.loads alone.

    python -m tests.csms.bench

One process serves canned pages on a real socket; this one reads them, all peers in turn, several rounds. Shown are
medians. Nothing here is asserted: a shared machine is no stopwatch.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import statistics
import tempfile
import time
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from bot.csms import AccessKeys, AkSkAuth, CsmsClient

EVENTS, RECORDS, ROUNDS = 10_000, 1_000, 9
PROJECT = "0123456789abcdef0123456789abcdef"
CONTENT = json.dumps(
    {
        "eventName": "event", "eventType": "SECRET_VERSION_EXPIRED", "eventTime": "2026-04-14T20:25:10.126Z",
        "data": {
            "secretId": "fde3d6ba-cb31-40b0-b6c4-78757050f8c8", "secretName": "secret", "versionId": "v18",
            "createTime": "2026-03-22T20:43:04.000Z", "versionExpireTime": "2026-03-29T17:07:23.000Z",
        },
    }
)  # fmt: skip


def event(number: int) -> dict[str, Any]:
    """One in four was updated after it was made."""
    made = 1_669_042_498_000 + number * 1_000
    topic = f"topic-{number % 50}"
    return {
        "name": f"event-{number:05}",
        "event_id": f"120eeafd-eca5-4098-8733-c1b369f{number:05}",
        "state": "ENABLED",
        "event_types": ["SECRET_VERSION_CREATED", "SECRET_VERSION_EXPIRED", "SECRET_DELETED"],
        "create_time": made,
        "update_time": made if number % 4 else made + 7_777_000,
        "notification": {
            "target_type": "SMN", "target_id": f"urn:smn:cn-north-4:{PROJECT}:{topic}", "target_name": topic,
        },
    }  # fmt: skip


def record(number: int) -> dict[str, Any]:
    """Every third one failed."""
    return {
        "event_name": "event", "trigger_event_type": "SECRET_VERSION_EXPIRED", "secret_name": f"secret-{number}",
        "create_time": 1_581_507_580_000 + number * 1_000, "secret_type": "COMMON",
        "notification_target_name": "topic", "notification_target_id": f"urn:smn:cn-north-4:{PROJECT}:topic",
        "notification_content": CONTENT, "notification_status": "SUCCESS" if number % 3 else "FAIL",
    }  # fmt: skip


def serve(ports: Any) -> None:
    """The canned server; tells its port, then serves until it is killed."""
    pages = {
        (limit, start): json.dumps({"events": [event(at) for at in range(start, min(start + limit, EVENTS))]}).encode()
        for limit in (50, 1_000)
        for start in range(0, EVENTS + 1, limit)
    }  # fmt: skip
    records = json.dumps({"records": [record(number) for number in range(RECORDS)]}).encode()

    def answer(target: str) -> bytes:
        url = urlsplit(target)
        if url.path.endswith("/notification-records"):
            return records
        query = parse_qs(url.query)
        marker = query.get("marker", [""])[0]
        return pages[int(query["limit"][0]), int(marker.removeprefix("event-")) + 1 if marker else 0]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = answer(head.split(b" ", 2)[1].decode())
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ")
                writer.write(str(len(body)).encode() + b"\r\n\r\n" + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        ports.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def plainly(client: httpx.AsyncClient, base: str) -> list[Any]:
    """What nobody can do with less: httpx and json.loads, no signature, no values."""
    events: list[Any] = []
    after = ""
    while True:
        response = await client.get(f"{base}/v1/{PROJECT}/csms/events?limit=1000{after}")
        page = json.loads(response.content)["events"]
        events += page
        if len(page) < 1_000:
            return events
        after = f"&marker={page[-1]['name']}"


def by_sdk(sdk: Any, limit: str) -> list[Any]:
    """The official SDK, which has no pager: the loop that its users write."""
    from huaweicloudsdkcsms.v1 import ListSecretEventsRequest

    events: list[Any] = []
    marker = None
    while True:
        page = sdk.list_secret_events(ListSecretEventsRequest(limit=limit, marker=marker)).events
        events += page
        if len(page) < int(limit):
            return events
        marker = page[-1].name


def official(base: str) -> Any:
    """A client of the official SDK; it writes a file below HOME, which therefore is elsewhere."""
    os.environ["HOME"] = tempfile.mkdtemp()
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcsms.v1 import CsmsClient as Sdk

    return (
        Sdk.new_builder().with_credentials(BasicCredentials("AK", "SK", PROJECT)).with_endpoint(base).build()
    )


async def measure(base: str) -> dict[str, tuple[float, float]]:
    """For each peer the medians of wall time and CPU time, in ms."""
    sdk = official(base)
    ours = CsmsClient(
        endpoint=base, project_id=PROJECT, auth=AkSkAuth(AccessKeys("AK", "SK"), project_id=PROJECT)
    )
    times: dict[str, list[tuple[float, float]]] = {}
    async with aclosing(ours), httpx.AsyncClient(trust_env=False) as plain:
        peers: dict[str, Any] = {
            "httpx and json.loads": lambda: plainly(plain, base),
            "ours": ours.list_events,
            "SDK, pages of 1,000": lambda: by_sdk(sdk, "1000"),
            "SDK, pages of 50 (its default)": lambda: by_sdk(sdk, "50"),
            "1,000 unchanged records": ours.notification_records,
        }
        for _ in range(ROUNDS + 1):
            for name, run in peers.items():
                wall, cpu = time.perf_counter(), time.process_time()
                result = run()
                if asyncio.iscoroutine(result):
                    result = await result
                times.setdefault(name, []).append((time.perf_counter() - wall, time.process_time() - cpu))
                del result
    return {
        name: (
            statistics.median(wall for wall, _ in seen[1:]) * 1e3,
            statistics.median(cpu for _, cpu in seen[1:]) * 1e3,
        )
        for name, seen in times.items()
    }


def main() -> None:
    """Prints the table."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ports, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    try:
        times = asyncio.run(measure(f"http://127.0.0.1:{ports.recv()}"))
    finally:
        server.kill()
        server.join()
    for name, (wall, cpu) in times.items():
        print(f"{name:32} {wall:8.1f} ms  {cpu:8.1f} ms CPU  {wall / times['ours'][0]:6.2f} x ours")


if __name__ == "__main__":
    main()
