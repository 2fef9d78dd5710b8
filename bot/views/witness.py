"""The head of the audit log where it can be held against the file: in a message, and in small print on a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.views.blocks import Block, Message, context, section
from bot.views.text import code, esc

MARK = "audit.head"
"""How the block id begins by which a head is found again; docs/audit-format.md."""


def small_print(seq: int, digest: str) -> Block:
    """The head in a block of its own, whose id says it too: texts may be hostile, block ids are only ours."""
    return context(f"Audit log row {seq} · {code(digest, 64)}") | {"block_id": f"{MARK}.{seq}.{digest}"}


def head(data: Mapping[str, Any]) -> Message:
    """The message; `data` has `seq` and `hash`."""
    seq, digest = int(data["seq"]), esc(str(data["hash"]), 64)
    text = f"The audit log stands at row {seq}, hash {digest}."
    more = "To check the log against this message, run `csms-bot audit verify --witness`."
    return Message(text, (section(f":lock: {text} {more}"), small_print(seq, digest)))


def restored(data: Mapping[str, Any]) -> Message:
    """The database was put back; `data` has `seq` and `lost`, the ids of change requests that nobody knows any more."""
    text = f"The bot's database was put back from a copy (audit row {int(data['seq'])})."
    lost = ", ".join(esc(str(one), 20) for one in data["lost"])
    if lost:
        text += f" Change requests made since the copy are not known any more, so ask again if they were open: {lost}."
    return Message(text, (section(f":rewind: {text}"),))
