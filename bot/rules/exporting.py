"""Rows of the audit log in the forms that other programs read: JSONL, CSV, OCSF."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any

from bot.model import AuditRow
from bot.rules.ocsf import ocsf

FORMULA = frozenset("=+-@\N{MINUS SIGN}")
QUOTES = "'\"`"
BEGINS = re.compile(r"(?<=[;\n])|(?<=.\r)", re.DOTALL)
BLANK = frozenset("\t\r\n")
COLUMNS = tuple(one.name for one in fields(AuditRow))


def jsonl(rows: Iterable[AuditRow]) -> Iterator[str]:
    """One object a line, with every column."""
    for row in rows:
        yield json.dumps(dict(zip(COLUMNS, _values(row), strict=True)), ensure_ascii=False) + "\n"


def csv_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """A head, and a line for each row; no cell of it is a formula."""
    yield _csv(COLUMNS)
    for row in rows:
        yield _csv(cell(value) for value in _values(row))


def ocsf_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """One event of the Open Cybersecurity Schema Framework a line."""
    for row in rows:
        yield json.dumps(ocsf(row), ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Iterable[AuditRow]], Iterator[str]]] = {
    "jsonl": jsonl,
    "csv": csv_lines,
    "ocsf": ocsf_lines,
}


def _values(row: AuditRow) -> list[Any]:
    # `asdict` would copy each image, which takes longer than to write it.
    return [getattr(row, name) for name in COLUMNS]


def cell(value: Any) -> str:
    """A spreadsheet must not take a cell for a formula, so an apostrophe stands before whatever looks like one.

    Also behind a semicolon or line end, where another locale's spreadsheet begins a new cell. Invisible characters
    and quotes before it count for nothing, as spreadsheets trim them; full-width and small forms count as what they
    stand for. (OWASP: "CSV Injection".)
    """
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    pieces = BEGINS.split(text)
    shown = "".join(f"'{piece}" if _computed(piece) else piece for piece in pieces)
    return f"'{shown}" if shown[:1] in BLANK else shown


def _computed(text: str) -> bool:
    seen = next(
        (char for char in text if unicodedata.category(char)[0] not in "CZ" and char not in QUOTES), ""
    )
    return unicodedata.normalize("NFKC", seen) in FORMULA


def _csv(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(list(cells))
    return out.getvalue()
