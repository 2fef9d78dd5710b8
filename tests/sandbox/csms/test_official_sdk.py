"""The official client against the embedded server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, ServiceResponseException
from huaweicloudsdkcsms import v1

from tests.sandbox.csms.tools import AK, HOUR, PROJECT, SK, Cloud, CloudOf, event


def client(base: str, sk: str = SK) -> v1.CsmsClient:
    built: Any = v1.CsmsClient.new_builder()
    return built.with_credentials(BasicCredentials(AK, sk, PROJECT)).with_endpoint(base).build()


async def run(act: Callable[..., Any], *args: Any) -> Any:
    """The client blocks, so it runs on a thread."""
    return await asyncio.to_thread(act, *args)


@pytest.fixture
def now_cloud(cloud: Cloud) -> Cloud:
    """The official client signs with the true time."""
    cloud.clock.now = time.time()
    return cloud


async def test_an_event_can_be_made_shown_changed_and_deleted(now_cloud: Cloud) -> None:
    csms = client(now_cloud.base)
    target = v1.Notification(target_type="SMN", target_id="demo-smn-id", target_name="demo-smn-name")
    body = v1.CreateSecretEventRequestBody(
        name="gamma", state="ENABLED", event_types=["SECRET_ROTATED"], notification=target
    )
    made = await run(csms.create_secret_event, v1.CreateSecretEventRequest(body=body))
    assert made.status_code == 200
    shown = await run(csms.show_secret_event, v1.ShowSecretEventRequest(event_name="gamma"))
    assert shown.event == made.event
    assert (shown.event.name, shown.event.event_types) == ("gamma", ["SECRET_ROTATED"])
    change = v1.UpdateSecretEventRequestBody(state="DISABLED")
    changed = await run(
        csms.update_secret_event, v1.UpdateSecretEventRequest(event_name="gamma", body=change)
    )
    assert (changed.event.state, changed.event.event_types) == ("DISABLED", ["SECRET_ROTATED"])
    assert now_cloud.world.journal[-1].body == {"state": "DISABLED"}
    gone = await run(csms.delete_secret_event, v1.DeleteSecretEventRequest(event_name="gamma"))
    assert gone.status_code == 204
    with pytest.raises(ClientRequestException) as missing:
        await run(csms.show_secret_event, v1.ShowSecretEventRequest(event_name="gamma"))
    assert (missing.value.status_code, missing.value.error_code) == (404, "CSMS.0005")


async def test_events_can_be_walked_in_pages(cloud_of: CloudOf) -> None:
    many = [event(f"e{n}", create_time=-n * HOUR * 1000) for n in range(7)]
    cloud = cloud_of(events=many, secrets=())
    cloud.clock.now = time.time()
    csms, seen, marker = client(cloud.base), [], None
    while True:
        page = await run(csms.list_secret_events, v1.ListSecretEventsRequest(limit="3", marker=marker))
        if not page.events:
            break
        seen += [item.name for item in page.events]
        marker = page.page_info.next_marker
    assert seen == [f"e{n}" for n in range(7)]


async def test_records_are_read(now_cloud: Cloud) -> None:
    made = now_cloud.world.trigger("beta", "SECRET_VERSION_EXPIRED")
    answer = await run(client(now_cloud.base).list_notification_records, v1.ListNotificationRecordsRequest())
    (record,) = answer.records
    assert record.to_dict() == made.json()


async def test_errors_carry_status_code_message_and_request_id(now_cloud: Cloud) -> None:
    csms = client(now_cloud.base)
    body = v1.UpdateSecretEventRequestBody(event_types=["SECRET_BURNT"])
    with pytest.raises(ClientRequestException) as wrong:
        await run(csms.update_secret_event, v1.UpdateSecretEventRequest(event_name="alpha", body=body))
    assert (wrong.value.status_code, wrong.value.error_code) == (400, "CSMS.0002")
    assert "event_types" in wrong.value.error_msg
    assert len(wrong.value.request_id) == 32
    await now_cloud.control("faults", {"operation": "list_events", "status": 503})
    with pytest.raises(ServiceResponseException) as down:
        await run(csms.list_secret_events, v1.ListSecretEventsRequest())
    assert (down.value.status_code, down.value.error_code) == (503, "APIGW.0613")


async def test_a_wrong_secret_key_is_refused(now_cloud: Cloud) -> None:
    with pytest.raises(ClientRequestException) as refused:
        await run(client(now_cloud.base, sk="wrong").list_secret_events, v1.ListSecretEventsRequest())
    assert (refused.value.status_code, refused.value.error_code) == (401, "APIGW.0301")
