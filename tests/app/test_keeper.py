"""A cycle is written under the lease or not at all; what the provider refuses stops every act."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firewarden.app.keeper import Keeper
from firewarden.app.lease import LeaseKeeper
from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    LeaseLost,
    ProviderError,
    ProviderUnavailable,
)
from firewarden.model.usage import Poll
from firewarden.store import leases
from firewarden.store.engine import Database
from firewarden.store.history import newest_poll
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
