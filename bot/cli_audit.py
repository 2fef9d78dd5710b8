"""`csms-bot audit`: the log printed, exported and checked, beside a running bot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from bot.errors import StoreError
from bot.options import CONFIG, DATABASE, NearestGroup, mute

if TYPE_CHECKING:
    from bot.store.engine import Tx
    from bot.verify import Head, Verdict


@click.group(cls=NearestGroup)
def audit() -> None:
    """The audit log."""


def database_path(database: str, config: str) -> Path:
    """The database that an option or the settings name."""
    from bot.config import Settings, database_of

    return Path(database or database_of(os.environ, config) or Settings.model_fields["database"].default)


@contextlib.contextmanager
def _log(database: str, config: str) -> Iterator[Tx]:
    """The database, open for reading. StoreError when it has no audit log, or a broken one cannot be read."""
    from bot.store import open_read_only

    path = database_path(database, config)
    db = open_read_only(path)
    try:
        if not db["audit"].exists():
            raise StoreError(f"{path} is not a database of csms-bot (it has no audit log)")
        yield db
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read ({error})") from None
    finally:
        db.close()


def _since(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    from bot.config import duration

    if value is None:
        return None
    try:
        return datetime.now(UTC) - duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} {error}") from None


def _filters(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--project", default="", help="Only this project."),
        click.option("--event", default="", help="Only this event."),
        click.option("--user", "actor", default="", metavar="U…", help="Only what this Slack user did."),
        click.option(
            "--action", default="", help="Only this action, change.approve say, or change for all of them."
        ),
        click.option("--since", callback=_since, metavar="30d", help="Only what is younger."),
        DATABASE,
        CONFIG,
    ):
        function = option(function)
    return function


@audit.command("export")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv", "ocsf"]), default="jsonl", show_default=True
)
@click.option("--output", "-o", metavar="FILE", default="-", help="Instead of standard output.")
@_filters
def audit_export(form: str, output: str, database: str, config: str, **filters: Any) -> None:
    """Write the log, oldest first: an object or a row for each entry."""
    from bot.rules.exporting import FORMATS
    from bot.store.audit import begins, read

    with _log(database, config) as db:
        before = begins(db)
        with _output(output) as out:
            out.writelines(FORMATS[form](read(db, **filters)))
        if begins(db) != before:
            raise click.ClickException("Rows were archived meanwhile, and some may be missing; export again.")
    _say_archived(before, filters["since"])


def _say_archived(begins: datetime | None, since: datetime | None) -> None:
    """On standard error, beside the rows."""
    if begins and (since is None or since < begins):
        click.echo(f"rows before {begins:%Y-%m-%d %H:%M:%S} UTC are archived", err=True)


@contextlib.contextmanager
def _output(name: str) -> Iterator[TextIO]:
    try:
        if name == "-":
            yield sys.stdout
            sys.stdout.flush()
            return
        with Path(name).open("w", encoding="utf-8", newline="") as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        if name == "-":
            mute()
        shown = "standard output" if name == "-" else name
        raise click.ClickException(f"{shown} cannot be written: {error.strerror}") from None


@audit.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@_filters
def audit_list(limit: int, database: str, config: str, **filters: Any) -> None:
    """Print the newest entries as a table."""
    from tabulate import tabulate  # type: ignore[import-untyped]

    from bot.store.audit import begins, read

    with _log(database, config) as db:
        rows = list(read(db, newest_first=True, limit=limit, **filters))
        first = begins(db)
    table = [
        (row.seq, row.at[:19], row.actor, row.action, row.outcome, row.change, row.event, row.reason[:60])
        for row in rows
    ]
    click.echo(
        tabulate(
            table, headers=["seq", "at (UTC)", "actor", "action", "outcome", "change", "event", "reason"]
        )
    )
    _say_archived(first, filters["since"])


@audit.command("verify")
@click.option("--witness", is_flag=True, help="Compare it with the heads that Slack holds, too.")
@click.option(
    "--segments",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Check the archived rows in this folder, too.",
)
@DATABASE
@CONFIG
def audit_verify(witness: bool, segments: Path | None, database: str, config: str) -> None:
    """Check the whole log, by its documented format: every row, its guards, and the file. Any doubt ends with 1."""
    from bot.verify import check

    with _log(database, config):
        pass  # A file that is no database of ours is a mistake of usage, not a broken log.
    path = database_path(database, config)
    heads, unseen = asyncio.run(_witnessed(path, config)) if witness else ([], [])
    verdict = check(path, heads, segments)
    verdict.doubts += unseen
    if witness and verdict.rows and not unseen and not verdict.doubts and not verdict.agreed:
        verdict.doubts.append(
            "Slack holds no head of the rows that were looked at; name the folder of the others with --segments DIR"
            if verdict.unseen
            else "Slack holds no head of it"
        )
    if verdict.doubts:
        click.echo(f"The audit log is broken: {'; '.join(verdict.doubts)}.", err=True)
        sys.exit(1)
    click.echo("; ".join(_found(verdict, witness=witness, archived=segments is not None)))


def _found(verdict: Verdict, *, witness: bool, archived: bool) -> Iterator[str]:
    """What can be said of a log that is whole, as far as it was looked at."""
    from bot.views.text import count

    before = verdict.begins - 1
    if not before:
        yield f"{verdict.rows} rows, the chain holds"
    elif archived:
        files = count(len(verdict.segments), "archived segment")
        yield f"{verdict.rows} rows, {before} of them in {files}, the chain holds"
    else:
        yield f"{verdict.rows - before} rows, the chain holds"
    yield f"head {verdict.rows} {verdict.hash}"
    if witness:
        yield f"{verdict.agreed} heads in Slack agree"
        if verdict.unseen:
            yield f"{verdict.unseen} of archived rows were not compared"
    if before and not archived:
        segment = next(one for one in verdict.segments if one.first <= before <= one.last)
        older = "" if segment.first == 1 else " and the segments before it"
        yield f"rows 1 to {before} are in {segment.file}{older}, not looked at; name its folder with --segments DIR"


async def _witnessed(path: Path, config: str) -> tuple[list[Head], list[str]]:
    """The heads that Slack holds, and what is doubtful about them. SettingsError."""
    from bot.config import load, projects_of
    from bot.errors import SlackError
    from bot.model import PostKind
    from bot.slack.client import SlackClient
    from bot.slack.witness import heads_in
    from bot.store import open_read_only
    from bot.store.outbox import posted_of

    settings = load(os.environ, config)
    slack = SlackClient(token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)
    heads: list[Head] = []
    doubts: list[str] = []
    await slack.open()
    try:
        for channel in dict.fromkeys(
            project.approval_channel for project in projects_of(settings, os.environ)
        ):
            with contextlib.closing(open_read_only(path)) as db:
                posted = [(ts, int(data["seq"])) for ts, data in posted_of(db, PostKind.WITNESS, channel)]
            found, gone = await heads_in(slack, channel, posted)
            heads += found
            doubts += gone
    except SlackError as error:
        return [], [f"Slack could not be asked for the heads that it holds ({error})"]
    finally:
        await slack.close()
    return heads, doubts
