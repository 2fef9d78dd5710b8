"""Notification records as a list."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bot.model import FAIL, INVALID, SUCCESS, Record
from bot.views.blocks import Block, Message, context, header, section
from bot.views.text import code, count, esc, local, utc

SHOWN = 20
FACE = {SUCCESS: ":white_check_mark:", FAIL: ":x:", INVALID: ":warning:"}


@dataclass(frozen=True, slots=True)
class RecordList:
    """Records that matched, newest first."""

    project: str
    records: tuple[Record, ...]
    total: int
    maybe_incomplete: bool


def record_list(found: RecordList) -> Message:
    """The newest, and how many there are."""
    states = Counter(record.status for record in found.records)
    counts = " · ".join(f"{states[status]} {status}" for status in (FAIL, INVALID, SUCCESS) if states[status])
    summary = (
        f"{len(found.records)} of {count(found.total, 'record')} match"
        + (f" · {counts}" if counts else "")
        + f" · project {code(found.project)}"
    )
    blocks: list[Block] = [header("Notification records"), context(summary)]
    if found.maybe_incomplete:
        blocks.append(context(":warning: Coverage may be incomplete: CSMS shows only part of its records."))
    shown = found.records[:SHOWN]
    blocks += [
        section("\n".join(_line(record) for record in shown[at : at + 5])) for at in range(0, len(shown), 5)
    ]
    if not shown:
        blocks.append(
            section("No record matches." if found.total else "CSMS has no records of the last three months.")
        )
    if len(found.records) > SHOWN:
        blocks.append(
            context(
                f"and {len(found.records) - SHOWN} older; narrow it with `--event`, `--status`, `--since`"
            )
        )
    lines = "\n".join(_plain(record) for record in shown)
    return Message(f"{summary}\n{lines}".strip(), tuple(blocks))


def _line(record: Record) -> str:
    face = FACE.get(record.status, ":grey_question:")
    return (
        f"{face} *{esc(record.status, 20)}*  {local(record.created)}  {code(record.event_name, 64)}\n"
        f"      {code(record.trigger_type, 60)} · secret {code(record.secret_name, 64)} → {code(record.target_name, 64)}"
    )


def _plain(record: Record) -> str:
    return (
        f"{esc(record.status, 20)} {utc(record.created)} {code(record.event_name, 64)} {code(record.trigger_type, 60)} "
        f"secret {code(record.secret_name, 64)}"
    )
