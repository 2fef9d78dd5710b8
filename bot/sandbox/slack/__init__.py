"""An embedded Slack workspace: Web API, signed deliveries, Socket Mode, and a web page, on a real socket.

    workspace = Workspace(demo_seed())
    async with running(workspace) as base_url:
        ...  # the app's SLACK_API_URL is f"{base_url}/api/"; people open base_url in a browser
        await workspace.command("U00ENGINEER", "C00ALERTS", "/csms list")

It is as strict as Slack where a bot could go wrong, and knows only the methods this project asks for.
"""

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.fault import Fault, FaultKind
from bot.sandbox.slack.model import Message, View
from bot.sandbox.slack.seed import Seed, SeedError, demo_seed, load_seed
from bot.sandbox.slack.server import build_app, running
from bot.sandbox.slack.workspace import Outcome, Workspace

__all__ = [
    "Fault", "FaultKind", "Message", "Outcome", "Seed", "SeedError", "SlackError", "View", "Workspace",
    "build_app", "demo_seed", "load_seed", "running",
]  # fmt: skip
