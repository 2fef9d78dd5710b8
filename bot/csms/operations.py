"""The calls that the bot makes, by their own names, and what each needs to be allowed to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One API call. `permission` is the IAM action of role policies, "" where none is documented."""

    name: str
    permission: str = ""
    names_event: bool = False
    """Its path or query names an event, so "not found" means that event."""
    writes: bool = False
    """A request that got no answer may have changed something."""


LIST_EVENTS = Operation("ListSecretEvents", "csms:event:list")
SHOW_EVENT = Operation("ShowSecretEvent", "csms:event:get", names_event=True)
UPDATE_EVENT = Operation("UpdateSecretEvent", "csms:event:update", names_event=True, writes=True)
LIST_RECORDS = Operation("ListNotificationRecords", "csms:event:listNotificationRecords")
LIST_SECRETS = Operation("ListSecrets", "csms:secret:list", names_event=True)
LIST_TASKS = Operation("ListSecretTask")
LIST_TOPICS = Operation("ListTopics", "smn:topic:list")
CREATE_TOKEN = Operation("KeystoneCreateUserTokenByPassword")
METADATA_KEY = Operation("ECS metadata securitykey")
