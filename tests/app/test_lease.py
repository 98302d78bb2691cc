"""A lease is held by the monotonic clock, lost in time, and passed on."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from firewarden.app.lease import MARGIN, RENEW_EVERY, TTL, LeaseKeeper, Terms
from firewarden.app.roles import Role, Supervision
from firewarden.clock.virtual import VirtualClock
from firewarden.errors import FirewardenError, LeaseLost, StoreUnavailable
from firewarden.model.ids import AccountId
from firewarden.store import leases
from firewarden.store.engine import Database
from firewarden.store.runner import Inline
from tests.support.clock import NOW, FakeClock
from tests.support.virtual import in_virtual_time

T = TypeVar("T")
ACCOUNT = AccountId("acme")
SECOND = timedelta(seconds=1)


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database.open("sqlite:///:memory:", upgrade=True)
    yield database
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class Road:
    """The way to the database: as slow as it is told to be, or blocked."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.slow = timedelta(0)
        self.is_blocked = False

    async def __call__(self, work: Callable[[], T]) -> T:
        if self.is_blocked:
            raise StoreUnavailable("no answer")
        done = work()
        await self.clock.advance(self.slow)
        return done


def a_keeper(
    database: Database, clock: FakeClock, seed: int, *, road: Road | None = None, **more: Any
) -> LeaseKeeper:
    return LeaseKeeper(
        ACCOUNT,
        database=database,
        run_db=road or Inline(),
        wall=clock,
        rng=random.Random(seed),
        **more,
    )


@pytest.fixture
def one(database: Database, clock: FakeClock) -> LeaseKeeper:
    return a_keeper(database, clock, 1)


@pytest.fixture
def two(database: Database, clock: FakeClock) -> LeaseKeeper:
    return a_keeper(database, clock, 2)


async def test_nothing_is_held_before_it_is_taken(one: LeaseKeeper) -> None:
    assert not one.is_held
    with pytest.raises(LeaseLost, match="acme: the lease is not ours"):
        one.still_held()


async def test_one_has_it_and_the_other_says_who(one: LeaseKeeper, two: LeaseKeeper) -> None:
    assert await one.acquire()
    assert not await two.acquire()

    one.still_held()
    assert one.epoch == 1
    with pytest.raises(LeaseLost, match=f"{one.described} looks after it"):
        two.still_held()
    assert two.other is not None
    assert two.other.holder == one.holder != two.holder


async def test_renewed_in_time_it_is_held_for_ever_under_one_number(
    one: LeaseKeeper, two: LeaseKeeper, clock: FakeClock
) -> None:
    await one.acquire()
    for _ in range(20):
        await clock.advance(RENEW_EVERY)
        one.still_held()
        await one.keep()
        await two.keep()

    assert (one.epoch, two.is_held) == (1, False)


@pytest.mark.parametrize(
    ("passed", "held"),
    [
        pytest.param(TTL - MARGIN - SECOND / 10, True, id="just before the margin"),
        pytest.param(TTL - MARGIN, False, id="at the margin"),
        pytest.param(TTL, False, id="when the database lets others in"),
    ],
)
async def test_unrenewed_it_is_let_go_before_others_are_let_in(
    one: LeaseKeeper, two: LeaseKeeper, clock: FakeClock, passed: timedelta, *, held: bool
) -> None:
    await one.acquire()
    await clock.advance(passed)

    assert one.is_held is held
    assert await two.acquire() is (passed >= TTL)


async def test_its_time_runs_from_before_the_renewal_was_begun(
    database: Database, clock: FakeClock
) -> None:
    road = Road(clock)
    one = a_keeper(database, clock, 1, road=road)
    road.slow = timedelta(seconds=20)
    await one.acquire()
    road.slow = timedelta(0)

    await clock.advance(timedelta(seconds=8))
    one.still_held()
    await clock.advance(SECOND)
    with pytest.raises(LeaseLost):
        one.still_held()


async def test_an_answer_that_comes_too_late_holds_nothing(
    database: Database, clock: FakeClock
) -> None:
    road = Road(clock)
    one = a_keeper(database, clock, 1, road=road)
    road.slow = TTL

    assert not await one.acquire()
    with pytest.raises(LeaseLost):
        one.still_held()


async def test_a_holder_that_wakes_up_late_finds_it_lost_and_what_it_began_refused(
    database: Database, one: LeaseKeeper, two: LeaseKeeper, clock: FakeClock
) -> None:
    await one.acquire()
    begun = one.tenure()
    begun.still_held()
    await clock.advance(TTL)
    await two.acquire()

    with pytest.raises(LeaseLost, match="it was not renewed"):
        begun.still_held()
    with pytest.raises(LeaseLost), database.writing() as session:
        begun.fence(session)
    with capture_logs() as logs:
        await one.keep()
    assert [entry["event"] for entry in logs] == ["lease.awaited", "lease.lost"]
    assert (two.epoch, two.is_held, one.is_held) == (2, True, False)


