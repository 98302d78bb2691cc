"""Today against the same hours of the week before, with the numbers it rests on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.metering.anomaly import Compared, Usual, compare_with_usual
from firewarden.metering.instants import HOUR, floor_hour
from firewarden.metering.spending import SpentHour
from tests.metering.spends import BERLIN, DAY, MONDAY, ZONES, office, spend

WEEK = 7 * DAY
DAYS = 57


def compared(rows: list[SpentHour], now: datetime = MONDAY) -> tuple[Compared, ...]:
    return compare_with_usual(rows, now=now, zone=BERLIN)


def a_day(rows: list[SpentHour]) -> Compared:
    return compared(rows)[0]


def by_week(*usd_per_hour: float) -> list[SpentHour]:
    """Rows of which each week, the newest first, costs so much an hour; the last stays."""

    def usd(at: datetime) -> float:
        return usd_per_hour[min((MONDAY.date() - at.date()).days // 7, len(usd_per_hour) - 1)]

    return spend(usd, days=DAYS)


def test_it_says_the_numbers_it_rests_on() -> None:
    rows = spend(lambda at: 30 if at >= MONDAY - 3 * HOUR else 10, days=DAYS)

    day, hours = compared(rows)

    usual = Usual(weeks=8, median_usd=Decimal(240), mad_usd=Decimal(0))
    assert day == Compared(
        since=MONDAY - DAY, until=MONDAY, usd=Decimal(300), usual=usual,
        unwatched_hours=0, is_priced=True,
    )  # fmt: skip
    assert (day.is_anomaly, usual.threshold_usd) == (False, Decimal(312))
    assert (hours.since, hours.until, hours.usd) == (MONDAY - 6 * HOUR, MONDAY, Decimal(120))
    assert hours.usual == Usual(weeks=8, median_usd=Decimal(60), mad_usd=Decimal(0))
    assert hours.is_anomaly is True


@pytest.mark.parametrize(
    ("usual", "threshold"),
    [
        pytest.param((100, 10), 140, id="4 median deviations"),
        pytest.param((100, 1), 130, id="30 percent"),
        pytest.param((10, 1), 30, id="20 USD"),
        pytest.param((0, 0), 20, id="20 USD above nothing"),
    ],
)
def test_the_highest_gate_counts(usual: tuple[int, int], threshold: int) -> None:
    middle, mad = map(Decimal, usual)

    assert Usual(weeks=8, median_usd=middle, mad_usd=mad).threshold_usd == threshold


@pytest.mark.parametrize(
    ("usd", "is_anomaly"),
    [
        pytest.param("312", False, id="at the threshold"),
        pytest.param("312.000001", True, id="just above"),
        pytest.param("0", False, id="nothing is never an anomaly"),
    ],
)
def test_above_the_threshold_it_is_one(usd: str, *, is_anomaly: bool) -> None:
    newest, *rest = spend(10, days=DAYS)
    rows = [replace(newest, usd=Decimal(usd)), *rest]
    rows = [replace(row, usd=Decimal(0)) if row in rest[:23] else row for row in rows]

    assert a_day(rows).is_anomaly is is_anomaly


def test_the_deviations_are_those_between_weeks() -> None:
    day = a_day(by_week(10, 4, 8, 10, 12, 16, 10, 10, 10))

    assert day.usual == Usual(weeks=8, median_usd=Decimal(240), mad_usd=Decimal(24))


@pytest.mark.parametrize(
    ("changes", "is_anomaly"),
    [
        pytest.param({}, False, id="all known"),
        pytest.param({"usd": None}, None, id="an hour nobody watched may have cost anything"),
        pytest.param({"is_priced": False}, None, id="so may what has no price"),
    ],
)
def test_what_is_not_known_is_never_called_calm(
    changes: dict[str, object], *, is_anomaly: bool | None
) -> None:
    newest, *rest = spend(10, days=DAYS)

    day = a_day([replace(newest, **changes), *rest])  # type: ignore[arg-type]  # any field

    assert day.is_anomaly is is_anomaly
    assert day.unwatched_hours == ("usd" in changes)
    assert day.is_priced == ("is_priced" not in changes)


def test_what_is_known_can_be_enough() -> None:
    newest, second, *rest = spend(10, days=DAYS)

    day = a_day([replace(newest, usd=None), replace(second, usd=Decimal(900)), *rest])

    assert (day.is_anomaly, day.unwatched_hours) == (True, 1)


@pytest.mark.parametrize("gap", [{"usd": None}, {"is_priced": False}])
def test_weeks_that_are_not_all_known_are_left_out(gap: dict[str, object]) -> None:
    """They would read as cheap."""

    def with_gaps(weeks: int) -> Compared:
        holes = {MONDAY - number * WEEK - HOUR for number in range(1, weeks + 1)}
        rows = spend(10, days=DAYS)
        return a_day([replace(row, **gap) if row.at in holes else row for row in rows])  # type: ignore[arg-type]  # any field

    assert with_gaps(4).usual == Usual(weeks=4, median_usd=Decimal(240), mad_usd=Decimal(0))
    assert with_gaps(5).usual is None
    assert with_gaps(5).is_anomaly is None


@pytest.mark.parametrize(
    ("now", "since", "hours"),
    [
        pytest.param((6, 29, 0, 59), (6, 28, 0), 24, id="the first hour is of the day before"),
        pytest.param((6, 29, 1, 0), (6, 29, 0), 1, id="then the new day begins"),
        pytest.param((6, 29, 23, 0), (6, 29, 0), 23, id="and is looked at as it goes on"),
        pytest.param((3, 30, 0, 0), (3, 29, 0), 23, id="a day of 23 hours"),
        pytest.param((10, 26, 0, 0), (10, 25, 0), 25, id="a day of 25 hours"),
        pytest.param((4, 5, 0, 0), (4, 4, 0), 24, id="23 hours lie a week back"),
        pytest.param((11, 2, 0, 0), (11, 1, 0), 24, id="25 hours lie a week back"),
    ],
)
def test_the_day_is_the_local_one_so_far(
    now: tuple[int, ...], since: tuple[int, ...], hours: int
) -> None:
    at, begin = (datetime(2026, *when, tzinfo=BERLIN) for when in (now, since))  # type: ignore[misc,arg-type]  # a table gives the parts of a date

    day = a_day_at(at)

    assert day.since == begin
    assert day.usd == 10 * hours
    assert day.usual == Usual(weeks=8, median_usd=Decimal(10 * hours), mad_usd=Decimal(0))


@pytest.mark.parametrize(
    ("now", "usd"),
    [
        pytest.param((3, 31, 11), 36, id="clocks went forward on Sunday"),
        pytest.param((10, 27, 11), 36, id="clocks went back on Sunday"),
    ],
)
def test_hours_correspond_by_the_clock_on_the_wall(now: tuple[int, ...], usd: int) -> None:
    at = datetime(2026, *now, tzinfo=BERLIN)  # type: ignore[misc,arg-type]  # a table gives the parts of a date

    _, hours = compared(spend(office, until=at, days=DAYS + 1), at)

    assert hours.usd == usd
    assert hours.usual == Usual(weeks=8, median_usd=Decimal(usd), mad_usd=Decimal(0))


def test_no_more_than_eight_weeks_are_looked_at() -> None:
    day = a_day(spend(10, days=90))

    assert day.usual is not None
    assert day.usual.weeks == 8


def a_day_at(now: datetime) -> Compared:
    return compared(spend(10, until=now, days=DAYS + 1), now)[0]


def test_only_whole_hours_are_compared() -> None:
    rows = [*spend(10, days=DAYS), *spend(999, until=MONDAY + HOUR, days=1 / 24)]

    assert compared(rows, MONDAY + timedelta(minutes=59)) == compared(spend(10, days=DAYS))


@settings(max_examples=12)
@given(
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2026, 3, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - a zone is given below
)
def test_office_hours_are_no_anomaly_when_clocks_change(zone: ZoneInfo, now: datetime) -> None:
    """Spend follows the wall clock, so that weeks differ by what a clock moved: an hour."""
    end = floor_hour(now.replace(tzinfo=zone))
    rows = spend(office, until=end, days=DAYS + 1, zone=zone)

    _, hours = compare_with_usual(rows, now=end, zone=zone)

    assert hours.is_anomaly is False
    assert hours.usual is not None
    assert hours.usual.weeks == 8
    assert hours.usual.mad_usd == 0
    assert abs(hours.usd - hours.usual.median_usd) <= 8


@pytest.mark.parametrize("order", [reversed, lambda rows: sorted(rows, key=str)])
def test_the_order_of_rows_never_matters(
    order: Callable[[list[SpentHour]], list[SpentHour]],
) -> None:
    rows = by_week(10, 4, 8, 10, 12, 16)

    assert compared(list(order(rows))) == compared(rows)
