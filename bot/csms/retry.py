"""When the same request may be sent again, and how long to wait first. Pure but for the dice.

DEW best practices: 3 to 5 tries with exponential backoff for 429, 502, 504. The jitter is full: clients that
failed together do not come back together.
"""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bot.errors import CsmsDown, Landed

TRIES_MORE = 3
BASE_S = 0.5
CAP_S = 8.0
RETRY_AFTER_CAP_S = 30.0
"""A server that asks for more than this is not waited for: whoever asked will ask again."""

NO_ANSWER = 0
REPEATABLE = frozenset((NO_ANSWER, 429, 502, 503, 504))

_DAY = re.compile(r"\b[1-9][0-9]*\s*days?\b", re.I)
_dice = random.SystemRandom()


def pause(error: CsmsDown, *, tried: int, retry_after: float | None) -> float | None:
    """Seconds to wait before the same request is sent again; None: do not.

    `tried` counts the tries that were made again already. A write that may have taken effect is never repeated;
    a quota that is counted by the day ("time:1 day" in APIGW.0308) is not waited for.
    """
    if tried >= TRIES_MORE or error.status not in REPEATABLE or error.landed is not Landed.NO:
        return None
    if error.status == 429 and _DAY.search(error.message):
        return None
    if retry_after is not None:
        return retry_after if retry_after <= RETRY_AFTER_CAP_S else None
    return _dice.uniform(0, min(CAP_S, BASE_S * 2**tried))


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as seconds or as a date; None when there is none to be read."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