async def test_what_began_in_one_holding_does_not_go_on_in_the_next(
    database: Database, one: LeaseKeeper, clock: FakeClock
) -> None:
    await one.acquire()
    begun = one.tenure()
    await clock.advance(TTL)
    with capture_logs() as logs:
        await one.keep()

    one.still_held()
    with pytest.raises(LeaseLost, match=r"held anew \(epoch 2, was 1\)"):
        begun.still_held()
    with pytest.raises(LeaseLost, match="held anew"), database.writing() as session:
        begun.fence(session)
    with database.writing() as session:
        one.fence(session)
    assert logs == [
        {
            "event": event,
            "account": ACCOUNT,
            "epoch": epoch,
            "holder": one.holder,
            "log_level": level,
        }
        for event, epoch, level in (("lease.lost", 1, "warning"), ("lease.taken", 2, "info"))
    ]


async def taken_from(one: LeaseKeeper, two: LeaseKeeper, database: Database) -> None:
    """Let *two* take the lease that *one* has and believes to have still."""
    await one.acquire()
    with database.writing() as session:
        standing = leases.read_lease(session, ACCOUNT, now=NOW)
        assert standing is not None
        leases.bury(session, standing)
    await two.acquire()


async def test_the_database_refuses_what_our_own_clock_still_allows(
    database: Database, one: LeaseKeeper, two: LeaseKeeper
) -> None:
    await taken_from(one, two, database)

    one.still_held()
    with (
        pytest.raises(LeaseLost, match="looks after it now"),
        database.writing() as session,
    ):
        one.fence(session)


async def test_whoever_is_told_that_another_has_it_lets_go_whatever_its_own_clock_says(
    database: Database, one: LeaseKeeper, two: LeaseKeeper
) -> None:
    await taken_from(one, two, database)

    assert not await one.acquire()
    with pytest.raises(LeaseLost, match=f"{two.described} looks after it"):
        one.still_held()


async def test_released_it_is_the_successors_at_once(one: LeaseKeeper, two: LeaseKeeper) -> None:
    await one.acquire()
    with capture_logs() as logs:
        await one.release()
        await two.release()

    assert [(entry["event"], entry["holder"]) for entry in logs] == [("lease.released", one.holder)]
    assert not one.is_held
    assert await two.acquire()
    assert two.epoch == 2


async def test_a_database_that_is_away_costs_the_lease_when_its_time_is_over(
    database: Database, clock: FakeClock
) -> None:
    road = Road(clock)
    one = a_keeper(database, clock, 1, road=road)
    await one.acquire()
    road.is_blocked = True
    with capture_logs() as logs:
        for _ in range(5):
            await clock.advance(RENEW_EVERY)
            with pytest.raises(StoreUnavailable):
                await one.keep()
        road.is_blocked = False
        await one.keep()

    assert [entry["event"] for entry in logs] == ["lease.lost", "lease.taken"]
    assert (one.is_held, one.epoch) == (True, 2)


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_clock_that_is_set_stops_nobody_and_lets_nobody_in(
    one: LeaseKeeper, two: LeaseKeeper, clock: FakeClock, hours: int
) -> None:
    await one.acquire()
    await clock.advance(RENEW_EVERY)
    clock.jump(timedelta(hours=hours))

    one.still_held()
    await one.keep()
    await two.keep()
    assert (one.is_held, two.is_held) == (True, False)


async def test_of_a_holder_that_died_before_the_clock_was_set_back_it_is_taken_in_a_minute(
    one: LeaseKeeper, two: LeaseKeeper, clock: FakeClock
) -> None:
    await one.acquire()
    clock.jump(timedelta(hours=-3))
    for _ in range(3):
        await two.keep()
        assert not two.is_held
        await clock.advance(RENEW_EVERY)
    await two.keep()

    assert (two.is_held, two.epoch) == (True, 2)


async def test_who_has_the_lock_of_the_ledger_takes_over_from_the_dead_at_once(
    database: Database, one: LeaseKeeper, clock: FakeClock
) -> None:
    await one.acquire()
    successor = a_keeper(database, clock, 2, terms=Terms(alone=True))

    assert await successor.acquire()
    assert (successor.epoch, await successor.acquire(), successor.epoch) == (2, True, 2)


@pytest.mark.parametrize("late", [timedelta(0), SECOND, RENEW_EVERY - SECOND / 100])
@in_virtual_time
async def test_a_successor_has_it_in_less_than_a_minute_after_a_death(
    clock: VirtualClock, database: Database, late: timedelta
) -> None:
    dead, successor = (
        LeaseKeeper(
            ACCOUNT, database=database, run_db=Inline(), wall=clock, rng=random.Random(seed)
        )
        for seed in (1, 2)
    )
    await dead.acquire()
    supervision = Supervision(
        clock=clock, rng=random.Random(7), beat=lambda _: None, trouble=_no_trouble
    )
    role = Role("lease", successor.keep, every=RENEW_EVERY, supervision=supervision, jitter=0)
    await clock.sleep(late)
    await role.run_once()
    while not successor.is_held:
        await clock.sleep(RENEW_EVERY)
        await role.run_once()

    assert TTL <= clock.now() - NOW <= TTL + RENEW_EVERY <= timedelta(seconds=60)


async def _no_trouble(role: str, error: FirewardenError) -> None:
    raise AssertionError(f"{role}: {error}")
