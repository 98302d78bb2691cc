"""A period has its own name and its own length, in every zone and over every change of clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.metering.periods import cut, period_at
from firewarden.model.vocabulary import UNITS

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
    "Australia/Lord_Howe", "America/Havana", "Pacific/Apia",
)  # fmt: skip
instants = st.timedeltas(timedelta(0), timedelta(days=19 * 365)).map(
    lambda passed: datetime(2011, 12, 1, tzinfo=UTC) + passed
)
units, zones = st.sampled_from(UNITS), st.sampled_from(ZONES).map(ZoneInfo)


@pytest.mark.parametrize(
    ("unit", "at", "label", "hours"),
    [
        pytest.param("day", "2026-03-29T12:00", "2026-03-29", 23, id="a day that lacks an hour"),
        pytest.param("day", "2026-10-25T12:00", "2026-10-25", 25, id="a day that has one more"),
        pytest.param("week", "2026-12-31T12:00", "2026-W53", 168, id="a week into the next year"),
        pytest.param("month", "2026-02-10T12:00", "2026-02", 28 * 24, id="a short month"),
        pytest.param("month", "2026-10-10T12:00", "2026-10", 31 * 24 + 1, id="a month of autumn"),
        pytest.param("quarter", "2026-03-31T12:00", "2026-Q1", 90 * 24 - 1, id="a quarter"),
        pytest.param("quarter", "2026-11-30T12:00", "2026-Q4", 92 * 24 + 1, id="the last quarter"),
        pytest.param("year", "2028-06-01T12:00", "2028", 366 * 24, id="a leap year"),
        pytest.param("hour", "2026-10-25T00:30", "2026-10-25T02:00+02:00", 1, id="an hour, once"),
        pytest.param("hour", "2026-10-25T01:30", "2026-10-25T02:00+01:00", 1, id="and again"),
    ],
)
def test_a_period(unit: str, at: str, label: str, hours: int) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = period_at(unit, instant, ZoneInfo("Europe/Berlin"))

    assert (found.label, found.length) == (label, timedelta(hours=hours))
    assert found.since <= instant < found.until


@given(units, instants, zones)
def test_the_next_begins_where_one_ends(unit: str, at: datetime, zone: ZoneInfo) -> None:
    found = period_at(unit, at, zone)
    following = period_at(unit, found.until, zone)

    assert found.since <= at < found.until == following.since
    assert found.label != following.label
    assert period_at(unit, found.since, zone) == found


@given(units, instants, zones, st.timedeltas(timedelta(seconds=1), timedelta(hours=300)))
def test_parts_cover_all_of_a_stretch_once(
    unit: str, since: datetime, zone: ZoneInfo, length: timedelta
) -> None:
    found = list(cut(unit, since=since, until=since + length, zone=zone))

    assert sum((each.length for each in found), timedelta(0)) == length
    assert len({each.label for each in found}) == len(found)
