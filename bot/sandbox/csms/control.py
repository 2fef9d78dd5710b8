"""The routes under /_control: what a test or a curious person does to the world from outside.

```
POST   faults       {"operation", "nth", "times", "status", "body", "headers", "delay_s", "effect", "reset"}
DELETE faults
GET    journal      every effect, oldest first; ?since=SEQ leaves out those up to it
GET    calls        how many calls of each operation came in
POST   events       one or a list, with the keys of a seed; so too records, secrets, topics
DELETE topics/NAME
POST   trigger      {"event", "type", "secret", "status"}: a record, now
POST   permissions  {"deny": ["csms:event:update", ...]}: these and no others are denied
POST   clock        {"advance_s"}
POST   behaviour    {"next_marker", "token_lifetime_s", "echo_signed_request"}, any of them
DELETE tokens       every token that is out has expired
```

They are no part of the cloud, ask for no credentials, and answer 400 with `{"error": ...}` to what they do not
understand.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.csms.errors import Refusal
from bot.sandbox.csms.faults import Fault
from bot.sandbox.csms.model import Behaviour, Event, NextMarker, Record, Secret, Topic
from bot.sandbox.csms.world import CsmsWorld
from bot.sandbox.faults import ANY

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault(Fault):
    """The body of POST /_control/faults: which calls, and what happens to them. `times` null: from then on, always."""

    operation: str = ANY
    nth: int = 1
    times: int | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trigger:
    __pydantic_config__ = _STRICT

    event: str
    type: str
    secret: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Permissions:
    __pydantic_config__ = _STRICT

    deny: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    __pydantic_config__ = _STRICT

    advance_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Switches:
    __pydantic_config__ = _STRICT

    next_marker: NextMarker | None = None
    token_lifetime_s: int | None = None
    echo_signed_request: bool | None = None


_FAULT = TypeAdapter(PlannedFault)
_TRIGGER = TypeAdapter(_Trigger)
_PERMISSIONS = TypeAdapter(_Permissions)
_CLOCK = TypeAdapter(_Clock)
_SWITCHES = TypeAdapter(_Switches)
# Each of these routes takes one or a list.
_EVENTS = TypeAdapter(Event | list[Event])
_RECORDS = TypeAdapter(Record | list[Record])
_SECRETS = TypeAdapter(Secret | list[Secret])
_TOPICS = TypeAdapter(Topic | list[Topic])


def routes(world: CsmsWorld, operations: frozenset[str]) -> list[Route]:
    """The control routes; `operations` are the names that faults can be planned for."""

    def plan_fault(body: bytes) -> Any:
        asked = _FAULT.validate_json(body)
        if asked.operation != ANY and asked.operation not in operations:
            raise ValueError(f"operation: one of {', '.join(sorted(operations))} or {ANY}")
        world.faults.add(asked.operation, asked, nth=asked.nth, times=asked.times)
        return {"planned": len(world.faults)}

    def clear_faults(_body: bytes) -> Any:
        world.faults.clear()
        return {"planned": 0}

    def put_events(body: bytes) -> Any:
        return {"events": [world.put_event(event).json() for event in _many(_EVENTS.validate_json(body))]}

    def add_records(body: bytes) -> Any:
        return {
            "records": [world.add_record(record).json() for record in _many(_RECORDS.validate_json(body))]
        }

    def put_secrets(body: bytes) -> Any:
        return {
            "secrets": [world.put_secret(secret).json() for secret in _many(_SECRETS.validate_json(body))]
        }

    def put_topics(body: bytes) -> Any:
        return {"topics": [asdict(world.put_topic(topic)) for topic in _many(_TOPICS.validate_json(body))]}

    def trigger(body: bytes) -> Any:
        asked = _TRIGGER.validate_json(body)
        return {
            "record": world.trigger(asked.event, asked.type, secret=asked.secret, status=asked.status).json()
        }

    def permissions(body: bytes) -> Any:
        world.access.denied = _PERMISSIONS.validate_json(body).deny
        return {"deny": sorted(world.access.denied)}

    def clock(body: bytes) -> Any:
        world.advance(_CLOCK.validate_json(body).advance_s)
        return {"now_ms": world.now_ms()}

    def behaviour(body: bytes) -> Any:
        asked = asdict(_SWITCHES.validate_json(body))
        changed: Behaviour = replace(world.behaviour, **{k: v for k, v in asked.items() if v is not None})
        world.behaviour = changed
        return asdict(changed)

    async def journal(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            return _bad("since: a sequence number")
        return JSONResponse({"journal": [effect.json() for effect in world.journal[int(since) :]]})

    async def drop_topic(request: Request) -> Response:
        try:
            world.drop_topic(request.path_params["name"])
        except KeyError:
            return _bad("no such topic")
        return JSONResponse({})

    async def calls(_request: Request) -> Response:
        return JSONResponse({"calls": dict(world.calls)})

    async def expire_tokens(_request: Request) -> Response:
        return JSONResponse({"expired": world.access.expire_tokens()})

    return [
        Route("/_control/faults", _taking(plan_fault), methods=["POST"]),
        Route("/_control/faults", _taking(clear_faults), methods=["DELETE"]),
        Route("/_control/events", _taking(put_events), methods=["POST"]),
        Route("/_control/records", _taking(add_records), methods=["POST"]),
        Route("/_control/secrets", _taking(put_secrets), methods=["POST"]),
        Route("/_control/topics", _taking(put_topics), methods=["POST"]),
        Route("/_control/topics/{name}", drop_topic, methods=["DELETE"]),
        Route("/_control/trigger", _taking(trigger), methods=["POST"]),
        Route("/_control/permissions", _taking(permissions), methods=["POST"]),
        Route("/_control/clock", _taking(clock), methods=["POST"]),
        Route("/_control/behaviour", _taking(behaviour), methods=["POST"]),
        Route("/_control/tokens", expire_tokens, methods=["DELETE"]),
        Route("/_control/journal", journal, methods=["GET"]),
        Route("/_control/calls", calls, methods=["GET"]),
    ]


def _taking(act: Callable[[bytes], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(act(await request.body()))
        except ValidationError as error:
            first = error.errors()[0]
            return _bad(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except (ValueError, Refusal) as error:
            return _bad(str(error))

    return endpoint


def _bad(why: str) -> Response:
    return JSONResponse({"error": why}, 400)


def _many(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]
