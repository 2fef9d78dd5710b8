"""`csms-bot doctor` against the embedded servers, with one thing broken at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.doctor import SCOPES, Check, examine
from bot.model import Entry
from bot.sandbox.csms import CsmsWorld
from bot.sandbox.csms import build_app as build_csms
from bot.sandbox.csms import demo_seed as csms_seed
from bot.sandbox.demo import demo_env
from bot.sandbox.slack import Workspace
from bot.sandbox.slack import demo_seed as slack_seed
from bot.sandbox.slack.fault import Fault, FaultKind
from bot.sandbox.slack.model import Effect
from bot.sandbox.slack.seed import UserGroup
from bot.sandbox.slack.server import build_app as build_slack
from bot.sandbox.slack.state import Standing
from bot.serving import serving
from bot.store import Store
from tests.support.console import csms_bot

GROUP = "S00APPROVERS"


pytestmark = pytest.mark.asyncio(loop_scope="module")


class Place:
    """An address where another world can stand for each test: a server takes a while to stop."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class SetUp:
    """What doctor examines."""

    world: CsmsWorld
    slack: Workspace
    env: dict[str, str]
    database: Path
    people: dict[str, str]
    alerts: str
    approvals: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places() -> AsyncIterator[tuple[Place, str, Place, str]]:
    """The address of a CSMS and that of a Slack."""
    csms, slack = Place(), Place()
    async with serving(csms) as csms_url, serving(slack) as slack_url:
        yield csms, csms_url, slack, slack_url


@pytest_asyncio.fixture(loop_scope="module")
async def good(places: tuple[Place, str, Place, str], tmp_path: Path) -> SetUp:
    """A set-up with nothing wrong in it, for Socket Mode; the bot does not run."""
    csms, csms_url, slack, slack_url = places
    world, seed = CsmsWorld(csms_seed()), slack_seed()
    workspace = Workspace(seed)
    workspace.base_url = slack_url
    csms.app, slack.app = build_csms(world), build_slack(workspace)
    database = tmp_path / "csms-bot.db"
    channels = {channel.name: channel.id for channel in seed.channels}
    return SetUp(
        world=world,
        slack=workspace,
        env=demo_env(world, seed, csms_url, slack_url, database),
        database=database,
        people={user.role: user.id for user in seed.users},
        alerts=channels["secrets-alerts"],
        approvals=channels["secrets-approvals"],
    )


def wrong(checks: list[Check]) -> list[Check]:
    """The checks that failed."""
    return [check for check in checks if check.verdict == "wrong"]


async def the_one_wrong(set_up: SetUp, **env: str) -> Check:
    """The only check that fails, and it must say how to mend it."""
    found = wrong(await examine({name: value for name, value in (set_up.env | env).items() if value}))
    assert len(found) == 1, found
    assert found[0].mend, found[0]
    return found[0]


async def test_with_everything_right_no_check_fails_and_all_is_proven(good: SetUp):
    checks = await examine(good.env | {"CSMS_BOT_OPERATORS": f"{GROUP},{good.people['engineer']}"})

    assert {check.verdict for check in checks} == {"ok"}
    names = [check.name for check in checks]
    for name in ("settings", "database", "Slack token", "Slack scopes", "clock", "Slack app token"):
        assert name in names
    assert f"user group {GROUP}" in names
    assert f"user {good.people['approver']}" in names
    found = " ".join(check.found for check in checks)
    for action in ("list", "get", "update", "listNotificationRecords"):
        assert f"csms:event:{action} holds" in found


async def test_it_leaves_no_message_behind_and_changes_no_event(good: SetUp):
    await examine(good.env)

    posted = [entry.ts for entry in good.slack.journal.entries if entry.effect is Effect.POST]
    deleted = [entry.ts for entry in good.slack.journal.entries if entry.effect is Effect.DELETE]
    assert len(posted) == 2
    assert posted == deleted
    assert good.slack.messages(good.alerts) == good.slack.messages(good.approvals) == []
    assert good.world.journal == []


