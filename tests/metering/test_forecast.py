"""The end of a window: what is expected, how sure it is, how probable a limit is to be passed."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.metering.forecast import Forecast, forecast_of, if_nothing_changes
from tests.metering.spends import DAY, MONDAY, a_pattern, office, spend

a_few = settings(max_examples=8)
many = settings(max_examples=40)
some_usd = st.decimals(min_value=0, max_value=10**6, places=2)


def noisy(local: datetime) -> float:
    return office(local) * (0.6, 1.2, 0.9, 1.4, 1.0)[local.date().toordinal() % 5]


def a_forecast(**changes: object) -> Forecast:
    steady = Forecast(
        spent_usd=Decimal(400),
        usd=Decimal(1000),
        sigma_usd=Decimal(100),
        days=28,
        unwatched_hours=0,
        is_priced=True,
    )
    return replace(steady, **changes)  # type: ignore[arg-type]  # any field


def test_what_is_to_come_is_added_to_what_is_spent() -> None:
    rows = [*spend(10)[:-3], *(replace(row, is_priced=False) for row in spend(10)[-2:])]

    forecast = forecast_of(a_pattern(rows), spent=Decimal("12.34"), until=MONDAY + 2 * DAY)

    assert (forecast.usd, forecast.sigma_usd) == (Decimal("492.34"), Decimal(0))
    assert (forecast.days, forecast.unwatched_hours, forecast.is_priced) == (28, 1, False)


def test_at_the_end_of_the_window_nothing_is_to_come() -> None:
    forecast = forecast_of(a_pattern(spend(noisy)), spent=Decimal(7), until=MONDAY)

    assert forecast.usd_interval == (Decimal(7), Decimal(7))


def test_the_interval_is_of_95_percent_and_never_below_what_is_spent() -> None:
    assert a_forecast().usd_interval == (Decimal(804), Decimal(1196))
    assert a_forecast(spent_usd=Decimal(900)).usd_interval == (Decimal(900), Decimal(1196))


@pytest.mark.parametrize(
    ("changes", "limit", "probability"),
    [
        pytest.param({}, 1000, 0.5, id="the expected end"),
        pytest.param({}, 1196, 0.025, id="the upper end of the interval"),
        pytest.param({}, 804, 0.975, id="the lower end"),
        pytest.param({}, 399, 1.0, id="more is spent"),
        pytest.param({"spent_usd": Decimal(1000)}, 1000, 0.5, id="as much is spent"),
        pytest.param({"sigma_usd": Decimal(0)}, 999, 1.0, id="surely above"),
        pytest.param({"sigma_usd": Decimal(0)}, 1000, 0.0, id="surely not above"),
    ],
)
def test_how_probable_it_is_to_end_above_a_limit(
    changes: dict[str, Decimal], limit: int, probability: float
) -> None:
    found = a_forecast(**changes).probability_above(Decimal(limit))

    assert found == pytest.approx(probability, abs=1e-4)


@a_few
@given(spent=some_usd, limit=some_usd, doublings=st.integers(-4, 8))
def test_probabilities_do_not_depend_on_the_unit(
    spent: Decimal, limit: Decimal, doublings: int
) -> None:
    until, times = MONDAY + 9 * DAY, Decimal(2) ** doublings
    rows = spend(noisy, days=15)
    scaled = [replace(row, usd=row.usd * times) for row in rows if row.usd is not None]

    one = forecast_of(a_pattern(rows), spent=spent, until=until)
    other = forecast_of(a_pattern(scaled), spent=spent * times, until=until)

    expected = one.probability_above(limit)
    assert other.probability_above(limit * times) == pytest.approx(expected, abs=1e-5)


PATTERN = a_pattern(spend(noisy))


@many
@given(spent=some_usd, more=some_usd, limit=some_usd)
def test_more_spend_never_makes_a_limit_safer(
    spent: Decimal, more: Decimal, limit: Decimal
) -> None:
    until = MONDAY + DAY

    before, after = (
        forecast_of(PATTERN, spent=usd, until=until).probability_above(limit)
        for usd in (spent, spent + more)
    )

    assert before <= after


@many
@given(limit=some_usd, more=some_usd)
def test_a_higher_limit_is_never_passed_sooner(limit: Decimal, more: Decimal) -> None:
    forecast = forecast_of(PATTERN, spent=Decimal(50), until=MONDAY + DAY)

    assert forecast.probability_above(limit) >= forecast.probability_above(limit + more)


def test_if_nothing_changes_the_burn_rate_goes_on() -> None:
    end = if_nothing_changes(
        spent=Decimal(100), usd_per_hour=Decimal(64), left=timedelta(hours=2, minutes=15)
    )

    assert end == 244
