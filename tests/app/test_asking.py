"""A command waits a minute for what it asked, tells of each as it is finished, and gives up."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from firewarden.app.asking import EXPIRES_AFTER, WAIT_FOR, ask, follow, read_holder
from firewarden.app.people import Desk, whoever_types
from firewarden.app.settings import Settings
from firewarden.model.ids import AccountId
from firewarden.model.people import Request, RequestOutcome, RequestVerb
from firewarden.store import leases, ledger, requests
from firewarden.store.engine import Database
from tests.store.values import met, uid_of
from tests.support.clock import NOW, FakeClock

ACME = AccountId("acme")
SECOND = timedelta(seconds=1)
SPEED = 600


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def desk(clock: FakeClock) -> Iterator[Desk]:
    database = Database.open("sqlite:///:memory:", upgrade=True)
    with database.writing() as session:
        ledger.write_change(session, ACME, met("search", "rank"), at=NOW)
    yield Desk(
        database=database,
        settings=Settings(),
        account=ACME,
        timezone="UTC",
        actor=whoever_types(),
        clock=clock,
        wall=clock,
        speed=SPEED,
    )
    database.close()


def finish(desk: Desk, number: int) -> None:
    with desk.database.writing() as session:
        requests.finish(session, number, RequestOutcome.DONE, detail="", at=desk.clock.now())


async def test_each_is_told_when_it_is_finished_and_the_rest_is_given_back(
    desk: Desk, clock: FakeClock
) -> None:
    first, second = ask(desk, RequestVerb.RESTORE, [uid_of("search"), uid_of("rank")])
    told: list[tuple[Request, float]] = []
    waiting = asyncio.create_task(
        follow(desk, (first, second), tell=lambda each: told.append((each, clock.mono())))
    )
    await clock.advance(10 * SECOND)
    finish(desk, second)
    await clock.advance(WAIT_FOR - 11 * SECOND)
    assert not waiting.done()
    assert [(each.request_id, each.outcome) for each, _ in told] == [(second, RequestOutcome.DONE)]
    assert told[0][1] <= 10.5

    await clock.advance(2 * SECOND)
    assert [each.request_id for each in await waiting] == [first]


async def test_it_ends_at_once_when_all_are_finished(desk: Desk, clock: FakeClock) -> None:
    numbers = ask(desk, RequestVerb.RESTORE, [uid_of("search")])
    finish(desk, numbers[0])

    assert await follow(desk, numbers, tell=lambda _: None) == ()
    assert clock.mono() == 0


def test_what_is_asked_expires_in_wall_time_however_compressed_the_ledgers(desk: Desk) -> None:
    (number,) = ask(desk, RequestVerb.APPROVE, [uid_of("rank")], arguments={"policy": "night"})

    with desk.database.reading() as session:
        found = requests.read_one(session, ACME, number)
    assert found is not None
    assert found.expires_at - found.asked_at == EXPIRES_AFTER * SPEED
    assert (found.arguments, found.reason) == ({"policy": "night"}, "")


def test_who_looks_after_the_account_is_read_from_its_lease(desk: Desk) -> None:
    assert read_holder(desk) is None
    with desk.database.writing() as session:
        taken = leases.take(
            session, ACME, holder="one", described="host-7:42", now=NOW, ttl=30 * SECOND
        )

    assert read_holder(desk) == taken
