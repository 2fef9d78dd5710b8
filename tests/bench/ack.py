"""How long Slack waits for the ack of `/csms help` over HTTP: the bot against a bare slack_bolt app."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from bot.sandbox.slack import demo_seed
from bot.sandbox.slack.delivery import signature
from tests.bench.canned import RESPOND
from tests.bench.peers import PATH
from tests.bench.processes import Far, Running, bot, peer
from tests.bench.table import TIMES, Goal, Line, interleaved

BLOCKS, PER_BLOCK = 12, 25
"""300 commands to each. In blocks, so that a busy moment of the machine meets all of them."""
WARM_UP = 20
PAUSE_S = 0.01
"""Between two commands: people do not type in the same millisecond in which the one before is acknowledged."""
GOAL = Goal(0.25)


@dataclass
class Sender:
    """Slack at one end of a kept-alive connection."""

    connection: http.client.HTTPConnection
    response_url: str
    secret: str
    sent: int = 0
    times_ms: list[float] = field(default_factory=list)

    def block(self, count: int, server: Running) -> list[float]:
        """Sends as many commands, one after the other; the time of each, in ms, from its first byte to the last of the ack."""
        times = []
        for _ in range(count):
            body, headers = self._command()
            began = time.perf_counter()
            self.connection.request("POST", PATH, body, headers)
            answer = self.connection.getresponse()
            answer.read()
            times.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise RuntimeError(f"a command was answered with {answer.status}")
            server.rest(PAUSE_S)
        return times

    def _command(self) -> tuple[bytes, dict[str, str]]:
        self.sent += 1
        seed = demo_seed()
        body = urlencode(
            {
                "command": "/csms",
                "text": "help",
                "trigger_id": f"{self.sent}.{id(self)}",  # what tells two commands apart
                "response_url": self.response_url,
                "user_id": next(user.id for user in seed.users if user.role == "engineer"),
                "user_name": "engineer",
                "channel_id": seed.channels[0].id,
                "channel_name": seed.channels[0].name,
                "team_id": seed.team.id,
                "team_domain": seed.team.domain,
                "api_app_id": seed.app.app_id,
                "is_enterprise_install": "false",
            }
        ).encode()
        timestamp = str(int(time.time()))
        return body, {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.secret, timestamp, body),
        }


def measure(far: Far, folder: Path) -> Iterator[Line]:
    """The whole bot, its inbox on a real file and its worker answering each command, against Bolt's defaults."""
    with contextlib.ExitStack() as stack:
        servers = {
            "bot": stack.enter_context(bot(far, folder / "bot")),
            "async": stack.enter_context(peer("async", far, folder / "async")),
            "sync": stack.enter_context(peer("sync", far, folder / "sync")),
        }
        senders = {name: _sender(stack, server, far) for name, server in servers.items()}
        for name, sender in senders.items():
            sender.block(WARM_UP, servers[name])
        for name in interleaved(list(servers), BLOCKS):
            senders[name].times_ms += senders[name].block(PER_BLOCK, servers[name])
    ours, asynchronous, synchronous = (median(sender.times_ms) for sender in senders.values())
    name = "ack of /csms help, HTTP, p50"
    yield Line(
        f"{name}; peer: slack_bolt AsyncApp", ours / asynchronous, TIMES,
        ours=f"{ours:.2f} ms", peer=f"{asynchronous:.2f} ms", goal=GOAL,
    )  # fmt: skip
    yield Line(
        f"{name}; peer: slack_bolt App, own server", ours / synchronous, TIMES,
        ours=f"{ours:.2f} ms", peer=f"{synchronous:.2f} ms",
    )  # fmt: skip


def _sender(stack: contextlib.ExitStack, server: Running, far: Far) -> Sender:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    stack.callback(connection.close)
    return Sender(connection, far.canned + RESPOND, far.env["SLACK_SIGNING_SECRET"])
