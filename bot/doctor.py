"""Checks that prove rather than guess: each setting, token, scope, channel, permission, the clock and the database."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from bot.app import BAD_TOKEN, open_csms, utc_now
from bot.config import Project, RouteSettings, Settings, load, problems_of, projects_of
from bot.csms import CsmsClient
from bot.csms.operations import (
    LIST_EVENTS,
    LIST_RECORDS,
    LIST_SECRETS,
    LIST_TASKS,
    LIST_TOPICS,
    SHOW_EVENT,
    UPDATE_EVENT,
    Operation,
)
from bot.errors import (
    CsmsDown,
    CsmsError,
    CsmsForbidden,
    CsmsNotFound,
    CsmsUnauthorized,
    Sent,
    SettingsError,
    SlackError,
    StoreError,
    StoreFailed,
)
from bot.model import ENABLED, Kind, Patch
from bot.slack.actors import kind_of
from bot.slack.client import SlackClient
from bot.store import Store, open_read_only
from bot.store.engine import journal_for
from bot.verify import check as check_audit

Verdict = Literal["ok", "wrong", "unsure"]

SCOPES: dict[str, str] = {
    "chat:write": "to post alerts and cards",
    "commands": "for the slash command",
    "channels:history": "to find a post again whose answer was lost, in public channels",
    "groups:history": "the same in private channels",
    "im:history": "the same in direct messages",
    "channels:read": "to see whether the bot is in its public channels",
    "groups:read": "the same for private channels",
    "im:write": "to tell requesters how their change ended",
    "users:read": "to know members from guests, bots and deactivated accounts",
    "usergroups:read": "for approvers and operators named by user group",
    "files:write": "for the export of the audit log",
}
"""Every scope of manifest.yml and what it is for; a test holds the two together."""

OPTIONAL: tuple[tuple[Operation, str, Callable[[CsmsClient, str], Awaitable[object]]], ...] = (
    (
        LIST_SECRETS,
        "cards do not say how many secrets use an event",
        lambda client, name: client.secrets_of(name),
    ),
    (LIST_TASKS, "alerts do not say why a rotation failed", lambda client, name: client.failed_tasks(name)),
    (
        LIST_TOPICS,
        "SMN topics are not suggested, and a missing one is not warned of",
        lambda client, name: client.topics(name),
    ),
)
"""(call, what is missing without it, how it is tried)."""

SKEW_S = 60
"""Slack refuses deliveries that are 5 minutes off, CSMS requests that are 15 minutes off."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    found: str
    mend: str = ""


def _ok(name: str, found: str) -> Check:
    return Check(name, "ok", found)


def _wrong(name: str, found: str, mend: str = "") -> Check:
    return Check(name, "wrong", found, mend)


async def examine(
    env: Mapping[str, str], config: str = "", *, clock: Callable[[], datetime] = utc_now
) -> list[Check]:
    """All checks. Never raises for what is wrong with the set-up: that is its answer."""
    problems = problems_of(env, config)
    if problems:
        return [_wrong("settings", problem) for problem in problems]
    settings = load(env, config)
    try:
        projects = projects_of(settings, env)
        clients = [(project, open_csms(project)) for project in projects]
    except SettingsError as error:
        return [_wrong("settings", str(error))]
    checks = [_ok("settings", f"good; {'Socket Mode' if settings.socket_mode else 'HTTP mode'}")]
    checks += _approvers(settings, projects)
    checks.append(await _database(Path(settings.database)))
    slack = SlackClient(token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)
    await slack.open()
    try:
        checks += [check async for check in _slack(slack, settings, projects, clock())]
    finally:
        await slack.close()
    for project, client in clients:
        try:
            checks += [check async for check in _csms(project, client)]
        finally:
            await client.aclose()
    return checks


