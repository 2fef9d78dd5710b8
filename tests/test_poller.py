"""The poller: one look a tick, by whoever holds the lease, and words in the log only when something changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import bot.poller as poller_module
from bot.csms import FailedTask
from bot.errors import CsmsDown, CsmsForbidden
from bot.model import Record, RecordPage
from bot.poller import Keeper, Poller
from bot.rules.access import Policy
from bot.services import causes
from bot.services.projects import Projects, Scope
from bot.services.status import Status
from bot.store import Outgoing, Store
from tests.store.support import NOW, proposal, record
from tests.support.stage import until

INTERVAL = timedelta(seconds=10)
DOWN = CsmsDown("ListNotificationRecords", status=503, code="APIGW.0613", message="try later")


@dataclass
class Csms:
    """A CSMS that shows `records`, or fails as `fails` says."""

    records: list[Record] = field(default_factory=list)
    incomplete: bool = False
    fails: Exception | None = None
    looks: int = 0
    hangs: bool = False
    tasks_hang: bool = False
    tasks_asked: int = 0

    async def failed_tasks(self, _secret: str) -> list[FailedTask]:
        self.tasks_asked += 1
        if self.tasks_hang:
            await asyncio.Event().wait()
        return []

    async def notification_records(self) -> RecordPage:
        self.looks += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails is not None:
            raise self.fails
        return RecordPage(tuple(self.records), self.incomplete)


@dataclass
class Watch:
    """A poller, what it looks at and what it leaves behind."""

    store: Store
    csms: Csms
    scope: Scope
    status: Status
    now: datetime = NOW
    woken: int = 0

    def poller(self, mode: str = "summary", *, interval: timedelta = INTERVAL, scopes: Any = None) -> Poller:
        """A poller whose first look does what `mode` says."""
        return Poller(
            store=self.store,
            projects=Projects(scopes or [self.scope]),
            status=self.status,
            clock=lambda: self.now,
            interval=interval,
            mode=mode,
            wake=self.wake,
        )

    def wake(self) -> None:
        self.woken += 1

    async def posts(self) -> list[Outgoing]:
        """What waits to be posted, in the order in which it goes out; it is taken for posted then."""
        found = []
        while due := await self.store.outbox.due(self.now, settle_s=1, busy=["edits"]):
            for job in due:
                found.append(job)
                await self.store.outbox.claim(job.key, self.now)
                await self.store.outbox.posted(job.key, channel=job.channel, ts="1.0", rev=job.rev)
        return found

    async def kinds(self) -> list[str]:
        """The kinds of what waits to be posted."""
        return [str(job.kind) for job in await self.posts()]


def _scope(csms: Any, name: str = "default") -> Scope:
    return Scope(name, csms, Policy((), (), 1), f"C-{name}", "CAPPROVALS", "p", "https://csms.test")


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Watch]:
    store = Store(tmp_path / "db")
    await store.open(NOW)
    csms = Csms()
    scope = _scope(csms)
    status = Status(
        store=store,
        projects=Projects([scope]),
        clock=lambda: NOW,
        interval=INTERVAL,
        mode="HTTP",
        slack_connected=lambda: True,
    )
    yield Watch(store, csms, scope, status)
    await store.close()


PAST = [record("old-1"), record("old-2", status="SUCCESS"), record("old-3", event="weekly", status="INVALID")]


@pytest.mark.parametrize(
    ("mode", "kinds"), [("none", []), ("summary", ["backfill"]), ("all", ["alert", "alert"])]
)
async def test_the_very_first_look_does_what_the_setting_says(watch: Watch, mode: str, kinds: list[str]):
    watch.csms.records = PAST
    await watch.poller(mode).tick(watch.scope)
    assert await watch.kinds() == kinds


@pytest.mark.parametrize("mode", ["none", "summary", "all"])
async def test_after_the_first_look_only_what_is_new_is_told_in_every_mode(watch: Watch, mode: str):
    watch.csms.records = PAST
    await watch.poller(mode).tick(watch.scope)
    before = len(await watch.posts())

    await watch.poller(mode).tick(watch.scope)
    assert len(await watch.posts()) == 0, "nothing is new"

    watch.csms.records = [record("new", event="monthly"), *PAST]
    await watch.poller(mode).tick(watch.scope)
    assert await watch.kinds() == ["alert"]
    assert before == {"none": 0, "summary": 1, "all": 2}[mode]


async def test_the_summary_counts_what_is_there(watch: Watch):
    watch.csms.records = PAST
    await watch.poller("summary").tick(watch.scope)
    (post,) = await watch.posts()
    assert (post.data["records"], post.data["failed"]) == (3, 2)
    assert sorted(post.data["by_event"]) == [["nightly · FAIL", 1], ["weekly · INVALID", 1]]


async def test_a_failing_record_is_alerted_once_and_its_twin_goes_into_the_thread(watch: Watch):
    poller = watch.poller("none")
    await poller.tick(watch.scope)
    watch.csms.records = [record("a")]
    await poller.tick(watch.scope)
    (alert,) = await watch.posts()
    watch.csms.records = [record("a"), record("a")]
    await poller.tick(watch.scope)
    await poller.tick(watch.scope)
    (line,) = await watch.posts()

    assert (alert.kind, line.kind) == ("alert", "alert_lines")
    assert line.parent_ts == "1.0"
    assert [one["secret"] for one in line.data["records"]] == ["a"]


async def test_whoever_does_not_hold_the_lease_does_not_look(watch: Watch):
    taken = await watch.store.leases.take(
        "poll/default", holder="another", ttl=timedelta(seconds=90), now=NOW
    )
    assert taken == 1
    poller = watch.poller()
    assert await poller.tick(watch.scope) is None
    assert watch.csms.looks == 0
    assert not poller.looked.is_set()

    watch.now = NOW + timedelta(seconds=91)
    assert await poller.tick(watch.scope) is not None
    assert watch.csms.looks == 1


async def test_a_lease_goes_to_one_of_many_and_its_fence_grows_with_each_new_holder(watch: Watch):
    take, ttl = watch.store.leases.take, timedelta(seconds=90)
    won = await asyncio.gather(*(take("x", holder=f"h{n}", ttl=ttl, now=NOW) for n in range(20)))
    assert [fence for fence in won if fence is not None] == [1]
    holder = f"h{won.index(1)}"
    assert await take("x", holder=holder, ttl=ttl, now=NOW + timedelta(seconds=80)) == 1, "it is renewed"
    assert await take("x", holder="new", ttl=ttl, now=NOW + timedelta(seconds=100)) is None
    assert await take("x", holder="new", ttl=ttl, now=NOW + timedelta(seconds=170)) == 2
    assert await take("x", holder=holder, ttl=ttl, now=NOW + timedelta(seconds=171)) is None
    assert await take("y", holder=holder, ttl=ttl, now=NOW) == 1


def _actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(vars(one).get("action")) for one in caplog.records if one.name == "bot.poller"]


async def test_a_failure_is_logged_when_it_begins_when_it_changes_and_when_it_ends(
    watch: Watch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    poller = watch.poller()
    await poller.tick(watch.scope)
    forbidden = CsmsForbidden("ListNotificationRecords", code="APIGW.0302", permission="csms:event:list")
    for fails in (DOWN, DOWN, DOWN, forbidden, forbidden, DOWN):
        watch.csms.fails = fails
        assert await poller.tick(watch.scope) is None
    assert _actions(caplog) == ["poll_failed", "poll_failed", "poll_failed"]
    assert "503" in watch.status.poll_errors["default"]

    watch.csms.fails = None
    for _ in range(3):
        await poller.tick(watch.scope)
    assert _actions(caplog)[3:] == ["poll_recovered"]
    assert watch.status.poll_errors == {}


async def test_failures_are_counted_and_a_good_look_starts_anew(watch: Watch):
    poller = watch.poller()
    await poller.tick(watch.scope)
    watch.csms.fails = DOWN
    for _ in range(3):
        await poller.tick(watch.scope)
    outage, state = await watch.store.records.outage("default"), await watch.store.records.poll("default")
    assert outage is not None
    assert state is not None
    assert (outage.failures, state.last_ok) == (3, NOW)

    watch.csms.fails, watch.now = None, NOW + INTERVAL
    await poller.tick(watch.scope)
    outage, state = await watch.store.records.outage("default"), await watch.store.records.poll("default")
    assert state is not None
    assert (outage, state.last_ok) == (None, NOW + INTERVAL)


async def test_what_failed_during_an_outage_is_alerted_after_it(watch: Watch):
    poller = watch.poller("none")
    await poller.tick(watch.scope)
    watch.csms.fails = DOWN
    watch.csms.records = [record("during")]
    await poller.tick(watch.scope)
    watch.csms.fails = None
    await poller.tick(watch.scope)
    assert await watch.kinds() == ["alert"]


async def test_the_fifth_failure_in_a_row_is_told_once_even_before_the_first_good_look(watch: Watch):
    watch.csms.fails = DOWN
    told = []
    for _ in range(7):
        # A new poller each time: a restart neither forgets nor tells it again.
        await watch.poller("none").tick(watch.scope)
        told.append(await watch.kinds())
    assert told == [[], [], [], [], ["outage"], [], []]
    assert "503" in (await watch.status.ready())[0]

    watch.csms.fails = None
    await watch.poller("none").tick(watch.scope)
    await watch.poller("none").tick(watch.scope)
    assert await watch.kinds() == ["back"]
    assert await watch.status.ready() == []


@pytest.mark.parametrize(("others", "named"), [([], None), (["other"], "default")], ids=["alone", "of two"])
async def test_alerts_carry_their_project_only_where_there_are_several(
    watch: Watch, others: list[str], named: str | None
):
    watch.csms.records = PAST[:1]
    scopes = [watch.scope, *(_scope(watch.csms, name) for name in others)]
    await watch.poller("all", scopes=scopes).tick(watch.scope)

    (alert,) = await watch.posts()
    incident = await watch.store.incidents.get(alert.ref)
    assert incident is not None
    assert incident.first.get("project") == named


async def test_four_failures_in_a_row_are_not_told(watch: Watch):
    for fails in (DOWN, DOWN, DOWN, DOWN, None, DOWN, DOWN, DOWN, DOWN, None):
        watch.csms.fails = fails
        await watch.poller("none").tick(watch.scope)
    assert await watch.kinds() == []


@pytest.mark.parametrize(
    ("polls", "kinds"), [(10, ["alert", "alert"]), (11, ["digest", "alert_lines", "alert_lines"])]
)
async def test_a_silence_of_more_than_ten_polls_ends_in_a_digest(watch: Watch, polls: int, kinds: list[str]):
    await watch.poller("none").tick(watch.scope)
    watch.now += polls * INTERVAL
    watch.csms.records = [record("a"), record("b", event="weekly")]
    await watch.poller("none").tick(watch.scope)
    assert await watch.kinds() == kinds


async def test_lost_coverage_is_told_once_and_again_only_after_a_day_without(
    watch: Watch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    told = []
    day = timedelta(days=1)
    for wait, incomplete in (
        (INTERVAL, False), (INTERVAL, True), (INTERVAL, True), (INTERVAL, False), (INTERVAL, True), (day, True),
    ):  # fmt: skip
        watch.csms.incomplete = incomplete
        watch.now += wait
        # A new poller each time: a restart does not tell it again.
        await watch.poller("none").tick(watch.scope)
        told.append(await watch.kinds())
    assert told == [[], ["coverage"], [], [], [], ["coverage"]]
    assert _actions(caplog) == ["coverage", "coverage"]


async def test_an_error_of_our_own_is_logged_once_and_the_polling_goes_on(
    watch: Watch, caplog: pytest.LogCaptureFixture
):
    watch.csms.fails = ValueError("a bug")
    stop = asyncio.Event()
    poller = watch.poller("none", interval=timedelta(milliseconds=5))
    task = asyncio.create_task(poller.run(stop))
    await until(lambda: watch.csms.looks >= 5)
    assert _actions(caplog) == ["poll_crashed"]
    assert watch.status.poll_errors == {"default": "an error inside csms-bot; see its log"}

    watch.csms.fails = None
    await until(lambda: poller.looked.is_set() and not watch.status.poll_errors)
    stop.set()
    await task


async def test_a_project_that_fails_does_not_keep_the_others_from_being_polled(watch: Watch):
    broken = _scope(Csms(fails=DOWN), "broken")
    stop = asyncio.Event()
    interval = timedelta(milliseconds=5)
    task = asyncio.create_task(
        watch.poller("none", interval=interval, scopes=[broken, watch.scope]).run(stop)
    )
    await until(lambda: watch.csms.looks >= 3)
    stop.set()
    await task
    assert set(watch.status.poll_errors) == {"broken"}


async def test_a_stop_does_not_wait_for_a_csms_that_hangs(watch: Watch):
    watch.csms.hangs = True
    stop = asyncio.Event()
    task = asyncio.create_task(watch.poller().run(stop))
    await until(lambda: watch.csms.looks == 1)
    stop.set()
    async with asyncio.timeout(1):
        await task


async def test_a_csms_that_hangs_is_a_poll_that_failed_as_soon_as_the_next_is_due(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(poller_module, "PATIENCE_S", 0.01)
    watch.csms.hangs = True
    await watch.poller(interval=timedelta(milliseconds=10)).tick(watch.scope)

    outage = await watch.store.records.outage("default")
    assert outage is not None
    assert "no answer within" in outage.reason


async def test_a_list_of_tasks_that_hangs_holds_a_poll_up_once_and_briefly(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(causes, "PATIENCE_S", 0.01)
    watch.csms.tasks_hang = True
    poller = watch.poller("none")
    await poller.tick(watch.scope)
    watch.csms.records = [replace(record("a"), trigger_type=causes.ROTATION_FAILED)]
    for _ in range(3):
        await poller.tick(watch.scope)
    assert watch.csms.tasks_asked == 1

    watch.now, watch.csms.tasks_hang = NOW + causes.LATER, False
    await poller.tick(watch.scope)
    assert watch.csms.tasks_asked == 2


async def test_a_stop_does_not_wait_for_the_interval(watch: Watch):
    stop = asyncio.Event()
    task = asyncio.create_task(watch.poller(interval=timedelta(hours=1)).run(stop))
    await until(lambda: watch.csms.looks == 1)
    stop.set()
    async with asyncio.timeout(1):
        await task
    assert watch.csms.looks == 1


async def test_the_poster_is_woken_after_each_look(watch: Watch):
    poller = watch.poller()
    for _ in range(2):
        await poller.tick(watch.scope)
    assert watch.woken == 2


class Expiring:
    """The part of the changes service that the keeper calls."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.looks = 0

    async def expire_due(self) -> list[Any]:
        self.looks += 1
        if self.looks == 1:
            raise ValueError("a bug")
        return await self._store.changes.open()

    async def remind_due(self) -> bool:
        return False


async def test_the_keeper_goes_on_after_an_error_and_wakes_the_poster_when_something_expired(
    watch: Watch, caplog: pytest.LogCaptureFixture
):
    changes: Any = Expiring(watch.store)
    stop = asyncio.Event()
    task = asyncio.create_task(Keeper(changes, watch.wake, every_s=0.005).run(stop))
    await until(lambda: changes.looks >= 3)
    assert watch.woken == 0
    await watch.store.changes.propose(proposal())
    await until(lambda: watch.woken)
    stop.set()
    await task
    assert _actions(caplog) == ["expiry_failed"]
