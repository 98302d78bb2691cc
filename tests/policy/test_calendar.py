"""Which hours belong to a schedule, in eight zones, over every change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.policy.calendar import Schedule, any_holds, elapsed_within, next_turn

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Chatham",
)
QUARTER = timedelta(minutes=15)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TWO_YEARS = 2 * 365 * 96
WEEK = frozenset(range(7))
WORKDAYS = frozenset(range(5))
NIGHTS = {"weekdays": WEEK, "begins": time(20), "ends": time(7)}
OFFICE: dict[str, Any] = {"weekdays": WORKDAYS, "begins": time(9), "ends": time(18)}
SKIPPED = {"weekdays": frozenset({6}), "begins": time(2, 15), "ends": time(2, 45)}
FREEZE = {"dates": ((date(2026, 12, 20), date(2027, 1, 3)),)}
WEEKEND = {"weekdays": frozenset({5, 6})}


def a_schedule(zone: str = "Europe/Berlin", **parts: Any) -> Schedule:
    return Schedule(name="some", timezone=zone, **parts)


def written_out(zone: str, parts: dict[str, Any]) -> dict[tuple[date, time], bool]:
    """Write the wall clock of every minute of the days around out by hand, day by day."""
    found: dict[tuple[date, time], bool] = {}
    day = date(2025, 12, 30)
    begins, ends = parts.get("begins"), parts.get("ends")
    for _ in range(2 * 365 + 5):
        weekdays, dates = parts.get("weekdays", frozenset()), parts.get("dates", ())
        assert isinstance(weekdays, frozenset)
        assert isinstance(dates, tuple)
        chosen = day.weekday() in weekdays or any(a <= day <= b for a, b in dates)
        quarter = datetime.combine(day, time.min)
        for number in range(96) if chosen else ():
            now = quarter + number * QUARTER
            if not isinstance(begins, time) or not isinstance(ends, time):
                found[now.date(), now.time()] = True
                continue
            end = datetime.combine(day, ends) + timedelta(days=begins >= ends)
            at = datetime.combine(day, begins)
            while at < end:
                found[at.date(), at.time()] = True
                at += QUARTER
            break
        day += timedelta(days=1)
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(NIGHTS, id="across midnight"),
        pytest.param(OFFICE, id="office hours"),
        pytest.param(SKIPPED, id="in the hour that is skipped"),
        pytest.param(FREEZE, id="dates"),
        pytest.param(WEEKEND, id="whole days"),
    ],
)
def test_every_quarter_hour_of_two_years_is_as_the_wall_says(
    zone: str, parts: dict[str, Any]
) -> None:
    schedule, by_hand, there = a_schedule(zone, **parts), written_out(zone, parts), ZoneInfo(zone)
    at = BEGIN
    for _ in range(TWO_YEARS):
        local = at.astimezone(there)
        assert schedule.holds(at) is by_hand.get((local.date(), local.time()), False), local
        at += QUARTER


BERLIN = ZoneInfo("Europe/Berlin")


def berlin(*when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=BERLIN, fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]  # a table gives the parts


@pytest.mark.parametrize(
    ("parts", "at", "expected"),
    [
        pytest.param(NIGHTS, berlin(2026, 11, 26, 12), berlin(2026, 11, 26, 20), id="begins"),
        pytest.param(NIGHTS, berlin(2026, 11, 26, 23), berlin(2026, 11, 27, 7), id="ends tomorrow"),
        pytest.param(NIGHTS, berlin(2026, 3, 28, 23), berlin(2026, 3, 29, 7), id="a short night"),
        pytest.param(WEEKEND, berlin(2026, 11, 27, 9), berlin(2026, 11, 28), id="whole days"),
        pytest.param(FREEZE, berlin(2026, 12, 24), berlin(2027, 1, 4), id="its last day is in it"),
        pytest.param(
            SKIPPED, berlin(2026, 3, 24), berlin(2026, 4, 5, 2, 15), id="skipped with its hour"
        ),
        pytest.param(
            {"weekdays": WEEK, "begins": time(1), "ends": time(2, 30)},
            berlin(2026, 3, 29, 1),
            berlin(2026, 3, 29, 3),
            id="ends where the clocks are put forward",
        ),
        pytest.param(FREEZE, berlin(2027, 2, 1), None, id="never again"),
    ],
)
def test_when_a_schedule_turns_next(
    parts: dict[str, Any], at: datetime, expected: datetime | None
) -> None:
    assert next_turn([a_schedule(**parts)], at) == expected


def test_what_is_doubled_holds_twice() -> None:
    twice = a_schedule(weekdays=WEEK, begins=time(2, 15), ends=time(2, 45))

    assert twice.holds(berlin(2026, 10, 25, 2, 30))
    assert not twice.holds(berlin(2026, 10, 25, 2, 50))
    assert twice.holds(berlin(2026, 10, 25, 2, 30, fold=1))


@pytest.mark.parametrize(
    ("since", "hours", "expected"),
    [
        pytest.param(berlin(2026, 11, 25, 10), 4, berlin(2026, 11, 25, 14), id="all inside"),
        pytest.param(berlin(2026, 11, 25, 16), 4, berlin(2026, 11, 26, 11), id="over a night"),
        pytest.param(berlin(2026, 11, 27, 16), 4, berlin(2026, 11, 30, 11), id="over a weekend"),
        pytest.param(berlin(2026, 11, 28, 12), 9, berlin(2026, 11, 30, 18), id="a whole day"),
    ],
)
def test_time_is_counted_inside_alone(since: datetime, hours: int, expected: datetime) -> None:
    assert elapsed_within([a_schedule(**OFFICE)], since, timedelta(hours=hours)) == expected


def test_without_a_schedule_all_time_counts() -> None:
    assert elapsed_within([], BEGIN, timedelta(hours=5)) == BEGIN + timedelta(hours=5)


@given(
    minutes=st.integers(0, 2 * 365 * 1440),
    zone=st.sampled_from(ZONES),
    parts=st.lists(st.sampled_from([NIGHTS, OFFICE, FREEZE, WEEKEND]), min_size=1, max_size=3),
)
def test_nothing_turns_before_the_next_turn(
    minutes: int, zone: str, parts: list[dict[str, Any]]
) -> None:
    schedules = [a_schedule(zone, **each) for each in parts]
    at = BEGIN + timedelta(minutes=minutes)
    turn = next_turn(schedules, at)
    if turn is None:
        return
    now = any_holds(schedules, at)
    assert any_holds(schedules, turn) is not now
    steps = min(200, (turn - at) // QUARTER)
    for number in range(1, steps):
        assert any_holds(schedules, at + number * (turn - at) / steps) is now
