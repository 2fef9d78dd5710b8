"""Rows, the chain over them, and what is noted on a walk along it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from json.encoder import encode_basestring as spelled
from typing import Any

GENESIS = "0" * 64
DOMAIN = b"csms-bot/audit/1\n"
COLUMNS = (
    "seq", "at", "actor", "action", "project", "event", "change", "before", "after", "outcome", "reason",
    "prev_hash", "hash",
)  # fmt: skip
ACTION, OUTCOME = 3, 9
"""Where they stand in a row."""
ARCHIVE = "audit.archive"

Row = tuple[Any, ...]
Doubt = tuple[int, str]
"""A row, by which doubts are put in order, and the sentence."""


@dataclass(frozen=True, slots=True)
class Head:
    """What somebody outside holds of the log: row `seq` had this hash, `said` is where and when."""

    seq: int
    hash: str
    said: str


@dataclass(frozen=True, slots=True)
class Segment:
    """What an archive row, `seq`, says: rows `first` to `last` are in `file`, which has this SHA-256."""

    seq: int
    first: int
    last: int
    hash: str
    """Of row `last`."""
    sha256: str
    file: str


@dataclass(slots=True)
class Verdict:
    """What was found: no doubts, or each in a sentence, the first wrong row before all others."""

    doubts: list[str] = field(default_factory=list)
    rows: int = 0
    """Rows that hold, from the first on; those before `begins` by the word of an archive row."""
    hash: str = GENESIS
    """Of the last of them."""
    begins: int = 1
    """The first row in the table; those before it are archived."""
    segments: list[Segment] = field(default_factory=list)
    """The archived segments that are known, oldest first: those that the table names, or, when they were looked at, all."""
    agreed: int = 0
    """Heads held outside that the log agrees with."""
    unseen: int = 0
    """Heads held outside of archived rows that were not looked at."""


class Walk:
    """Along the chain, row by row; a row that is wrong does not move it."""

    def __init__(self, seq: int = 0, prev: str = GENESIS) -> None:
        """`seq` and `prev`: the row, and its hash, after which the walk begins."""
        self.seq = seq
        self.prev = prev

    def take(self, row: Row) -> str:
        """What is wrong with the next row, given as its columns in their order, images as text; "" when nothing is."""
        want = self.seq + 1
        if len(row) != len(COLUMNS):
            return f"row {want} does not have the columns of the format"
        seq, prev, found = row[0], row[11], row[12]
        if type(seq) is not int or seq != want:
            return f"row {want} is missing"
        if prev != self.prev:
            return f"row {want} does not follow from the row before it"
        try:
            right = found == digest(row)
        except (TypeError, UnicodeEncodeError):
            right = False
        if not right:
            return f"row {want} is not what was written"
        self.seq, self.prev = want, found
        return ""


class Sight:
    """What is noted on the way: the hashes of rows whose heads others hold, and the rows that archive others."""

    def __init__(self, heads: Iterable[Head] = ()) -> None:
        self.heads = sorted(heads, key=lambda head: head.seq)
        self.archives: list[Row] = []
        self._asked = {head.seq for head in self.heads}
        self._hashes: dict[int, str] = {}

    def follow(self, walk: Walk, rows: Iterable[Row]) -> str:
        """Walks over the rows; what is wrong with the first wrong one, "" when they all hold."""
        self._note(walk)
        for row in rows:
            if wrong := walk.take(row):
                return wrong
            if walk.seq in self._asked:
                self._note(walk)
            if row[ACTION] == ARCHIVE:
                self.archives.append(row)
        return ""

    def _note(self, walk: Walk) -> None:
        # Rows that are in the table and in a file: the table was looked at first.
        self._hashes.setdefault(walk.seq, walk.prev)

    def compare(self, verdict: Verdict, *, whole: bool) -> list[Doubt]:
        """Counts the heads in `verdict`; the first that does not agree. `whole`: the walk came to the log's end."""
        agreed, doubts = 0, []
        for head in self.heads:
            found = self._hashes.get(head.seq)
            if found == head.hash:
                agreed, verdict.agreed = head.seq, verdict.agreed + 1
            elif found is not None:
                doubts.append((head.seq, _rewritten(agreed, head)))
            elif head.seq < verdict.begins:
                verdict.unseen += 1
            elif whole:
                end = verdict.rows + 1
                doubts.append(
                    (end, f"row {end} is missing: the log ends before row {head.seq}, which {head.said}")
                )
        return doubts[:1]


def _rewritten(agreed: int, head: Head) -> str:
    which = f"row {head.seq}" if head.seq == agreed + 1 else f"one of the rows {agreed + 1} to {head.seq}"
    return f"{which} was written anew: row {head.seq} is not the one that {head.said}"


def digest(row: Row) -> str:
    """The hash that a row must have. TypeError when a column is of a kind that the format does not know."""
    seq, at, actor, action, project, event, change, before, after, outcome, reason, prev, _ = row
    # The keys stand in their order already; images are kept as the very text that was hashed.
    text = (
        f'{{"action":{spelled(action)},"actor":{spelled(actor)},"after":{_image(after)},"at":{spelled(at)},'
        f'"before":{_image(before)},"change":{spelled(change)},"event":{spelled(event)},'
        f'"outcome":{spelled(outcome)},"prev_hash":{spelled(prev)},"project":{spelled(project)},'
        f'"reason":{spelled(reason)},"seq":{seq}}}'
    )
    return hashlib.sha256(DOMAIN + text.encode()).hexdigest()


def _image(text: Any) -> str:
    if text is None:
        return "null"
    if not isinstance(text, str) or text == "null":
        raise TypeError("an image is a text, and an absent one is no text")
    return text
