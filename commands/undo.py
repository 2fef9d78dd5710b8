"""`undo CHANGE`: the reverse of an applied change, as a request of its own."""

from __future__ import annotations

from bot.rules.undoing import change_number
from bot.rules.words import Flag, as_typed
from bot.slack.handling import Command, SlashCommand
from bot.views.change import asked


async def handle(call: SlashCommand) -> None:
    """Asks for it; the request waits for approval like any other."""
    number = change_number(call.argument("The change request", COMMAND.usage(call.services.command)))
    named = call.words.one("--project") or ""
    project = call.services.projects.named(named).name if named else ""
    actor = await call.actor()
    change = await call.services.undo.ask(
        actor,
        number,
        project=project,
        reason=as_typed(call.words.one("--reason") or ""),
        origin=f"inbox:{call.origin.id}",
    )
    scope = call.services.projects.named(change.project)
    await call.answer.say(asked(change, scope.approval_channel))


COMMAND = Command(
    name="undo",
    summary="ask for the reverse of an applied change, by the ordinary way",
    words="CHANGE",
    example='undo CR-12 --reason "the old topic is needed until Monday"',
    flags=(Flag("--reason", '"…"'),),
    handle=handle,
)
