"""The independent check of a log whose oldest rows were archived: no tampering with table or files escapes it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model import Entry
from bot.store.archive import archive
from bot.verify import COLUMNS, GENESIS, Head, Segment, Verdict, check, check_export, digest
from tests.store.support import NOW, entry
from tests.support.segments import (
    BATCH,
    HASH,
    PREV,
    Log,
    appended,
    exported,
    forged,
    made,
    rechained,
    rows_of,
    unguarded,
)  # fmt: skip

DOCUMENT = (Path(__file__).parents[1] / "docs/audit-format.md").read_text("utf-8")
BATCHES = 4
FIRST, SECOND, THIRD = BATCH, 2 * BATCH + 1, 3 * BATCH + 2
"""The last row of each segment: an archive row follows each batch but the first."""
SHARE = 37
"""A prime: every so many-th byte of each segment is changed."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """A log with three segments; nobody changes this one."""
    return made(tmp_path_factory.mktemp("whole"), batches=BATCHES)


@pytest.fixture
def log(whole: Log, tmp_path: Path) -> Log:
    """A copy to tamper with."""
    return whole.copied(tmp_path)


def looked(log: Log, *heads: Head) -> Verdict:
    """The check with the folder of the segments."""
    return check(log.path, heads, log.folder)


def held(log: Log, *seqs: int) -> list[Head]:
    """What somebody outside wrote down of the log."""
    rows = log.whole()
    return [Head(seq, rows[seq - 1]["hash"], f"was posted as head {seq}") for seq in seqs]


def cut(log: Log, last: int) -> None:
    """The rows up to `last` are gone, and the guards as they were."""
    with unguarded(log.path) as db:
        db.execute("delete from audit where seq <= ?", [last])


# -- the document -----------------------------------------------------------------------------------------------------


def test_the_documents_archive_row_vouches_for_the_documents_segment(tmp_path: Path):
    log = Log(tmp_path / "db", tmp_path)
    appended(log.path, entry())
    rows, [archived] = (block.splitlines() for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL))
    file = tmp_path / json.loads(archived)["after"]["file"]
    file.write_text("".join(f"{line}\n" for line in rows[:2]), "utf-8")
    with unguarded(log.path) as db:
        db.execute("delete from audit")
        for line in (rows[2], archived):
            columns = stored({name: json.loads(line)[name] for name in COLUMNS})
            db.execute(f"insert into audit values ({', '.join('?' * len(COLUMNS))})", columns)  # noqa: S608 (question marks)

    verdict = looked(log)
    assert (verdict.doubts, verdict.rows, verdict.begins) == ([], 4, 3)
    file.write_text(file.read_text("utf-8") + "\n", "utf-8")
    assert looked(log).doubts == [f"{file.name}: row 3 does not have the columns of the format"]
    with unguarded(log.path) as db:
        db.execute("delete from audit where seq = 4")
    assert looked(log).doubts == ["row 1 is missing"]


# -- a log that nobody touched ---------------------------------------------------------------------------------------


def test_an_archived_log_holds_and_says_what_was_not_looked_at(whole: Log):
    verdict = check(whole.path)

    assert (verdict.doubts, verdict.begins) == ([], THIRD + 1)
    assert (verdict.rows, verdict.hash) == (rows_of(whole.path)[-1][0], rows_of(whole.path)[-1][HASH])
    assert [(one.first, one.last) for one in verdict.segments] == [(SECOND + 1, THIRD)]


def test_with_the_segments_it_is_checked_from_row_1_on_and_all_of_them_are_found(whole: Log):
    verdict = looked(whole)

    assert verdict.doubts == []
    found = [(one.first, one.last) for one in verdict.segments]
    assert found == [(1, FIRST), (FIRST + 1, SECOND), (SECOND + 1, THIRD)]
    assert [one.file for one in verdict.segments] == [file.name for file in whole.files]
    assert [one.sha256 for one in verdict.segments] == [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in whole.files
    ]


def test_the_segments_and_the_export_together_are_the_whole_log(whole: Log):
    lines = [line for file in whole.files for line in file.read_text("utf-8").splitlines(keepends=True)]

    verdict = check_export([*lines, *exported(whole.path)])

    assert (verdict.doubts, verdict.rows) == ([], rows_of(whole.path)[-1][0])
    assert verdict.hash == rows_of(whole.path)[-1][HASH]


def test_rows_that_an_archiving_which_died_left_in_the_table_do_not_disturb(tmp_path: Path, whole: Log):
    kept = whole.whole()
    for left in (1, 2, SECOND, SECOND + 1, THIRD):
        log = whole.copied(tmp_path / str(left)) if not (tmp_path / str(left)).mkdir() else whole
        put_back(log, kept, left)

        assert [check(log.path).doubts, looked(log).doubts] == [[], []], left
        assert check(log.path).begins == left


def put_back(log: Log, kept: list[dict[str, Any]], first: int) -> None:
    """The rows from `first` on are in the table again."""
    with unguarded(log.path) as db:
        begins = rows_of(log.path)[0][0]
        for row in kept[first - 1 : begins - 1]:
            stored = [
                json.dumps(value, sort_keys=True, separators=(",", ":")) if isinstance(value, dict) else value
                for value in row.values()
            ]
            db.execute(f"insert into audit values ({', '.join('?' * 13)})", stored)  # noqa: S608 (question marks)


# -- the files -------------------------------------------------------------------------------------------------------


def test_each_changed_byte_of_a_segment_is_found_in_its_own_row(log: Log):
    tried = 0
    for file in log.files:
        content = file.read_bytes()
        first = int(file.name.split("-")[1])
        for at in range(0, len(content), SHARE):
            file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            [doubt] = looked(log).doubts
            row = first + content[:at].count(b"\n")
            assert doubt.startswith(f"{file.name}: "), at
            # Spaces between tokens, and how a letter is spelled, are no part of a row.
            assert f"row {row} " in doubt or "is not the file" in doubt, at
            tried += 1
        file.write_bytes(content)
    assert tried > 1000
    assert looked(log).doubts == []


def _gone(one: Path, _: Path) -> None:
    one.unlink()


def _folder(one: Path, _: Path) -> None:
    one.unlink()
    one.mkdir()


def _swapped(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _emptied(one: Path, _: Path) -> None:
    one.write_bytes(b"")


def _without_its_end(one: Path, _: Path) -> None:
    one.write_bytes(b"".join(one.read_bytes().splitlines(keepends=True)[:-3]))


def _without_its_beginning(one: Path, _: Path) -> None:
    one.write_bytes(b"".join(one.read_bytes().splitlines(keepends=True)[3:]))


def _longer(one: Path, other: Path) -> None:
    one.write_bytes(one.read_bytes() + other.read_bytes())


def _spaced(one: Path, _: Path) -> None:
    one.write_bytes(one.read_bytes().replace(b'{"seq": ', b'{"seq":  ', 1))


def _not_utf8(one: Path, _: Path) -> None:
    one.write_bytes(one.read_bytes().replace(b"reason ", b"reason \xff", 1))


def _deep(one: Path, _: Path) -> None:
    one.write_bytes(b"[" * 200_000 + b"\n" + one.read_bytes())


def _other_actor_with_a_chain_of_its_own(one: Path, _: Path) -> None:
    rows = [json.loads(line) for line in one.read_text("utf-8").splitlines()]
    one.write_text("".join(json.dumps(row) + "\n" for row in rechain(rows, actor="U9")), "utf-8")


def rechain(rows: list[dict[str, Any]], **columns: Any) -> list[dict[str, Any]]:
    """The rows with something else in the third of them, and a chain over them that holds by itself."""
    rows[2] |= columns
    prev = rows[0]["prev_hash"]
    for row in rows:
        row["prev_hash"] = prev
        images = {
            name: None if row[name] is None else json.dumps(row[name], sort_keys=True, separators=(",", ":"))
            for name in ("before", "after")
        }
        row["hash"] = prev = digest(tuple((row | images).values()))
    return rows


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(
    "tamper",
    [
        _gone, _folder, _swapped, _emptied, _without_its_end, _without_its_beginning, _longer, _spaced, _not_utf8,
        _deep, _other_actor_with_a_chain_of_its_own,
    ],
)  # fmt: skip
def test_a_segment_that_is_not_what_was_archived_is_named(
    log: Log, which: int, tamper: Callable[[Path, Path], None]
):
    one, other = log.files[which], log.files[which - 1]
    tamper(one, other)

    # Of two files that changed places the newer one is named: it would have said what the older one must be.
    named = max(one.name, other.name) if tamper is _swapped else one.name
    assert any(doubt.startswith(named) for doubt in looked(log).doubts)
    assert check(log.path).doubts == [], "control: without the files nobody can know"


# -- the table -------------------------------------------------------------------------------------------------------


def test_rows_cut_off_without_an_archive_row_are_missed(tmp_path: Path):
    log = Log(tmp_path / "db", tmp_path)
    appended(log.path, *(entry(number) for number in range(20)))
    with unguarded(log.path) as db:
        db.execute("delete from audit where at < ?", [f"{NOW + timedelta(seconds=9):%Y-%m-%dT%H:%M:%S}"])

    assert check(log.path).doubts == ["row 1 is missing"], "control: retention as it is mostly done"
    assert looked(log).doubts == ["row 1 is missing"]


@pytest.mark.parametrize("more", [1, 10, BATCH])
def test_more_rows_cut_off_than_were_archived_are_missed(log: Log, more: int):
    cut(log, THIRD + more)

    assert check(log.path).doubts == [f"row {THIRD + 1} is missing"]
    assert looked(log).doubts == [f"row {THIRD + 1} is missing"]


def test_a_log_without_the_row_that_archived_its_beginning_is_missed(log: Log):
    rows = [row for row in rows_of(log.path) if row[3] != "audit.archive"]
    with unguarded(log.path) as db:
        db.execute("delete from audit where action = 'audit.archive'")
    renumbered = [(rows[0][0] + at, *row[1:]) for at, row in enumerate(rows)]
    rechained(log.path, renumbered)

    assert check(log.path).doubts == ["row 1 is missing"]


NOBODYS = "0" * 63 + "1"


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ({"hash": NOBODYS}, f"row {THIRD} is not the one that row 163 archived"),
        ({"last": THIRD - 1, "file": f"audit-{SECOND + 1:010}-{THIRD - 1:010}.jsonl"}, f"row {THIRD} is missing"),
        ({"last": THIRD + 1, "file": f"audit-{SECOND + 1:010}-{THIRD + 1:010}.jsonl"},
         f"row {THIRD + 1} is not the one that row 163 archived"),
        ({"last": 163, "file": f"audit-{SECOND + 1:010}-{163:010}.jsonl"}, "row 163 does not say what was archived"),
        ({"first": 0, "file": f"audit-{0:010}-{THIRD:010}.jsonl"}, "row 163 does not say what was archived"),
        ({"first": True}, "row 163 does not say what was archived"),
        ({"file": "../../etc/passwd"}, "row 163 does not say what was archived"),
        ({"file": None}, "row 163 does not say what was archived"),
        ({"more": "x"}, "row 163 does not say what was archived"),
    ],
)  # fmt: skip
def test_an_archive_row_that_does_not_fit_the_table_is_found(log: Log, said: dict[str, Any], doubt: str):
    forged(log.path, **said)

    assert doubt in check(log.path).doubts


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ({"sha256": NOBODYS}, f"audit-{SECOND + 1:010}-{THIRD:010}.jsonl: it is not the file that row 163 archived"),
        ({"first": SECOND + 2, "file": f"audit-{SECOND + 2:010}-{THIRD:010}.jsonl"},
         f"audit-{SECOND + 2:010}-{THIRD:010}.jsonl cannot be read (No such file or directory)"),
        ({"first": 1, "file": f"audit-{1:010}-{THIRD:010}.jsonl"},
         f"audit-{1:010}-{THIRD:010}.jsonl cannot be read (No such file or directory)"),
    ],
)  # fmt: skip
def test_an_archive_row_that_does_not_fit_the_files_is_found_with_them(
    log: Log, said: dict[str, Any], doubt: str
):
    forged(log.path, **said)

    assert check(log.path).doubts == [], "control: without the files nobody can know"
    assert looked(log).doubts == [doubt]


def test_a_gap_between_segments_is_found_even_when_the_files_fit_what_is_said(log: Log):
    """The owner of everything drops a row between two segments, and makes the newer one and its archive row anew."""
    _, _, third = log.files
    lines = third.read_text("utf-8").splitlines(keepends=True)[1:]
    shorter = log.folder / f"audit-{SECOND + 2:010}-{THIRD:010}.jsonl"
    shorter.write_text("".join(lines), "utf-8")
    sha256 = hashlib.sha256(shorter.read_bytes()).hexdigest()
    forged(log.path, first=SECOND + 2, file=shorter.name, sha256=sha256)

    assert looked(log).doubts == [f"row {SECOND + 1} is missing: no archive row says where it is"]


def test_two_archive_rows_that_do_not_follow_each_other_are_found(log: Log):
    said = {"first": THIRD + 3, "last": THIRD + 5, "hash": rows_of(log.path)[4][HASH], "sha256": NOBODYS}
    file = f"audit-{THIRD + 3:010}-{THIRD + 5:010}.jsonl"
    appended(log.path, Entry("system", "audit.archive", "done", after=said | {"file": file}))

    newest = rows_of(log.path)[-1][0]
    assert check(log.path).doubts == [
        f"row {newest} archives rows from {THIRD + 3} on, and not from {THIRD + 1}"
    ]


def test_an_archive_row_that_says_failed_vouches_for_nothing(tmp_path: Path):
    log = Log(tmp_path / "db", tmp_path)
    appended(log.path, *(entry(number) for number in range(9)))
    said = Segment(0, 1, 4, rows_of(log.path)[3][HASH], NOBODYS, f"audit-{1:010}-{4:010}.jsonl")
    appended(log.path, Entry("system", "audit.archive", "failed", after=words_of(said)))
    cut(log, 4)

    assert check(log.path).doubts == ["row 1 is missing"]


def words_of(segment: Segment) -> dict[str, Any]:
    """What an archive row has in `after`."""
    return {name: getattr(segment, name) for name in ("first", "last", "hash", "sha256", "file")}


def test_rows_left_by_a_dead_archiving_must_lead_to_the_row_that_was_archived(whole: Log, log: Log):
    kept = whole.whole()
    put_back(log, rechain_from(kept, THIRD - 5), THIRD - 5)

    assert check(log.path).doubts == [f"row {THIRD + 1} does not follow from the row before it"]


def rechain_from(rows: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    """The rows from `first` to the end of the third segment, forged."""
    return [*rows[: first - 1], *rechain(rows[first - 1 : THIRD], actor="U9"), *rows[THIRD:]]


# -- whoever owns the file and cuts it with care ---------------------------------------------------------------------


def careful(log: Log, last: int, sha256: str = NOBODYS) -> None:
    """Cuts the rows up to `last`, and lets the bot itself write the row that vouches for them."""
    rows = rows_of(log.path)
    said = Segment(0, 1, last, rows[last - 1][HASH], sha256, f"audit-{1:010}-{last:010}.jsonl")
    appended(log.path, Entry("system", "audit.archive", "done", after=words_of(said)), first=100)
    cut(log, last)


@pytest.fixture
def plain(tmp_path: Path) -> Log:
    """A log of which nothing was archived."""
    log = Log(tmp_path / "db", tmp_path / "segments")
    log.folder.mkdir()
    appended(log.path, *(entry(number) for number in range(30)))
    return log


def test_rows_cut_off_with_a_forged_archive_row_are_said_to_be_unseen_and_missed_with_the_segments(
    plain: Log,
):
    heads = held(plain, 5, 20, 30)
    careful(plain, 20)

    verdict = check(plain.path, heads)
    assert (verdict.doubts, verdict.begins, verdict.agreed, verdict.unseen) == ([], 21, 2, 1)
    file = f"audit-{1:010}-{20:010}.jsonl"
    assert looked(plain, *heads).doubts == [f"{file} cannot be read (No such file or directory)"]


def test_a_forged_segment_does_not_lead_to_the_table(plain: Log):
    rows = rechain([json.loads(line) for line in exported(plain.path)][:20], actor="U9")
    file = plain.folder / f"audit-{1:010}-{20:010}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    careful(plain, 20, hashlib.sha256(file.read_bytes()).hexdigest())

    assert looked(plain).doubts == [f"{file.name}: it is not the file that row 31 archived"]
    forged(plain.path, hash=rows[-1]["hash"])
    assert check(plain.path).doubts == ["row 20 is not the one that row 31 archived"]


def test_a_log_forged_from_row_1_through_its_segments_on_is_found_by_a_head_that_was_posted(log: Log):
    """All files and the whole table made anew, with right hashes everywhere: only somebody outside can tell."""
    heads = held(log, 20, FIRST + 9, THIRD + 3)
    everything = log.whole()
    everything[2] |= {"actor": "U9"}
    prev, lines = GENESIS, []
    said: dict[int, dict[str, Any]] = {}
    for row in everything:
        if row["action"] == "audit.archive":
            row["after"] = said[row["after"]["last"]]
        [row] = rechain_one(row, prev)
        prev = row["hash"]
        lines.append(json.dumps(row) + "\n")
        for first, last in ((1, FIRST), (FIRST + 1, SECOND), (SECOND + 1, THIRD)):
            if row["seq"] == last:
                file = log.folder / f"audit-{first:010}-{last:010}.jsonl"
                file.write_text("".join(lines[first - 1 : last]), "utf-8")
                sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
                said[last] = words_of(Segment(0, first, last, prev, sha256, file.name))
    rechained(log.path, [stored(json.loads(line)) for line in lines[THIRD:]])

    assert looked(log).doubts == [], "control: the forged whole by itself holds"
    assert looked(log, *heads).doubts == [
        "one of the rows 1 to 20 was written anew: row 20 is not the one that was posted as head 20"
    ]
    without = check(log.path, heads)
    assert without.unseen == 2
    assert [f"row {THIRD + 3} is not the one" in doubt for doubt in without.doubts] == [True]


def rechain_one(row: dict[str, Any], prev: str) -> list[dict[str, Any]]:
    """A row with the hash that it must have behind `prev`."""
    row = row | {"prev_hash": prev}
    return [row | {"hash": digest(stored(row))}]


def stored(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row as the table has it."""
    images = {
        name: None if row[name] is None else json.dumps(row[name], sort_keys=True, separators=(",", ":"))
        for name in ("before", "after")
    }
    return tuple((row | images).values())


