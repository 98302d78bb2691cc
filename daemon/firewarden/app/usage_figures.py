"""What a row of usage shows, by where it comes from: the meter, the bill, or what it adjusted."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from firewarden.metering.totals import total_of
from firewarden.model.ids import Uid
from firewarden.model.price import MICRO, cost_usd
from firewarden.model.trueup import RowState
from firewarden.model.usage import Usage
from firewarden.report.text import UNPRICED
from firewarden.report.usage import Figures, UsageState
from firewarden.store.bill import Backfilled
from firewarden.store.trueup import Adjusted

_MS = 1_000
_NANO = Decimal(1).scaleb(-9)
_STATES: Final = {
    RowState.EQUAL: UsageState.SETTLED,
    RowState.RESERVED: UsageState.SETTLED,
    RowState.ADJUSTED: UsageState.ADJUSTED,
    RowState.UNATTRIBUTED: UsageState.ADJUSTED,
    RowState.DISPUTED: UsageState.DISPUTED,
}


def price_label(micro_usd_per_gpu_hour: int | None) -> str:
    """Write a price as it is grouped by, in USD per GPU-hour; "unpriced" where there is none."""
    if micro_usd_per_gpu_hour is None:
        return UNPRICED
    return f"{Decimal(micro_usd_per_gpu_hour) / MICRO:f}"


def metered_figures(
    usages: Sequence[Usage], protected: frozenset[Uid], state: UsageState
) -> Figures:
    """Add up what was metered; idle cost of what is *protected* is not actionable."""
    total = total_of(usages)
    free = [usage for usage in usages if usage.uid not in protected]
    actionable = total if len(free) == len(usages) else total_of(free)
    return Figures(
        gpu_ms=total.gpu_ms,
        low_ms=total.low_ms,
        high_ms=total.high_ms,
        idle_ms=total.idle_ms,
        unknown_ms=total.unknown_ms,
        gap_ms=total.gap_ms,
        starting_ms=total.starting_ms,
        unpriced_ms=total.unpriced_ms,
        cost=_nano(total.usd),
        cost_low=_nano(total.usd_low),
        cost_high=_nano(total.usd_high),
        idle_cost=_nano(total.idle_usd),
        idle_actionable_cost=_nano(actionable.idle_usd),
        state=state,
    )


def billed_figures(day: Backfilled) -> Figures:
    """Take a billed day as it is: exact by the provider's word, its use unknown."""
    gpu_ms = day.billed.gpu_seconds * _MS
    price = day.micro_usd_per_gpu_hour
    cost = _nano(cost_usd(gpu_ms, price or 0))
    return Figures(
        gpu_ms=gpu_ms,
        low_ms=gpu_ms,
        high_ms=gpu_ms,
        unknown_ms=gpu_ms,
        unpriced_ms=gpu_ms if price is None else 0,
        cost=cost,
        cost_low=cost,
        cost_high=cost,
        state=UsageState.BACKFILLED,
    )


def adjusted_figures(adjusted: Adjusted) -> Figures:
    """Take an adjustment as figures of its own, to be added to those that were metered."""
    change = adjusted.adjustment
    money = change.money
    cost = Decimal(money.micro_usd if money else 0) / MICRO
    return Figures(
        gpu_ms=change.gpu_ms,
        low_ms=change.low_ms,
        high_ms=change.high_ms,
        unpriced_ms=0 if money else change.gpu_ms,
        adjusted_ms=change.gpu_ms,
        cost=cost,
        cost_low=Decimal(money.low_micro_usd if money else 0) / MICRO,
        cost_high=Decimal(money.high_micro_usd if money else 0) / MICRO,
        adjustment=cost,
        state=_STATES[adjusted.state],
    )


def _nano(amount: Decimal) -> Decimal:
    """Round to the nano-dollar, once a row: so rows sum to their total exactly."""
    return amount.quantize(_NANO)
