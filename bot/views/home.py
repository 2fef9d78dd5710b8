"""The home tab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.model import Change
from bot.services.status import Report
from bot.views.blocks import Block, context, divider, header, section
from bot.views.change import FACE
from bot.views.text import channel, code, count, esc, local, person

MOST = 10
"""Change requests, and projects, that are listed."""


def home(report: Report, changes: Sequence[Change], command: str) -> dict[str, Any]:
    """Open change requests, the state of the projects, and where to begin."""
    blocks: list[Block] = [
        header("CSMS event notifications"),
        section(
            "When a secret expires, rotates or fails to rotate, CSMS tells a topic. This bot tells you when it could "
            f"*not*, and lets the team change events together. Type {code(f'{command} help')} in any channel."
        ),
        divider(),
        header("Open change requests"),
    ]
    if not changes:
        blocks.append(section("None."))
    for change in changes[:MOST]:
        blocks.append(
            section(
                f"*{change.id}*  {code(change.event)} · {FACE[change.state]}\n"
                f"{person(change.requester)} · expires {local(change.expires)}"
            )
        )
    if len(changes) > MOST:
        blocks.append(context(f"and {len(changes) - MOST} more: {code(f'{command} pending')}"))
    blocks += [divider(), header("Projects")]
    for project in report.projects[:MOST]:
        blocks.append(
            section(
                f"*{code(project.name)}*  last poll {local(project.last_poll)} · "
                f"{count(project.records, 'record')} · alerts in {channel(project.alert_channel)}"
            )
        )
    wrong = "\n".join(f":warning: {esc(line, 300)}" for line in report.wrong[:5])
    blocks.append(section(wrong) if wrong else context(":large_green_circle: all is well"))
    return {"type": "home", "blocks": blocks}
