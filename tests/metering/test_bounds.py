"""Every metered total contains the truth, adds up, and does not move when told twice."""

from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.metering.fold import REPLAYS_KNOWN
from firewarden.metering.measure import EVIDENCE_MARGIN, hours_of
from firewarden.metering.totals import Totals, total_of
from firewarden.model.usage import LedgerChange, Usage
from tests.metering.builders import START, Shelf, a_fleet, a_segment
from tests.metering.stories import Story, at_ms
from tests.support.thousands import thousands

MS = timedelta(milliseconds=1)
seeds = st.integers(0, 2**32)
many = thousands()
NUMBERS = [entry.name for entry in fields(Usage) if entry.type is int]


def assert_truth_is_inside(story: Story) -> None:
    confirmed = story.shelf.confirmed_at
    assert confirmed is not None
    assert story.begun is not None
    begin, end = story.begun, (confirmed - START) // MS
    by_uid = {usage.uid: usage for usage in story.shelf.measure(at_ms(begin), confirmed)}
    for life in story.lives:
        if life.uid not in {uid for uid, _ in story.shelf.segments}:
            continue
        truth = life.held_ms(begin, end) if end > begin else 0
        usage = by_uid.get(life.uid)
        low, gpu, high = (usage.low_ms, usage.gpu_ms, usage.high_ms) if usage else (0, 0, 0)
        assert low <= truth <= high, (life.uid, low, truth, high)
        assert low <= gpu <= high
        if usage:
            assert usage.idle_ms + usage.unknown_ms + usage.gap_ms <= gpu
            assert min(getattr(usage, name) for name in NUMBERS) >= 0


@many
@given(seed=seeds, steps=st.integers(1, 10))
def test_the_truth_lies_inside_the_hard_bounds_after_every_poll(seed: int, steps: int) -> None:
    Story(seed).play(steps, each=assert_truth_is_inside)


def test_the_stories_hold_all_that_can_go_wrong() -> None:
    seen: Counter[str] = Counter()
    for seed in range(12):
        seen += Story(seed).play(10).seen

    kinds = ("gap", "incomplete", "delete", "undelete", "re-creation", "restart", "lost answer")
    assert {kind for kind in kinds if not seen[kind]} == set()


@many
@given(seed=seeds, cuts=st.lists(st.integers(0, 10**7), max_size=5))
def test_windows_side_by_side_add_up_to_the_whole(seed: int, cuts: list[int]) -> None:
    shelf = Story(seed).play(8).shelf
    edges = [at_ms(cut) for cut in sorted({0, 10**7, *cuts})]

    whole = shelf.measure(edges[0], edges[-1])
    parts = [usage for since, until in pairwise(edges) for usage in shelf.measure(since, until)]

    assert _by_key(parts) == _by_key(whole)
    assert total_of(parts) == total_of(whole)


@many
@given(seed=seeds)
def test_hours_measured_from_their_own_rows_add_up_to_the_whole(seed: int) -> None:
    """Each hour is given only the rows that `measure` asks for, as a store would give them."""
    shelf = Story(seed).play(8).shelf
    until = shelf.confirmed_at or START
    parts: list[Usage] = []

    for hour in hours_of(START, until):
        parts += _cut_down(shelf, hour).measure(hour, min(hour + timedelta(hours=1), until))

    assert _by_key(parts) == _by_key(shelf.measure(START, until))


def _cut_down(shelf: Shelf, hour: datetime) -> Shelf:
    """Keep the rows that overlap *hour*, evidence with its margin."""
    until = hour + timedelta(hours=1)
    early, late = hour - EVIDENCE_MARGIN, until + EVIDENCE_MARGIN
    kept = Shelf()
    kept.polls = shelf.polls
    kept.segments = {
        key: segment
        for key, segment in shelf.segments.items()
        if segment.started.lo < until and (segment.ended is None or segment.ended.hi > hour)
    }
    kept.gaps = [gap for gap in shelf.gaps if gap.since < until and gap.until > hour]
    kept.runs = {
        key: run
        for key, run in shelf.runs.items()
        if run.since < late and (run.until is None or run.until > early)
    }
    kept.scrapes = [scrape for scrape in shelf.scrapes if early <= scrape.answered_at < late]
    return kept


@many
@given(seed=seeds, steps=st.integers(1, 6))
def test_any_beginning_of_what_was_polled_changes_nothing_when_it_comes_again(
    seed: int, steps: int
) -> None:
    story = Story(seed).play(steps)
    known = story.polls[-REPLAYS_KNOWN:]

    assert {story.ledger.fold_fleet(poll) == LedgerChange() for poll in known} == {True}


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        pytest.param("UTC", (2026, 11, 1), id="UTC, a day that ends in another month"),
        pytest.param("Europe/Berlin", (2026, 10, 25), id="Berlin, 25 hours"),
        pytest.param("Europe/Berlin", (2027, 3, 28), id="Berlin, 23 hours"),
        pytest.param("America/New_York", (2026, 11, 1), id="New York, 25 hours"),
        pytest.param("America/New_York", (2027, 3, 14), id="New York, 23 hours"),
        pytest.param("Asia/Kolkata", (2026, 11, 1), id="Kolkata, half an hour off"),
        pytest.param("Asia/Kathmandu", (2026, 11, 1), id="Kathmandu, three quarters off"),
        pytest.param("Australia/Lord_Howe", (2026, 10, 4), id="Lord Howe, 23.5 hours"),
        pytest.param("Australia/Lord_Howe", (2027, 4, 4), id="Lord Howe, 24.5 hours"),
    ],
)
def test_local_days_add_up_whatever_their_length(zone: str, day: tuple[int, int, int]) -> None:
    days = [datetime(*day, tzinfo=ZoneInfo(zone)) + timedelta(days=n) for n in (-1, 0, 1, 2)]
    edges = [midnight.astimezone(UTC) for midnight in days]
    begun = (edges[0] - START).total_seconds()
    shelf = Shelf()
    segment = a_segment(begun, begun + 3.5 * 86_400)
    shelf.segments[segment.uid, segment.started] = segment
    shelf.put_poll(a_fleet(begun + 9 * 86_400))

    parts = [total_of(shelf.measure(since, until)) for since, until in pairwise(edges)]

    hours = [(until - since) / timedelta(hours=1) for since, until in pairwise(edges)]
    assert [part.gpu_ms for part in parts] == [int(hour * 8 * 3_600_000) for hour in hours]
    whole = total_of(shelf.measure(edges[0], edges[-1]))
    by_hour = [
        total_of(shelf.measure(max(hour, edges[0]), min(hour + timedelta(hours=1), edges[-1])))
        for hour in hours_of(edges[0], edges[-1])
    ]
    assert sum(parts, Totals()) == sum(by_hour, Totals()) == whole
    assert sum(part.usd for part in parts) == sum(part.usd for part in by_hour) == whole.usd


def _by_key(usages: list[Usage] | tuple[Usage, ...]) -> dict[tuple[object, ...], list[int]]:
    sums: dict[tuple[object, ...], list[int]] = {}
    for usage in usages:
        key = (usage.uid, usage.accelerator_type, usage.micro_usd_per_gpu_hour)
        numbers = [getattr(usage, name) for name in NUMBERS]
        sums[key] = [a + b for a, b in zip(sums.get(key, [0] * 8), numbers, strict=True)]
    return sums
