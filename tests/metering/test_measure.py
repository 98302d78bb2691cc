"""Segments, gaps and evidence become GPU-milliseconds."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from firewarden.metering.measure import floor_hour, hours_of, measure
from firewarden.metering.rates import RATE_CARD, RATES_CHANGE
from firewarden.model.activity import Use
from firewarden.model.price import Price, PriceSource
from firewarden.model.usage import (
    ActivityRun,
    Evidence,
    Gap,
    Hardware,
    ScrapeRecord,
    Segment,
    Usage,
)
from tests.metering.builders import (
    ACCOUNT,
    CHAT,
    H100,
    START,
    a_deployment,
    a_segment,
    after,
    between,
    exactly,
)

SECOND = 1000
GPU_HOUR = 3_600_000


def measured(
    segments: Iterable[Segment],
    *,
    until: float = 3600,
    since: float = 0,
    gaps: Iterable[Gap] = (),
    runs: Iterable[ActivityRun] = (),
    scraped: Iterable[float] = (),
    confirmed: float = 10**6,
    prices: Sequence[Price] = RATE_CARD,
) -> tuple[Usage, ...]:
    return measure(
        segments=segments,
        gaps=gaps,
        runs=runs,
        scrapes=[
            ScrapeRecord(account=ACCOUNT, answered_at=after(at), whole=True) for at in scraped
        ],
        prices=prices,
        since=after(since),
        until=after(until),
        confirmed_at=after(confirmed),
    )


def bounds(usage: Usage) -> tuple[int, int, int]:
    """Low, point and high in GPU-seconds."""
    return usage.low_ms // SECOND, usage.gpu_ms // SECOND, usage.high_ms // SECOND


def test_an_exact_segment_is_exact() -> None:
    (usage,) = measured([a_segment(600, 1800)])

    assert bounds(usage) == (9600, 9600, 9600)
    assert (usage.variance, usage.gap_ms, usage.micro_usd_per_gpu_hour) == (0, 0, 8_000_000)


def test_a_change_counts_to_the_middle_of_its_bracket() -> None:
    bracket = between(600, 630)
    one = a_segment(0, None, ended=bracket, end_evidence=Evidence.POLL)
    two = a_segment(0, 1200, started=bracket, ready=2)

    (usage,) = measured([one, two])

    assert bounds(usage) == (8 * 630 + 16 * 570, 8 * 615 + 16 * 585, 8 * 600 + 16 * 600)
    assert usage.variance == (8 * 30 * SECOND) ** 2 // 12


def test_where_no_neighbour_shares_the_bracket_there_was_nothing() -> None:
    (usage,) = measured([a_segment(0, None, started=between(0, 60), ended=between(300, 360))])

    assert bounds(usage) == (8 * 240, 8 * 300, 8 * 360)


def test_overlapping_brackets_bound_all_three_counts() -> None:
    """Listings that take long: the second change may have come before the first was read."""
    first, second = between(100, 140), between(130, 170)
    chain = [
        a_segment(0, None, ended=first),
        a_segment(0, None, started=first, ended=second, ready=3),
        a_segment(0, 300, started=second, ready=0, state="READY"),
    ]

    (usage,) = measured(chain)

    low = 8 * 100 + 8 * 30 + 0 * 10 + 0 * 30
    high = 8 * 100 + 24 * 70
    assert bounds(usage) == (low, 8 * 120 + 24 * 30, high)


def test_a_gap_is_bounded_by_what_was_possible_in_it() -> None:
    bracket = between(600, 1200)
    chain = [
        a_segment(0, None, ended=bracket, end_evidence=Evidence.GAP),
        a_segment(0, 1800, started=bracket, start_evidence=Evidence.GAP, ready=2),
    ]
    gap = Gap(
        account=ACCOUNT, uid=CHAT.uid, since=after(600), until=after(1200),
        low=0, high=4, cause="HTTP 503",
    )  # fmt: skip

    (usage,) = measured(chain, gaps=[gap])

    assert bounds(usage) == (8 * 600 + 16 * 600, 8 * 900 + 16 * 900, 8 * 600 + 32 * 600 + 16 * 600)
    assert usage.gap_ms == (8 * 300 + 16 * 300) * SECOND
    assert usage.variance == (32 * 600 * SECOND) ** 2 // 12


def test_an_open_segment_counts_up_to_the_newest_confirmation() -> None:
    assert bounds(measured([a_segment(0, None)], confirmed=90)[0]) == (720, 720, 720)
    assert measured([a_segment(0, None)], confirmed=0) == ()


def test_an_open_segment_that_a_listing_missed_counts_no_further_but_may_go_on() -> None:
    missed = a_segment(0, None, confirmed_at=after(60))

    assert bounds(measured([missed], confirmed=90)[0]) == (480, 480, 480 + 30 * 32)


def test_nothing_was_ever_confirmed() -> None:
    usages = measure(
        segments=[a_segment(0, None)], gaps=(), runs=(), scrapes=(), prices=RATE_CARD,
        since=after(0), until=after(60), confirmed_at=None,
    )  # fmt: skip

    assert usages == ()


def test_starting_replicas_stand_apart() -> None:
    (usage,) = measured([a_segment(0, 100, ready=0, starting=2)])

    assert (usage.gpu_ms, usage.high_ms, usage.starting_ms) == (0, 0, 1600 * SECOND)


def test_what_is_at_zero_has_no_row() -> None:
    assert measured([a_segment(0, 100, ready=0)]) == ()


def test_a_price_change_cuts() -> None:
    edge = (RATES_CHANGE - START).total_seconds()

    old, new = sorted(
        measured([a_segment(edge - 600, edge + 300)], since=edge - 900, until=edge + 900),
        key=lambda usage: usage.micro_usd_per_gpu_hour or 0,
    )

    assert (old.micro_usd_per_gpu_hour, old.gpu_ms) == (7_000_000, 4800 * SECOND)
    assert (new.micro_usd_per_gpu_hour, new.gpu_ms) == (8_000_000, 2400 * SECOND)


@pytest.mark.parametrize(
    ("hardware", "price"),
    [
        pytest.param(H100, 8_000_000, id="list price"),
        pytest.param(replace(H100, placement="region:US_IOWA_1"), 12_000_000, id="restricted"),
        pytest.param(replace(H100, placement="multi_region:US"), 8_000_000, id="multi-region"),
        pytest.param(replace(H100, cluster=True), 0, id="own cluster is free here"),
        pytest.param(replace(H100, preemptible=True), None, id="preemptible is unpriced"),
        pytest.param(replace(H100, accelerator_type="TPU"), None, id="unknown is unpriced"),
    ],
)
def test_the_price_stands_in_the_row(hardware: Hardware, price: int | None) -> None:
    (usage,) = measured([a_segment(0, 100, hardware=hardware)])

    assert (usage.micro_usd_per_gpu_hour, usage.gpu_ms) == (price, 800 * SECOND)


def test_another_price_in_the_same_bracket_is_another_row() -> None:
    bracket = between(100, 200)
    plan = Price(
        accelerator_type=H100.accelerator_type, micro_usd_per_gpu_hour=5_000_000,
        source=PriceSource.PRICING_PLAN, plan="contract",
    )  # fmt: skip
    chain = [
        a_segment(0, None, ended=bracket),
        a_segment(0, 300, started=bracket, hardware=replace(H100, plan="contract")),
    ]

    contract, listed = measured(chain, prices=(plan, *RATE_CARD))

    assert (contract.micro_usd_per_gpu_hour, bounds(contract)) == (5_000_000, (800, 1200, 1600))
    assert (listed.micro_usd_per_gpu_hour, bounds(listed)) == (8_000_000, (800, 1200, 1600))


def run(use: Use, since: float, until: float | None) -> ActivityRun:
    return ActivityRun(
        uid=CHAT.uid, use=use, since=after(since), until=None if until is None else after(until)
    )


EVERY_30S = [30.0 * n for n in range(121)]


@pytest.mark.parametrize(
    ("runs", "scraped", "idle", "unknown"),
    [
        pytest.param([], EVERY_30S, 0, 3600, id="no evidence is unknown"),
        pytest.param([run(Use.QUIET, 0, None)], [], 0, 3600, id="runs without scrapes too"),
        pytest.param([run(Use.QUIET, 0, None)], EVERY_30S, 3600, 0, id="quiet throughout"),
        pytest.param([run(Use.ACTIVE, 0, None)], EVERY_30S, 0, 0, id="in use throughout"),
        pytest.param([run(Use.UNKNOWN, 0, None)], EVERY_30S, 0, 3600, id="unknown throughout"),
        pytest.param(
            [run(Use.QUIET, 0, 600), run(Use.ACTIVE, 600, None)], EVERY_30S, 600, 0,
            id="idle, then in use",
        ),
        pytest.param(
            [run(Use.ACTIVE, 0, 600), run(Use.QUIET, 600, 870), run(Use.ACTIVE, 870, None)],
            EVERY_30S, 0, 0, id="quiet for less than 5 minutes is activity",
        ),
        pytest.param(
            [run(Use.ACTIVE, 0, 600), run(Use.QUIET, 600, 900), run(Use.ACTIVE, 900, None)],
            EVERY_30S, 300, 0, id="quiet for exactly 5 minutes is idle",
        ),
        pytest.param(
            [
                run(Use.ACTIVE, 0, 600), run(Use.QUIET, 600, 720), run(Use.UNKNOWN, 720, 840),
                run(Use.QUIET, 840, 960), run(Use.ACTIVE, 960, None),
            ],
            EVERY_30S, 240, 120, id="unknown inside a quiet stretch does not cut it",
        ),
        pytest.param(
            [
                run(Use.ACTIVE, 0, 600), run(Use.QUIET, 600, 720), run(Use.UNKNOWN, 720, 900),
                run(Use.QUIET, 900, 1020), run(Use.ACTIVE, 1020, None),
            ],
            EVERY_30S, 0, 180, id="unknown for longer does, and both halves are short",
        ),
        pytest.param(
            [run(Use.QUIET, 0, None)], [at for at in EVERY_30S if not 900 < at < 1200],
            3300, 300, id="a hole in the scrapes is unknown",
        ),
        pytest.param(
            [run(Use.QUIET, 0, None)], [at for at in EVERY_30S if at <= 1800],
            1800, 1800, id="nothing is known after the last scrape",
        ),
    ],
)  # fmt: skip
def test_idle_and_unknown(
    runs: list[ActivityRun], scraped: list[float], idle: int, unknown: int
) -> None:
    (usage,) = measured([a_segment(0, None)], runs=runs, scraped=scraped)

    found = (usage.idle_ms // SECOND // 8, usage.unknown_ms // SECOND // 8)
    assert found == (idle, unknown)


def test_where_two_runs_disagree_it_was_in_use() -> None:
    """A clock that went back tells of the same instants twice."""
    runs = [run(Use.QUIET, 0, None), run(Use.ACTIVE, 600, 900)]

    (usage,) = measured([a_segment(0, None)], runs=runs, scraped=EVERY_30S)

    assert usage.idle_ms == 8 * 3300 * SECOND


def test_a_rollout_is_not_idle() -> None:
    quiet = [run(Use.QUIET, 0, None)]

    (usage,) = measured([a_segment(0, None, state="UPDATING")], runs=quiet, scraped=EVERY_30S)

    assert (usage.idle_ms, usage.unknown_ms) == (0, 0)


def test_a_gap_is_never_idle() -> None:
    gap = Gap(
        account=ACCOUNT, uid=CHAT.uid, since=after(600), until=after(1200),
        low=1, high=1, cause="restart",
    )  # fmt: skip

    (usage,) = measured(
        [a_segment(0, None)], gaps=[gap], runs=[run(Use.QUIET, 0, None)], scraped=EVERY_30S
    )

    assert (usage.gap_ms, usage.idle_ms) == (4800 * SECOND, 8 * 3000 * SECOND)


def test_each_deployment_has_rows_of_its_own_in_order() -> None:
    other = a_deployment("another").uid

    usages = measured([a_segment(0, 60), a_segment(0, 30, uid=other)])

    assert [(usage.uid, usage.gpu_ms) for usage in usages] == [
        (other, 240 * SECOND), (CHAT.uid, 480 * SECOND),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [
        pytest.param(0, 3600, 1, id="one whole hour"),
        pytest.param(0, 3601, 2, id="and a second"),
        pytest.param(1800, 5400, 2, id="two halves"),
        pytest.param(0, 0, 0, id="nothing"),
    ],
)
def test_hours_of(since: float, until: float, count: int) -> None:
    hours = hours_of(after(since), after(until))

    assert hours == tuple(START + timedelta(hours=n) for n in range(count))


def test_floor_hour_is_of_utc() -> None:
    kolkata = datetime.fromisoformat("2026-11-22T16:10:00+05:30")

    assert floor_hour(kolkata) == START
    assert exactly(0).lo == START
