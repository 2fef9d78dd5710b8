"""The tables, as migrations, and the check that the audit log's guards are what they must be."""

from __future__ import annotations

import secrets

from sqlite_utils import Migrations

from bot.errors import StoreError
from bot.store.engine import Tx

migrations = Migrations("csms-bot")

AUDIT_GUARDS = {
    "audit_never_changes": """create trigger audit_never_changes before update on audit
begin select raise(abort, 'the audit log is append-only'); end""",
    "audit_never_shrinks": """create trigger audit_never_shrinks before delete on audit
begin select raise(abort, 'the audit log is append-only'); end""",
    # INSERT OR REPLACE passes a delete trigger by where recursive_triggers is off, as it is by default.
    "audit_only_grows": """create trigger audit_only_grows before insert on audit
when new.seq is not (select coalesce(max(seq), 0) + 1 from audit)
begin select raise(abort, 'the audit log is append-only'); end""",
}


@migrations()
def m001_first_tables(db: Tx) -> None:
    """Everything that the first release keeps."""
    for statement in (
        "create table meta (name text primary key, value text not null) strict",
        """create table inbox (
            id integer primary key autoincrement, key text not null unique, kind text not null,
            payload text not null, received real not null, state text not null default 'new',
            attempts integer not null default 0) strict""",
        "create index inbox_state on inbox (state, id)",
        """create table outbox (
            id integer primary key autoincrement, key text not null unique, project text not null,
            kind text not null, ref text not null, channel text not null, user text not null,
            parent text not null, data text not null, rev integer not null default 1,
            shown integer not null default 0, state text not null default 'pending',
            ts text not null default '', attempts integer not null default 0,
            next_at real not null default 0, claimed real not null default 0,
            error text not null default '', created real not null) strict""",
        "create index outbox_state on outbox (state, next_at)",
        "create index outbox_ref on outbox (kind, ref)",
        "create index outbox_behind on outbox (next_at) where state = 'posted' and rev > shown",
        """create table changes (
            number integer primary key autoincrement, key text not null unique, origin text not null unique,
            project text not null, event text not null, before text not null, patch text not null,
            requester text not null, reason text not null, state text not null, required integer not null,
            created real not null, expires real not null, decided_by text not null default '',
            decided real, note text not null default '') strict""",
        "create index changes_open on changes (state) where state in ('pending', 'approved', 'applying')",
        "create index changes_event on changes (project, event)",
        """create table votes (
            change integer not null references changes (number), voter text not null, at real not null,
            primary key (change, voter)) strict""",
        """create table counts (
            project text not null, fingerprint text not null, count integer not null, created real not null,
            primary key (project, fingerprint)) strict, without rowid""",
        """create table polls (
            project text primary key, first real not null, last_ok real not null,
            incomplete integer not null default 0, records integer not null default 0,
            failures integer not null default 0) strict""",
        """create table incidents (
            key text primary key, project text not null, event text not null, target_id text not null,
            status text not null, first text not null, count integer not null, opened real not null,
            last real not null, state text not null, post text not null, digest integer not null default 0,
            acknowledged_by text not null default '', acknowledged real) strict""",
        "create index incidents_of on incidents (project, event, target_id, status, last)",
        """create table tickets (
            key text primary key, kind text not null, data text not null, created real not null) strict""",
        "create index tickets_same on tickets (kind, data)",
        """create table leases (
            name text primary key, holder text not null, until real not null, fence integer not null) strict""",
        """create table audit (
            seq integer primary key, at text not null, actor text not null, action text not null,
            project text not null, event text not null, change text not null, before text, after text,
            outcome text not null, reason text not null, prev_hash text not null, hash text not null) strict""",
        "create index audit_event on audit (event, seq)",
        "create index audit_actor on audit (actor, seq)",
        *AUDIT_GUARDS.values(),
    ):
        db.execute(statement)
    db.execute("insert into meta values ('instance', ?)", [secrets.token_hex(8)])


@migrations()
def m003_decisions(db: Tx) -> None:
    """Warnings, reminders, and changes that were applied before anybody approved them."""
    for column in (
        "warnings text not null default '[]'",
        "break_glass integer not null default 0",
        "reminded real",
        "reviewed_by text not null default ''",
        "reviewed real",
        "review_reminded real",
    ):
        db.execute(f"alter table changes add column {column}")
    db.execute("create index changes_owed on changes (number) where break_glass = 1 and reviewed is null")


