"""How early a hard cap has to act, and how long the limits hold it up."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.metering.stop_early import acts_now, time_to_reach, time_to_stop

S = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("count", "takes"),
    [
        pytest.param(0, 0 * S, id="nothing to do"),
        pytest.param(3, 0 * S, id="all in one cycle"),
        pytest.param(4, 30 * S, id="the next cycle"),
        pytest.param(10, 90 * S, id="the last of the first hour"),
        pytest.param(11, HOUR, id="the first of the second"),
        pytest.param(20, HOUR + 90 * S, id="the last of the second"),
        pytest.param(21, 2 * HOUR, id="the first of the third"),
    ],
)
def test_limits_hold_up_the_last_target(count: int, takes: timedelta) -> None:
    assert time_to_reach(count, per_cycle=3, per_hour=10, cycle=30 * S) == takes


def greedy(count: int, per_cycle: int, per_hour: int, cycle: timedelta) -> timedelta:
    """Send as many as may go in each cycle, and tell when the last one went."""
    sent: list[timedelta] = []
    now = -cycle
    while len(sent) < count:
        now += cycle
        hour = sum(at > now - HOUR for at in sent)
        sent += [now] * min(per_cycle, per_hour - hour, count - len(sent))
    return max(now, 0 * S)


@settings(max_examples=40)
@given(
    count=st.integers(0, 40),
    per_cycle=st.integers(1, 12),
    per_hour=st.integers(1, 30),
    cycle=st.integers(30, 5_000),
)
def test_no_limit_holds_longer_than_said(
    count: int, per_cycle: int, per_hour: int, cycle: int
) -> None:
    said = time_to_reach(count, per_cycle=per_cycle, per_hour=per_hour, cycle=cycle * S)

    assert said >= greedy(count, per_cycle, per_hour, cycle * S)
    if cycle * per_hour <= 3_600:
        assert said == greedy(count, per_cycle, per_hour, cycle * S)


def test_everything_that_takes_time_counts() -> None:
    parts = {"poll": 40 * S, "latency": 7 * S, "drain": 30 * S, "limits": 90 * S}

    assert time_to_stop(**parts) == 207 * S
    assert time_to_stop(**parts, approval=900 * S) == 1_107 * S


@pytest.mark.parametrize(
    ("spent_high", "acts"),
    [
        pytest.param("871.99", False, id="a cent is left"),
        pytest.param("872", True, id="nothing is left"),
        pytest.param("1200", True, id="it is passed"),
    ],
)
def test_it_acts_when_what_is_left_will_be_burnt_on_the_way(spent_high: str, *, acts: bool) -> None:
    found = acts_now(
        spent_high=Decimal(spent_high),
        usd_per_hour=Decimal(512),
        limit=Decimal(1000),
        t_stop=900 * S,
    )

    assert found is acts