def test_a_first_segment_that_does_not_begin_at_64_zeros_is_found(plain: Log):
    rows = [json.loads(line) for line in exported(plain.path)]
    rows[0]["prev_hash"] = NOBODYS
    rows = rechain(rows)
    file = plain.folder / f"audit-{1:010}-{20:010}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows[:20]), "utf-8")
    rechained(plain.path, [stored(row) for row in rows])
    careful(plain, 20, hashlib.sha256(file.read_bytes()).hexdigest())

    assert check(plain.path).doubts == [], "control: what is left of the chain holds"
    assert looked(plain).doubts == ["row 1 does not follow from 64 zeros"]


# -- the witness -----------------------------------------------------------------------------------------------------


def test_heads_of_archived_rows_are_compared_with_the_segments_and_else_counted(whole: Log):
    heads = held(whole, 1, FIRST, FIRST + 3, SECOND + 1, THIRD, THIRD + 1, THIRD + 1, 163)

    verdict = looked(whole, *heads)
    assert (verdict.doubts, verdict.agreed, verdict.unseen) == ([], 8, 0)
    verdict = check(whole.path, heads)
    # The hash of the last archived row stands in the first row of the table.
    assert (verdict.doubts, verdict.agreed, verdict.unseen) == ([], 4, 4)


