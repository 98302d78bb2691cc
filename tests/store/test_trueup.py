"""Answers of the bill, days judged and adjustments: what is written once, and what follows it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from firewarden.metering.billed import Answer, Standing, stand
from firewarden.metering.implied import PriceCheck
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.trueup import (
    Adjustment,
    BilledMoney,
    Cause,
    DayState,
    Money,
    RowState,
)
from firewarden.model.usage import BilledDay
from firewarden.store import accepted, bill, schema, trueup
from firewarden.store.accepted import Acceptance, Checked
from firewarden.store.engine import Database
from firewarden.store.trueup import Adjusted, Verdict
from tests.store.values import ACCOUNT, HOUR, T0, TEXTS, undone

OTHER = AccountId("other")
H100 = "NVIDIA_H100_80GB"
DAY = date(2026, 10, 25)
NEXT = DAY + timedelta(days=1)
RANGE = [DAY, NEXT]
ROW = Adjusted(
    day=DAY,
    timezone="Europe/Berlin",
    deployment_id=DeploymentId("chat"),
    accelerator_type=H100,
    base_model="accounts/fireworks/models/llama",
    revision=2,
    state=RowState.ADJUSTED,
    cause=Cause.RULE,
    adjustment=Adjustment(
        gpu_ms=-400,
        low_ms=0,
        high_ms=-900,
        money=Money(micro_usd=-888, low_micro_usd=0, high_micro_usd=-2_000),
    ),
)
NOTHING = replace(ROW, state=RowState.EQUAL, cause=Cause.NONE, adjustment=Adjustment())
ONE = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answer(database: Database, *seconds: int, hours: float) -> None:
    """Let the provider say so many seconds of chat, on each of the days."""
    at = T0 + hours * HOUR
    billed = [
        BilledDay(
            account=ACCOUNT,
            day=day,
            timezone="Europe/Berlin",
            deployment_id=DeploymentId("chat"),
            accelerator_type=H100,
            gpu_seconds=each,
        )
        for day, each in zip(RANGE, seconds, strict=False)
    ]
    with database.writing() as session:
        revised = bill.record_bill(session, ACCOUNT, billed, first=DAY, last=NEXT, at=at)
        trueup.record_answers(
            session, ACCOUNT, RANGE, changed=revised.days, timezone="Europe/Berlin", at=at
        )


def standing(database: Database) -> dict[date, Standing]:
    with database.reading() as session:
        found = trueup.read_answers(session, ACCOUNT, first=DAY, last=NEXT)
        assert trueup.read_answers(session, OTHER, first=DAY, last=NEXT) == {}
    return {day: each.standing for day, each in found.items()}


def at(revision: int, first: float, last: float) -> Standing:
    return Standing(revision=revision, first_at=T0 + first * HOUR, last_at=T0 + last * HOUR)


class TestAnswers:
    def test_stand_from_their_first_time_on_until_there_is_another(
        self, database: Database
    ) -> None:
        answer(database, 5, 6, hours=0)
        answer(database, 5, 6, hours=24)
        answer(database, 5, 7, hours=25)
        assert standing(database) == {DAY: at(1, 0, 25), NEXT: at(2, 25, 25)}

    def test_that_name_nothing_any_more_are_other_answers(self, database: Database) -> None:
        answer(database, 5, hours=0)
        answer(database, hours=1)
        assert standing(database) == {DAY: at(2, 1, 1), NEXT: at(1, 0, 1)}

    def test_from_before_the_newest_age_nothing(self, database: Database) -> None:
        answer(database, 5, hours=3)
        answer(database, 5, hours=1)
        assert standing(database)[DAY] == at(1, 3, 3)

    @given(said=st.lists(st.integers(0, 2), min_size=1, max_size=6))
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_stand_as_the_core_says_that_they_do(
        self, database: Database, said: Sequence[int]
    ) -> None:
        with undone(database) as session:
            for hours, seconds in enumerate(said):
                row = BilledDay(
                    account=ACCOUNT,
                    day=DAY,
                    timezone="UTC",
                    deployment_id=DeploymentId("chat"),
                    accelerator_type=H100,
                    gpu_seconds=seconds,
                )
                then = T0 + hours * HOUR
                revised = bill.record_bill(session, ACCOUNT, [row], first=DAY, last=DAY, at=then)
                trueup.record_answers(
                    session, ACCOUNT, [DAY], changed=revised.days, timezone="UTC", at=then
                )
            found = trueup.read_answers(session, ACCOUNT, first=DAY, last=DAY)[DAY].standing
        assert found == stand(
            Answer(answered_at=T0 + hours * HOUR, seconds={("chat", H100): seconds})
            for hours, seconds in enumerate(said)
        )


def adjust(database: Database, *rows: Adjusted) -> int:
    with database.writing() as session:
        return trueup.record_adjustments(session, ACCOUNT, DAY, rows, at=T0)


def adjusted(database: Database) -> tuple[Adjusted, ...]:
    with database.reading() as session:
        assert trueup.read_adjustments(session, OTHER, first=DAY, last=DAY) == ()
        assert trueup.read_adjustments(session, ACCOUNT, first=NEXT, last=NEXT) == ()
        return trueup.read_adjustments(session, ACCOUNT, first=DAY, last=DAY)


class TestAdjustments:
    def test_are_written_once(self, database: Database) -> None:
        assert adjust(database, ROW) == 1
        assert adjust(database, ROW) == 0
        assert adjust(database, replace(ROW, revision=3)) == 0, "the same by another answer"
        assert adjusted(database) == (ROW,)

    def test_are_followed_never_changed(self, database: Database) -> None:
        other = replace(ROW, revision=3, adjustment=Adjustment(gpu_ms=7, money=None))
        adjust(database, ROW)
        assert adjust(database, other) == 1
        assert adjusted(database) == (other,)
        with database.reading() as session:
            stored = session.execute(trueup.ADJUSTMENT.select()).mappings().all()
        assert [row["gpu_ms"] for row in stored] == [-400, 7]

    def test_that_are_not_wanted_any_more_are_followed_by_nothing(self, database: Database) -> None:
        adjust(database, ROW, replace(ROW, deployment_id=DeploymentId("eval")))
        assert adjust(database, ROW) == 1
        assert adjusted(database) == (ROW,)
        assert adjust(database) == 1
        assert adjusted(database) == ()

    def test_that_say_nothing_are_not_written(self, database: Database) -> None:
        assert adjust(database, NOTHING) == 0

    def test_of_nothing_are_kept_where_both_numbers_stand(self, database: Database) -> None:
        disputed = replace(NOTHING, state=RowState.DISPUTED, cause=Cause.RESERVATION)
        assert adjust(database, disputed) == 1
        assert adjusted(database) == (disputed,)

    @given(
        row=st.builds(
            Adjusted,
            day=st.just(DAY),
            timezone=TEXTS,
            deployment_id=TEXTS.map(DeploymentId),
            accelerator_type=TEXTS,
            base_model=TEXTS,
            revision=st.integers(1, 9),
            state=st.sampled_from([RowState.ADJUSTED, RowState.UNATTRIBUTED]),
            cause=st.sampled_from(Cause),
            adjustment=st.builds(
                Adjustment,
                gpu_ms=st.integers(-(2**60), 2**60),
                low_ms=st.integers(-(2**60), 2**60),
                high_ms=st.integers(-(2**60), 2**60),
                money=st.none() | st.builds(Money, micro_usd=st.integers(-(2**60), 2**60)),
            ),
            accepted_by=TEXTS,
        )
    )
    @ONE
    def test_are_read_back_as_they_were_written(self, database: Database, row: Adjusted) -> None:
        with undone(database) as session:
            trueup.record_adjustments(session, ACCOUNT, DAY, [row], at=T0)
            assert trueup.read_adjustments(session, ACCOUNT, first=DAY, last=DAY) == (row,)


class TestVerdicts:
    VERDICT = Verdict(
        day=DAY, timezone="Europe/Berlin", revision=1, state=DayState.DISPUTED, judged_at=T0
    )

    def read(self, database: Database) -> Verdict:
        with database.reading() as session:
            return trueup.read_verdicts(session, ACCOUNT, first=DAY, last=NEXT)[DAY]

    def test_are_how_a_day_stands_now(self, database: Database) -> None:
        newer = replace(self.VERDICT, revision=2, state=DayState.ADJUSTED)
        with database.writing() as session:
            trueup.lock_books(session, ACCOUNT)
            trueup.write_verdict(session, ACCOUNT, self.VERDICT)
            trueup.write_verdict(session, ACCOUNT, newer)
        assert self.read(database) == newer

    @pytest.mark.parametrize(
        ("hours", "stale"),
        [
            pytest.param(-33, True, id="the day before, where zones are behind"),
            pytest.param(0, True, id="that day"),
            pytest.param(80, False, id="days later"),
        ],
    )
    def test_are_stale_once_an_hour_of_theirs_is_metered_again(
        self, database: Database, hours: int, *, stale: bool
    ) -> None:
        noon = T0.replace(year=DAY.year, month=DAY.month, day=DAY.day, hour=12)
        with database.writing() as session:
            trueup.write_verdict(session, ACCOUNT, self.VERDICT)
            trueup.mark_stale(session, ACCOUNT, [])
            trueup.mark_stale(session, ACCOUNT, [noon + hours * HOUR])
        assert self.read(database).stale is stale


def test_an_acceptance_is_of_one_answer_and_the_newest_counts(database: Database) -> None:
    first = Acceptance(day=DAY, revision=1, actor="cli:ada@here", reason="ours", accepted_at=T0)
    second = replace(first, revision=2, actor="cli:linus@here")
    with database.writing() as session:
        for each in (first, second):
            accepted.record_acceptance(session, ACCOUNT, each)
        found = accepted.read_acceptances(session, ACCOUNT, first=DAY, last=NEXT)
        assert accepted.read_acceptances(session, OTHER, first=DAY, last=NEXT) == {}
    assert found == {DAY: second}


def test_the_dollars_of_a_day_are_kept_beside_our_price(database: Database) -> None:
    billed = BilledMoney(accelerator_type=H100, gpu_ms=7_200_000, micro_usd=18_000_000)
    with database.writing() as session:
        for revision, rows in ((1, []), (2, [billed])):
            accepted.record_billed_money(
                session, ACCOUNT, DAY, rows, revision=revision, own={H100: 8_000_000}
            )
        accepted.record_billed_money(session, ACCOUNT, NEXT, [], revision=1, own={})
        found = accepted.read_prices_checked(session, ACCOUNT, first=DAY, last=NEXT)
    price = PriceCheck(accelerator_type=H100, implied_micro_usd=9_000_000, own_micro_usd=8_000_000)
    assert found == {
        DAY: Checked(revision=2, prices=(price,)),
        NEXT: Checked(revision=1, prices=()),
    }


NEW_TABLES = (
    "bill_answer",
    "trueup_day",
    "adjustment",
    "acceptance",
    "billed_money",
    "budget_version",
    "removed_letters",
)


def test_a_ledger_from_before_keeps_its_bill_and_waits_for_two_more_answers(
    database: Database,
) -> None:
    with database.writing() as session:
        row = BilledDay(
            account=ACCOUNT,
            day=DAY,
            timezone="Europe/Berlin",
            deployment_id=DeploymentId("chat"),
            accelerator_type=H100,
            gpu_seconds=5,
        )
        bill.record_bill(session, ACCOUNT, [row], first=DAY, last=DAY, at=T0 - 90 * HOUR)
        for name in NEW_TABLES:
            session.execute(text(f"DROP TABLE {name}"))
        session.execute(text("UPDATE firewarden_revision SET version_num = '0003'"))

    schema.upgrade(database)
    answer(database, 5, hours=0)

    assert schema.check(database) == ()
    assert standing(database)[DAY] == at(1, 0, 0)
