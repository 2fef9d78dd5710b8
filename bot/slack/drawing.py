"""What the outbox posts, drawn from what the store holds at that moment."""

from __future__ import annotations

from bot.model import Change, Incident, Post, PostKind
from bot.services.projects import Projects
from bot.store import Outgoing, Store
from bot.store.outbox import random_key
from bot.views.blocks import Message
from bot.views.digest import SHOWN
from bot.views.outside import outside
from bot.views.posts import draw_change, draw_data, draw_digest, draw_incident, draw_lines


class Drawing:
    """Reads what a message shows, and lets the views draw it."""

    def __init__(self, *, store: Store, projects: Projects) -> None:
        self._store = store
        self._projects = projects

    async def draw(self, job: Outgoing) -> Message | None:
        """The message; None when what it showed is gone."""
        match job.kind:
            case PostKind.CARD | PostKind.TOLD | PostKind.REMINDER:
                return await self._change(job)
            case PostKind.ALERT:
                incident = await self._store.incidents.get(job.ref)
                return None if incident is None else draw_incident(incident, await self._fix(incident))
            case PostKind.LINES:
                incident = await self._store.incidents.get(job.ref) if job.stands_for_alert else None
                fix = None if incident is None else await self._fix(incident)
                return draw_lines(job.data, incident, fix, digest="" if job.parent_ts else job.ref)
            case PostKind.DIGEST:
                shown = [str(one.get("key", "")) for one in job.data["incidents"]]
                return draw_digest(job.ref, job.data, await self._store.incidents.some(shown[:SHOWN]))
            case PostKind.OUTSIDE:
                return outside(await self._store.sidedoors.group(job.ref))
            case _:
                return draw_data(job.kind, job.project, job.data)

    async def _change(self, job: Outgoing) -> Message | None:
        change = await self._store.changes.get(job.ref)
        if change is None:
            return None
        # The project may have been taken out of the settings.
        approvers = next((one.policy.approvers for one in self._projects if one.name == change.project), ())
        ended = None if change.state.open else await self._store.audit.ending(change.event, change.id)
        return draw_change(job.kind, change, approvers, job.data, ended)

    async def _fix(self, incident: Incident) -> Change | None:
        return await self._store.changes.get(incident.fix) if incident.fix else None

    def closed(self, job: Outgoing, why: str) -> Post | None:
        """What is told to the project's approval channel, unless that is the one that is closed."""
        scope = next((one for one in self._projects if one.name == job.project), None)
        if scope is None or job.user or scope.approval_channel == job.channel:
            return None
        data = {"channel": job.channel, "error": why}
        return Post(random_key(), PostKind.CLOSED, job.channel, scope.name, scope.approval_channel, data=data)
