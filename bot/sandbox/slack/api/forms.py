"""Request bodies, read without a library for forms: bodies here are small and whole."""

from __future__ import annotations

import email.parser
import email.policy
import json
from urllib.parse import parse_qsl

from starlette.requests import Request

from bot.sandbox.slack.model import JsonDict


async def read_arguments(request: Request) -> JsonDict:
    """The arguments of a call: those of the query, and over them a form's or a JSON object's. Bad JSON is none."""
    values: JsonDict = dict(request.query_params)
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/json"):
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            given = None
        return values | (given if isinstance(given, dict) else {})
    if content_type.startswith("multipart/form-data"):
        return values | {name: part.decode(errors="replace") for name, part in _parts(content_type, body)}
    return values | dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


async def read_file(request: Request) -> bytes:
    """The content of an upload: the body itself, or the first part of a multipart form."""
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        return body
    return next((content for _name, content in _parts(content_type, body)), b"")


def _parts(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = []
    for part in form.iter_parts():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            parts.append((str(part.get_param("name", "", header="content-disposition")), content))
    return parts
