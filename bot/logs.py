"""One line a record, with the fields that `extra=` gave; nothing secret gets through."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from bot.csms import redact

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Line(logging.Formatter):
    """`2026-11-23T04:05:06.123Z WARNING poll_failed project=default error="…"`."""

    def format(self, record: logging.LogRecord) -> str:
        at = (
            datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )
        extra = {key: value for key, value in vars(record).items() if key not in _PLAIN}
        action = extra.pop("action", "")
        parts = [at, record.levelname, str(action or record.name), json.dumps(record.getMessage())]
        parts += [
            f"{key}={json.dumps(value, default=str, ensure_ascii=False)}" for key, value in extra.items()
        ]
        line = redact(" ".join(parts), limit=2000)
        if record.exc_info:
            line += "\n" + "\n".join(
                redact(one, limit=500) for one in self.formatException(record.exc_info).splitlines()
            )
        return line


def set_up(level: int = logging.INFO) -> None:
    """Logs to standard error. The libraries speak up only when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in (
        "httpx",
        "httpcore",
        "aiohttp",
        "uvicorn",
        "slack_bolt",
        "slack_sdk",
        "asyncio",
        "websockets",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
