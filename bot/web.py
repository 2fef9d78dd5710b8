"""The HTTP side: is it alive, is it ready, what do the numbers say, and, in HTTP mode, the door for Slack."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.services.status import Report, Status

log = logging.getLogger(__name__)

SLACK_PATH = "/slack/events"


class _Numbers(Collector):
    """What prometheus_client asks for a report's metrics."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        yield from numbers(self._report)


def numbers(report: Report) -> Iterator[Metric]:
    """A report as Prometheus metrics, in the order in which they are shown."""
    info = GaugeMetricFamily("csms_bot_info", "Version and mode of the bot.", labels=["version", "mode"])
    info.add_metric([report.version, report.mode], 1)
    yield info
    yield GaugeMetricFamily(
        "csms_bot_slack_connected", "1 while Slack is connected.", value=int(report.connected)
    )
    polls = GaugeMetricFamily(
        "csms_bot_last_poll_timestamp_seconds",
        "When the last good poll was, Unix time; 0: never.",
        labels=["project"],
    )
    failing = GaugeMetricFamily("csms_bot_poll_failures", "Polls that failed in a row.", labels=["project"])
    partial = GaugeMetricFamily(
        "csms_bot_coverage_incomplete", "1 while CSMS shows only part of its records.", labels=["project"]
    )
    records = GaugeMetricFamily("csms_bot_records", "Records that the last poll saw.", labels=["project"])
    incidents = GaugeMetricFamily(
        "csms_bot_open_incidents",
        "Incidents that fail, or wait for the notice after a fix.",
        labels=["project"],
    )
    requests = CounterMetricFamily(
        "csms_bot_csms_requests",
        "Requests to CSMS and its neighbours.",
        labels=["project", "operation", "status"],
    )
    for project in report.projects:
        last = project.last_poll.timestamp() if project.last_poll else 0.0
        polls.add_metric([project.name], last)
        failing.add_metric([project.name], project.failures)
        partial.add_metric([project.name], int(project.incomplete))
        records.add_metric([project.name], project.records)
        incidents.add_metric([project.name], project.incidents)
        for (operation, status), number in sorted(project.requests.items()):
            requests.add_metric([project.name, operation, status], number)
    yield from (polls, failing, partial, records, incidents, requests)
    calls = CounterMetricFamily(
        "csms_bot_slack_calls", "Calls of Slack's Web API.", labels=["method", "outcome"]
    )
    for (method, outcome), number in sorted(report.calls.items()):
        calls.add_metric([method, outcome], number)
    yield calls
    outbox = GaugeMetricFamily(
        "csms_bot_outbox_messages", "Messages on their way to Slack.", labels=["state"]
    )
    for state, number in report.backlog.items():
        outbox.add_metric([state], number)
    yield outbox
    yield GaugeMetricFamily(
        "csms_bot_inbox_deliveries", "Deliveries that are not finished.", value=report.inbox
    )
    yield GaugeMetricFamily(
        "csms_bot_open_changes", "Change requests that are open.", value=report.open_changes
    )
    yield GaugeMetricFamily("csms_bot_audit_rows", "Rows of the audit log.", value=report.head[0])


def build_web(status: Status, guard: Callable[[Request], Awaitable[Response]] | None) -> Starlette:
    """The routes; `guard` takes Slack's deliveries in HTTP mode."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        try:
            reasons = await status.ready()
        except Exception:
            log.exception("not ready", extra={"action": "readyz_failed"})
            reasons = ["database: does not answer"]
        return JSONResponse({"ready": not reasons, "reasons": reasons}, status_code=503 if reasons else 200)

    async def metrics(_: Request) -> Response:
        registry = CollectorRegistry()
        registry.register(_Numbers(await status.report()))
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def not_ours(request: Request, _: Exception) -> Response:
        return JSONResponse({"error": f"nothing is here at {request.url.path[:80]}"}, status_code=404)

    routes: Iterable[Route] = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if guard is not None:
        routes = [*routes, Route(SLACK_PATH, guard, methods=["POST"])]
    return Starlette(routes=list(routes), exception_handlers={404: not_ours})
