"""One process at a time has an account's lease; each new holding has a higher number."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from firewarden.errors import LeaseLost, StoreUnavailable
from firewarden.model.ids import AccountId
from firewarden.store import leases
from firewarden.store.engine import Database
from firewarden.store.leases import Lease
from firewarden.store.session import Session
from tests.store.values import ACCOUNT, HOUR, SECOND, T0, undone
from tests.support.databases import Url

TTL = 30 * SECOND
WRONG = T0 - 1_000 * HOUR
"""What the clock of a host shows that nobody should believe where a server has one."""


@dataclass(slots=True, kw_only=True)
class Room:
    """One transaction in which several holders meet, and time passes when it is told to.

    The clock of a server cannot be set: there, all that is stored grows older instead.
    """

    session: Session
    is_sqlite: bool
    now: datetime = T0

    @property
    def told(self) -> datetime:
        return self.now if self.is_sqlite else WRONG

    def wait(self, span: timedelta) -> None:
        self.now += span
        if not self.is_sqlite:
            older = text("UPDATE lease SET expires_at = expires_at - :ms")
            self.session.execute(older, {"ms": span // timedelta(milliseconds=1)})

    def take(self, holder: str) -> Lease | None:
        return leases.take(
            self.session, ACCOUNT, holder=holder, described=f"{holder}:1", now=self.told, ttl=TTL
        )

    def renew(self, holder: str, epoch: int) -> Lease | None:
        return leases.renew(
            self.session, ACCOUNT, holder=holder, epoch=epoch, now=self.told, ttl=TTL
        )

    def demand(self, holder: str, epoch: int) -> None:
        leases.demand(self.session, ACCOUNT, holder=holder, epoch=epoch, now=self.told)

    def read(self) -> Lease | None:
        return leases.read_lease(self.session, ACCOUNT, now=self.told)

    def epoch_of(self, holder: str) -> int:
        taken = self.take(holder)
        assert taken is not None
        return taken.epoch


@pytest.fixture
def room(database: Database) -> Iterator[Room]:
    with undone(database) as session:
        yield Room(session=session, is_sqlite=database.is_sqlite)


def test_nobody_has_it_before_it_is_taken(room: Room) -> None:
    assert room.read() is None
    assert room.renew("one", 0) is None
    with pytest.raises(LeaseLost, match="acme: the lease has expired"):
        room.demand("one", 0)


def test_one_takes_it_and_others_read_who_it_is(room: Room) -> None:
    taken = room.take("one")

    assert taken is not None
    assert (taken.holder, taken.described, taken.epoch) == ("one", "one:1", 1)
    assert room.take("two") is None
    assert room.read() == taken


def test_taken_again_by_its_holder_it_is_the_same_for_longer(room: Room) -> None:
    first = room.take("one")
    room.wait(20 * SECOND)
    again = room.take("one")
    room.wait(20 * SECOND)

    assert first is not None
    assert again is not None
    assert again.epoch == first.epoch
    assert room.read() is not None


def test_renewed_it_lasts_longer(room: Room) -> None:
    epoch = room.epoch_of("one")
    for _ in range(3):
        room.wait(20 * SECOND)
        assert room.renew("one", epoch) is not None

    assert room.take("two") is None
    assert room.renew("two", epoch) is None
    assert room.renew("one", epoch + 1) is None


@pytest.mark.parametrize("successor", ["one", "two"])
def test_expired_it_cannot_be_renewed_and_is_taken_with_a_higher_number(
    room: Room, successor: str
) -> None:
    epoch = room.epoch_of("one")
    room.wait(TTL)

    assert room.read() is None
    assert room.renew("one", epoch) is None
    assert room.epoch_of(successor) == epoch + 1


@pytest.mark.parametrize(
    ("holder", "late", "complaint"),
    [
        pytest.param("two", 0, "one:1 looks after it now", id="another's"),
        pytest.param("one", 1, "held anew .epoch 2, was 1", id="the same holder's, held anew"),
    ],
)
def test_what_is_written_under_it_is_refused_to_all_but_the_present_holding(
    room: Room, holder: str, late: int, complaint: str
) -> None:
    stale = room.epoch_of("one")
    room.wait(late * TTL)
    epoch = room.epoch_of("one")

    room.demand("one", epoch)
    with pytest.raises(LeaseLost, match=complaint):
        room.demand(holder, stale)


def test_released_it_can_be_taken_at_once_and_its_number_goes_on(room: Room) -> None:
    epoch = room.epoch_of("one")

    assert not leases.release(room.session, ACCOUNT, holder="two")
    assert room.take("two") is None
    assert leases.release(room.session, ACCOUNT, holder="one")
    assert room.read() is None
    assert room.epoch_of("two") == epoch + 1


def test_of_a_dead_holder_it_is_ended_only_as_it_was_read(room: Room) -> None:
    room.epoch_of("one")
    seen = room.read()
    assert seen is not None
    room.wait(20 * SECOND)
    room.take("one")

    assert not leases.bury(room.session, seen), "it was renewed: somebody is alive"
    assert room.take("two") is None
    alive = room.read()
    assert alive is not None
    assert leases.bury(room.session, alive)
    assert room.epoch_of("two") == seen.epoch + 1


def test_accounts_stand_apart(room: Room) -> None:
    room.take("one")
    elsewhere = leases.take(
        room.session,
        AccountId("other"),
        holder="two",
        described="two:1",
        now=room.told,
        ttl=TTL,
    )

    assert elsewhere is not None
    assert (elsewhere.holder, elsewhere.epoch) == ("two", 1)


def test_of_twenty_who_reach_for_it_at_once_one_gets_it(
    database: Database, database_url: Url
) -> None:
    winners: list[Lease] = []
    begin = threading.Barrier(20)

    def reach(own: Database, holder: str) -> None:
        begin.wait()
        with own.writing() as session:
            taken = leases.take(session, ACCOUNT, holder=holder, described=holder, now=T0, ttl=TTL)
        if taken is not None:
            winners.append(taken)

    others = [Database.open(database_url, upgrade=False) for _ in range(4)]
    threads = [
        threading.Thread(target=reach, args=(others[number % 4], f"holder {number}"))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()

    with database.reading() as session:
        assert [leases.read_lease(session, ACCOUNT, now=T0)] == winners
    assert winners[0].epoch == 1


def test_a_takeover_waits_for_what_is_written_under_it(new_url: Callable[[str], Url]) -> None:
    with closing(Database.open(new_url("postgresql"), upgrade=True)) as database:
        with database.writing() as session:
            taken = leases.take(session, ACCOUNT, holder="one", described="", now=T0, ttl=TTL)
        assert taken is not None
        with database.writing() as acting:
            leases.demand(acting, ACCOUNT, holder="one", epoch=taken.epoch, now=T0)
            with pytest.raises(StoreUnavailable, match="locked by another process"):
                _take_impatiently(database, "two")


def _take_impatiently(database: Database, holder: str) -> None:
    with database.writing() as session:
        session.exec_driver_sql("SET LOCAL lock_timeout = '1ms'")
        leases.take(session, ACCOUNT, holder=holder, described="", now=T0, ttl=TTL)


@dataclass(slots=True, kw_only=True)
class Holders:
    """What each holder believes: what it was told last, and for how long that is good."""

    room: Room
    believed: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    holdings: list[tuple[str, int]] = field(default_factory=list)

    def take(self, who: str) -> None:
        self.hear(who, self.room.take(who))

    def renew(self, who: str) -> None:
        self.hear(who, self.room.renew(who, self.believed.get(who, (0, T0))[0]))

    def release(self, who: str) -> None:
        self.believed.pop(who, None)
        leases.release(self.room.session, ACCOUNT, holder=who)

    def die(self, who: str) -> None:
        self.believed.pop(who, None)
        standing = self.room.read()
        if standing is not None and standing.holder == who:
            assert leases.bury(self.room.session, standing)

    def hear(self, who: str, granted: Lease | None) -> None:
        if granted is None:
            return
        self.believed[who] = (granted.epoch, self.room.now + TTL)
        if (who, granted.epoch) not in self.holdings[-1:]:
            self.holdings.append((who, granted.epoch))

    def alive(self) -> list[str]:
        return [who for who, (_, until) in self.believed.items() if self.room.now < until]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([Holders.take, Holders.renew, Holders.release, Holders.die]),
        st.sampled_from(["one", "two", "three"]),
        st.integers(0, 6).map(lambda sevens: sevens * 7 * SECOND),
    ),
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(steps=STEPS)
def test_never_do_two_hold_it_and_numbers_grow_with_holders(
    database: Database, steps: list[tuple[Callable[[Holders, str], None], str, timedelta]]
) -> None:
    with undone(database) as session:
        room = Room(session=session, is_sqlite=database.is_sqlite)
        holders = Holders(room=room)
        for act, who, passed in steps:
            room.wait(passed)
            act(holders, who)
            standing = room.read()
            assert holders.alive() == ([] if standing is None else [standing.holder])
    epochs = [epoch for _, epoch in holders.holdings]
    assert epochs == list(range(1, len(epochs) + 1))
