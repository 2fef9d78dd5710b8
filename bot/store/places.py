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
    moved = 0
    for project, (alerts, approvals) in homes.items():
        here = {"old": channel, "project": project, "alerts": alerts, "approvals": approvals, "never": NEVER}
        kinds = ", ".join(f"'{kind}'" for kind in sorted(FOR_APPROVERS))
        home = f"channel = case when kind in ({kinds}) then :approvals else :alerts end"
        mine = "where channel = :old and project = :project and user = ''"
        moved += tx.execute(
            f"update outbox set {home}, error = '' {mine} and state = 'pending'",  # noqa: S608 (constant names)
            here,
        ).rowcount
        # Threads stay behind: as below a deleted message, the next reply takes the place of what began them.
        tx.execute(
            f"update outbox set {home}, ts = '', shown = :never {mine} and state = 'posted'",  # noqa: S608
            here,
        )
        tx.execute("update incidents set channel = :alerts where channel = :old and project = :project", here)
    tx.execute("delete from closed where channel = ?", [channel])
    return moved
