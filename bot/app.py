"""The composition root: settings in, a running program out. The only place that builds real things."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import commands
from bot.config import Project, Settings, projects_of
from bot.csms import CsmsClient, credentials
from bot.errors import Sent, SettingsError, SlackError, StoreFailed
from bot.model import PostKind
from bot.poller import Keeper, Poller
from bot.restoring import Restoring
from bot.rules.access import Policy
from bot.rules.routes import routes_of
from bot.services.applying import Applying
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
from bot.slack.door import Door
from bot.slack.drawing import Drawing
from bot.slack.guard import Guard
from bot.slack.handling import Services
from bot.slack.outbox import Poster
from bot.slack.sockets import Sockets
from bot.slack.suggestions import Suggestions
from bot.slack.worker import Worker
from bot.store import Store
from bot.waiting import stopped_within, unless_stopped
from bot.web import build_web
from commands import home

log = logging.getLogger(__name__)

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
"""How long a stopping bot tries to post the head of its audit log."""
RESUME_AFTER = timedelta(seconds=5)
"""By then the click that completed an approval has begun the change, or could not."""


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
        self.applying = Applying(
            store=self.store,
            projects=self.projects,
            clock=utc_now,
            ask_again=self.actors.again,
            landing=settings.settle,
        )
        self.changes = Changes(
            store=self.store,
            projects=self.projects,
            clock=utc_now,
            ttl=settings.approval_ttl,
            applying=self.applying,
        )
        drawing = Drawing(store=self.store, projects=self.projects)
        self.poster = Poster(
            slack=self.slack,
            outbox=self.store.outbox,
            draw=drawing.draw,
            clock=utc_now,
            settle=settings.settle,
            notice=drawing.closed,
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
            check_form=self.worker.check_form,
            suggest=Suggestions(store=self.store, projects=self.projects, clock=utc_now).suggest,
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
            await self._readdress()
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

    async def _readdress(self) -> None:
        """Messages that wait for a closed channel follow the settings to another one."""
        homes = {scope.name: (scope.alert_channel, scope.approval_channel) for scope in self.projects}
        named = {
            channel for scope in self.projects for channel in (*scope.alert_channels, scope.approval_channel)
        }
        if moved := await self.store.outbox.readdress(named, homes):
            log.info("messages readdressed", extra={"action": "readdressed", "messages": moved})

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
                await self.applying.resume(left_for)
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