async def test_its_message_is_deleted_even_when_the_history_cannot_be_read(good: SetUp):
    good.slack.faults.add("conversations.history", Fault(FaultKind.ERROR, error="internal_error"), times=None)

    checks = await examine(good.env)

    assert [check.name for check in wrong(checks)] == [f"channel {good.alerts}", f"channel {good.approvals}"]
    assert good.slack.messages(good.alerts) == good.slack.messages(good.approvals) == []


async def test_in_http_mode_the_signing_secret_is_said_to_be_unproven(good: SetUp):
    env = {name: value for name, value in good.env.items() if name != "SLACK_APP_TOKEN"}

    checks = await examine(env | {"SLACK_SIGNING_SECRET": "s"})

    assert [check.name for check in checks if check.verdict == "unsure"] == ["Slack signing secret"]
    assert wrong(checks) == []


@pytest.mark.parametrize(
    "standing", [Standing.INVALID_AUTH, Standing.TOKEN_REVOKED, Standing.ACCOUNT_INACTIVE]
)
async def test_a_refused_bot_token_is_named(good: SetUp, standing: Standing):
    good.slack.standing = standing

    check = await the_one_wrong(good)

    assert standing in check.found
    assert "SLACK_BOT_TOKEN" in check.mend


async def test_a_refused_app_token_is_named(good: SetUp):
    check = await the_one_wrong(good, SLACK_APP_TOKEN="xapp-another")

    assert check.name == "Slack app token"
    assert "SLACK_APP_TOKEN" in check.mend
    assert "connections:write" in check.mend


@pytest.mark.parametrize("scope", SCOPES)
async def test_each_missing_scope_is_named_with_what_it_is_for(good: SetUp, scope: str):
    left = tuple(one for one in good.slack.app.scopes if one != scope)
    good.slack.put_app(replace(good.slack.app, scopes=left))

    found = wrong(await examine(good.env))

    assert f"scope {scope}" in [check.name for check in found]
    assert SCOPES[scope] in next(check.found for check in found if check.name == f"scope {scope}")
    assert {check.mend for check in found} == {"reinstall the app from manifest.yml"}


async def test_an_unknown_channel_is_named_with_what_it_is_for(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_ALERT_CHANNEL="C00NOWHERE")

    assert "C00NOWHERE" in check.name
    assert "channel_not_found (alerts of default)" in check.found
    assert "correct the id" in check.mend


async def test_the_channel_of_a_route_is_looked_into_too(good: SetUp, tmp_path: Path):
    (tmp_path / "bot.toml").write_text('[[routes]]\nchannel = "C00NOWHERE"\n', encoding="utf-8")

    check = await the_one_wrong(good, CSMS_BOT_CONFIG=str(tmp_path / "bot.toml"))

    assert "channel_not_found (route 1)" in check.found


async def test_a_channel_that_the_bot_is_not_in_asks_for_an_invite(good: SetUp):
    channel = good.slack.channels[good.approvals]
    others = tuple(one for one in channel.members if one != good.slack.app.bot_user_id)
    good.slack.put_channel(replace(channel, members=others))

    check = await the_one_wrong(good)

    assert good.approvals in check.name
    assert "/invite @csms-bot" in check.mend


async def test_an_archived_channel_is_named(good: SetUp):
    good.slack.put_channel(replace(good.slack.channels[good.alerts], is_archived=True))

    check = await the_one_wrong(good)

    assert "#secrets-alerts is archived" in check.found
    assert check.mend == "unarchive it, or name another"


async def test_an_unknown_user_group_is_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_APPROVERS="S00NOBODY")

    assert check.name == "user group S00NOBODY"
    assert "no_such_subteam" in check.found
    assert check.mend == "correct the id in the settings"


