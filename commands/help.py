"""`help [VERB]`: what can be done, with an example each."""

from __future__ import annotations

from bot.errors import Usage
from bot.nearest import did_you_mean
from bot.slack.handling import Command, SlashCommand
from bot.views.help import HelpEntry, all_help, one_help

CATALOGUE: list[Command] = []
"""Filled by `commands/__init__.py`: help speaks of the others without importing them."""


def _entry(command: Command, slash: str) -> HelpEntry:
    return HelpEntry(command.name, command.summary, command.usage(slash), f"{slash} {command.example}")


async def handle(call: SlashCommand) -> None:
    """All verbs, or one."""
    slash = call.services.command
    verbs = {command.name: command for command in CATALOGUE if command.name}
    if not call.words.words:
        await call.say(all_help([_entry(command, slash) for command in verbs.values()]))
        return
    call.at_most(1, COMMAND.usage(slash))
    verb = call.words.words[0].lower()
    if verb not in verbs:
        raise Usage(
            f"There is no command `{verb[:40]}`.{did_you_mean(verb, verbs)}", f"{slash} {'|'.join(verbs)}"
        )
    await call.say(one_help(_entry(verbs[verb], slash)))


COMMAND = Command(
    name="help", summary="what can be done", words="[VERB]", example="help update", handle=handle
)
