"""Requests are a pure function of time: counted, found and added up the same from every side."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.providers.simulated.instants import DAY_MS, HOUR_MS, MINUTE_MS
from firewarden.providers.simulated.patterns import Bursts, OfficeHours, Steady, Waves
from firewarden.providers.simulated.traffic import Flow, Pattern, Traffic
from tests.providers.simulated.builders import at

PATTERNS: tuple[Pattern, ...] = (
    Steady(per_minute=0.4),
    Waves(per_minute=(2, 5, 11), hours=(0.5, 3)),
    OfficeHours(per_minute=3, peak_per_minute=7, zone="America/New_York"),
    Bursts(per_day=9, minutes=(3, 40), per_minute=6),
)
ORIGIN = at()
instants = st.integers(ORIGIN - 3 * DAY_MS, ORIGIN + 5 * DAY_MS)


def traffic(*patterns: Pattern, seed: int = 1, until: int | None = None) -> Traffic:
    wanted = [Flow(pattern=pattern, until=until) for pattern in patterns]
    return Traffic(wanted, seed=seed, names=("acme", "chat"), origin=ORIGIN)


def arrivals(source: Traffic, since: int, until: int) -> list[int]:
    """Walk from request to request, each once, those at one instant as often as they come."""
    found: list[int] = []
    here = since - 1
    while (following := source.next(here)) is not None and following < until:
        found += [following] * source.count(following, following + 1)
        here = following
    return found


@settings(max_examples=40)
@given(pattern=st.sampled_from(PATTERNS), since=instants, hours=st.integers(0, 30))
def test_counting_agrees_with_walking(pattern: Pattern, since: int, hours: int) -> None:
    source = traffic(pattern)
    until = since + hours * HOUR_MS

    walked = arrivals(source, since, until)

    assert len(walked) == source.count(since, until)
    assert source.last(until - 1, since=since) == (walked[-1] if walked else None)


@given(pattern=st.sampled_from(PATTERNS), cuts=st.lists(instants, min_size=3, max_size=5))
def test_counts_of_windows_that_touch_add_up(pattern: Pattern, cuts: list[int]) -> None:
    source = traffic(pattern)
    edges = sorted(cuts)

    parts = sum(source.count(a, b) for a, b in itertools.pairwise(edges))

    assert parts == source.count(edges[0], edges[-1])


def test_one_request_a_minute_is_in_every_minute_wherever_it_begins() -> None:
    source = traffic(Steady(per_minute=1))
    noon = ORIGIN

    counts = {source.count(noon + i * 7_001, noon + i * 7_001 + MINUTE_MS) for i in range(500)}

    assert counts == {1}


def test_traffic_ends_when_its_flow_ends() -> None:
    source = traffic(Steady(per_minute=60), until=-HOUR_MS)

    assert source.next(ORIGIN - HOUR_MS) is None
    last = source.last(ORIGIN, since=ORIGIN - DAY_MS)
    assert last is not None
    assert ORIGIN - HOUR_MS - 1000 <= last < ORIGIN - HOUR_MS


def test_requests_put_in_by_hand_are_counted_and_found() -> None:
    source = traffic()
    assert source.is_silent

    source.add(ORIGIN + 5, 3)
    source.add(ORIGIN + 5, 1)

    assert source.count(ORIGIN, ORIGIN + 6) == 4
    assert source.next(ORIGIN) == ORIGIN + 5
    assert source.last(ORIGIN + 99, since=ORIGIN) == ORIGIN + 5


@pytest.mark.parametrize(
    ("hours_after_noon_utc", "expected"),
    [
        pytest.param(-1, "silent", id="six in the morning in New York"),
        pytest.param(4, "busy", id="eleven in the morning in New York"),
        pytest.param(15, "silent", id="ten in the evening in New York"),
        pytest.param(3 * 24 + 4, "silent", id="a Saturday"),
    ],
)
def test_office_hours_are_local_and_leave_the_weekend_out(
    hours_after_noon_utc: int, expected: str
) -> None:
    source = traffic(OfficeHours(per_minute=3, peak_per_minute=7, zone="America/New_York"))
    since = ORIGIN + hours_after_noon_utc * HOUR_MS

    count = source.count(since, since + 30 * MINUTE_MS)

    assert ("busy" if count else "silent") == expected


def test_another_name_or_seed_is_another_day() -> None:
    pattern = Bursts(per_day=9, minutes=(3, 40), per_minute=6)

    days = {arrivals(traffic(pattern, seed=seed), ORIGIN, ORIGIN + DAY_MS)[0] for seed in range(5)}

    assert len(days) == 5
