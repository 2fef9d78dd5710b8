"""How the bot is."""

from __future__ import annotations

from datetime import datetime

from bot.services.status import ProjectReport, Report
from bot.views.blocks import Block, Message, context, fields, header, section
from bot.views.text import code, count, esc, local


def status(report: Report, now: datetime) -> Message:
    """Everything in one message, what is wrong first."""
    face = ":large_green_circle:" if not report.wrong else ":warning:"
    verdict = "all is well" if not report.wrong else f"{count(len(report.wrong), 'problem')}"
    seq, digest = report.head
    blocks: list[Block] = [header("csms-bot"), section(f"{face} {verdict}")]
    if report.wrong:
        blocks.append(section("\n".join(f"• {esc(line, 400)}" for line in report.wrong[:10])))
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
    blocks += [_project(project) for project in report.projects[:10]]
    blocks.append(context("`csms-bot doctor` checks every setting, scope and permission."))
    lines = "; ".join(report.wrong)
    return Message(
        f"csms-bot {report.version}: {verdict}" + (f": {esc(lines, 800)}" if lines else ""), tuple(blocks)
    )


def _project(project: ProjectReport) -> Block:
    return fields(
        [
            ("Project", f"{code(project.name)}\n{code(project.project_id)}"),
            ("Last poll", f"{local(project.last_poll)} · {count(project.records, 'record')}"),
            ("Alerts", f"<#{project.alert_channel}>"),
            ("Approvals", f"<#{project.approval_channel}> · {count(project.approvers, 'approver')}"),
        ]
    )
