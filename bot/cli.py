"""The console commands. Each imports what it needs itself, so that `--help` is quick and `run` loads no sandbox.

Exit codes: 0 done, 1 it ran and failed, 2 usage or settings. A person's mistake gets one line, never a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from bot import __version__
from bot.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from bot.store.engine import Tx

CONFIG = click.option(
    "--config", "config", metavar="FILE", default="", help="Settings file (TOML); or CSMS_BOT_CONFIG."
)
DATABASE = click.option(
    "--database", metavar="FILE", default="", help="Instead of the setting CSMS_BOT_DATABASE."
)


class _Group(click.Group):
    """Names the nearest command when there is none of that name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from bot.rules.nearest import nearest

        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            close = nearest(args[0], self.list_commands(ctx))
            hint = f" Did you mean {close}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="csms-bot %(version)s")
def cli() -> None:
    """Huawei Cloud CSMS event notifications, worked on from Slack."""


def main() -> None:
    """The entry point: the two errors that are a person's own become one line and exit code 2."""
    try:
        cli(prog_name="csms-bot")
    except (SettingsError, StoreError) as error:
        click.echo(f"csms-bot: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read our output has had enough.
        _mute()
        sys.exit(1)


def _mute() -> None:
    """Nothing more can be printed: without this the interpreter tries it once more as it ends, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(job: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Runs `job` until it ends or SIGTERM or SIGINT sets its stop event."""

    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await job(stop)

    asyncio.run(until_told())


@cli.command()
@CONFIG
def run(config: str) -> None:
    """Run the bot, from its settings."""
    from bot import logs
    from bot.app import App
    from bot.config import load

    settings = load(os.environ, config)
    logs.set_up()
    app = App(settings, os.environ)
    _run(app.run)


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help="Port of the workspace's page. [default: 8080]",
)
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
def demo(port: int | None, no_browser: bool) -> None:
    """Try everything on this machine: an embedded CSMS, an embedded Slack workspace, and the bot itself."""
    from bot import logs
    from bot.sandbox.demo import run_demo

    logs.set_up()
    _run(lambda stop: run_demo(stop, port=port, browser=not no_browser, say=click.echo))


@cli.group(cls=_Group)
def sandbox() -> None:
    """The embedded servers, each alone."""


@sandbox.command("csms")
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True)
@click.option("--seed", type=click.Path(path_type=Path, dir_okay=False), help="What it starts with (JSON).")
@click.option(
    "--pace", type=click.FloatRange(min=0), default=0.0, help="Seconds between made-up records; 0: none."
)
def sandbox_csms(port: int, seed: Path | None, pace: float) -> None:
    """The embedded CSMS, IAM and SMN."""
    from bot import logs
    from bot.sandbox.demo import run_csms

    logs.set_up()
    _run(lambda stop: run_csms(stop, port=port, seed=seed, pace_s=pace, say=click.echo))


@sandbox.command("slack")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--seed", type=click.Path(path_type=Path, dir_okay=False), help="What it starts with (JSON).")
def sandbox_slack(port: int, seed: Path | None) -> None:
    """The embedded Slack workspace."""
    from bot import logs
    from bot.sandbox.demo import run_slack

    logs.set_up()
    _run(lambda stop: run_slack(stop, port=port, seed=seed, say=click.echo))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@CONFIG
def doctor(as_json: bool, config: str) -> None:
    """Check every setting, token, scope, channel, permission, the clock and the database."""
    from bot import logs
    from bot.doctor import examine

    logs.set_up(level=50)
    checks = asyncio.run(examine(os.environ, config))
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = {"ok": "ok  ", "wrong": "FAIL", "unsure": "note"}[check.verdict]
            click.echo(f"{mark}  {check.name}: {check.found}")
            if check.mend:
                click.echo(f"      → {check.mend}")
        wrong = sum(check.verdict == "wrong" for check in checks)
        click.echo("All is well." if not wrong else f"{wrong} of {len(checks)} checks failed.")
    sys.exit(any(check.verdict == "wrong" for check in checks))


