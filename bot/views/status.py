"""How the bot is."""

from __future__ import annotations

from datetime import datetime

from bot.services.status import ProjectReport, Report
from bot.views.blocks import Block, Message, context, fields, header, section
from bot.views.text import channel, code, count, esc, local

MOST = 10
"""Problems, and projects, that are listed."""


def status(report: Report, now: datetime) -> Message:
    """Everything in one message, what is wrong first."""
    face = ":large_green_circle:" if not report.wrong else ":warning:"
    verdict = "all is well" if not report.wrong else f"{count(len(report.wrong), 'problem')}"
    seq, digest = report.head
    blocks: list[Block] = [header("csms-bot"), section(f"{face} {verdict}")]
    if report.wrong:
        lines = [f"• {esc(line, 300)}" for line in report.wrong[:MOST]]
        if len(report.wrong) > MOST:
            lines.append(f"and {len(report.wrong) - MOST} more")
        blocks += [section("\n".join(lines[at : at + 6])) for at in range(0, len(lines), 6)]
    waiting = report.backlog["pending"] + report.backlog["sending"] + report.backlog["behind"]
    blocks.append(
        fields(
            [
                ("Version", f"{report.version} · {esc(report.mode)}"),
                ("Slack", "connected" if report.connected else "not connected"),
                ("Open change requests", str(report.open_changes)),
                ("Messages waiting", f"{waiting} · {report.backlog['unknown']} unknown"),
                ("Audit log", f"{count(seq, 'row')} · head {code(digest[:12])}"),
                ("Now", local(now)),
            ]
        )
    )
    blocks += [_project(project) for project in report.projects[:MOST]]
    if len(report.projects) > MOST:
        blocks.append(context(f"and {len(report.projects) - MOST} more projects"))
    blocks.append(context("`csms-bot doctor` checks every setting, scope and permission."))
    wrong = esc("; ".join(report.wrong[:MOST]), 800)
    return Message(f"csms-bot {report.version}: {verdict}" + (f": {wrong}" if wrong else ""), tuple(blocks))


def _dropped(project: ProjectReport) -> list[tuple[str, str]]:
    if not project.dropped:
        return []
    lines = [f"{count(number, 'record')}: {esc(reason, 60)}" for reason, number in project.dropped[:3]]
    return [("Not told, by routes", "\n".join(lines))]


def _project(project: ProjectReport) -> Block:
    return fields(
        [
            ("Project", f"{code(project.name, 64)}\n{code(project.project_id, 64)}"),
            ("Last poll", f"{local(project.last_poll)} · {count(project.records, 'record')}"),
            ("Alerts", channel(project.alert_channel)),
            ("Approvals", f"{channel(project.approval_channel)} · {count(project.approvers, 'approver')}"),
            *_dropped(project),
        ]
    )
