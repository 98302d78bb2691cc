"""Usage is replaced by the hour, exact, and summed without overflow."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.errors import StoreError
from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import LedgerChange, Usage
from firewarden.store import ledger
from firewarden.store.engine import Database
from firewarden.store.totals import read_usage, read_usage_by_day, read_usage_by_hour
from firewarden.store.usage import replace_usage, replace_usages, take_dirty
from tests.store.values import ACCOUNT, HOUR, MINUTE, T0, met, uid_of, undone, usage, usages_of

DAY = timedelta(days=1)
MIDNIGHT = T0.replace(hour=0)
SEARCH, CHAT = uid_of("search"), uid_of("chat")
B200 = "NVIDIA_B200_180GB"


@pytest.fixture
def ledger_of_two(database: Database) -> Database:
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, met("search", "chat"), at=T0)
    return database


def store(database: Database, buckets: dict[tuple[datetime, Uid], list[Usage]]) -> None:
    with database.writing() as session:
        replace_usages(session, buckets)


def total(database: Database, since: datetime, until: datetime) -> tuple[Usage, ...]:
    with database.reading() as session:
        return read_usage(session, ACCOUNT, since=since, until=until)


def mark(database: Database, *hours: tuple[datetime, Uid]) -> None:
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, LedgerChange(dirty=frozenset(hours)), at=T0)


class TestReplacing:
    def test_an_hour_written_again_is_replaced_not_added(self, ledger_of_two: Database) -> None:
        store(ledger_of_two, {(T0, SEARCH): [usage(gpu_ms=500)]})
        store(ledger_of_two, {(T0, SEARCH): [usage(gpu_ms=700)]})
        assert total(ledger_of_two, MIDNIGHT, MIDNIGHT + DAY) == (usage(gpu_ms=700),)
        assert total(ledger_of_two, T0, T0 + HOUR) == (usage(gpu_ms=700),)

    def test_an_hour_that_turned_out_empty_is_gone(self, ledger_of_two: Database) -> None:
        store(ledger_of_two, {(T0, SEARCH): [usage()]})
        store(ledger_of_two, {(T0, SEARCH): []})
        assert total(ledger_of_two, MIDNIGHT, MIDNIGHT + DAY) == ()

    def test_others_and_other_hours_stay(self, ledger_of_two: Database) -> None:
        store(
            ledger_of_two,
            {
                (T0, SEARCH): [usage(gpu_ms=1)],
                (T0, CHAT): [usage("chat", gpu_ms=10)],
                (T0 + HOUR, SEARCH): [usage(gpu_ms=100)],
            },
        )
        with ledger_of_two.writing() as session:
            replace_usage(session, T0, SEARCH, [usage(gpu_ms=2)])
        assert {one.uid: one.gpu_ms for one in total(ledger_of_two, T0, T0 + 2 * HOUR)} == {
            SEARCH: 102,
            CHAT: 10,
        }

    def test_its_mark_goes_with_it(self, ledger_of_two: Database) -> None:
        mark(ledger_of_two, (T0, SEARCH), (T0, CHAT), (T0 + HOUR, SEARCH))
        with ledger_of_two.writing() as session:
            taken = take_dirty(session, ACCOUNT, before=T0 + HOUR, limit=1)
            replace_usages(session, dict.fromkeys(taken, ()))
        assert taken == ((T0, SEARCH),)
        with ledger_of_two.writing() as session:
            left = take_dirty(session, ACCOUNT, before=T0 + DAY, limit=99)
        assert left == ((T0, CHAT), (T0 + HOUR, SEARCH))

    @pytest.mark.parametrize(
        ("before", "count"),
        [
            pytest.param(T0, 0, id="at its start"),
            pytest.param(T0 + MINUTE, 1, id="inside it"),
            pytest.param(T0 + HOUR, 1, id="at its end"),
        ],
    )
    def test_marks_are_taken_of_hours_that_have_begun_before(
        self, ledger_of_two: Database, before: datetime, count: int
    ) -> None:
        mark(ledger_of_two, (T0, SEARCH))
        mark(ledger_of_two, (T0, SEARCH))
        with ledger_of_two.writing() as session:
            assert len(take_dirty(session, ACCOUNT, before=before, limit=9)) == count
            assert take_dirty(session, AccountId("other"), before=before, limit=9) == ()

    def test_a_failed_transaction_leaves_mark_and_usage(self, ledger_of_two: Database) -> None:
        store(ledger_of_two, {(T0, SEARCH): [usage(gpu_ms=1)]})
        mark(ledger_of_two, (T0, SEARCH))
        with undone(ledger_of_two) as session:
            replace_usage(session, T0, SEARCH, [usage(gpu_ms=2)])
        with ledger_of_two.writing() as session:
            assert take_dirty(session, ACCOUNT, before=T0 + HOUR, limit=9) == ((T0, SEARCH),)
        assert total(ledger_of_two, T0, T0 + HOUR) == (usage(gpu_ms=1),)

    @pytest.mark.parametrize(
        ("at", "stored", "complaint"),
        [
            pytest.param(T0 + MINUTE, usage(), "not the start of an hour", id="ragged hour"),
            pytest.param(T0, usage("chat"), "among that of", id="usage of another"),
            pytest.param(T0, replace(usage(), low_ms=2**60), "bounds", id="bounds crossed"),
            pytest.param(T0, replace(usage(), variance=-1), "bounds", id="negative variance"),
            pytest.param(T0, usage(micro_usd=-5), "cannot be negative", id="negative price"),
            pytest.param(
                T0.replace(tzinfo=None), usage(), "no time zone", id="instant without a zone"
            ),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, ledger_of_two: Database, at: datetime, stored: Usage, complaint: str
    ) -> None:
        with pytest.raises(ValueError, match=complaint):
            store(ledger_of_two, {(at, SEARCH): [stored]})

    def test_a_deployment_nobody_met_is_refused(self, database: Database) -> None:
        with pytest.raises(StoreError, match="has never met"):
            store(database, {(T0, SEARCH): [usage()]})


class TestTotals:
    def test_unpriced_is_not_free(self, ledger_of_two: Database) -> None:
        stored = [usage(micro_usd=None, gpu_ms=1), usage(micro_usd=0, gpu_ms=2)]
        store(ledger_of_two, {(T0, SEARCH): stored})
        assert list(total(ledger_of_two, T0, T0 + HOUR)) == stored

    def test_accelerators_and_prices_stand_apart(self, ledger_of_two: Database) -> None:
        stored = [usage(), usage(micro_usd=9_000_000), usage(accelerator=B200)]
        store(ledger_of_two, {(T0, SEARCH): stored, (T0 + HOUR, SEARCH): stored})
        found = total(ledger_of_two, T0, T0 + 2 * HOUR)
        assert sorted(one.gpu_ms for one in found) == [57_600_000] * 3

    def test_sums_that_exceed_64_bits_in_variance_are_exact(self, ledger_of_two: Database) -> None:
        huge = usage(variance=2**80 + 2**32 - 1)
        store(ledger_of_two, {(MIDNIGHT + n * HOUR, SEARCH): [huge] for n in range(30)})
        (found,) = total(ledger_of_two, MIDNIGHT, MIDNIGHT + 30 * HOUR)
        assert found.variance == 30 * huge.variance

    def test_uids_narrow_it(self, ledger_of_two: Database) -> None:
        store(ledger_of_two, {(T0, SEARCH): [usage()], (T0, CHAT): [usage("chat")]})
        with ledger_of_two.reading() as session:
            found = read_usage(session, ACCOUNT, since=T0, until=T0 + HOUR, uids=[CHAT])
            none = read_usage(session, AccountId("other"), since=T0, until=T0 + HOUR)
        assert found == (usage("chat"),)
        assert none == ()

    def test_hours_and_days_are_told_apart(self, ledger_of_two: Database) -> None:
        hours = [MIDNIGHT + 23 * HOUR, MIDNIGHT + DAY, MIDNIGHT + DAY + HOUR]
        store(ledger_of_two, {(at, SEARCH): [usage(gpu_ms=7)] for at in hours})
        since, until = MIDNIGHT + HOUR, MIDNIGHT + DAY + HOUR
        with ledger_of_two.reading() as session:
            by_hour = read_usage_by_hour(session, ACCOUNT, since=since, until=until)
            by_day = read_usage_by_day(session, ACCOUNT, since=since, until=until)
        assert {at: one.gpu_ms for at, (one,) in by_hour.items()} == dict.fromkeys(hours[:2], 7)
        assert {at: one.gpu_ms for at, (one,) in by_day.items()} == {
            MIDNIGHT: 7,
            MIDNIGHT + DAY: 7,
        }

    @given(data=st.data())
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_equal_the_sum_of_what_was_written(
        self, ledger_of_two: Database, data: st.DataObject
    ) -> None:
        hours = data.draw(st.lists(st.integers(0, 80), unique=True, max_size=8))
        written = {
            (MIDNIGHT + hour * HOUR, uid): data.draw(
                st.lists(usages_of(uid), max_size=3, unique_by=line_of)
            )
            for hour in hours
            for uid in (SEARCH, CHAT)
        }
        first = data.draw(st.integers(0, 80))
        last = data.draw(st.integers(first, 81))
        since, until = MIDNIGHT + first * HOUR, MIDNIGHT + last * HOUR
        with undone(ledger_of_two) as session:
            replace_usages(session, written)
            found = read_usage(session, ACCOUNT, since=since, until=until)
            by_hour = read_usage_by_hour(session, ACCOUNT, since=since, until=until)
        inside = {at: usages for at, usages in written.items() if since <= at[0] < until}
        assert {line_of(one): figures(one) for one in found} == summed(inside)
        assert {one for hour in by_hour.values() for one in hour} == {
            one for usages in inside.values() for one in usages
        }


Line = tuple[str, str, int | None]


def line_of(one: Usage) -> Line:
    return one.uid, one.accelerator_type, one.micro_usd_per_gpu_hour


def figures(one: Usage) -> list[int]:
    return [
        one.gpu_ms,
        one.low_ms,
        one.high_ms,
        one.variance,
        one.idle_ms,
        one.unknown_ms,
        one.gap_ms,
        one.starting_ms,
    ]


def summed(buckets: dict[tuple[datetime, Uid], list[Usage]]) -> dict[Line, list[int]]:
    sums: dict[Line, list[int]] = defaultdict(lambda: [0] * 8)
    for usages in buckets.values():
        for one in usages:
            sums[line_of(one)] = [
                a + b for a, b in zip(sums[line_of(one)], figures(one), strict=True)
            ]
    return dict(sums)