@cli.group(cls=_Group)
def audit() -> None:
    """The audit log."""


def _database(database: str, config: str) -> Path:
    from bot.config import Settings, database_of

    return Path(database or database_of(os.environ, config) or Settings.model_fields["database"].default)


@contextlib.contextmanager
def _log(database: str, config: str) -> Iterator[Tx]:
    """The database, open for reading. StoreError when it has no audit log, or a broken one cannot be read."""
    from bot.store import open_read_only

    path = _database(database, config)
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
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--output", "-o", metavar="FILE", default="-", help="Instead of standard output.")
@_filters
def audit_export(form: str, output: str, database: str, config: str, **filters: Any) -> None:
    """Write the log, oldest first: an object or a row for each entry."""
    from bot.store.audit import COLUMNS, read

    with _log(database, config) as db, _output(output) as out:
        if form == "csv":
            writer = csv.writer(out)
            writer.writerow(COLUMNS)
            for row in read(db, **filters):
                writer.writerow([_cell(value) for value in asdict(row).values()])
        else:
            for row in read(db, **filters):
                out.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


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
            _mute()
        shown = "standard output" if name == "-" else name
        raise click.ClickException(f"{shown} cannot be written: {error.strerror}") from None


def _cell(value: Any) -> str:
    """A spreadsheet must not take a cell for a formula."""
    text = (
        ""
        if value is None
        else json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict)
        else str(value)
    )
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@audit.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@_filters
def audit_list(limit: int, database: str, config: str, **filters: Any) -> None:
    """Print the newest entries as a table."""
    from tabulate import tabulate  # type: ignore[import-untyped]

    from bot.store.audit import read

    with _log(database, config) as db:
        rows = list(read(db, newest_first=True, limit=limit, **filters))
    table = [
        (row.seq, row.at[:19], row.actor, row.action, row.outcome, row.change, row.event, row.reason[:60])
        for row in rows
    ]
    click.echo(
        tabulate(
            table, headers=["seq", "at (UTC)", "actor", "action", "outcome", "change", "event", "reason"]
        )
    )


@audit.command("verify")
@DATABASE
@CONFIG
def audit_verify(database: str, config: str) -> None:
    """Check that each entry follows from the one before it."""
    from bot.store.audit import first_broken, head, read

    with _log(database, config) as db:
        broken = first_broken(read(db))
        seq, digest = head(db)
    if broken:
        click.echo(f"The audit log is broken: {broken[1]}.", err=True)
        sys.exit(1)
    click.echo(f"{seq} rows, the chain holds; head {seq} {digest}")


@cli.group(cls=_Group)
def routes() -> None:
    """The routes of the settings file."""


@routes.command("test")
@click.option("--event", required=True, help="The event of a record.")
@click.option("--status", default="FAIL", show_default=True, help="Its status.")
@click.option("--type", "kind", default="", help="Its event type.")
@click.option("--secret", default="", help="Its secret's name.")
@click.option("--project", default="", help="The project; needed with several.")
@CONFIG
def routes_test(event: str, status: str, kind: str, secret: str, project: str, config: str) -> None:
    """Say where such a record would be told, and by which route."""
    from bot.config import load, projects_of
    from bot.model import FAILURES
    from bot.rules.routes import Facts, explain, route, routes_of

    settings = load(os.environ, config)
    found = [one for one in projects_of(settings, os.environ) if project in ("", one.name)]
    if len(found) != 1:
        known = ", ".join(one.name for one in projects_of(settings, os.environ))
        raise click.UsageError(f"Say which project with --project. Known: {known}.")
    if status not in FAILURES:
        click.echo(f"Nowhere: only {' and '.join(FAILURES)} are told.")
        return
    table = routes_of(settings.routes)
    facts = Facts(found[0].name, event, kind, secret, status)
    click.echo(explain(table, route(table, facts, channel=found[0].alert_channel, now=datetime.now(UTC))))


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"csms-bot {__version__}")
