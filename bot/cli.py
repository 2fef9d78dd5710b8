"""The console commands. Each imports what it needs itself, so that `--help` is quick and `run` loads no sandbox.

Exit codes: 0 done, 1 it ran and failed, 2 usage or settings. A person's mistake gets one line, never a traceback.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bot import __version__
from bot.cli_archive import archive
from bot.cli_audit import audit
from bot.cli_backup import backup, restore
from bot.errors import SettingsError, StoreError, StoreFailed
from bot.model import FAIL, FAILURES, RECORD_STATUSES
from bot.options import CONFIG, NearestGroup, mute


@click.group(cls=NearestGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
    except StoreFailed as error:
        click.echo(f"csms-bot: the database cannot be written ({error})", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has had enough.
        mute()
        sys.exit(1)
    except OSError as error:
        mute()
        click.echo(f"csms-bot: {error}", err=True)
        sys.exit(1)
    finally:
        try:
            sys.stderr.flush()
        except OSError:
            mute(sys.stderr)


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


@cli.group(cls=NearestGroup)
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


audit.add_command(archive)
cli.add_command(audit)
cli.add_command(backup)
cli.add_command(restore)


@cli.group(cls=NearestGroup)
def routes() -> None:
    """The routes of the settings file."""


@routes.command("test")
@click.option("--event", required=True, help="The event of a record.")
@click.option(
    "--status",
    type=click.Choice(RECORD_STATUSES, case_sensitive=False),
    default=FAIL,
    show_default=True,
    help="Its status.",
)
@click.option("--type", "kind", default="", help="Its event type.")
@click.option("--secret", default="", help="Its secret's name.")
@click.option("--project", default="", help="The project; needed with several.")
@CONFIG
def routes_test(event: str, status: str, kind: str, secret: str, project: str, config: str) -> None:
    """Say where such a record would be told, and by which route."""
    from bot.config import load, projects_of
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