async def test_a_user_group_without_members_is_named(good: SetUp):
    good.slack.usergroups["S00EMPTY"] = UserGroup("S00EMPTY", "nobody", ())

    check = await the_one_wrong(good, CSMS_BOT_APPROVERS="S00EMPTY")

    assert check.name == "user group S00EMPTY"
    assert check.found == "it has no members"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"deleted": True}, "deactivated"),
        ({"is_restricted": True}, "a guest"),
        ({"team_id": "T00OTHER"}, "of another organisation"),
    ],
)
async def test_an_approver_who_may_decide_nothing_is_named(good: SetUp, change: dict[str, object], said: str):
    approver = good.people["approver"]
    good.slack.put_user(replace(good.slack.users[approver], **change))  # type: ignore[arg-type]

    check = await the_one_wrong(good)

    assert check.name == f"user {approver}"
    assert check.found.startswith(f"{said},")
    assert check.mend == "name somebody else"


async def test_somebody_who_may_break_the_glass_and_is_nobody_is_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_BREAK_GLASS="U00GONE")

    assert check.name == "user U00GONE"


async def test_somebody_whom_a_route_mentions_and_is_nobody_is_named(good: SetUp, tmp_path: Path):
    config = tmp_path / "routes.toml"
    config.write_text('[[routes]]\nmention = "S00GONE"\n', encoding="utf-8")
    (check,) = wrong(await examine(good.env, str(config)))

    assert check.name == "user group S00GONE"


async def test_a_bot_as_approver_is_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_APPROVERS=good.slack.app.bot_user_id)

    assert check.found.startswith("a bot,")


async def test_empty_approvers_are_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_APPROVERS="")

    assert check.name == "approvers of default"
    assert "CSMS_BOT_APPROVERS" in check.mend


async def test_fewer_approvers_than_approvals_required_are_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_APPROVALS_REQUIRED="2")

    assert check.found == "2 approvals are required, but 1 may give one"
    assert "CSMS_BOT_APPROVALS_REQUIRED" in check.mend


async def test_with_no_approvals_required_nobody_need_be_named(good: SetUp):
    env = {name: value for name, value in good.env.items() if name != "CSMS_BOT_APPROVERS"}

    assert wrong(await examine(env | {"CSMS_BOT_APPROVALS_REQUIRED": "0"})) == []


async def test_a_wrong_secret_key_is_named_and_neither_it_nor_a_signature_is_shown(good: SetUp):
    check = await the_one_wrong(good, HUAWEICLOUD_SDK_SK="a-wrong-secret-key")

    assert "401" in check.found
    assert "HUAWEICLOUD_SDK_SK" in check.mend
    shown = repr(check).lower()
    assert "a-wrong-secret-key" not in shown
    assert good.env["HUAWEICLOUD_SDK_AK"].lower() not in shown
    assert "signature=" not in shown


@pytest.mark.parametrize("action", ["list", "get", "listNotificationRecords", "update"])
async def test_each_missing_permission_is_named_alone(good: SetUp, action: str):
    good.world.access.denied = frozenset({f"csms:event:{action}"})

    check = await the_one_wrong(good)

    assert check.mend == f"give the credential the permission csms:event:{action}"


@pytest.mark.parametrize(
    ("action", "without"), [("csms:secret:list", "how many secrets"), ("smn:topic:list", "topics")]
)
async def test_an_optional_permission_that_is_missing_is_told_and_is_not_wrong(
    good: SetUp, action: str, without: str
):
    good.world.access.denied = frozenset({action})
    checks = await examine(good.env)

    (check,) = [one for one in checks if one.verdict == "unsure"]
    assert without in check.found
    assert wrong(checks) == []


async def test_all_missing_permissions_are_named_at_once(good: SetUp):
    actions = [f"csms:event:{action}" for action in ("list", "get", "listNotificationRecords", "update")]
    good.world.access.denied = frozenset(actions)

    found = wrong(await examine(good.env))

    assert [check.mend.split()[-1] for check in found] == actions


async def test_an_address_where_nobody_listens_is_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_ENDPOINT="http://127.0.0.1:1")

    assert check.name == "CSMS default events"
    assert "CSMS_BOT_ENDPOINT" in check.mend
    assert "network" in check.mend


async def test_an_address_that_is_not_csms_is_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_ENDPOINT=good.env["SLACK_API_URL"].removesuffix("/api/"))

    assert check.name == "CSMS default events"
    assert "CSMS_BOT_ENDPOINT" in check.mend


