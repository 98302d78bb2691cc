"""Prices and the bill keep what was said before."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.price import Price, PriceSource
from firewarden.model.usage import BilledDay
from firewarden.store import bill, prices
from firewarden.store.bill import Backfilled
from firewarden.store.engine import Database
from firewarden.store.prices import PriceChange
from tests.store.values import ACCOUNT, HOUR, T0, TEXTS, WHOLE_MS, undone

OTHER = AccountId("other")
PLAN = PriceSource.PRICING_PLAN
H100 = Price(accelerator_type="NVIDIA_H100_80GB", micro_usd_per_gpu_hour=7_000_000, source=PLAN)
B200 = replace(H100, accelerator_type="NVIDIA_B200_180GB", valid_from=T0)
DEARER = replace(H100, micro_usd_per_gpu_hour=8_000_000)
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
ROW = BilledDay(
    account=ACCOUNT,
    day=date(2026, 10, 25),
    timezone="Europe/Berlin",
    deployment_id=DeploymentId("search"),
    accelerator_type="NVIDIA_H100_80GB",
    gpu_seconds=90_000 * 8,
    base_model="accounts/fireworks/models/llama",
)
ONE = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def learn(
    database: Database, *known: Price, hours: int = 0, source: PriceSource = PLAN
) -> tuple[PriceChange, ...]:
    with database.writing() as session:
        at = T0 + hours * HOUR
        return prices.record_prices(session, ACCOUNT, known, sources=[source], at=at)


class TestPrices:
    def test_tell_what_changed_and_nothing_when_nothing_did(self, database: Database) -> None:
        assert learn(database, H100, B200) == (
            PriceChange(before=None, after=H100),
            PriceChange(before=None, after=B200),
        )
        assert learn(database, B200, H100, hours=1) == ()
        assert learn(database, DEARER, hours=2) == (
            PriceChange(before=H100, after=DEARER),
            PriceChange(before=B200, after=None),
        )

    def test_stay_readable_as_they_were_known(self, database: Database) -> None:
        learn(database, H100)
        learn(database, DEARER, hours=2)
        with database.reading() as session:
            known = {
                hours: prices.read_prices(session, ACCOUNT, as_of=T0 + hours * HOUR)
                for hours in (-1, 0, 1, 2)
            }
            now = prices.read_prices(session, ACCOUNT)
            others = prices.read_prices(session, OTHER)
        assert known == {-1: (), 0: (H100,), 1: (H100,), 2: (DEARER,)}
        assert now == (DEARER,)
        assert others == ()

    def test_of_other_sources_stay(self, database: Database) -> None:
        configured = replace(H100, source=PriceSource.CONFIGURED)
        learn(database, configured, source=PriceSource.CONFIGURED)
        learn(database, H100)
        assert learn(database) == (PriceChange(before=H100, after=None),)
        with database.reading() as session:
            assert prices.read_prices(session, ACCOUNT) == (configured,)

    @given(
        price=st.builds(
            Price,
            accelerator_type=TEXTS,
            micro_usd_per_gpu_hour=st.integers(0, 2**60),
            source=st.just(PLAN),
            valid_from=st.none() | WHOLE_MS,
            valid_to=st.none() | WHOLE_MS,
            plan=TEXTS,
            placement=TEXTS,
        )
    )
    @ONE
    def test_are_read_back_as_they_were_written(self, database: Database, price: Price) -> None:
        with undone(database) as session:
            prices.record_prices(session, ACCOUNT, [price], sources=[PLAN], at=T0)
            read = prices.read_prices(session, ACCOUNT)
        assert read == (price,)


def answer(database: Database, *rows: BilledDay, hours: int = 0) -> int:
    with database.writing() as session:
        at = T0 + hours * HOUR
        return bill.record_bill(session, ACCOUNT, rows, first=FIRST, last=LAST, at=at).row_count


def newest(database: Database) -> list[tuple[BilledDay, int]]:
    with database.reading() as session:
        return [
            (one.billed, one.revision)
            for one in bill.read_bill(session, ACCOUNT, first=FIRST, last=LAST)
        ]


class TestTheBill:
    def test_adds_a_revision_where_the_answer_changed(self, database: Database) -> None:
        corrected = replace(ROW, gpu_seconds=1)
        assert answer(database, ROW) == 1
        assert answer(database, ROW, hours=1) == 0
        assert answer(database, corrected, hours=2) == 1
        assert answer(database, corrected, hours=3) == 0
        assert newest(database) == [(corrected, 2)]

    def test_says_0_of_what_was_there_and_is_not_now(self, database: Database) -> None:
        answer(database, ROW)
        assert answer(database) == 1
        assert answer(database) == 0
        assert newest(database) == [(replace(ROW, gpu_seconds=0), 2)]

    def test_concludes_nothing_of_days_that_were_not_asked_for(self, database: Database) -> None:
        answer(database, ROW)
        with database.writing() as session:
            tomorrow = ROW.day + timedelta(days=1)
            bill.record_bill(session, ACCOUNT, [], first=tomorrow, last=LAST, at=T0)
        assert newest(database) == [(ROW, 1)]

    def test_sums_rows_for_one_thing(self, database: Database) -> None:
        assert answer(database, ROW, replace(ROW, gpu_seconds=5)) == 1
        assert newest(database) == [(replace(ROW, gpu_seconds=ROW.gpu_seconds + 5), 1)]

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param({"timezone": "UTC"}, id="the day of another zone"),
            pytest.param({"placement": "US"}, id="another placement"),
            pytest.param({"deployment_id": DeploymentId("chat")}, id="another deployment"),
            pytest.param({"accelerator_type": "B200"}, id="another accelerator"),
            pytest.param({"base_model": "m"}, id="another model"),
        ],
    )
    def test_keeps_apart(self, database: Database, other: dict[str, str]) -> None:
        different = replace(ROW, **other)  # type: ignore[arg-type]  # any field of text
        assert answer(database, ROW, different) == 2
        assert {row for row, _ in newest(database)} == {ROW, different}


class TestBackfill:
    def test_is_stored_once_with_the_price_of_that_day(self, database: Database) -> None:
        days = [
            Backfilled(billed=ROW, micro_usd_per_gpu_hour=7_000_000),
            Backfilled(billed=replace(ROW, day=LAST), micro_usd_per_gpu_hour=None),
        ]
        for price in (7_000_000, 9_000_000):
            first = replace(days[0], micro_usd_per_gpu_hour=price)
            with database.writing() as session:
                bill.record_backfill(session, ACCOUNT, [first, days[1]])
        with database.reading() as session:
            stored = bill.read_backfill(session, ACCOUNT, first=FIRST, last=LAST)
            others = bill.read_backfill(session, OTHER, first=FIRST, last=LAST)
            earlier = bill.read_backfill(session, ACCOUNT, first=FIRST, last=ROW.day)
        assert stored == tuple(days)
        assert others == ()
        assert earlier == (days[0],)

    @given(data=st.data())
    @ONE
    def test_is_read_back_as_it_was_written(self, database: Database, data: st.DataObject) -> None:
        drawn = data.draw(
            st.builds(
                BilledDay,
                account=st.just(ACCOUNT),
                day=st.dates(FIRST, LAST),
                timezone=TEXTS,
                deployment_id=TEXTS.map(DeploymentId),
                accelerator_type=TEXTS,
                gpu_seconds=st.integers(0, 2**60),
                base_model=TEXTS,
                placement=TEXTS,
            )
        )
        days = (
            Backfilled(
                billed=drawn, micro_usd_per_gpu_hour=data.draw(st.none() | st.integers(0, 2**60))
            ),
        )
        with undone(database) as session:
            bill.record_backfill(session, ACCOUNT, days)
            bill.record_bill(session, ACCOUNT, [drawn], first=FIRST, last=LAST, at=T0)
            stored = bill.read_backfill(session, ACCOUNT, first=FIRST, last=LAST)
            answers = bill.read_bill(session, ACCOUNT, first=FIRST, last=LAST)
        assert stored == days
        assert [one.billed for one in answers] == [drawn]
