"""Stretches of local time, as `report` cuts them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.app.periods import month_start, periods, read_when
from firewarden.errors import UserError
from firewarden.model.vocabulary import UNITS

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")

instants = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=364)).map(
    lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed
)


def cut(unit: str, since: datetime, until: datetime, zone: ZoneInfo) -> list[tuple[str, float]]:
    return [
        (each.label, (each.until - each.since) / timedelta(hours=1))
        for each in periods(unit, since=since, until=until, zone=zone)
    ]


@given(
    unit=st.sampled_from(UNITS),
    zone=st.sampled_from(ZONES),
    since=instants,
    length=st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=40)),
)
def test_periods_follow_each_other_and_cover_all_of_it(
    unit: str, zone: str, since: datetime, length: timedelta
) -> None:
    found = list(periods(unit, since=since, until=since + length, zone=ZoneInfo(zone)))

    assert (found[0].since, found[-1].until) == (since, since + length)
    assert all(before.until == after.since for before, after in pairwise(found))
    assert all(each.since < each.until for each in found)
    assert len({each.label for each in found}) == len(found)


@pytest.mark.parametrize(
    ("since", "hours"),
    [
        pytest.param(datetime(2026, 3, 28, 23, tzinfo=UTC), 23, id="the clock goes forward"),
        pytest.param(datetime(2026, 10, 24, 22, tzinfo=UTC), 25, id="the clock goes back"),
        pytest.param(datetime(2026, 11, 21, 23, tzinfo=UTC), 24, id="an ordinary day"),
    ],
)
def test_a_day_is_as_long_as_it_is(since: datetime, hours: float) -> None:
    until = since + timedelta(hours=hours)

    assert cut("day", since, until, BERLIN) == [(until.date().isoformat(), hours)]
    assert len(cut("hour", since, until, BERLIN)) == hours


def test_weeks_and_months_begin_where_people_say() -> None:
    since, until = datetime(2026, 11, 29, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC)

    assert [label for label, _ in cut("week", since, until, BERLIN)][:2] == ["2026-W48", "2026-W49"]
    assert [label for label, _ in cut("month", since, until, BERLIN)] == [
        "2026-11",
        "2026-12",
        "2027-01",
    ]
    assert month_start(NOW, BERLIN) == datetime(2026, 10, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("7d", NOW - timedelta(days=7), id="how long ago"),
        pytest.param("2026-11-01", datetime(2026, 10, 31, 23, tzinfo=UTC), id="a local date"),
        pytest.param("2026-11-01T12:00", datetime(2026, 11, 1, 11, tzinfo=UTC), id="local time"),
        pytest.param("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC), id="instant"),
    ],
)
def test_an_instant_can_be_said_in_several_ways(text: str, instant: datetime) -> None:
    assert read_when(text, now=NOW, zone=BERLIN, option="--from") == instant


@given(st.text(max_size=30))
def test_anything_else_is_refused_and_nothing_breaks(text: str) -> None:
    with suppress(UserError):
        assert read_when(text, now=NOW, zone=BERLIN, option="--from").tzinfo is UTC
