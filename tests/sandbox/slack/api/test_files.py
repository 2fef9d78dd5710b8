"""An upload in its three steps."""

from urllib.parse import urlsplit

import httpx

from bot.sandbox.slack import Workspace
from tests.sandbox.slack.support import ALERTS, GENERAL, Api

CSV = b"seq,action\n1,created\n"


async def _uploaded(api: Api, http: httpx.AsyncClient, content: bytes = CSV) -> str:
    granted = await api.ok("files.getUploadURLExternal", filename="audit.csv", length=len(content))
    answer = await http.post(urlsplit(granted["upload_url"]).path, content=content)
    assert answer.text == f"OK - {len(content)}"
    file_id: str = granted["file_id"]
    return file_id


async def test_a_completed_upload_is_a_message_with_the_file(
    api: Api, http: httpx.AsyncClient, workspace: Workspace
) -> None:
    file_id = await _uploaded(api, http)
    files = [{"id": file_id, "title": "Audit"}]
    answer = await api.ok(
        "files.completeUploadExternal", files=files, channel_id=ALERTS, initial_comment="Here"
    )
    (message,) = workspace.messages(ALERTS)
    (shown,) = workspace.page_message(message)["files"]
    assert answer["files"] == files
    assert (message.text, shown["name"], shown["title"], shown["size"]) == ("Here", "audit.csv", "Audit", 21)
    assert (await http.get(shown["url"])).content == CSV


async def test_a_multipart_upload_is_taken_too(
    api: Api, http: httpx.AsyncClient, workspace: Workspace
) -> None:
    granted = await api.ok("files.getUploadURLExternal", filename="audit.csv", length=len(CSV))
    path = urlsplit(granted["upload_url"]).path
    assert (await http.post(path, files={"file": ("audit.csv", CSV)})).status_code == 200
    assert workspace.files[granted["file_id"]].content == CSV


async def test_a_file_that_was_not_uploaded_cannot_be_shared(api: Api, workspace: Workspace) -> None:
    granted = await api.ok("files.getUploadURLExternal", filename="audit.csv", length=10)
    files = [{"id": granted["file_id"]}]
    refused = await api.error("files.completeUploadExternal", files=files, channel_id=ALERTS)
    assert refused == "file_not_found"
    assert workspace.messages(ALERTS) == []


async def test_an_upload_of_another_length_is_refused(api: Api, http: httpx.AsyncClient) -> None:
    granted = await api.ok("files.getUploadURLExternal", filename="audit.csv", length=len(CSV) + 1)
    answer = await http.post(urlsplit(granted["upload_url"]).path, content=CSV)
    assert answer.status_code == 400


async def test_an_unknown_upload_address_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.post("/upload/v1/made-up", content=CSV)).status_code == 404


async def test_a_file_is_shared_only_where_the_bot_is_and_only_once(
    api: Api, http: httpx.AsyncClient
) -> None:
    files = [{"id": await _uploaded(api, http)}]
    complete = "files.completeUploadExternal"
    assert await api.error(complete, files=files, channel_id=GENERAL) == "not_in_channel"
    assert await api.error(complete, files=files, channel_id="C0NOWHERE") == "channel_not_found"
    await api.ok(complete, files=files, channel_id=ALERTS)
    assert await api.error(complete, files=files, channel_id=ALERTS) == "file_not_found"


async def test_a_file_that_nobody_shared_is_not_served(
    api: Api, http: httpx.AsyncClient, workspace: Workspace
) -> None:
    file_id = await _uploaded(api, http)
    assert (await http.get(workspace.files[file_id].as_json()["url"])).status_code == 404
