"""The embedded cloud as one ASGI application: CSMS, IAM, SMN and ECS metadata at one address."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from bot.sandbox.csms import control, neighbours, service
from bot.sandbox.csms.gateway import no_such_api
from bot.sandbox.csms.world import CsmsWorld

OPERATIONS = service.OPERATIONS + neighbours.OPERATIONS


def build_app(world: CsmsWorld) -> Starlette:
    """The server for one world; run it with `bot.serving.serving`, which resets of connections need."""
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    app = Starlette(
        routes=[
            *(operation.route(world) for operation in OPERATIONS),
            *control.routes(world, frozenset(operation.name for operation in OPERATIONS)),
            Route("/{path:path}", no_such_api, methods=methods),
        ]
    )
    app.router.redirect_slashes = False  # a gateway knows a path or does not; it never redirects
    return app
