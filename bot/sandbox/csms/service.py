"""The CSMS calls over HTTP: what they read from a request and how they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from bot.sandbox.csms import checks
from bot.sandbox.csms.errors import Envelope, invalid
from bot.sandbox.csms.gateway import Call, Operation

_EVENTS = "/v1/{project_id}/csms/events"
_EVENT = _EVENTS + "/{event_name}"


def _list_events(call: Call) -> Response:
    limit, marker = checks.page(call.query)
    page = call.world.list_events(limit=limit, marker=marker)
    return JSONResponse({"events": [event.json() for event in page.items], "page_info": page.info})


def _create_event(call: Call) -> Response:
    event = call.world.create_event(checks.json_object(call.body), caller=call.caller.name)
    return JSONResponse({"event": event.json()})  # 200, not 201


def _show_event(call: Call) -> Response:
    return JSONResponse({"event": call.world.event(call.path["event_name"]).json()})


def _update_event(call: Call) -> Response:
    body = checks.json_object(call.body)
    event = call.world.update_event(call.path["event_name"], body, caller=call.caller.name)
    return JSONResponse({"event": event.json()})


def _delete_event(call: Call) -> Response:
    call.world.delete_event(call.path["event_name"], caller=call.caller.name)
    return Response(status_code=204)


def _list_records(call: Call) -> Response:
    # Any query is ignored: `limit` and `marker` left the interface in 2024. The sample has no page_info either.
    return JSONResponse({"records": [record.json() for record in call.world.records()]})


def _list_secrets(call: Call) -> Response:
    limit, marker = checks.page(call.query)
    event_name = call.query.get("event_name")
    page = call.world.list_secrets(limit=limit, marker=marker, event_name=event_name)
    return JSONResponse({"secrets": [secret.json() for secret in page.items], "page_info": page.info})


def _list_tasks(call: Call) -> Response:
    limit, marker = checks.page(call.query)
    asked = {key: value for key in ("secret_name", "status", "task_id") if (value := call.query.get(key))}
    if "task_id" in asked and len(asked) > 1:
        raise invalid("task_id goes with no other parameter")
    if asked.get("status", "SUCCESS") not in ("SUCCESS", "FAILED"):
        raise invalid("status must be SUCCESS or FAILED")
    tasks: list[dict[str, Any]] = [task.json() for task in call.world.tasks]
    fields = {"secret_name": "secret_name", "status": "task_status", "task_id": "task_id"}
    for key, value in asked.items():
        tasks = [task for task in tasks if task[fields[key]] == value]
    total = len(tasks)
    if marker is not None:
        ids = [task["task_id"] for task in tasks]
        if marker not in ids:
            raise invalid("marker is no task")
        tasks = tasks[ids.index(marker) + 1 :]
    body: dict[str, Any] = {"tasks": tasks[:limit], "total": total}
    if len(tasks) > limit:
        body["next_marker"] = tasks[limit - 1]["task_id"]
    return JSONResponse(body)


def _event_call(
    name: str, method: str, path: str, action: str, handler: Callable[[Call], Response]
) -> Operation:
    return Operation(
        name=name,
        method=method,
        path=path,
        handler=handler,
        envelope=Envelope.CSMS,
        action=f"csms:event:{action}",
    )


OPERATIONS = (
    _event_call("list_events", "GET", _EVENTS, "list", _list_events),
    _event_call("create_event", "POST", _EVENTS, "create", _create_event),
    _event_call("show_event", "GET", _EVENT, "get", _show_event),
    _event_call("update_event", "PUT", _EVENT, "update", _update_event),
    _event_call("delete_event", "DELETE", _EVENT, "delete", _delete_event),
    _event_call(
        "list_records",
        "GET",
        "/v1/{project_id}/csms/notification-records",
        "listNotificationRecords",
        _list_records,
    ),
    Operation(
        name="list_tasks",
        method="GET",
        path="/v1/{project_id}/csms/tasks",
        handler=_list_tasks,
        envelope=Envelope.CSMS_FLAT,
    ),
    Operation(
        name="list_secrets",
        method="GET",
        path="/v1/{project_id}/secrets",
        handler=_list_secrets,
        envelope=Envelope.CSMS_FLAT,
        action="csms:secret:list",
    ),
)
