"""The forecast beside its peers: what the benchmark says of them is right, in small."""

from decimal import Decimal

import pytest

from benchmarks.figures import Figure
from benchmarks.forecasting import (
    alarm,
    forecast_at,
    month_of,
    ours,
    projected,
    projection,
    straight_line,
)


@pytest.mark.parametrize(
    ("spent", "day", "left", "end"),
    [
        pytest.param(100, 1, 30, 3100, id="the first day counts as a day"),
        pytest.param(100, 2, 29, 3000, id="two days' spend over one day"),
        pytest.param(100, 15, 16, 214.2857, id="the middle of December"),
        pytest.param(100, 31, 0, 100, id="the last day"),
    ],
)
def test_the_projection_of_litellm(spent: float, day: int, left: int, end: float) -> None:
    """The first and third row are the values of its own tests."""
    assert projected(spent, day=day, left=left) == pytest.approx(end)


def test_in_a_healthy_month_only_the_peers_cry_wolf() -> None:
    month = month_of(5, runs_away=False)
    index = month.first + 30

    assert month.total < month.limit
    assert projection(month, index) or alarm(month, straight_line, sustained_hours=12)
    assert not any(ours(month, at) for at in range(month.first, len(month.hours), 100))


def test_a_runaway_is_told_days_before_the_limit_is_hit() -> None:
    month = month_of(7, runs_away=True)

    told = alarm(month, ours, sustained_hours=12)

    assert told is not None
    assert (month.hit_at() - told).days >= 3
    last = forecast_at(month, len(month.hours) - 1)
    assert last.probability_above(Decimal(month.limit)) == 1.0


@pytest.mark.parametrize(
    ("value", "is_floor", "is_reached"),
    [
        pytest.param(7.0, True, True, id="as much as it has to be"),
        pytest.param(6.9, True, False, id="too little"),
        pytest.param(7.0, False, True, id="as little as it has to be"),
        pytest.param(7.1, False, False, id="too much"),
        pytest.param(float("nan"), True, False, id="no number is not enough"),
    ],
)
def test_a_target_is_a_floor_or_a_ceiling(
    value: float, *, is_floor: bool, is_reached: bool
) -> None:
    figure = Figure(name="P0", what="a test", value=value, target=7.0, is_floor=is_floor)

    assert figure.is_reached is is_reached
    assert ("at least" if is_floor else "at most") in str(figure)
