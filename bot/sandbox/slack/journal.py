"""The workspace's own record of every effect, which checkers compare with what a bot says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from bot.sandbox.slack.model import Effect, JournalEntry, Message, View


class Journal:
    """Append-only; nothing in the workspace takes an entry back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: list[JournalEntry] = []
        self.calls: Counter[str] = Counter()
        """How often each Web API method (and `response_url`, `upload_url`) was called, refused calls included."""

    @property
    def entries(self) -> tuple[JournalEntry, ...]:
        """Everything so far, oldest first."""
        return tuple(self._entries)

    def message(self, effect: Effect, message: Message, *, method: str) -> None:
        """Records what became of a message."""
        if message.ephemeral_to is not None:
            effect = Effect(f"ephemeral_{effect}") if effect is not Effect.POST else Effect.EPHEMERAL
        entry = JournalEntry(
            seq=len(self._entries) + 1, at=self._clock(), effect=effect, method=method,
            user=message.ephemeral_to or message.user, channel=message.channel, ts=message.ts,
            thread_ts=message.thread_ts, text=message.text, blocks=message.blocks, metadata=message.metadata,
        )  # fmt: skip
        self._entries.append(entry)

    def view(self, effect: Effect, view: View, *, method: str) -> None:
        """Records that a view was shown or changed."""
        entry = JournalEntry(
            seq=len(self._entries) + 1, at=self._clock(), effect=effect, method=method, user=view.user,
            text=view.title, blocks=view.blocks, view_id=view.id,
        )  # fmt: skip
        self._entries.append(entry)
