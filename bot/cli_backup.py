"""`csms-bot backup` and `csms-bot restore`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli_audit import database_path
from bot.errors import CopyFailed, StoreError
from bot.options import CONFIG, DATABASE

if TYPE_CHECKING:
    from bot.verify import Verdict

FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@FILE
@DATABASE
@CONFIG
def backup(file: Path, database: str, config: str) -> None:
    """Copy the database to FILE while the bot runs; it gets that name when it is whole and checked."""
    from bot.store import open_read_only
    from bot.store.backup import copy

    path = database_path(database, config)
    open_read_only(path).close()
    checking = Checking()
    try:
        doubts = copy(path, file, checking)
    except CopyFailed as error:
        raise click.ClickException(f"{error}; no copy was kept") from None
    if doubts:
        click.echo(f"No copy was kept: {'; '.join(doubts)}.", err=True)
        sys.exit(1)
    click.echo(f"{file}: {_found(checking.verdict)}; head {checking.verdict.rows} {checking.verdict.hash}")


@click.command()
@FILE
@DATABASE
@CONFIG
def restore(file: Path, database: str, config: str) -> None:
    """Put the database back from FILE, while the bot is stopped. Its next start asks Slack and CSMS what happened since."""
    from bot.store import open_read_only
    from bot.store.restore import put_back

    path = database_path(database, config)
    if not file.exists():
        raise StoreError(f"there is no copy at {file}")
    open_read_only(file).close()
    checking = Checking()
    try:
        done = put_back(file, path, datetime.now(UTC), checking)
    except CopyFailed as error:
        raise click.ClickException(str(error)) from None
    if done.doubts:
        click.echo(f"Nothing was changed: {'; '.join(done.doubts)}.", err=True)
        sys.exit(1)
    kept = f"; what was there is now {done.kept[0]}" if done.kept else ""
    if doubts := checking(path):
        click.echo(f"{path} was put back from {file} and does not hold: {'; '.join(doubts)}{kept}.", err=True)
        sys.exit(1)
    click.echo(f"{path} is what {file} was: {_found(checking.verdict)}{kept}")


class Checking:
    """The check of a database that nobody writes to, and what it last found."""

    verdict: Verdict

    def __call__(self, path: Path) -> list[str]:
        """The doubts about it."""
        from bot.verify import check

        self.verdict = check(path, alone=True)
        return self.verdict.doubts


def _found(verdict: Verdict) -> str:
    return f"{verdict.rows} audit rows, the chain holds"