@migrations()
def m004_alerts(db: Tx) -> None:
    """Snoozing, fixes, routes and outages."""
    for column in (
        "channel text not null default ''",
        "mention text not null default ''",
        "history text not null default '[]'",
        "snoozed_until real",
        "snoozed_by text not null default ''",
        "fix text not null default ''",
        "fix_target text not null default ''",
        "cause text",
    ):
        db.execute(f"alter table incidents add column {column}")
    for statement in (
        "create index incidents_fix on incidents (fix) where fix != ''",
        "create index incidents_snoozed on incidents (snoozed_until) where snoozed_until is not null",
        """create table held (
            id integer primary key autoincrement, incident text not null references incidents (key),
            data text not null, at real not null) strict""",
        "create index held_of on held (incident)",
        """create table outages (
            project text primary key, failures integer not null, since real not null, reason text not null,
            told integer not null default 0) strict""",
        """create table dropped (
            project text not null, reason text not null, count integer not null, last real not null,
            primary key (project, reason)) strict, without rowid""",
        "create table closed (channel text primary key, error text not null, since real not null) strict",
        "alter table outbox add column since_ts text not null default ''",
        "create index outbox_ts on outbox (channel, ts) where ts != ''",
    ):
        db.execute(statement)


@migrations()
def m005_audit(db: Tx) -> None:
    """What the bot last knew of each event, what was done without it, and the indexes that the log is asked by."""
    for statement in (
        """create table looks (
            project text primary key, at real not null, events integer not null) strict""",
        """create table known_events (
            project text not null, name text not null, image text not null, seq integer not null,
            primary key (project, name)) strict, without rowid""",
        """create table outside (
            key text primary key, found_in text not null, project text not null, event text not null,
            what text not null, before text, after text, note text not null, seq integer not null,
            accepted_by text not null default '', change text not null default '', found real not null) strict""",
        "create index outside_group on outside (found_in)",
        "create index audit_project on audit (project, seq)",
        "create index audit_action on audit (action, seq)",
        "create index audit_at on audit (at)",
    ):
        db.execute(statement)


@migrations()
def m006_threads(db: Tx) -> None:
    """In which thread a message was sent: where to look for it when nobody knows whether it arrived."""
    db.execute("alter table outbox add column thread_ts text not null default ''")
    db.execute(
        "update outbox set thread_ts = coalesce((select p.ts from outbox p where p.key = outbox.parent), '') "
        "where state in ('sending', 'unknown')"
    )


@migrations()
def m007_late_records(db: Tx) -> None:
    """By which moment an incident is in its state, and when CSMS was last seen to show only a part of its records."""
    db.execute("alter table incidents add column as_of real")
    db.execute("update incidents set as_of = json_extract(first, '$.at')")
    db.execute("alter table polls add column incomplete_at real")
    db.execute("update polls set incomplete_at = last_ok where incomplete = 1")


def prepare(db: Tx) -> None:
    """Brings the database up to date. StoreError when it is not ours, or a newer version of the bot has been at it."""
    check_version(db)
    migrations.apply(db)
    check_guards(db)


def check_version(db: Tx) -> None:
    """StoreError for a database that this version cannot use: another program's, or a newer version's."""
    tables = set(db.table_names())
    if tables and "audit" not in tables:
        raise StoreError("the database is another program's; name another file with CSMS_BOT_DATABASE")
    known = {migration.name for migration in migrations.pending(db)}
    known |= {migration.name for migration in migrations.applied(db)} & {
        name for name in globals() if name.startswith("m0")
    }
    newer = [migration.name for migration in migrations.applied(db) if migration.name not in known]
    if newer:
        raise StoreError(f"the database was made by a newer csms-bot (it has {newer[0]}); use that version")


def check_guards(db: Tx) -> None:
    """StoreError when the triggers that keep the audit log append-only are not there as written, and alone."""
    found = {
        row["name"]: row["sql"]
        for row in db.query(
            "select name, sql from sqlite_master where type = 'trigger' and lower(tbl_name) = 'audit'"
        )
    }
    wrong = [
        f"guard {name} is missing or altered"
        for name, sql in AUDIT_GUARDS.items()
        if _words(found.pop(name, None)) != _words(sql)
    ]
    wrong += [f"trigger {name} does not belong there" for name in found]
    if wrong:
        raise StoreError(f"the audit log's {wrong[0]}; restore the database from a backup")


def _words(sql: str | None) -> list[str]:
    return (sql or "").lower().split()
