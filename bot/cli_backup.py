"""`csms-bot backup` and `csms-bot restore`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.cli_audit import database_path
from bot.options import CONFIG, DATABASE

FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@FILE
@DATABASE
@CONFIG
def backup(file: Path, database: str, config: str) -> None:
    """Copy the database to FILE while the bot runs; it gets that name when it is whole and checked."""
    from bot.store import open_read_only
    from bot.store.backup import copy
    from bot.verify import Verdict, check

    path = database_path(database, config)
    open_read_only(path).close()
    verdict = Verdict()

    def doubts(copied: Path) -> list[str]:
        nonlocal verdict
        verdict = check(copied)
        return verdict.doubts

    if copy(path, file, doubts):
        click.echo(f"No copy was kept: {'; '.join(verdict.doubts)}.", err=True)
        sys.exit(1)
    click.echo(f"{file}: {verdict.rows} audit rows, the chain holds; head {verdict.rows} {verdict.hash}")


@click.command()
@FILE
@DATABASE
@CONFIG
def restore(file: Path, database: str, config: str) -> None:
    """Put the database back from FILE, while the bot is stopped. Its next start asks Slack and CSMS what happened since."""
    from bot.store import open_read_only
    from bot.store.backup import put_back
    from bot.verify import check

    path = database_path(database, config)
    open_read_only(file).close()
    verdict = check(file)
    if verdict.doubts:
        click.echo(f"Nothing was changed: {'; '.join(verdict.doubts)}.", err=True)
        sys.exit(1)
    aside = put_back(file, path, datetime.now(UTC))
    kept = f"; what was there is now {aside}" if aside else ""
    click.echo(f"{path} is what {file} was: {verdict.rows} audit rows, the chain holds{kept}")
