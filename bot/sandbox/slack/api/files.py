"""files.getUploadURLExternal, files.completeUploadExternal, and the upload between the two."""

from __future__ import annotations

import secrets
from dataclasses import replace

from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.content import read_blocks
from bot.sandbox.slack.errors import SlackError, invalid_arguments
from bot.sandbox.slack.model import Content, JsonDict, StoredFile
from bot.sandbox.slack.state import State

MAX_FILE_BYTES = 20_000_000


def get_upload_url(call: Call) -> JsonDict:
    """Slack: docs of files.getUploadURLExternal. `length` is the size in bytes, and the upload must have it."""
    name = call.args.required("filename").replace("/", "_")
    length = call.args.number("length", 0, low=1, high=MAX_FILE_BYTES)
    file = StoredFile(call.state.next_id("F"), name, length, secrets.token_urlsafe(18))
    call.state.files[file.id] = file
    return {"upload_url": f"{call.state.base_url}/upload/v1/{file.upload_key}", "file_id": file.id}


def store_upload(state: State, upload_key: str, content: bytes) -> None:
    """Keeps what was sent to an upload address. `SlackError`: file_not_found, or invalid_arguments for the length."""
    file = next((file for file in state.files.values() if file.upload_key == upload_key), None)
    if file is None or file.shared:
        raise SlackError("file_not_found")
    if len(content) != file.length:
        raise invalid_arguments(f"the file has {len(content)} bytes and not {file.length}")
    state.files[file.id] = replace(file, content=content)


def complete_upload(call: Call) -> JsonDict:
    """Slack: docs of files.completeUploadExternal. Shares the files in `channel_id` as one message of the app."""
    wanted = call.args.structure("files")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(item, dict) for item in wanted):
        raise invalid_arguments("missing required field: files")
    files = [_uploaded(call, item) for item in wanted]
    channel_id = call.args.text("channel_id", "") or call.args.text("channels", "").partition(",")[0]
    message = None
    if channel_id:
        channel = call.state.channels.get(channel_id)
        if channel is None or (channel.is_private and not call.bot_is_in(channel)):
            raise SlackError("channel_not_found")
        if not call.bot_is_in(channel):
            raise SlackError("not_in_channel")
        if channel.is_archived:
            raise SlackError("is_archived")
        blocks = read_blocks(call.args.structure("blocks"))
        content = Content(call.args.text("initial_comment", ""), blocks, files=tuple(files))
        message = call.state.bot_message(channel.id, content, thread_ts=call.thread_ts(channel))
    for file in files:
        call.state.files[file.id] = file
    if message is not None:
        call.state.post(message, method=call.method)
    return {"files": [{"id": file.id, "title": file.title or file.name} for file in files]}


def _uploaded(call: Call, item: JsonDict) -> StoredFile:
    file = call.state.files.get(str(item.get("id", "")))
    if file is None or file.content is None or file.shared:
        raise SlackError("file_not_found")
    return replace(file, title=str(item.get("title") or file.name), shared=True)
