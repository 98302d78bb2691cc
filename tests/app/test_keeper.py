"""A cycle is written under the lease or not at all; what the provider refuses stops every act."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from firewarden.app.keeper import Keeper
from firewarden.app.lease import LeaseKeeper
from firewarden.app.picture import take_picture
from firewarden.app.queries import Ledger
from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    LeaseLost,
    ProviderError,
    ProviderUnavailable,
)
from firewarden.model.activity import Use
from firewarden.model.deployment import Surroundings
from firewarden.model.usage import ActivityRun, Poll, RunChange, ScrapeRecord
from firewarden.store import leases
from firewarden.store.descriptions import write_surroundings
from firewarden.store.engine import Database
from firewarden.store.history import newest_poll
from firewarden.store.ledger import write_scrape
from firewarden.store.notices import read_firing
from firewarden.store.runner import Inline
from tests.act.cloud import Cloud
from tests.app.means import account_of, tools_of
from tests.support.acting import ENFORCED
from tests.support.clock import FakeClock
from tests.support.deciding import ACCOUNT, EVERY, NOW, a_deployment


@dataclass(slots=True)
class Desk:
    """A keeper of one account and its lease, in front of a cloud."""

    database: Database
    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    cloud: Cloud = field(init=False)
    lease: LeaseKeeper = field(init=False)
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "idle.yaml").write_text(ENFORCED, encoding="utf-8")
        self.cloud = Cloud(self.clock, self.database)
        self.cloud.show(a_deployment())
        self.lease = self.a_lease(1)
        self.keeper = Keeper(
            account_of(self.cloud, self.folder),
            tools_of(self.database, self.folder, self.clock),
            self.lease,
        )

    def a_lease(self, seed: int) -> LeaseKeeper:
        rng = random.Random(seed)
        return LeaseKeeper(
            ACCOUNT, database=self.database, run_db=Inline(), wall=self.clock, rng=rng
        )

    async def cycle(self) -> None:
        """Renew the lease and let one cycle pass, with an interval of time."""
        await self.lease.acquire()
        cycle = asyncio.ensure_future(self.keeper.cycle())
        await self.clock.advance(EVERY / 2)
        await cycle

    def polled(self) -> Poll | None:
        with self.database.reading() as session:
            return newest_poll(session, ACCOUNT, complete=False)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = Database.open("sqlite://", upgrade=True)
    yield Desk(database, tmp_path)
    database.close()


async def test_what_was_seen_while_another_took_the_lease_is_not_written(desk: Desk) -> None:
    await desk.lease.acquire()
    cycle = asyncio.ensure_future(desk.keeper.cycle())
    await desk.clock.advance(EVERY / 1_000)
    with desk.database.writing() as session:
        standing = leases.read_lease(session, ACCOUNT, now=NOW)
        assert standing is not None
        leases.bury(session, standing)
    assert await desk.a_lease(2).acquire()
    await desk.clock.advance(EVERY / 2)

    desk.lease.still_held()  # as far as our own clock tells
    with pytest.raises(LeaseLost, match="looks after it now"):
        await cycle
    assert desk.polled() is None
    assert desk.keeper.memory is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(KeyRefused("401"), "provider.refused", id="401"),
        pytest.param(KeyRefused("403"), "provider.refused", id="403"),
        pytest.param(AccountSuspended("412"), "provider.suspended", id="412"),
        pytest.param(ProviderUnavailable("503"), "meter.trouble", id="503"),
    ],
)
async def test_a_listing_that_is_refused_is_one_alert_and_the_fleet_before_it_proves_nothing(
    desk: Desk, error: ProviderError, kind: str
) -> None:
    await desk.cycle()
    desk.cloud.listed = error
    for _ in range(3):
        with pytest.raises(type(error)):
            await desk.cycle()

    memory = desk.keeper.memory
    assert memory is not None
    assert memory.judged is not None
    assert (memory.judged.fleet.complete, memory.judged.fleet.problem) == (False, error.problem)
    assert list(memory.judged.fleet.deployments) == [a_deployment().uid]
    with desk.database.reading() as session:
        assert [each.notice.kind for each in read_firing(session, ACCOUNT)] == [kind]


async def test_it_knows_whether_letters_were_written(desk: Desk) -> None:
    await desk.cycle()
    assert desk.keeper.pen.has_news  # it said hello

    desk.keeper.pen.has_news = False
    await desk.cycle()
    assert not desk.keeper.pen.has_news

    desk.cloud.listed = ProviderUnavailable("503")
    with pytest.raises(ProviderUnavailable):
        await desk.cycle()
    assert desk.keeper.pen.has_news


@pytest.mark.parametrize(
    ("days", "remembers"),
    [
        pytest.param(3, True, id="longer ago than evidence is read back"),
        pytest.param(6, True, id="within the week that protects the default of a model"),
        pytest.param(8, False, id="longer ago than anybody asks"),
    ],
)
async def test_a_restart_knows_when_each_was_last_used_within_a_week(
    desk: Desk, days: int, *, remembers: bool
) -> None:
    used, quiet = NOW - timedelta(days=9), NOW - timedelta(days=days)
    one = a_deployment(created_at=NOW - timedelta(days=30))
    desk.cloud.show(one)
    await desk.cycle()
    with desk.database.writing() as session:
        runs = RunChange(
            closed=(ActivityRun(uid=one.uid, use=Use.ACTIVE, since=used, until=quiet),),
            opened=(ActivityRun(uid=one.uid, use=Use.QUIET, since=quiet),),
        )
        record = ScrapeRecord(account=ACCOUNT, answered_at=quiet, whole=True)
        write_scrape(session, record, runs)
        whole = Surroundings(default_models=("m",), default_alternatives=1)
        write_surroundings(session, ACCOUNT, {one.name: whole}, asked_at=NOW)

    desk.keeper.memory = None
    await desk.cycle()
    tools = tools_of(desk.database, desk.folder, desk.clock)
    with desk.database.reading() as session:
        ledger = Ledger(
            settings=tools.settings, session=session, account=ACCOUNT, timezone="UTC",
            now=desk.clock.now(),
        )  # fmt: skip
        picture = take_picture(ledger)

    expected = quiet if remembers else None
    assert desk.keeper.memory is not None
    book = desk.keeper.memory.watch.book
    assert book.look(one.uid, now=NOW).active_at == expected
    assert picture.situation.evidence.look(one.uid, now=NOW).active_at == expected
