"""What an app may put into a message: one reading for chat methods, response URLs and command acks."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.blockkit import Surface, check_blocks, complete_blocks, text_length
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.model import Content, JsonDict

MAX_ATTACHMENTS = 100
MAX_BLOCKS_TEXT = 12_000
"""chat.postMessage answers msg_blocks_too_long above 12 to 13 thousand characters in all blocks together. Slack does
not document it; users report it (bolt-js issue 2509)."""
TRUNCATE_TEXT_AT = 40_000
"""Slack: docs of chat.postMessage, "truncates messages containing more than 40,000 characters"."""


def read_content(args: Args, *, limit_blocks: bool = True) -> Content:
    """The content that `text`, `blocks`, `attachments`, `markdown_text` and `metadata` describe.

    Raises `SlackError`: no_text, invalid_blocks, invalid_blocks_format, msg_blocks_too_long (with `limit_blocks`),
    too_many_attachments, invalid_attachments, invalid_metadata_format, markdown_text_conflict.
    """
    text = args.text("text", "")
    blocks = read_blocks(args.structure("blocks"), limit=limit_blocks)
    markdown = args.text("markdown_text", "")
    if markdown:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        blocks = read_blocks([{"type": "markdown", "text": markdown}], limit=limit_blocks)
    attachments = _attachments(args.structure("attachments"))
    if not (text.strip() or blocks or attachments):
        raise SlackError("no_text")
    return Content(text[:TRUNCATE_TEXT_AT], blocks, attachments, read_metadata(args.structure("metadata")))


def read_blocks(blocks: Any, *, limit: bool = True) -> tuple[JsonDict, ...]:
    """Blocks of a message, checked and with Slack's defaults filled in; () for None."""
    if blocks is None:
        return ()
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if problems := check_blocks(blocks, Surface.MESSAGE):
        raise SlackError("invalid_blocks", messages=problems)
    if limit and text_length(blocks) > MAX_BLOCKS_TEXT:
        raise SlackError("msg_blocks_too_long")
    return tuple(complete_blocks(blocks))


def read_metadata(metadata: Any) -> JsonDict | None:
    """Message metadata, checked; None for none and for the empty object."""
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict) or set(metadata) - {"event_type", "event_payload", "entities"}:
        raise SlackError("invalid_metadata_format")
    event_type, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not (isinstance(event_type, str) and event_type and isinstance(payload, dict)):
        raise SlackError("invalid_metadata_format")
    return metadata


def _attachments(attachments: Any) -> tuple[JsonDict, ...]:
    if attachments is None:
        return ()
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    completed = []
    for number, attachment in enumerate(attachments, start=1):
        blocks = attachment.get("blocks")
        extra = {"blocks": list(read_blocks(blocks))} if blocks is not None else {}
        completed.append({"id": number, "fallback": "[no preview available]"} | attachment | extra)
    return tuple(completed)
