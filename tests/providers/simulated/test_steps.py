"""Integrals over exact changes are exact and add up."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from firewarden.providers.simulated.steps import Steps

histories = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 64)), max_size=12)
instants = st.integers(-20, 700)


def recorded(history: list[tuple[int, int]]) -> tuple[Steps, list[int]]:
    """Record *history* (waits and values) and write the value of every millisecond out."""
    steps, values, at = Steps(), [0] * 700, 0
    for wait, value in history:
        at += wait
        steps.record(at, value)
        values[at:] = [value] * (700 - at)
    return steps, values


@given(history=histories, since=instants, until=instants)
def test_an_integral_is_the_sum_of_every_millisecond(
    history: list[tuple[int, int]], since: int, until: int
) -> None:
    steps, values = recorded(history)

    expected = sum(values[max(0, since) : max(0, min(until, 700))])

    assert steps.integral(since, min(until, 700)) == expected


@given(history=histories, cuts=st.lists(instants, min_size=3, max_size=6))
def test_windows_that_touch_add_up(history: list[tuple[int, int]], cuts: list[int]) -> None:
    steps, _ = recorded(history)
    edges = sorted(cuts)

    parts = sum(steps.integral(a, b) for a, b in itertools.pairwise(edges))

    assert parts == steps.integral(edges[0], edges[-1])


@given(history=histories, since=instants, until=instants)
def test_pieces_cover_the_window_without_overlap(
    history: list[tuple[int, int]], since: int, until: int
) -> None:
    steps, _ = recorded(history)

    pieces = list(steps.pieces(since, until))

    assert sum((end - start) * value for start, end, value in pieces) == steps.integral(
        since, until
    )
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))


def test_a_change_and_its_taking_back_at_one_instant_leave_nothing() -> None:
    steps = Steps()
    steps.record(10, 8)
    steps.record(20, 0)
    steps.record(20, 8)

    assert list(steps.changes(0, 100)) == [(10, 8)]
    assert steps.integral(0, 30) == 160
