"""Sums of usage, in integers until the end."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firewarden.metering.totals import Totals, total_of
from firewarden.model.usage import Usage
from tests.metering.builders import CHAT

HOUR_MS = 3_600_000
ONE_HOUR_OF_EIGHT = Usage(
    uid=CHAT.uid,
    accelerator_type="NVIDIA_H100_80GB",
    micro_usd_per_gpu_hour=8_000_000,
    gpu_ms=8 * HOUR_MS,
    low_ms=7 * HOUR_MS,
    high_ms=9 * HOUR_MS,
    variance=HOUR_MS**2 // 12,
    idle_ms=4 * HOUR_MS,
    unknown_ms=HOUR_MS,
    gap_ms=HOUR_MS,
    starting_ms=HOUR_MS,
)


def exactly(*numbers: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(number) for number in numbers)


def a_usage(**changes: Any) -> Usage:
    return replace(ONE_HOUR_OF_EIGHT, **changes)


def test_dollars_hours_and_coverage() -> None:
    total = total_of([a_usage()])

    assert (total.usd, total.usd_low, total.usd_high) == exactly(64, 56, 72)
    assert (total.idle_usd, total.gpu_hours) == exactly(32, 8)
    assert (total.coverage, total.is_priced) == (0.75, True)


def test_the_interval_is_of_95_percent_and_never_wider_than_the_hard_bounds() -> None:
    narrow = total_of([a_usage(variance=HOUR_MS**2 // 400)])
    wide = total_of([a_usage(variance=100 * HOUR_MS**2)])

    low, high = narrow.usd_interval
    assert (round(low, 3), round(high, 3)) == (Decimal("63.216"), Decimal("64.784"))
    assert wide.usd_interval == exactly(56, 72)
    assert wide.gpu_hours_interval == exactly(7, 9)


def test_unpriced_is_counted_and_never_free() -> None:
    total = total_of([a_usage(), a_usage(micro_usd_per_gpu_hour=None)])

    assert (total.usd, total.gpu_hours) == exactly(64, 16)
    assert total.unpriced_gpu_seconds == 8 * 3600
    assert not total.is_priced


def test_an_own_cluster_is_priced_at_nothing() -> None:
    total = total_of([a_usage(micro_usd_per_gpu_hour=0)])

    assert (total.usd, total.gpu_hours) == exactly(0, 8)
    assert total.is_priced


def test_nothing_has_no_coverage() -> None:
    assert total_of([]) == Totals()
    assert Totals().coverage is None
    assert Totals().usd_interval == exactly(0, 0)


usages = st.builds(
    a_usage,
    gpu_ms=st.integers(0, 10**13),
    low_ms=st.integers(0, 10**13),
    high_ms=st.integers(0, 10**13),
    variance=st.integers(0, 10**26),
    micro_usd_per_gpu_hour=st.none() | st.integers(0, 10**8),
)


@given(rows=st.lists(usages, max_size=6), cut=st.integers(0, 6))
def test_parts_add_up_to_the_whole_to_the_last_digit(rows: list[Usage], cut: int) -> None:
    parts = total_of(rows[:cut]) + total_of(rows[cut:])

    assert parts == total_of(rows) == total_of(reversed(rows))