async def test_a_web_api_where_nobody_listens_is_named(good: SetUp):
    check = await the_one_wrong(good, SLACK_API_URL="http://127.0.0.1:1/api/")

    assert check.name == "Slack token"
    assert "SLACK_API_URL" in check.mend


@pytest.mark.parametrize(("ahead_s", "said"), [(600, "600 s ahead"), (-600, "600 s behind")])
async def test_a_clock_that_is_far_off_slacks_date_is_named(good: SetUp, ahead_s: int, said: str):
    found = wrong(await examine(good.env, clock=lambda: datetime.now(UTC) + timedelta(seconds=ahead_s)))

    assert [check.name for check in found] == ["clock"]
    said_s = int(found[0].found.split()[3])
    assert abs(said_s - int(said.split()[0])) <= 3
    assert found[0].found.endswith(said.split(maxsplit=1)[1])
    assert found[0].mend == "set it by NTP"


async def test_a_database_that_a_running_bot_has_is_no_fault(good: SetUp):
    running = Store(good.database)
    await running.open(datetime.now(UTC))
    try:
        checks = await examine(good.env)
    finally:
        await running.close()

    assert wrong(checks) == []
    assert "in use by a running bot" in next(check.found for check in checks if check.name == "database")


async def test_a_file_that_is_no_database_is_named(good: SetUp):
    good.database.write_bytes(b"This is a letter to the bank, and not a database. " * 100)

    check = await the_one_wrong(good)

    assert check.name == "database"
    assert "CSMS_BOT_DATABASE" in check.mend
    assert good.database.read_bytes().startswith(b"This is a letter")


async def test_a_database_in_a_folder_that_does_not_exist_is_named(good: SetUp):
    check = await the_one_wrong(good, CSMS_BOT_DATABASE=str(good.database.parent / "no" / "such" / "bot.db"))

    assert check.name == "database"
    assert "CSMS_BOT_DATABASE" in check.mend


async def test_a_broken_chain_is_named_with_its_row(good: SetUp):
    store = Store(good.database)
    await store.open(datetime.now(UTC))
    for number in range(3):
        await store.audit.append(Entry(actor="system", action="test", outcome=str(number)), datetime.now(UTC))
    await store.close()
    with sqlite3.connect(good.database) as db:
        [(guard, sql)] = db.execute("select name, sql from sqlite_master where name = 'audit_never_changes'")
        db.execute(f"drop trigger {guard}")
        db.execute("update audit set outcome = 'better' where seq = 2")
        db.execute(sql)
    db.close()

    check = await the_one_wrong(good)

    assert "row 2" in check.found
    assert "backup" in check.mend


async def test_every_wrong_setting_is_named_at_once(good: SetUp):
    checks = await examine({"CSMS_BOT_POLL_INTERVAL": "soon", "CSMS_BOT_ALERT_CHANNEL": "#alerts"})

    assert {check.verdict for check in checks} == {"wrong"}
    found = " ".join(check.found for check in checks)
    assert "CSMS_BOT_POLL_INTERVAL" in found
    assert "CSMS_BOT_ALERT_CHANNEL" in found


async def test_the_console_command_ends_with_0_when_all_is_well_and_1_when_something_is_not(good: SetUp):
    well = await csms_bot("doctor", env=good.env)
    good.world.access.denied = frozenset({"csms:event:update"})
    ill = await csms_bot("doctor", "--json", env=good.env)

    assert (well.code, well.err) == (0, "")
    assert well.out.splitlines()[-1] == "All is well."
    assert ill.code == 1
    checks = json.loads(ill.out)
    assert all(set(check) == {"name", "verdict", "found", "mend"} for check in checks)
    assert [check["mend"] for check in checks if check["verdict"] == "wrong"] == [
        "give the credential the permission csms:event:update"
    ]
    for secret in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "HUAWEICLOUD_SDK_SK"):
        assert good.env[secret] not in well.out + ill.out
