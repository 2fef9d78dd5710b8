"""`list`: the project's events, narrowed, in pages."""

from __future__ import annotations

from bot.errors import Usage
from bot.model import STATES, TARGET_TYPES
from bot.nearest import did_you_mean
from bot.rules.listing import Filter
from bot.rules.words import Flag
from bot.services.events import list_events
from bot.services.projects import Scope
from bot.slack.flags import event_type
from bot.slack.handling import ButtonPress, Command, Services, SlashCommand
from bot.views.blocks import Message
from bot.views.events import NEXT, PREVIOUS, ListPage, list_page

FLAGS = (
    Flag("--state", "enabled|disabled"),
    Flag("--type", "TYPE"),
    Flag("--target", "smn|eg"),
)


def _one_of(given: str | None, known: tuple[str, ...], flag: str, usage: str) -> str:
    if given is None:
        return ""
    if given.upper() in known:
        return given.upper()
    words = ", ".join(f"`{one.lower()}`" for one in known)
    raise Usage(f"`{given[:40]}` does not fit `{flag}`.{did_you_mean(given, known)} Known: {words}.", usage)


async def handle(call: SlashCommand) -> None:
    """Shows the first page."""
    usage = COMMAND.usage(call.services.command)
    scope = call.scope
    kind = call.words.one("--type") or ""
    if kind:
        events = await scope.csms.list_events()
        kind = event_type(kind, (name for event in events for name in event.types or ()), usage)
    wanted = Filter(
        text=" ".join(call.words.words),
        state=_one_of(call.words.one("--state"), STATES, "--state", usage),
        type=kind,
        target=_one_of(call.words.one("--target"), TARGET_TYPES, "--target", usage),
    )
    await call.say(await _page(call.services, scope, wanted, 0))


async def turn(press: ButtonPress) -> None:
    """Previous and Next."""
    data = await press.ticket("list")
    scope = press.services.projects.named(data["project"])
    wanted = Filter(data["text"], data["state"], data["type"], data["target"])
    await press.answer.replace(await _page(press.services, scope, wanted, data["page"]))


async def _page(services: Services, scope: Scope, wanted: Filter, number: int) -> Message:
    listing = await list_events(scope, wanted)
    page = ListPage(listing, 0, {})
    page = ListPage(listing, max(0, min(number, page.pages - 1)), {})
    now = services.clock()
    tickets = services.store.tickets

    async def ticket_for(other: int) -> str:
        if not 0 <= other < page.pages:
            return ""
        data = {"project": scope.name, "text": wanted.text, "state": wanted.state, "type": wanted.type,
                "target": wanted.target, "page": other}  # fmt: skip
        return await tickets.issue("list", data, now)

    keys = {
        event.name: await tickets.issue("event", {"project": scope.name, "name": event.name}, now)
        for event in page.events
    }
    return list_page(
        ListPage(listing, page.page, keys, await ticket_for(page.page - 1), await ticket_for(page.page + 1))
    )


COMMAND = Command(
    name="list",
    summary="the events, filtered, sorted by name",
    words="[TEXT]",
    example="list prod --state enabled",
    flags=FLAGS,
    handle=handle,
    buttons={PREVIOUS: turn, NEXT: turn},
)
