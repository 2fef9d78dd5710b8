"""What console commands share: options that several take, and a group that names the nearest command."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

CONFIG = click.option(
    "--config", "config", metavar="FILE", default="", help="Settings file (TOML); or CSMS_BOT_CONFIG."
)
DATABASE = click.option(
    "--database", metavar="FILE", default="", help="Instead of the setting CSMS_BOT_DATABASE."
)


class NearestGroup(click.Group):
    """Names the nearest command when there is none of that name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from bot.nearest import nearest

        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            close = nearest(args[0], self.list_commands(ctx))
            hint = f" Did you mean {close}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def mute(stream: TextIO | None = None) -> None:
    """Nothing more can be printed (to standard output): without this the interpreter tries it once more as it ends,
    complains, and changes the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())
