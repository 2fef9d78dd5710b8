"""The embedded servers as programs of their own, and the demo that ties them to a real bot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path

from bot.app import App
from bot.config import load
from bot.errors import SettingsError
from bot.sandbox.csms import CsmsWorld, Seed, build_app, demo_seed, load_seed, run_generator
from bot.sandbox.slack import Seed as SlackSeed
from bot.sandbox.slack import SeedError, Workspace, running
from bot.sandbox.slack import demo_seed as slack_demo_seed
from bot.sandbox.slack import load_seed as load_slack_seed
from bot.serving import serving

Say = Callable[[str], None]

PAGE_PORT = 8080
PACE_S = 25.0
"""Seconds between the demo's made-up records."""
FIRST_ALERTS = (
    ("checkout-db-rotation", "SECRET_ROTATED"),
    ("mail-gateway-credentials", "SECRET_VERSION_EXPIRED"),
)
"""Events of the demo with a broken target: a topic that does not exist (INVALID), and one that fails (FAIL)."""


def _taken(port: int, error: OSError) -> SettingsError:
    return SettingsError(f"--port: {port} cannot be listened on ({error.strerror}); choose another one")


async def run_csms(stop: asyncio.Event, *, port: int, seed: Path | None, pace_s: float, say: Say) -> None:
    """The embedded CSMS until `stop`. SettingsError for a seed or a port that is no good."""
    world = CsmsWorld(_csms_seed(seed))
    try:
        async with serving(build_app(world), port=port) as base_url:
            say(f"The embedded CSMS listens at {base_url} (project {world.project_id}).")
            if pace_s > 0:
                await run_generator(world, pace_s, stop)
            await stop.wait()
    except OSError as error:
        raise _taken(port, error) from None


def _csms_seed(path: Path | None) -> Seed:
    try:
        return load_seed(path) if path else demo_seed()
    except (OSError, ValueError) as error:
        raise SettingsError(f"--seed: {error}") from None


async def run_slack(stop: asyncio.Event, *, port: int, seed: Path | None, say: Say) -> None:
    """The embedded workspace until `stop`. SettingsError for a seed or a port that is no good."""
    try:
        found = load_slack_seed(seed) if seed else slack_demo_seed()
    except (OSError, SeedError, ValueError) as error:
        raise SettingsError(f"--seed: {error}") from None
    try:
        async with running(Workspace(found), port=port) as base_url:
            say(f"The embedded Slack workspace is at {base_url} ; its Web API at {base_url}/api/")
            await stop.wait()
    except OSError as error:
        raise _taken(port, error) from None


async def run_demo(stop: asyncio.Event, *, port: int | None, browser: bool, say: Say) -> None:
    """CSMS, Slack and the bot, until `stop`. SettingsError when the port is taken."""
    world = CsmsWorld(demo_seed())
    seed = slack_demo_seed()
    workspace = Workspace(seed)
    folder = Path(tempfile.mkdtemp(prefix="csms-bot-demo-"))
    database = folder / "csms-bot.db"
    try:
        async with contextlib.AsyncExitStack() as stack:
            csms_url = await stack.enter_async_context(serving(build_app(world)))
            slack_url = await _open_page(stack, workspace, port)
            app = App(load(demo_env(world, seed, csms_url, slack_url, database)), os.environ)
            started = asyncio.Event()
            bot = asyncio.create_task(app.run(stop, started))
            alive = asyncio.create_task(started.wait())
            await asyncio.wait([bot, alive], return_when=asyncio.FIRST_COMPLETED)
            alive.cancel()
            if not bot.done():
                _welcome(say, slack_url, csms_url, database)
                if browser:
                    await asyncio.to_thread(webbrowser.open, slack_url)
            story = asyncio.create_task(_story(world, app, stop))
            try:
                await bot
            finally:
                story.cancel()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _open_page(stack: contextlib.AsyncExitStack, workspace: Workspace, port: int | None) -> str:
    try:
        return await stack.enter_async_context(running(workspace, port=PAGE_PORT if port is None else port))
    except OSError as error:
        if port is not None:
            raise _taken(port, error) from None
        return await stack.enter_async_context(running(workspace))


def demo_env(
    world: CsmsWorld, seed: SlackSeed, csms_url: str, slack_url: str, database: Path
) -> dict[str, str]:
    """The settings of the demo's bot, as an operator would set them."""
    keys = demo_seed().credentials[0]
    channels = {channel.name: channel.id for channel in seed.channels}
    users = {user.role: user.id for user in seed.users if user.role}
    return {
        "SLACK_BOT_TOKEN": seed.app.bot_token,
        "SLACK_APP_TOKEN": seed.app.app_token,
        "SLACK_API_URL": f"{slack_url}/api/",
        "HUAWEICLOUD_SDK_AK": keys.ak,
        "HUAWEICLOUD_SDK_SK": keys.sk,
        "HUAWEICLOUD_SDK_PROJECT_ID": world.project_id,
        "CSMS_BOT_ENDPOINT": csms_url,
        "CSMS_BOT_ALERT_CHANNEL": channels["secrets-alerts"],
        "CSMS_BOT_APPROVAL_CHANNEL": channels["secrets-approvals"],
        "CSMS_BOT_APPROVERS": users["approver"],
        "CSMS_BOT_BREAK_GLASS": users["engineer"],
        "CSMS_BOT_POLL_INTERVAL": "2s",
        "CSMS_BOT_SETTLE": "10s",
        "CSMS_BOT_DATABASE": str(database),
        "CSMS_BOT_HTTP_PORT": "0",
    }


def _welcome(say: Say, slack_url: str, csms_url: str, database: Path) -> None:
    say("")
    say(f"  The workspace is at  {slack_url}")
    say("")
    say("  Type /csms list there, change an event, act as the approver and approve it.")
    say(f"  The embedded CSMS:   {csms_url}")
    say(f"  The audit log:       csms-bot audit list --database {database}")
    say("  Ctrl-C ends it.")
    say("")


async def _story(world: CsmsWorld, app: App, stop: asyncio.Event) -> None:
    """Two notices fail soon after the bot's first look; then secrets expire, rotate and fail at their own pace."""
    await app.poller.looked.wait()
    await asyncio.sleep(2)
    for event, kind in FIRST_ALERTS:
        world.trigger(event, kind)
        await asyncio.sleep(3)
    await run_generator(world, PACE_S, stop)
