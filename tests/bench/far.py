"""`python -m tests.bench.far`: everything that is not measured, in a process of its own.

The embedded CSMS, the embedded Slack workspace and the server of canned answers, until standard input ends. It first
prints one line of JSON: `env`, the bot's settings but for database and port, and `canned`, the canned server's address.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from bot.sandbox.csms import CsmsWorld, build_app, demo_seed
from bot.sandbox.demo import demo_env
from bot.sandbox.slack import Workspace, running
from bot.sandbox.slack import demo_seed as slack_seed
from bot.serving import serving
from tests.bench.canned import Canned, answers


async def main() -> None:
    """Serves until standard input ends."""
    world, seed, table = CsmsWorld(demo_seed()), slack_seed(), answers()
    loop = asyncio.get_running_loop()
    canned = await loop.create_server(lambda: Canned(table), "127.0.0.1", 0)
    async with canned, serving(build_app(world)) as csms_url, running(Workspace(seed)) as slack_url:
        env = demo_env(world, seed, csms_url, slack_url, Path("unset"))
        # HTTP mode, and otherwise as a user has it who sets only what must be set.
        for name in ("SLACK_APP_TOKEN", "CSMS_BOT_POLL_INTERVAL", "CSMS_BOT_SETTLE"):
            del env[name]
        env["SLACK_SIGNING_SECRET"] = seed.app.signing_secret
        host, port = canned.sockets[0].getsockname()
        print(json.dumps({"env": env, "canned": f"http://{host}:{port}"}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
