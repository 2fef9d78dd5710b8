"""Checks the audit log by its documented format (docs/audit-format.md), and by nothing that the writer uses.

It imports nothing of the rest of this program: what writes the log and what checks it can only agree by the document.
It never writes, and anything that it cannot read or understand is a doubt.
"""

from bot.verify.chain import COLUMNS, GENESIS, Head, Segment, Verdict, Walk, digest
from bot.verify.database import GUARDS, check
from bot.verify.segments import check_export

__all__ = [
    "COLUMNS", "GENESIS", "GUARDS", "Head", "Segment", "Verdict", "Walk", "check", "check_export", "digest",
]  # fmt: skip
