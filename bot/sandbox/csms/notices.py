"""What triggering an event makes: the text that is sent, and the record of what became of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.sandbox.csms.model import Event, EventType, Record, Secret, Status, Target, TargetType, Topic


def iso(ms: int) -> str:
    """`2023-04-14T20:25:10.126Z`, as in a notification's content."""
    moment = datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def content(event_name: str, kind: str, secret: Secret, at_ms: int) -> str:
    """The JSON string that subscribers get.

    CSMS: ListNotificationRecords page, which shows SECRET_VERSION_EXPIRED only; the other types are the same without
    what they cannot have.
    """
    data = {
        "secretId": secret.id,
        "secretName": secret.name,
        "createTime": iso(secret.create_time),
        "updateTime": iso(secret.update_time),
    }
    if kind != EventType.DELETED:
        data["versionId"] = f"v{secret.version}"
    if kind == EventType.VERSION_EXPIRED:
        data["versionExpireTime"] = iso(at_ms // 1000 * 1000)
    notice = {"eventName": event_name, "eventType": kind, "eventTime": iso(at_ms), "data": data}
    return json.dumps(notice, separators=(",", ":"))


def status(target: Target, topic: Topic | None) -> Status:
    """What sending to `target` ends in; `topic` is the SMN topic with its URN, if there is one."""
    if target.target_type != TargetType.SMN:
        return Status.SUCCESS
    if topic is None:
        return Status.INVALID
    return Status.FAIL if topic.failing else Status.SUCCESS


def complete(
    record: Record, *, event: Event | None, secret: Secret, topic: Topic | None, sent_ms: int
) -> Record:
    """The record with all that was left open taken from the event's target and the secret."""
    target = event.notification if event else Target(target_type="SMN", target_id="", target_name="")
    return replace(
        record,
        secret_type=_or(record.secret_type, secret.secret_type),
        notification_target_name=_or(record.notification_target_name, target.target_name),
        notification_target_id=_or(record.notification_target_id, target.target_id),
        notification_content=_or(
            record.notification_content,
            content(record.event_name, record.trigger_event_type, secret, sent_ms),
        ),
        notification_status=_or(record.notification_status, status(target, topic).value),
    )


def _or(given: str | None, otherwise: str) -> str:
    return otherwise if given is None else given
