"""What comes into being while a workspace runs: messages, views, files, and the record of every effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

JsonDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the workspace. `shared`: whether its upload was completed."""

    id: str
    name: str
    length: int
    upload_key: str
    content: bytes | None = None
    title: str = ""
    shared: bool = False

    @property
    def mimetype(self) -> str:
        """A guess by the name, enough to show or to save it."""
        return {"csv": "text/csv", "json": "application/json"}.get(self.name.rpartition(".")[2], "text/plain")

    def as_json(self) -> JsonDict:
        """The file as the page and the API show it; `url` is relative to the workspace's address."""
        return {
            "id": self.id, "name": self.name, "title": self.title or self.name, "size": self.length,
            "mimetype": self.mimetype, "url": f"/_files/{self.id}/{self.name}",
        }  # fmt: skip


TOMBSTONE = "tombstone"


@dataclass(frozen=True, slots=True)
class Content:
    """The part of a message its author decides."""

    text: str = ""
    blocks: tuple[JsonDict, ...] = ()
    attachments: tuple[JsonDict, ...] = ()
    metadata: JsonDict | None = None
    files: tuple[StoredFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `ts` is Slack's "seconds.microseconds", unique in the workspace, and so its id in `channel`.

    `ephemeral_to` is the only person who sees it. `bot_id` marks a message of the app. `subtype` is Slack's word for a
    message that nobody wrote.
    """

    channel: str
    ts: str
    user: str
    content: Content
    thread_ts: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    edited_ts: str | None = None
    ephemeral_to: str | None = None
    subtype: str | None = None

    @property
    def text(self) -> str:
        """The text as stored: `&`, `<` and `>` escaped, mentions as `<@U…>`."""
        return self.content.text

    @property
    def blocks(self) -> tuple[JsonDict, ...]:
        """The Block Kit blocks, each with a block_id."""
        return self.content.blocks

    @property
    def metadata(self) -> JsonDict | None:
        """`{"event_type": …, "event_payload": {…}}`, or None."""
        return self.content.metadata

    @property
    def is_tombstone(self) -> bool:
        """Whether this only stands where the deleted first message of a thread was."""
        return self.subtype == TOMBSTONE

    @property
    def is_reply(self) -> bool:
        """Whether this is in a thread and not the thread's first message."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def as_json(self) -> JsonDict:
        """The message in Slack's shape, without what the API and the page each add."""
        content = self.content
        shown: JsonDict = {"type": "message", "user": self.user, "ts": self.ts, "text": content.text}
        optional: JsonDict = {
            "thread_ts": self.thread_ts, "bot_id": self.bot_id, "app_id": self.app_id,
            "blocks": list(content.blocks), "attachments": list(content.attachments),
            "files": [file.as_json() for file in content.files], "metadata": content.metadata,
            "edited": {"user": self.user, "ts": self.edited_ts} if self.edited_ts else None,
            "subtype": self.subtype, "hidden": self.is_tombstone,
        }  # fmt: skip
        return shown | {key: value for key, value in optional.items() if value}


@dataclass(frozen=True, slots=True)
class View:
    """A modal or an App Home tab of one person. `body` is what the app sent, with Slack's defaults filled in."""

    id: str
    user: str
    body: JsonDict
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    values: JsonDict = field(default_factory=dict)
    errors: JsonDict = field(default_factory=dict)

    @property
    def blocks(self) -> tuple[JsonDict, ...]:
        """The Block Kit blocks, each with a block_id."""
        return tuple(self.body["blocks"])

    @property
    def title(self) -> str:
        """The modal's title; empty for App Home."""
        return str((self.body.get("title") or {}).get("text", ""))


class Effect(StrEnum):
    """What a journal entry records."""

    POST = "post"
    EDIT = "edit"
    DELETE = "delete"
    EPHEMERAL = "ephemeral"
    EPHEMERAL_EDIT = "ephemeral_edit"
    EPHEMERAL_DELETE = "ephemeral_delete"
    VIEW = "view"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One effect in the workspace, in the order it took place. `at` is in seconds since the epoch (UTC).

    `method` is the Web API method, `response_url`, `command_ack`, or `person` for what people do. `user` is the
    author of a message, or the only one who sees an ephemeral message or a view.
    """

    seq: int
    at: float
    effect: Effect
    method: str
    user: str
    channel: str | None = None
    ts: str | None = None
    thread_ts: str | None = None
    text: str | None = None
    blocks: tuple[JsonDict, ...] = ()
    metadata: JsonDict | None = None
    view_id: str | None = None