@pytest.mark.parametrize("seq", [3, FIRST, SECOND - 1, THIRD])
def test_a_head_that_a_segment_does_not_agree_with_is_found(whole: Log, seq: int):
    wrong = replace(held(whole, seq)[0], hash=NOBODYS)

    [doubt] = looked(whole, *held(whole, 2), wrong, *held(whole, THIRD + 2)).doubts

    assert doubt.endswith(f"row {seq} is not the one that was posted as head {seq}")
    assert "row 3 was" in doubt if seq == 3 else f"one of the rows 3 to {seq} was" in doubt


def test_a_head_behind_the_end_of_an_archived_log_is_missed(whole: Log):
    end = rows_of(whole.path)[-1][0]

    assert looked(whole, Head(end + 5, NOBODYS, "was posted")).doubts == [
        f"row {end + 1} is missing: the log ends before row {end + 5}, which was posted"
    ]


# -- beside an archiving ---------------------------------------------------------------------------------------------


def test_rows_that_are_archived_under_a_check_are_no_doubt(plain: Log, monkeypatch: pytest.MonkeyPatch):
    from bot.verify import database

    monkeypatch.setattr(database, "CHUNK", 5)
    rows, calls = database._rows, []

    def archiving(db: Any) -> Any:
        for number, row in enumerate(rows(db)):
            if number == 7 and not calls:
                calls.append(archive(plain.path, plain.folder, NOW + timedelta(seconds=20), NOW))
            yield row

    monkeypatch.setattr(database, "_rows", archiving)

    verdict = check(plain.path)

    assert calls
    assert (verdict.doubts, verdict.begins) == ([], 21)


def test_the_table_before_its_first_archive_row_is_whole_by_itself(plain: Log):
    assert rows_of(plain.path)[0][PREV] == GENESIS
    assert check(plain.path, folder=plain.folder).segments == []
