"""A hard cap that stops early is never passed; one that does not is, in the same simulation."""

from statistics import median

from benchmarks.caps import at_limit, early, early_by_burn_of_now, overshoot


def test_a_cap_that_stops_early_is_never_passed() -> None:
    assert max(overshoot(seed, early) for seed in range(60)) <= 0


def test_a_cap_that_acts_at_its_limit_is_passed() -> None:
    """The simulation can fail, so that the one above says something."""
    passed = [overshoot(seed, at_limit) for seed in range(60)]

    assert median(passed) > 5
    assert max(passed) > 50


def test_a_cap_that_forgets_how_a_scope_can_grow_is_passed_now_and_then() -> None:
    worst = next(seed for seed in range(1_000) if overshoot(seed, early_by_burn_of_now) > 0)

    assert overshoot(worst, early) <= 0
