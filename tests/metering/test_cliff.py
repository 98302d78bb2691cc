"""When a limit of the provider's is reached, or a credit is gone."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import hypot, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.metering.cliff import Cliff, cliff_of
from firewarden.metering.forecast import forecast_of
from firewarden.metering.instants import HOUR
from tests.metering.spends import DAY, MONDAY, a_pattern, office, spend

END = MONDAY + 2 * DAY
STEADY = a_pattern(spend(10))
UNSURE = replace(STEADY, spread=0.35)
OFFICE = a_pattern(spend(office))


def at(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("spent", "limit", "reached"),
    [
        pytest.param(100, 200, at(10), id="at the end of an hour"),
        pytest.param(100, 205, at(10.5), id="in the midst of one"),
        pytest.param(100, 580, END, id="when the time is over"),
        pytest.param(100, 581, None, id="not within it"),
        pytest.param(100, 100, MONDAY, id="reached already"),
        pytest.param(101, 100, MONDAY, id="passed already"),
        pytest.param(0, 20, at(2), id="a credit of which nothing is used"),
    ],
)
def test_a_sure_pace_reaches_it_at_one_instant(
    spent: int, limit: int, reached: datetime | None
) -> None:
    cliff = cliff_of(STEADY, spent=Decimal(spent), limit=Decimal(limit), until=END)

    assert cliff == Cliff(at=reached, earliest=reached, latest=reached, is_priced=True)


def test_an_unsure_pace_reaches_it_early_or_late_or_never() -> None:
    soon, late = (
        cliff_of(UNSURE, spent=Decimal(0), limit=Decimal(limit), until=END) for limit in (100, 450)
    )

    assert soon.at == at(10)
    assert soon.earliest is not None
    assert soon.latest is not None
    assert at(5) < soon.earliest < at(9)
    assert at(11) < soon.latest < END
    assert late.at == at(45)
    assert late.earliest is not None
    assert late.latest is None


def test_an_end_of_the_interval_is_found_within_its_hour() -> None:
    cliff = cliff_of(UNSURE, spent=Decimal(0), limit=Decimal(5), until=END)

    sigma = 0.35 * hypot(10 / sqrt(7), 10)
    assert cliff.earliest is not None
    assert (cliff.earliest - MONDAY) / HOUR == pytest.approx(5 / (10 + 1.96 * sigma))


def test_only_the_unlikely_may_be_within_the_time() -> None:
    cliff = cliff_of(UNSURE, spent=Decimal(0), limit=Decimal(600), until=END)

    assert (cliff.at, cliff.latest) == (None, None)
    assert cliff.earliest is not None


def test_what_has_no_price_is_said() -> None:
    unpriced = replace(STEADY, is_priced=False)

    for limit in (1, 100, 10_000):
        assert not cliff_of(unpriced, spent=Decimal(5), limit=Decimal(limit), until=END).is_priced


@settings(max_examples=15)
@given(limit=st.integers(1, 900), spread=st.floats(0, 1))
def test_it_is_where_the_forecast_says(limit: int, spread: float) -> None:
    pattern = replace(OFFICE, spread=spread)

    cliff = cliff_of(pattern, spent=Decimal(0), limit=Decimal(limit), until=MONDAY + 7 * DAY)

    late = MONDAY + 8 * DAY
    assert (cliff.earliest or late) <= (cliff.at or late) <= (cliff.latest or late)
    if cliff.at is not None:
        forecast = forecast_of(pattern, spent=Decimal(0), until=cliff.at)
        assert float(forecast.usd) == pytest.approx(limit, abs=1e-3)


def test_the_clock_put_forward_is_no_hour_of_spend() -> None:
    before = datetime(2026, 3, 29, tzinfo=MONDAY.tzinfo)  # 23 hours
    pattern = a_pattern(spend(10, until=before), now=before)

    cliff = cliff_of(pattern, spent=Decimal(0), limit=Decimal(30), until=before + DAY)

    assert cliff.at == before.replace(hour=1) + 3 * HOUR == before.replace(hour=4)
