"""What stands around CSMS: IAM (tokens, projects), SMN (topics), and the metadata address of an ECS instance."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.csms.checks import json_object
from bot.sandbox.csms.errors import Envelope, Refusal
from bot.sandbox.csms.gateway import Call, Operation
from bot.sandbox.csms.model import Topic

MAX_METADATA_TTL_S = 21600
MAX_TOPICS = 100


def _create_token(call: Call) -> Response:
    """IAM: KeystoneCreateUserTokenByPassword; the token is in the X-Subject-Token header of a 201."""
    name, password, domain, scope = _password_login(call.body)
    world = call.world
    project = {"id": world.project_id, "name": world.region}
    wanted = scope.get("project")
    if wanted is not None and any(wanted[key] != project[key] for key in wanted.keys() & project.keys()):
        raise Refusal(401, "IAM.0001", "The project does not exist or the user has no right in it.")
    token = world.access.issue_token(
        domain=domain, name=name, password=password, project_id=world.project_id if wanted else None
    )
    account = {"id": _account_id(domain), "name": domain}
    shown: dict[str, Any] = {
        "catalog": [],
        "expires_at": _micros(token.expires_at),
        "issued_at": _micros(token.issued_at),
        "methods": ["password"],
        "roles": [{"id": "0", "name": "te_admin"}],
        "user": {"domain": account, "id": _account_id(name), "name": name, "password_expires_at": ""},
    }
    shown |= {"project": project | {"domain": account}} if wanted else {"domain": account}
    return JSONResponse({"token": shown}, 201, {"X-Subject-Token": token.value})


def _password_login(body: bytes) -> tuple[str, str, str, dict[str, Any]]:
    """User, password, domain and scope of a token request; Refusal 400 for any other body."""
    try:
        auth = json_object(body)["auth"]
        user = auth["identity"]["password"]["user"]
        name, password, domain = user["name"], user["password"], user["domain"]["name"]
        scope = auth["scope"]
        right = auth["identity"]["methods"] == ["password"] and all(
            isinstance(text, str) for text in (name, password, domain)
        )
        known = [scope[key] for key in ("project", "domain") if key in scope]
    except (Refusal, KeyError, TypeError):
        raise _invalid_body() from None
    if not right or len(known) != 1 or not isinstance(known[0], dict) or not known[0].keys() & {"id", "name"}:
        raise _invalid_body()
    return name, password, domain, scope


def _invalid_body() -> Refusal:
    return Refusal(400, "IAM.0001", "The request body is invalid")


def _list_projects(call: Call) -> Response:
    """IAM: KeystoneListProjects; the one project there is, whose name is its region."""
    name = call.query.get("name")
    links = {"next": None, "previous": None, "self": "https://iam.myhuaweicloud.com/v3/projects"}
    project = {
        "description": "",
        "domain_id": _account_id("domain"),
        "enabled": True,
        "id": call.world.project_id,
        "is_domain": False,
        "links": links,
        "name": call.world.region,
        "parent_id": _account_id("domain"),
    }
    found = [project] if name in (None, call.world.region) else []
    return JSONResponse({"links": links, "projects": found})


def _list_topics(call: Call) -> Response:
    """SMN: ListTopics; `name` is the whole name, `fuzzy_name` a part of it, `topic_count` counts all of them."""
    offset, limit = call.query.get("offset", "0"), call.query.get("limit", str(MAX_TOPICS))
    if not re.fullmatch("[0-9]{1,9}", offset) or not re.fullmatch("[0-9]{1,3}", limit):
        raise _smn_invalid()
    if not 1 <= int(limit) <= MAX_TOPICS:
        raise _smn_invalid()
    name, part = call.query.get("name"), call.query.get("fuzzy_name", "")
    topics = [
        topic for topic in call.world.topics() if (name is None or topic.name == name) and part in topic.name
    ]
    page = topics[int(offset) : int(offset) + int(limit)]
    return JSONResponse(
        {
            "request_id": call.request_id,
            "topic_count": len(topics),
            "topics": [_topic(topic) for topic in page],
        }
    )


def _smn_invalid() -> Refusal:
    return Refusal(400, "SMN.0002", f"offset must be a number, limit a number from 1 to {MAX_TOPICS}")


def _topic(topic: Topic) -> dict[str, Any]:
    made = datetime.fromtimestamp(topic.create_time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "topic_urn": topic.topic_urn,
        "name": topic.name,
        "display_name": topic.display_name,
        "push_policy": 0,
        "enterprise_project_id": "0",
        "topic_id": _account_id(topic.topic_urn),
        "create_time": made,
        "update_time": made,
    }


def _metadata_token(call: Call) -> Response:
    """ECS metadata: a token for the calls after it; X-Metadata-Token-Ttl-Seconds is needed."""
    ttl = call.headers.get("x-metadata-token-ttl-seconds", "")
    if not re.fullmatch("[0-9]{1,5}", ttl) or not 1 <= int(ttl) <= MAX_METADATA_TTL_S:
        return PlainTextResponse("400 Bad Request", 400)
    return PlainTextResponse(call.world.access.issue_metadata_token(int(ttl)))


def _metadata_credentials(call: Call) -> Response:
    """ECS metadata: a temporary access key. Without a token too, as long as an instance does not insist on one."""
    token = call.headers.get("x-metadata-token")
    if token is not None and not call.world.access.metadata_token_is_valid(token):
        return PlainTextResponse("401 Unauthorized", 401)
    key = call.world.access.issue_temporary_key()
    credential = {
        "access": key.ak,
        "secret": key.sk,
        "securitytoken": key.security_token,
        "expires_at": _micros(key.expires_at or 0),
    }
    return JSONResponse({"credential": credential})


def _micros(ms: int) -> str:
    """`2020-01-04T09:05:22.701000Z`, as IAM writes times."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _account_id(name: str) -> str:
    """32 hex digits, always the same for one name."""
    return uuid.uuid5(uuid.NAMESPACE_OID, name).hex


OPERATIONS = (
    Operation(
        name="create_token",
        method="POST",
        path="/v3/auth/tokens",
        handler=_create_token,
        envelope=Envelope.IAM,
        authenticated=False,
    ),
    Operation(
        name="list_projects",
        method="GET",
        path="/v3/projects",
        handler=_list_projects,
        envelope=Envelope.IAM,
    ),
    Operation(
        name="list_topics",
        method="GET",
        path="/v2/{project_id}/notifications/topics",
        handler=_list_topics,
        envelope=Envelope.SMN,
        action="smn:topic:list",
    ),
    Operation(
        name="metadata_token",
        method="PUT",
        path="/meta-data/latest/api/token",
        handler=_metadata_token,
        envelope=Envelope.IAM,
        authenticated=False,
    ),
    Operation(
        name="metadata_credentials",
        method="GET",
        path="/openstack/latest/securitykey",
        handler=_metadata_credentials,
        envelope=Envelope.IAM,
        authenticated=False,
    ),
)
