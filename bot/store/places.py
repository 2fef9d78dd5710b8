"""Messages that do not stand where they were meant to: what somebody deleted, and channels that are no more."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model import PostKind
from bot.store.engine import Tx

NEVER = 1 << 40
"""The revision that a message shows of which no other one is ever wanted."""
FOR_APPROVERS = frozenset(
    {PostKind.CARD, PostKind.REMINDER, PostKind.OUTSIDE, PostKind.RESTORED, PostKind.WITNESS, PostKind.CLOSED}
)
"""What goes to a project's approval channel; all else goes to its alert channel."""


def gone(tx: Tx, channel: str, ts: str) -> None:
    """Somebody deleted the message in Slack."""
    tx.execute(
        "update outbox set ts = '', shown = :never, error = '' where channel = :channel and ts = :ts and ts != ''",
        {"channel": channel, "ts": ts, "never": NEVER},
    )


def stands_alone(tx: Tx, key: str) -> None:
    """A message in the channel that was to be a reply: the first such takes the place of the deleted one above it."""
    (parent,) = tx.execute("select parent from outbox where key = ?", [key]).fetchone()
    if not parent:
        return
    if tx.execute("select 1 from outbox where key = ? and ts = ''", [parent]).fetchone():
        # The deleted one points to it, too, for those that are still to come (see `put`).
        tx.execute(
            "update outbox set parent = :key where parent = :gone or key = :gone",
            {"key": key, "gone": parent},
        )
    tx.execute("update outbox set parent = '' where key = ?", [key])


def leave(tx: Tx, channel: str, homes: Mapping[str, tuple[str, str]]) -> int:
    """What waits for the channel goes to its project's (alert channel, approval channel) of `homes`. How many messages."""
    waiting = tx.execute(
        "select key, project, kind, parent from outbox where channel = ? and state = 'pending'", [channel]
    ).fetchall()
    waiting = [row for row in waiting if row[1] in homes]
    for key, project, kind, parent in waiting:
        home = homes[project][kind in FOR_APPROVERS]
        tx.execute("update outbox set channel = ?, error = '' where key = ?", [home, key])
        # The thread stays behind: as below a deleted message, the first reply takes its place.
        tx.execute(
            "update outbox set ts = '', shown = ? where key = ? and channel = ? and state = 'posted'",
            [NEVER, parent, channel],
        )
    tx.execute("delete from closed where channel = ?", [channel])
    return len(waiting)
