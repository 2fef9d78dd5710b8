"""The composition root: settings in, a running program out. The only place that builds real things."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import commands
from bot.config import Project, Settings, projects_of
from bot.csms import CsmsClient, credentials
from bot.errors import Sent, SettingsError, SlackError, StoreFailed
from bot.model import Change, Incident, Post, PostKind
from bot.nearest import nearest
from bot.poller import Keeper, Poller, random_key
from bot.restoring import Restoring
from bot.rules.access import Policy
from bot.rules.routes import routes_of
from bot.services.changes import Changes
from bot.services.exports import Exports
from bot.services.projects import Projects, Scope
from bot.services.sidedoors import SideDoors
from bot.services.status import Status
from bot.services.undo import Undo
from bot.services.witness import Witness
from bot.serving import serving
from bot.slack.actors import Actors
from bot.slack.client import SlackClient
from bot.slack.desk import Services
from bot.slack.door import Door
from bot.slack.guard import Guard
from bot.slack.interactions import Submission
from bot.slack.outbox import Poster
from bot.slack.sockets import Sockets
from bot.slack.worker import Worker
from bot.store import Outgoing, Store
from bot.views.blocks import Message
from bot.views.digest import SHOWN
from bot.views.forms import TARGET, event_option, target_option
from bot.views.outside import outside
from bot.views.posts import draw_change, draw_data, draw_digest, draw_incident, draw_lines
from bot.waiting import stopped_within, unless_stopped
from bot.web import build_web
from commands import home

log = logging.getLogger(__name__)

MOST_OPTIONS = 30
"""Options of a search; a person types on rather than reads more, and Slack takes at most 100."""

BAD_TOKEN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
    }
)


LAST_WORDS_S = 2.0
RESUME_AFTER = timedelta(seconds=5)
"""By then the click that completed an approval has begun the change, or could not."""
"""How long a stopping bot tries to post the head of its audit log."""


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def open_csms(project: Project) -> CsmsClient:
    """The client of one project. SettingsError when no credential fits."""
    auth = credentials(
        project.credentials.as_env(),
        project_id=project.project_id,
        iam_endpoint=project.iam_endpoint,
        home=Path.home(),
    )
    return CsmsClient(
        endpoint=project.endpoint,
        project_id=project.project_id,
        auth=auth,
        smn_endpoint=project.smn_endpoint,
    )


def _scope(project: Project, settings: Settings) -> Scope:
    return Scope(
        name=project.name,
        csms=open_csms(project),
        policy=Policy(
            project.operators, project.approvers, settings.approvals_required, settings.break_glass
        ),
        alert_channel=project.alert_channel,
        approval_channel=project.approval_channel,
        project_id=project.project_id,
        endpoint=project.endpoint,
        routes=routes_of(settings.routes),
        region=project.region,
    )


class App:
    """Everything wired together."""

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        """Builds; nothing is sent or opened yet. SettingsError."""
        self.settings = settings
        self.projects = Projects([_scope(project, settings) for project in projects_of(settings, env)])
        self.store = Store(Path(settings.database))
        self.slack = SlackClient(
            token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url
        )
        groups = [
            one
            for scope in self.projects
            for one in (*scope.policy.operators, *scope.policy.approvers, *scope.policy.break_glass)
            if one.startswith("S")
        ]
        self.actors = Actors(self.slack, groups=groups)
        self.status = Status(
            store=self.store,
            projects=self.projects,
            clock=utc_now,
            interval=settings.poll_interval,
            mode="Socket Mode" if settings.socket_mode else "HTTP",
            slack_connected=self._connected,
            calls=self.slack.calls,
        )
        self.changes = Changes(
            store=self.store,
            projects=self.projects,
            clock=utc_now,
            ttl=settings.approval_ttl,
            ask_again=self.actors.again,
            landing=settings.settle,
        )
        self.poster = Poster(
            slack=self.slack,
            outbox=self.store.outbox,
            draw=self._draw,
            clock=utc_now,
            settle=settings.settle,
            notice=self._channel_closed,
        )
        self.sidedoors = SideDoors(
            store=self.store,
            projects=self.projects,
            changes=self.changes,
            clock=utc_now,
            wake=self.poster.wake,
        )
        self.witness = Witness(store=self.store, projects=self.projects, clock=utc_now, wake=self.poster.wake)
        self.services = Services(
            projects=self.projects,
            store=self.store,
            changes=self.changes,
            undo=Undo(store=self.store, projects=self.projects, changes=self.changes, clock=utc_now),
            sidedoors=self.sidedoors,
            exports=Exports(store=self.store, clock=utc_now),
            status=self.status,
            actors=self.actors,
            clock=utc_now,
            command=settings.command,
        )
        self.worker = Worker(
            inbox=self.store.inbox,
            slack=self.slack,
            services=self.services,
            commands=commands.ALL,
            home=home.opened,
            clock=utc_now,
            after=self.poster.wake,
        )
        self.door = Door(
            inbox=self.store.inbox,
            clock=utc_now,
            wake=self.worker.wake,
            check_form=self._check_form,
            suggest=self._suggest,
        )
        self.poller = Poller(
            store=self.store,
            projects=self.projects,
            status=self.status,
            clock=utc_now,
            interval=settings.poll_interval,
            mode=settings.backfill,
            wake=self.poster.wake,
        )
        self.restoring = Restoring(
            store=self.store, slack=self.slack, projects=self.projects, poller=self.poller, clock=utc_now
        )
        self.keeper = Keeper(self.changes, self.poster.wake, wake_snoozed=self.poller.wake_snoozed)
        self.sockets: Sockets | None = None
        self.base_url = ""
        self._known = False

    def _connected(self) -> bool:
        return self._known and (self.sockets is None or self.sockets.connected)

    async def run(self, stop: asyncio.Event, started: asyncio.Event | None = None) -> None:
        """Runs until `stop`; `started` is set when it listens. SettingsError, StoreError."""
        await self.store.open(utc_now())
        try:
            await self.slack.open()
            async with self._listening() as self.base_url:
                if started is not None:
                    started.set()
                await self._drive(stop)
        finally:
            for scope in self.projects:
                await scope.csms.aclose()
            await self.slack.close()
            await self.store.close()
            log.info("stopped", extra={"action": "stopped"})

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[str]:
        settings = self.settings
        secret = settings.slack_signing_secret.get_secret_value()
        bolt = self.door.app(self.slack, secret)
        guard = None
        if settings.socket_mode:
            self.sockets = Sockets(bolt, settings.slack_app_token.get_secret_value())
        else:
            guard = Guard(bolt, secret).take
        web = build_web(self.status, guard)
        try:
            server = serving(web, settings.http_host, settings.http_port, websockets=False)
            async with server as base_url:
                log.info(
                    "listening", extra={"action": "listening", "address": base_url, "mode": self.status.mode}
                )
                yield base_url
        except OSError as error:
            where = f"{settings.http_host}:{settings.http_port}"
            raise SettingsError(
                f"CSMS_BOT_HTTP_HOST and CSMS_BOT_HTTP_PORT: {where} cannot be listened on "
                f"({error.strerror or error}); choose another port, or an address of this machine"
            ) from None

    async def _drive(self, stop: asyncio.Event) -> None:
        for scope in self.projects:
            if not scope.policy.approvers and scope.policy.required > 0:
                log.warning(
                    "CSMS_BOT_APPROVERS is empty: nothing can be approved",
                    extra={"action": "no_approvers", "project": scope.name},
                )
        restored = await self.store.restored.pending()
        # A bot that was put back from a copy asks Slack what is posted already, before it looks for records.
        tasks = [] if restored else [asyncio.create_task(self.poller.run(stop), name="poller")]
        resuming: asyncio.Task[None] | None = None
        try:
            await unless_stopped(stop, self._know_slack(stop))
            if restored and not stop.is_set():
                await self.restoring.run(self.door.identity, stop)
                tasks.append(asyncio.create_task(self.poller.run(stop), name="poller"))
            if stop.is_set():
                return
            # Not among the tasks below, which finish what they do at the end: this one may wait for CSMS.
            resuming = asyncio.create_task(self._resume(stop), name="resume")
            tasks += [
                asyncio.create_task(self.worker.run(stop), name="worker"),
                asyncio.create_task(self.poster.run(stop), name="poster"),
                asyncio.create_task(self.keeper.run(stop), name="keeper"),
                asyncio.create_task(self.sidedoors.run(stop), name="sidedoors"),
                asyncio.create_task(self.witness.run(stop), name="witness"),
            ]
            if self.sockets is not None:
                tasks.append(asyncio.create_task(self.sockets.run(stop), name="sockets"))
            waiter = asyncio.create_task(stop.wait(), name="stop")
            done, _ = await asyncio.wait([*tasks, waiter], return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
            for task in done - {waiter}:
                task.result()
        finally:
            stop.set()
            self.worker.wake()
            self.poster.wake()
            if self.sockets is not None:
                await self.sockets.close()
            if resuming is not None:
                resuming.cancel()  # What it has not carried on is taken up at the next start.
                tasks.append(resuming)
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._last_words()

    async def _resume(self, stop: asyncio.Event) -> None:
        """Carries on changes that were interrupted: at once those of a process that died, later those of this one."""
        left_for = timedelta(0)
        while not stop.is_set():
            try:
                await self.changes.resume(left_for)
            except StoreFailed as error:
                log.warning("a change waits", extra={"action": "resume_waits", "error": str(error)})
            except Exception:
                log.exception("a change could not be carried on", extra={"action": "resume_failed"})
            self.poster.wake()
            left_for = RESUME_AFTER
            await stopped_within(stop, RESUME_AFTER.total_seconds())

    async def _last_words(self) -> None:
        """Posts the head of the audit log; whatever is in the way of it does not keep the bot from stopping."""
        try:
            if self._known and await self.witness.post():
                await self.poster.finish(PostKind.WITNESS, LAST_WORDS_S)
        except Exception:
            log.exception("head not posted", extra={"action": "witness_failed"})

    async def _know_slack(self, stop: asyncio.Event) -> None:
        """Asks Slack who the bot is, until it answers. SettingsError for a token that it refuses."""
        wait = 0.5
        while not stop.is_set():
            try:
                identity = await self.slack.call("auth.test")
            except SlackError as error:
                if error.sent is Sent.REFUSED and error.code in BAD_TOKEN:
                    raise SettingsError(
                        f"SLACK_BOT_TOKEN was refused by Slack ({error.code}); copy it again from the app's "
                        "*OAuth & Permissions* page"
                    ) from None
                log.warning(
                    "Slack is not there yet", extra={"action": "slack_unreachable", "error": str(error)}
                )
                await stopped_within(stop, max(wait, error.retry_after_s))
                wait = min(wait * 2, 30.0)
                continue
            self.door.identity = identity
            self.actors.team_id = str(identity.get("team_id", ""))
            self.poster.bot_id = str(identity.get("bot_id", ""))
            self.poster.bot_user_id = str(identity.get("user_id", ""))
            self._known = True
            log.info("Slack knows the bot", extra={"action": "slack_ready", "team": self.actors.team_id})
            return

    async def _draw(self, job: Outgoing) -> Message | None:
        if job.kind in (PostKind.CARD, PostKind.TOLD, PostKind.REMINDER):
            change = await self.store.changes.get(job.ref)
            if change is None:
                return None
            approvers = self.projects.named(change.project).policy.approvers
            ended = None if change.state.open else await self.store.audit.ending(change.event, change.id)
            return draw_change(job.kind, change, approvers, job.data, ended)
        if job.kind == PostKind.ALERT:
            incident = await self.store.incidents.get(job.ref)
            if incident is None:
                return None
            return draw_incident(incident, await self._fix(incident))
        if job.kind == PostKind.LINES:
            incident = await self.store.incidents.get(job.ref) if job.stands_for_alert else None
            fix = None if incident is None else await self._fix(incident)
            return draw_lines(job.data, incident, fix, digest="" if job.parent_ts else job.ref)
        if job.kind == PostKind.DIGEST:
            shown = [str(one.get("key", "")) for one in job.data["incidents"]]
            return draw_digest(job.ref, job.data, await self.store.incidents.some(shown[:SHOWN]))
        if job.kind == PostKind.OUTSIDE:
            return outside(await self.store.sidedoors.group(job.ref))
        return draw_data(job.kind, job.project, job.data)

    async def _fix(self, incident: Incident) -> Change | None:
        return await self.store.changes.get(incident.fix) if incident.fix else None

    def _channel_closed(self, job: Outgoing, why: str) -> Post | None:
        """Told to the project's approval channel, unless that is the one that is closed."""
        scope = next((one for one in self.projects if one.name == job.project), None)
        if scope is None or job.user or scope.approval_channel == job.channel:
            return None
        data = {"channel": job.channel, "error": why}
        return Post(random_key(), PostKind.CLOSED, job.channel, scope.name, scope.approval_channel, data=data)

    async def _check_form(self, sent: Submission) -> tuple[dict[str, str], Mapping[str, Any] | None]:
        form = self.worker.forms.get(sent.form)
        if form is None:
            return {}, None
        errors = await form.check(self.services, sent.key, sent.values)
        return (errors, None) if errors else ({}, form.waiting())

    async def _suggest(self, action: str, typed: str, form: str) -> list[dict[str, Any]]:
        """Inside the ack: from what was read last, without asking anybody."""
        now = utc_now()
        if action == TARGET:
            data = await self.store.tickets.read("form", form)
            known = self.projects.named(data["project"]).targets if data else ()
            wanted = [one for one in known if typed.lower() in f"{one.name} {one.id}".lower()][:MOST_OPTIONS]
            keys = [await self.store.tickets.issue("target", asdict(one), now) for one in wanted]
            return [target_option(one, key) for one, key in zip(wanted, keys, strict=True)]
        pairs = sorted((name, scope.name) for scope in self.projects for name in scope.names)
        found = [pair for pair in pairs if typed.lower() in pair[0].lower()]
        if not found and (close := nearest(typed, [name for name, _ in pairs])):
            found = [pair for pair in pairs if pair[0] == close]
        options = []
        for name, project in found[:MOST_OPTIONS]:
            key = await self.store.tickets.issue("event", {"project": project, "name": name}, now)
            options.append(event_option(name if len(self.projects) == 1 else f"{name} ({project})", key))
        return options
