"""Why a rotation failed: CSMS's list of tasks knows, where the bot's credential may read it."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from bot.csms import FailedTask
from bot.errors import CsmsDown, CsmsError
from bot.services.projects import Scope
from bot.store import Store

log = logging.getLogger(__name__)

ROTATION_FAILED = "SECRET_ROTATED_FAILED"
WORTH_ASKING = timedelta(hours=1)
"""How long after an alert its cause is still looked for, as long as CSMS does not answer."""
ASK_AGAIN = timedelta(hours=1)
"""How long a refused credential is not tried again: refusals count against the key."""
LATER = timedelta(minutes=5)
"""How long a list of tasks that does not come is left alone."""
PATIENCE_S = 3.0
"""The next poll waits for this."""
MARGIN = timedelta(minutes=10)
"""How much younger than the notice a task may be, for clocks that differ, and still be what it speaks of."""


async def explain(store: Store, scope: Scope, now: datetime, *, not_before: dict[str, datetime]) -> int:
    """Asks for the causes of new *rotation failed* alerts and keeps them. How many were found; never raises CsmsError.

    `not_before`: project → when the call may be tried again; written here.
    """
    if now < not_before.get(scope.name, now):
        return 0
    found = 0
    for incident in await store.incidents.unexplained(scope.name, ROTATION_FAILED, now - WORTH_ASKING):
        first = incident.first
        try:
            async with asyncio.timeout(PATIENCE_S):
                tasks = await scope.csms.failed_tasks(str(first["secret"]))
        except ValueError:  # No secret can have this name, so that no task is of it.
            tasks = []
        except (CsmsDown, TimeoutError):
            not_before[scope.name] = now + LATER
            return found
        except CsmsError as error:
            not_before[scope.name] = now + ASK_AGAIN
            log.info(
                "the tasks cannot be read",
                extra={"action": "tasks_refused", "project": scope.name, "error": str(error)},
            )
            return found
        cause = _cause(tasks, first["at"])
        await store.incidents.explain(incident.key, cause)
        found += bool(cause)
    return found


def _cause(tasks: list[FailedTask], at: float | None) -> str:
    """The words of the newest task that is not younger than the notice; `tasks` newest first."""
    latest = None if at is None else at + MARGIN.total_seconds()
    for task in tasks:
        if latest is None or task.at is None or task.at.timestamp() <= latest:
            words = ": ".join(part for part in (task.code, task.message) if part)
            tries = f" ({task.attempts} attempts)" if task.attempts > 1 else ""
            return f"{words}{tries}" if words else ""
    return ""
