"""How a scope spends: the usual week, the level of now, the spread, and what nobody watched."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.metering.instants import HOUR, floor_hour, hours_of
from firewarden.metering.pattern import NoForecast, Pattern, pattern_of
from firewarden.metering.spending import SpentHour
from tests.metering.spends import BERLIN, DAY, MONDAY, ZONES, a_pattern, office, spend, to_come

a_few = settings(max_examples=8)
WEEK = 7 * DAY
TEN = spend(10)
NOISY = (0.5, 1.5, 0.7, 1.3, 0.9, 1.1, 1.0)


def noisy(local: datetime) -> float:
    """Each day is off by its own factor; a week, and its mean day, are never off."""
    return 10 * NOISY[(local.date().toordinal() * 3 + local.date().toordinal() // 7) % 7]


def test_what_always_costs_the_same_is_expected_to_and_surely() -> None:
    pattern = a_pattern(TEN)

    assert set(pattern.profile) == {10.0}
    assert (pattern.level, pattern.extra, pattern.spread) == (1.0, 0.0, 0.0)
    assert (pattern.days, pattern.unwatched_hours, pattern.is_priced) == (28, 0, True)


@pytest.mark.parametrize(
    ("rows", "days"),
    [
        pytest.param([], 0, id="nothing at all"),
        pytest.param(spend(10, days=13), 13, id="thirteen days"),
        pytest.param(spend(10, days=13 + 11 / 24), 13, id="and less than half a day"),
        pytest.param(spend(10, days=13.5), None, id="half a day more is the fourteenth"),
        pytest.param(
            spend(10, until=MONDAY - 30 * DAY), 0, id="what is older than four weeks is none"
        ),
    ],
)  # fmt: skip
def test_without_fourteen_days_there_is_no_forecast(
    rows: list[SpentHour], days: int | None
) -> None:
    found = pattern_of(rows, now=MONDAY, zone=BERLIN)

    if days is None:
        assert isinstance(found, Pattern)
    else:
        assert isinstance(found, NoForecast)
        assert found.days == days
        assert found.unwatched_hours == 0
        assert str(found) == f"no forecast: {days} of 14 days of history"


def test_hours_that_are_flagged_are_no_history() -> None:
    rows = [replace(row, usd=None) for row in TEN[:336]] + TEN[336:600]

    assert pattern_of(rows, now=MONDAY, zone=BERLIN) == NoForecast(days=11, unwatched_hours=336)


def test_the_day_in_progress_is_no_day_of_history_and_not_in_the_profile() -> None:
    noon = MONDAY + 12 * HOUR
    rows = spend(lambda at: 500 if at >= MONDAY else 10, until=noon, days=28.5)

    pattern = a_pattern(rows, now=noon)

    assert pattern.days == 28
    assert set(pattern.profile) == {10.0}
    assert pattern.level == pytest.approx((156 + 12 * 50) / 168)


def test_the_hour_in_progress_and_the_future_are_not_looked_at() -> None:
    now = MONDAY + timedelta(minutes=30)
    rows = [*TEN, *spend(999, until=MONDAY + 9 * HOUR, days=9 / 24)]

    assert a_pattern(rows, now=now) == replace(a_pattern(TEN), now=now)


def test_a_flag_and_no_row_mean_the_same() -> None:
    rows = spend(noisy)
    flagged = [
        replace(row, usd=None) if number % 5 == 0 else row for number, row in enumerate(rows)
    ]
    absent = [row for row in flagged if row.usd is not None]

    assert a_pattern(flagged) == a_pattern(absent)


def test_hours_nobody_watched_are_counted_and_are_not_zero() -> None:
    rows = [row for number, row in enumerate(TEN) if number % 3]

    pattern = a_pattern(rows)

    assert pattern.unwatched_hours == 224
    assert (set(pattern.profile), pattern.level) == ({10.0}, 1.0)


def test_an_hour_of_the_week_that_nobody_ever_watched_is_like_the_others() -> None:
    rows = [row for row in TEN if row.at.astimezone(BERLIN).hour != 3]

    assert set(a_pattern(rows).profile) == {10.0}


def test_a_week_that_nobody_watched_leaves_the_profile_as_it_is() -> None:
    pattern = a_pattern(spend(noisy, until=MONDAY - 7 * DAY, days=21))

    assert (pattern.level, pattern.extra, pattern.level_days) == (1.0, 0.0, 1.0)
    assert pattern.unwatched_hours == 168


def test_one_wild_day_changes_no_profile() -> None:
    wild = MONDAY - 10 * DAY

    calm = a_pattern(spend(office))
    after = a_pattern(spend(lambda at: 40 * office(at) if at.date() == wild.date() else office(at)))

    assert after.profile == calm.profile
    assert after.level == calm.level == 1.0
    assert after.spread > 1 > calm.spread == 0.0


@pytest.mark.parametrize(
    ("usd", "level", "extra"),
    [
        pytest.param(lambda at: 20 if at >= MONDAY - WEEK else 10, 2.0, 0.0, id="twice as much"),
        pytest.param(lambda at: 5 if at >= MONDAY - WEEK else 10, 0.5, 0.0, id="half as much"),
        pytest.param(lambda at: 0 if at >= MONDAY - WEEK else 10, 0.0, 0.0, id="stopped"),
        pytest.param(
            lambda at: 512 if at >= MONDAY - WEEK else 0, 1.0, 512.0, id="begun from nothing"
        ),
        pytest.param(lambda _: 0, 1.0, 0.0, id="never anything"),
        pytest.param(noisy, 1.0, 0.0, id="noise moves nothing"),
    ],
)
def test_the_level_of_the_last_seven_days(
    usd: Callable[[datetime], float], level: float, extra: float
) -> None:
    pattern = a_pattern(spend(usd))

    assert (pattern.level, pattern.extra) == (level, extra)


@pytest.mark.parametrize(
    ("usd", "usd_per_hour"),
    [
        pytest.param(lambda at: 20 if at >= MONDAY - WEEK else 10, 20, id="twice as much"),
        pytest.param(lambda at: 5 if at >= MONDAY - WEEK else 10, 5, id="half as much"),
        pytest.param(lambda at: 512 if at >= MONDAY - WEEK else 0, 512, id="begun from nothing"),
        pytest.param(lambda at: 0 if at >= MONDAY - WEEK else 10, 0, id="stopped"),
    ],
)
def test_what_is_so_for_a_week_is_expected_to_go_on(
    usd: Callable[[datetime], float], usd_per_hour: int
) -> None:
    assert to_come(spend(usd), MONDAY + DAY) == pytest.approx(24 * usd_per_hour)


@pytest.mark.parametrize(
    ("usd", "spread"),
    [
        pytest.param(lambda _: 0, 0, id="never anything"),
        pytest.param(
            lambda at: 10 if at >= MONDAY - 2 * DAY else 0, sqrt(2.5 * 28 / 18),
            id="two days of seven, from nothing",
        ),
        pytest.param(
            lambda at: 0.001 if at >= MONDAY - 2 * DAY else 0, sqrt(2.5 * 28 / 18),
            id="however little it is",
        ),
    ],
)  # fmt: skip
def test_the_spread_of_what_hardly_ever_was(
    usd: Callable[[datetime], float], spread: float
) -> None:
    assert a_pattern(spend(usd)).spread == pytest.approx(spread)


def test_a_level_is_shrunk_by_as_much_as_the_spread_explains() -> None:
    pattern = a_pattern(spend(lambda at: noisy(at) * (2 if at >= MONDAY - WEEK else 1)))
    recent = sum(noisy(MONDAY - (day + 1) * DAY) for day in range(7)) * 2 * 24
    usual = sum(pattern.profile)
    off = recent / usual - 1

    assert 0 < pattern.spread < 1
    assert pattern.level == pytest.approx(1 + off - pattern.spread**2 / 7 / off)


def test_the_spread_gives_back_what_the_profile_and_the_levels_took() -> None:
    """Two days of the week change places from week to week: 5 and 15, else 10."""

    def usd(at: datetime) -> float:
        even = ((MONDAY.date() - at.date()).days - 1) // 7 % 2
        return {0: (5, 15)[even], 1: (15, 5)[even]}.get(at.weekday(), 10)

    pattern = a_pattern(spend(usd, until=MONDAY, days=28))

    assert pattern.profile[:48] == (10.0,) * 48
    assert pattern.spread == pytest.approx(sqrt(2 * 0.25 / 7 * 28 / (28 - 10)))


def test_the_sigma_of_what_is_to_come() -> None:
    pattern = replace(a_pattern(TEN), spread=0.35, level_days=7.0)

    *_, end = pattern.ahead(MONDAY + 2 * DAY)

    assert end.usd == pytest.approx(480)
    assert end.sigma_usd == pytest.approx(0.35 * sqrt(480**2 / 7 + 240**2 + 240**2))


def test_parts_of_hours_count_as_parts() -> None:
    now = MONDAY + timedelta(minutes=30)
    pattern = replace(a_pattern(TEN), now=now)

    ends = list(pattern.ahead(MONDAY + timedelta(minutes=75)))

    assert [ahead.until for ahead in ends] == [MONDAY + HOUR, MONDAY + timedelta(minutes=75)]
    assert [ahead.usd for ahead in ends] == pytest.approx([5, 7.5])


@pytest.mark.parametrize("past", [timedelta(0), timedelta(minutes=1), 2 * HOUR])
def test_nothing_is_to_come_in_a_window_that_has_ended(past: timedelta) -> None:
    now = MONDAY + timedelta(minutes=30)

    assert list(replace(a_pattern(TEN), now=now).ahead(now - past)) == []


def test_what_has_no_price_is_said() -> None:
    rows = TEN

    assert not a_pattern([*rows[:-1], replace(rows[-1], is_priced=False)]).is_priced


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        pytest.param(SpentHour(at=MONDAY - HOUR, usd=None), "given twice", id="twice"),
        pytest.param(
            SpentHour(at=MONDAY - timedelta(minutes=30), usd=None),
            "not the beginning",
            id="crooked",
        ),
        pytest.param(
            SpentHour(at=MONDAY + timedelta(seconds=1), usd=None),
            "not the beginning",
            id="crooked by a second",
        ),
    ],
)
def test_rows_that_are_no_hours_are_refused(extra: SpentHour, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        pattern_of([*TEN, extra], now=MONDAY, zone=BERLIN)


@a_few
@given(shuffled=st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(shuffled: Random) -> None:
    rows = spend(noisy, days=15)
    mixed = list(rows)
    shuffled.shuffle(mixed)

    assert a_pattern(mixed) == a_pattern(rows)


@pytest.mark.parametrize(
    ("zone", "midnight", "hours"),
    [
        pytest.param("Europe/Berlin", (2026, 3, 29), 23, id="Berlin, 23 hours"),
        pytest.param("Europe/Berlin", (2026, 10, 25), 25, id="Berlin, 25 hours"),
        pytest.param("America/New_York", (2026, 3, 8), 23, id="New York, 23 hours"),
        pytest.param("America/New_York", (2026, 11, 1), 25, id="New York, 25 hours"),
        pytest.param("Australia/Lord_Howe", (2026, 4, 5), 24.5, id="Lord Howe, 24 h 30"),
        pytest.param("Australia/Lord_Howe", (2026, 10, 4), 23.5, id="Lord Howe, 23 h 30"),
    ],
)
def test_a_day_costs_what_its_hours_cost(
    zone: str, midnight: tuple[int, int, int], hours: float
) -> None:
    place = ZoneInfo(zone)
    day = datetime(*midnight, tzinfo=place)
    pattern = a_pattern(spend(10, until=day, zone=place), now=day, zone=place)

    *_, end = pattern.ahead(day + DAY)

    assert end.usd == pytest.approx(10 * hours)


@a_few
@given(
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - a zone is given below
    days=st.integers(0, 10),
)
def test_office_hours_stay_office_hours_when_clocks_change(
    zone: ZoneInfo, now: datetime, days: int
) -> None:
    begin = floor_hour(now.replace(tzinfo=zone))
    until = begin + days * DAY
    pattern = a_pattern(spend(office, until=begin, days=29, zone=zone), now=begin, zone=zone)

    ends = [ahead.usd for ahead in pattern.ahead(until)]

    assert pattern.spread == pytest.approx(0, abs=1e-9)
    truth = sum(office(hour.astimezone(zone)) for hour in hours_of(begin, until))
    assert (ends[-1] if ends else 0) == pytest.approx(truth)


def test_a_week_ahead_costs_what_a_week_costs() -> None:
    assert to_come(spend(office), MONDAY + WEEK) == pytest.approx(5 * (100 + 28) + 2 * 48)
