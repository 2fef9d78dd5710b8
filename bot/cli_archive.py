"""`csms-bot audit archive`: the oldest rows of the log into a file, beside a running bot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bot.cli_audit import database_path
from bot.options import CONFIG, DATABASE


def _age(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    from bot.config import duration

    try:
        age = duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} {error}") from None
    if age <= timedelta(0):
        raise click.BadParameter(f"{value!r} is no age; write 400d, say")
    return age


@click.command()
@click.option("--older-than", callback=_age, required=True, metavar="400d", help="Only what is older.")
@click.option(
    "--to",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of the segments.",
)
@DATABASE
@CONFIG
def archive(older_than: timedelta, folder: Path, database: str, config: str) -> None:
    """Move the oldest entries to a file in DIR, which the log then vouches for. Keep that file: nothing else has them."""
    from bot.errors import ArchiveError
    from bot.store import archive as archiving
    from bot.store import open_read_only

    path = database_path(database, config)
    open_read_only(path).close()
    now = datetime.now(UTC)
    try:
        done = archiving.archive(path, folder, now - older_than, now)
    except ArchiveError as error:
        raise click.ClickException(f"{error}.") from None
    if done.finished:
        click.echo(
            f"Rows {done.finished.first} to {done.finished.last} were archived before, and are removed now."
        )
    if done.made:
        one = done.made
        click.echo(f"Rows {one.first} to {one.last} are now in {folder / one.file}, SHA-256 {one.sha256}.")
    else:
        click.echo("No more rows are that old; nothing was archived.")
    if done.held_by:
        click.echo(
            f"Older ones stay until the bot has compared the events of project {done.held_by} with CSMS once more."
        )