def _approvers(settings: Settings, projects: tuple[Project, ...]) -> list[Check]:
    found = []
    for project in projects:
        if settings.approvals_required > 0 and not project.approvers:
            found.append(
                _wrong(
                    f"approvers of {project.name}",
                    "nobody may approve, so no change can be applied",
                    "set CSMS_BOT_APPROVERS to user ids (U…) or user group ids (S…)",
                )
            )
        people = [one for one in project.approvers if not one.startswith("S")]
        if people == list(project.approvers) and 0 < len(people) < settings.approvals_required:
            found.append(
                _wrong(
                    f"approvers of {project.name}",
                    f"{settings.approvals_required} approvals are required, but {len(people)} may give one",
                    "name more approvers, or lower CSMS_BOT_APPROVALS_REQUIRED",
                )
            )
    return found


async def _database(path: Path) -> Check:
    journal, synchronous = journal_for(sqlite3.sqlite_version_info)
    how = f"SQLite {sqlite3.sqlite_version}, journal {journal}, synchronous {synchronous}"
    fresh = not path.exists()  # noqa: ASYNC240 (a look at one file, before anything else runs)
    store = Store(path)
    try:
        await store.open(utc_now())
    except (StoreError, StoreFailed) as error:
        if "in use by another" in str(error):
            return _chain(path, f"{path} is in use by a running bot; {how}")
        return _wrong(
            "database", str(error), "name another file with CSMS_BOT_DATABASE, or mend its permissions"
        )
    finally:
        await store.close()
    return _chain(path, f"{path} {'was made' if fresh else 'can be written'}; {how}")


def _chain(path: Path, found: str) -> Check:
    try:
        open_read_only(path).close()
    except StoreError as error:
        return _wrong("database", str(error), "name another file with CSMS_BOT_DATABASE")
    if doubts := check_audit(path).doubts:
        return _wrong(
            "database", f"the audit log is broken: {doubts[0]}", "restore the database from a backup"
        )
    return _ok("database", f"{found}; the audit log's chain holds")


async def _slack(
    slack: SlackClient, settings: Settings, projects: tuple[Project, ...], now: datetime
) -> AsyncIterator[Check]:
    try:
        identity, granted, date = await slack.scopes()
    except SlackError as error:
        mend = "copy SLACK_BOT_TOKEN again from the app's OAuth & Permissions page"
        yield _wrong(
            "Slack token",
            str(error),
            mend if error.code in BAD_TOKEN else "check SLACK_API_URL and the network",
        )
        return
    yield _ok("Slack token", f"{identity.get('user')} in {identity.get('team')} ({identity.get('team_id')})")
    missing = [scope for scope in SCOPES if granted and scope not in granted]
    for scope in missing:
        yield _wrong(
            f"scope {scope}", f"missing; it is needed {SCOPES[scope]}", "reinstall the app from manifest.yml"
        )
    if not granted:
        yield Check("Slack scopes", "unsure", "Slack did not say which scopes the token has")
    elif not missing:
        yield _ok("Slack scopes", f"all {len(SCOPES)}")
    yield _clock(date, now)
    if settings.socket_mode:
        yield await _app_token(slack, settings)
    else:
        yield Check(
            "Slack signing secret",
            "unsure",
            "only Slack can prove it: type the slash command, and look for an answer",
        )
    for channel, use in _channels(projects, settings.routes):
        async for check in _channel(slack, channel, use):
            yield check
    for one in _people(settings, projects):
        yield await _person(slack, one, str(identity.get("team_id", "")))


def _people(settings: Settings, projects: tuple[Project, ...]) -> list[str]:
    """Every user and user group that a setting names."""
    named = {one for project in projects for one in (*project.approvers, *project.operators)}
    named |= {*settings.break_glass, *(route.mention for route in settings.routes)}
    return sorted(named - {"*", ""})


async def _app_token(slack: SlackClient, settings: Settings) -> Check:
    try:
        await slack.call("apps.connections.open", app_token=settings.slack_app_token.get_secret_value())
    except SlackError as error:
        mend = "set SLACK_APP_TOKEN to an app-level token with the scope connections:write, and switch Socket Mode on"
        return _wrong("Slack app token", str(error), _mend(error, mend))
    return _ok("Slack app token", "Socket Mode can be opened")


