"""The log outside the database: exports, and the archived segments that take the place of the oldest rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from bot.verify.chain import COLUMNS, GENESIS, OUTCOME, Doubt, Head, Row, Segment, Sight, Verdict, Walk

SEQ, AFTER, PREV = 0, 8, 11
KINDS = {"first": int, "last": int, "hash": str, "sha256": str, "file": str}
"""What `after` of an archive row holds."""


def check_export(lines: Iterable[str], *, after: Head | None = None) -> Verdict:
    """Checks an export as JSONL: the whole log, or what follows the row `after`."""
    walk = Walk(after.seq, after.hash) if after else Walk()
    wrong = Sight().follow(walk, map(_exported, lines))
    return Verdict([wrong] if wrong else [], walk.seq, walk.prev)


def segments_in(rows: Iterable[Row]) -> tuple[list[Segment], list[Doubt]]:
    """What the archive rows among walked rows say, and those that do not say it as they must."""
    found: list[Segment] = []
    doubts: list[Doubt] = []
    for row in rows:
        if row[OUTCOME] != "done":
            continue
        segment = _said(row)
        if segment:
            found.append(segment)
        else:
            doubts.append((row[SEQ], f"row {row[SEQ]} does not say what was archived"))
    return found, doubts


def _said(row: Row) -> Segment | None:
    try:
        said = json.loads(row[AFTER])
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or {name: type(value) for name, value in said.items()} != KINDS:
        return None
    segment = Segment(row[SEQ], **said)
    fits = 1 <= segment.first <= segment.last < segment.seq
    # No other name: it becomes a path.
    named = segment.file == f"audit-{segment.first:010}-{segment.last:010}.jsonl"
    return segment if fits and named else None


def vouch(begins: int, segments: Sequence[Segment], hash_of: Callable[[int], str | None]) -> list[Doubt]:
    """What keeps the table from beginning at row `begins`, or is wrong with the archive rows in it, oldest first.

    `hash_of` gives the hash of a row from what follows it in the table.
    """
    doubts: list[Doubt] = []
    # The row that archived what comes before the first of these is itself archived by now.
    want = segments[0].first if segments and segments[0].first < begins else 1
    for segment in segments:
        if segment.first != want:
            doubts.append(
                (segment.seq, f"row {segment.seq} archives rows from {segment.first} on, and not from {want}")
            )
        want = segment.last + 1
        if want >= begins and hash_of(segment.last) != segment.hash:
            doubts.append(
                (segment.last, f"row {segment.last} is not the one that row {segment.seq} archived")
            )
    if begins > 1 and (not segments or segments[0].first >= begins):
        return [(1, "row 1 is missing"), *doubts]
    if begins > want:
        return [(want, f"row {want} is missing"), *doubts]
    return doubts


def look(folder: Path, segments: Sequence[Segment], sight: Sight) -> tuple[list[Segment], list[Doubt]]:
    """All segments, oldest first, from those that the table names back to row 1, each file read; and the doubts."""
    known = {segment.last: segment for segment in segments}
    looked: list[Segment] = []
    doubts: list[Doubt] = []
    segment = segments[-1] if segments else None
    while segment:
        looked.insert(0, segment)
        before, older, wrong = _read(folder, segment, sight)
        doubts += wrong
        known |= {one.last: one for one in older}
        last = segment.first - 1
        segment = known.get(last)
        if segment and before and segment.hash != before:
            doubts.append((last, f"row {last} is not the one that row {segment.seq} archived"))
        elif not segment and last and before:
            doubts.append((last, f"row {last} is missing: no archive row says where it is"))
        elif not segment and not last and before not in ("", GENESIS):
            doubts.append((1, "row 1 does not follow from 64 zeros"))
    return looked, doubts


def _read(folder: Path, segment: Segment, sight: Sight) -> tuple[str, list[Segment], list[Doubt]]:
    """The hash that a file's first row follows ("" when the file is wrong), the segments it names, and its doubts."""
    sight.archives = []
    try:
        with (folder / segment.file).open("rb") as file:
            right = hashlib.file_digest(file, "sha256").hexdigest() == segment.sha256
            file.seek(0)
            rows = map(_exported, file)
            first = next(rows, ())
            before = first[PREV] if len(first) == len(COLUMNS) and isinstance(first[PREV], str) else ""
            walk = Walk(segment.first - 1, before)
            wrong = sight.follow(walk, chain([first], rows))
    except OSError as error:
        return "", [], [(segment.first, f"{segment.file} cannot be read ({error.strerror})")]
    if not wrong and walk.seq < segment.last:
        wrong = f"row {walk.seq + 1} is missing"
    if not wrong and (walk.prev != segment.hash or not right):
        wrong = f"it is not the file that row {segment.seq} archived"
    if wrong:
        return "", [], [(min(walk.seq + 1, segment.last), f"{segment.file}: {wrong}")]
    older, doubts = segments_in(sight.archives)
    return before, older, doubts


def _exported(line: str | bytes) -> Row:
    """The columns of an exported line; what is not one gives a row that no walk takes."""
    try:
        found = json.loads(line if isinstance(line, str) else line.decode())
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, Mapping) or set(found) != set(COLUMNS):
        return ()
    return tuple(_canonical(found[name]) if name in ("before", "after") else found[name] for name in COLUMNS)


def _canonical(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
