"""What people hear of a day's bill: one line that says what, how much, why and what to do."""

from dataclasses import replace
from datetime import date

import pytest

from firewarden.app.bill_words import of_day, of_prices, past
from firewarden.metering.implied import PriceCheck
from firewarden.metering.totals import Totals
from firewarden.metering.trueup import Judged, Row
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.trueup import Cause, DayState, RowState
from firewarden.model.vocabulary import Severity
from tests.support.clock import NOW

ACME = AccountId("acme")
DAY = date(2026, 11, 3)
H100 = "NVIDIA_H100_80GB"
ROW = Row(
    name="chat",
    accelerator_type=H100,
    metered=Totals(gpu_ms=7_200_000),
    billed_ms=3_600_000,
    state=RowState.DISPUTED,
    cause=Cause.RESERVATION,
    difference_micro_usd=-8_000_000,
    is_told=True,
)


def said(*rows: Row, state: DayState = DayState.DISPUTED) -> list[Notice]:
    return list(of_day(ACME, DAY, Judged(state=state, rows=rows), revision=2, at=NOW))


def raised(*rows: Row) -> list[Notice]:
    return [each for each in said(*rows) if not each.resolved]


def test_a_dispute_says_both_numbers_why_and_the_command() -> None:
    (notice,) = raised(ROW)

    assert (notice.kind, notice.severity, notice.once) == ("bill.disputed", Severity.WARN, False)
    assert notice.text == (
        "acme: 2026-11-03, chat: 1.00 GPU-h billed, 2.00 metered (-1.00 GPU-h, -8.00 USD); likely"
        " a reservation or a credit that is invoiced apart; our figure stands: compare it with the"
        " invoice, and take the bill's by `firewarden trueup accept 2026-11-03 --reason TEXT`"
    )
    assert notice.facts == {
        "day": "2026-11-03",
        "cause": "reservation",
        "deployments": "chat",
        "billed_gpu_seconds": "3600",
        "metered_gpu_seconds": "7200",
        "difference_usd": "-8.00",
    }


def test_each_cause_of_a_day_is_told_once() -> None:
    rows = [replace(ROW, name=name) for name in ("a", "b", "c", "d", "e")]
    gap = replace(ROW, name="f", cause=Cause.GAP, difference_micro_usd=None)

    first, second = raised(*rows, gap)

    assert "unpriced" in first.text
    assert "a, b, c and 2 more" not in first.text
    assert "e, d, c and 2 more" in second.text


def test_what_is_adjusted_is_an_event_of_this_answer() -> None:
    (notice,) = raised(replace(ROW, state=RowState.ADJUSTED, cause=Cause.RULE))

    assert (notice.kind, notice.severity, notice.once) == ("bill.adjusted", Severity.INFO, True)
    assert notice.key == "bill.adjusted:acme:2026-11-03:rule:2"


def test_what_nobody_metered_is_counted_and_told() -> None:
    (notice,) = raised(replace(ROW, state=RowState.UNATTRIBUTED, cause=Cause.RULE))

    assert (notice.kind, notice.severity) == ("bill.unattributed", Severity.WARN)
    assert "counted as billed" in notice.text


def test_a_day_that_agrees_ends_all_that_it_was_told_for() -> None:
    before = {each.key for each in raised(ROW)}
    after = said(replace(ROW, is_told=False, state=RowState.EQUAL), state=DayState.SETTLED)

    assert before <= {each.key for each in after if each.resolved}
    assert all(each.resolved for each in after)


@pytest.mark.parametrize(
    ("first", "is_over"),
    [
        pytest.param(DAY, False, id="its bill is still read"),
        pytest.param(date(2026, 11, 4), True, id="no more"),
    ],
)
def test_a_day_whose_bill_is_read_no_more_is_over(first: date, *, is_over: bool) -> None:
    firing = [*raised(ROW), replace(raised(ROW)[0], kind="meter.gap", facts={})]

    assert len(past(ACME, firing, first=first, at=NOW)) == is_over


OFF = PriceCheck(accelerator_type=H100, implied_micro_usd=9_500_000, own_micro_usd=8_000_000)


def test_a_price_that_is_off_says_both_and_where_to_set_it() -> None:
    (notice,) = of_prices(ACME, DAY, [OFF], at=NOW)

    assert (notice.kind, notice.key) == ("bill.price", f"bill.price:acme:{H100}")
    assert "9.5000 USD per GPU-hour" in notice.text
    assert "+18.8 %" in notice.text
    assert "`prices`" in notice.text


@pytest.mark.parametrize(
    ("own", "told"),
    [
        pytest.param(9_500_000, [True], id="the same: it is over"),
        pytest.param(None, [], id="unknown: nothing is said"),
    ],
)
def test_a_price_is_over_only_by_one_that_agrees(own: int | None, told: list[bool]) -> None:
    prices = [replace(OFF, own_micro_usd=own)]

    assert [each.resolved for each in of_prices(ACME, DAY, prices, at=NOW)] == told
