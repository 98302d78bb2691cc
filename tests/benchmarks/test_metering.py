"""What is metered is near the truth and inside its bounds; a look each minute is not as near."""

from statistics import median

from benchmarks.metering import INSIDE_95, RMSE, WIDTH, Day, lived, rmse, tightness, width

DAYS = list(lived(1, drains=False, seed=3))


def test_the_truth_lies_in_the_hard_bounds_which_are_narrow() -> None:
    assert [day for day in DAYS if not day.low <= day.truth <= day.high] == []
    assert 0 < width(DAYS) < 1
    assert median(tightness(DAYS)) <= WIDTH


def test_the_error_is_small_and_that_of_the_peer_is_not() -> None:
    """The simulation can fail, so that the first says something."""
    assert rmse(DAYS) < RMSE
    assert rmse(DAYS, of_peer=True) > RMSE


def test_most_days_lie_in_the_interval_that_claims_95_of_100() -> None:
    def is_inside(day: Day) -> bool:
        return abs(day.metered - day.truth) <= 1.96 * day.sigma

    assert 100 * sum(map(is_inside, DAYS)) / len(DAYS) >= INSIDE_95 - 5