def _clock(date: str, now: datetime) -> Check:
    try:
        skew = (now - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return Check("clock", "unsure", "Slack's answer carries no date to compare with")
    if abs(skew) > SKEW_S:
        return _wrong(
            "clock", f"this machine is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}", "set it by NTP"
        )
    return _ok("clock", f"within {max(1, round(abs(skew)))} s of Slack's")


def _channels(projects: tuple[Project, ...], routes: tuple[RouteSettings, ...]) -> list[tuple[str, str]]:
    uses: dict[str, list[str]] = {}
    for project in projects:
        uses.setdefault(project.alert_channel, []).append(f"alerts of {project.name}")
        uses.setdefault(project.approval_channel, []).append(f"approvals of {project.name}")
    for number, route in enumerate(routes, 1):
        if route.channel:
            uses.setdefault(route.channel, []).append(f"route {number}")
    return [(channel, " and ".join(use)) for channel, use in uses.items()]


async def _channel(slack: SlackClient, channel: str, use: str) -> AsyncIterator[Check]:
    name = f"channel {channel}"
    try:
        info = (await slack.call("conversations.info", channel=channel))["channel"]
    except SlackError as error:
        mend = "type /invite @csms-bot there, or correct the id in the settings"
        yield _wrong(name, f"{error} ({use})", _mend(error, mend))
        return
    called = f"#{info.get('name')}"
    if info.get("is_archived"):
        yield _wrong(name, f"{called} is archived ({use})", "unarchive it, or name another")
        return
    if not info.get("is_member"):
        yield _wrong(name, f"the bot is not in {called} ({use})", f"type /invite @csms-bot in {called}")
        return
    if info.get("is_ext_shared"):
        yield Check(
            name, "unsure", f"{called} is shared with another organisation: its people see what is posted"
        )
    yield await _round_trip(slack, channel, called, use)


async def _round_trip(slack: SlackClient, channel: str, called: str, use: str) -> Check:
    """Posts, finds its own key again, deletes: what the promise about lost answers stands on."""
    name, key = f"channel {channel}", secrets.token_hex(8)
    try:
        posted = await slack.call(
            "chat.postMessage",
            channel=channel,
            text="csms-bot doctor: a test message, deleted at once.",
            metadata={"event_type": "csms_bot_doctor", "event_payload": {"k": key}},
        )
        try:
            history = await slack.call(
                "conversations.history", channel=channel, include_all_metadata=True, oldest=posted["ts"], inclusive=True,
                limit=20,
            )  # fmt: skip
        finally:
            await slack.call("chat.delete", channel=channel, ts=posted["ts"])
    except SlackError as error:
        mend = f"type /invite @csms-bot in {called}, and let apps post there"
        return _wrong(name, f"{called}: {error} ({use})", _mend(error, mend))
    keys = [
        ((message.get("metadata") or {}).get("event_payload") or {}).get("k")
        for message in history.get("messages", ())
    ]
    if key not in keys:
        return _wrong(
            name,
            f"{called}: a post's metadata could not be read back ({use})",
            "reinstall the app from manifest.yml",
        )
    return _ok(name, f"{called}: posted, found again by its key, deleted ({use})")


def _mend(error: SlackError, otherwise: str) -> str:
    """What to do about a refused call; `otherwise` where that depends on what was asked."""
    if error.code == "missing_scope":
        return "reinstall the app from manifest.yml"
    if error.sent is Sent.LIMITED:
        return "Slack is asked too often; try again in a minute"
    if error.sent is not Sent.REFUSED:
        return "check the network, and try again"
    return otherwise


async def _person(slack: SlackClient, one: str, team: str) -> Check:
    name = f"{'user group' if one.startswith('S') else 'user'} {one}"
    try:
        if one.startswith("S"):
            members = (await slack.call("usergroups.users.list", usergroup=one)).get("users") or []
            if not members:
                return _wrong(name, "it has no members", "add people to it in Slack")
            return _ok(name, f"{len(members)} members")
        user = (await slack.call("users.info", user=one))["user"]
    except SlackError as error:
        return _wrong(name, str(error), _mend(error, "correct the id in the settings"))
    kind = kind_of(user, team)
    if kind is not Kind.MEMBER:
        return _wrong(name, f"{_KINDS[kind]}, and may ask for or decide nothing", "name somebody else")
    return _ok(name, str(user.get("real_name") or user.get("name")))


_KINDS = {
    Kind.GUEST: "a guest",
    Kind.BOT: "a bot",
    Kind.DEACTIVATED: "deactivated",
    Kind.FOREIGN: "of another organisation",
    Kind.UNKNOWN: "not known",
}


async def _csms(project: Project, client: CsmsClient) -> AsyncIterator[Check]:
    name = f"CSMS {project.name}"
    # No event has this name, so what it is asked for shows what is allowed and changes nothing.
    nobody = f"csms-bot-doctor-{secrets.token_hex(8)}"
    known = ""
    try:
        events = await client.list_events()
        yield _ok(
            f"{name} events", f"{LIST_EVENTS.permission} holds; {len(events)} events at {project.endpoint}"
        )
        known = events[0].name if events else ""
    except CsmsError as error:
        yield _csms_wrong(f"{name} events", error)
        if not isinstance(error, CsmsForbidden):
            return
    try:
        await client.show_event(known or nobody)
        yield _ok(f"{name} event", f"{SHOW_EVENT.permission} holds")
    except CsmsNotFound:
        yield _ok(f"{name} event", f"{SHOW_EVENT.permission} holds")
    except CsmsError as error:
        yield _csms_wrong(f"{name} event", error)
    try:
        page = await client.notification_records()
        partial = "; coverage may be incomplete (a full page)" if page.maybe_incomplete else ""
        yield _ok(
            f"{name} records",
            f"{LIST_RECORDS.permission} holds; {len(page.records)} records{partial}",
        )
    except CsmsError as error:
        yield _csms_wrong(f"{name} records", error)
    yield await _update(f"{name} update", client, nobody)
    for operation, without, tried in OPTIONAL:
        try:
            await tried(client, nobody)
        except CsmsNotFound:
            pass
        except CsmsError as error:
            yield Check(f"{name} {operation.name}", "unsure", f"{error}; without it {without}")


async def _update(name: str, client: CsmsClient, nobody: str) -> Check:
    try:
        await client.update_event(nobody, Patch(state=ENABLED))
    except CsmsNotFound:
        return _ok(name, f"{UPDATE_EVENT.permission} holds; it was tried on an event that does not exist")
    except CsmsForbidden as error:
        return _csms_wrong(name, error)
    except CsmsError as error:
        return Check(name, "unsure", f"whether {UPDATE_EVENT.permission} holds could not be told: {error}")
    return Check(name, "unsure", "CSMS says that it updated an event that does not exist")


def _csms_wrong(name: str, error: CsmsError) -> Check:
    if isinstance(error, CsmsForbidden):
        return _wrong(name, str(error), f"give the credential the permission {error.permission}")
    if isinstance(error, CsmsUnauthorized):
        return _wrong(
            name,
            str(error),
            "check the credential (HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or the HW_ settings), and this machine's clock",
        )
    if isinstance(error, CsmsDown) and not error.status:
        return _wrong(name, str(error), "check HW_REGION_NAME or CSMS_BOT_ENDPOINT, and the network")
    endpoint = "check HW_REGION_NAME or CSMS_BOT_ENDPOINT, and HUAWEICLOUD_SDK_PROJECT_ID"
    return _wrong(name, re.sub(r"\s+", " ", str(error)), endpoint)
