"""One bill, several teams: usage cut by shares, so that the parts add up to the whole."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from firewarden.model.trueup import Adjustment, Money
from firewarden.model.usage import Usage

_MICRO = 10**6
"""Shares have at most six places."""


def parts_of(total: int, shares: Mapping[str, Decimal]) -> dict[str, int]:
    """Cut a *total* by *shares* (which add up to 1) into whole parts.

    The parts add up to the total; each is its share to within one unit.
    """
    found: dict[str, int] = {}
    reached, given = 0, 0
    for name, share in shares.items():
        reached += int(share * _MICRO)
        found[name] = total * reached // _MICRO - given
        given += found[name]
    return found


def split_usage(usage: Usage, shares: Mapping[str, Decimal]) -> dict[str, Usage]:
    """Cut *usage* by *shares*, by name; every number of the parts adds up to that of the whole.

    ``low_ms <= gpu_ms <= high_ms`` holds in each part; how it was used is exact to a few
    milliseconds. The parts of one whole err together, so the variance is cut like the rest:
    for one part alone that is more than it has, never less.
    """
    bounds = _bounded_parts(usage.low_ms, usage.gpu_ms, usage.high_ms, shares)
    variance, idle = parts_of(usage.variance, shares), parts_of(usage.idle_ms, shares)
    unknown, gap = parts_of(usage.unknown_ms, shares), parts_of(usage.gap_ms, shares)
    starting = parts_of(usage.starting_ms, shares)
    return {
        name: replace(
            usage,
            low_ms=bounds[name][0],
            gpu_ms=bounds[name][1],
            high_ms=bounds[name][2],
            variance=variance[name],
            idle_ms=idle[name],
            unknown_ms=unknown[name],
            gap_ms=gap[name],
            starting_ms=starting[name],
        )
        for name in shares
    }


def split_adjustment(
    adjustment: Adjustment, shares: Mapping[str, Decimal]
) -> dict[str, Adjustment]:
    """Cut what the bill adds or takes by *shares*, by name; the parts add up to the whole."""
    bounds = _bounded_parts(adjustment.low_ms, adjustment.gpu_ms, adjustment.high_ms, shares)
    costs = _money_parts(adjustment.money, shares) if adjustment.money else {}
    return {
        name: Adjustment(
            low_ms=bounds[name][0],
            gpu_ms=bounds[name][1],
            high_ms=bounds[name][2],
            money=costs.get(name),
        )
        for name in shares
    }


def _money_parts(money: Money, shares: Mapping[str, Decimal]) -> dict[str, Money]:
    bounds = _bounded_parts(money.low_micro_usd, money.micro_usd, money.high_micro_usd, shares)
    return {
        name: Money(low_micro_usd=low, micro_usd=point, high_micro_usd=high)
        for name, (low, point, high) in bounds.items()
    }


def _bounded_parts(
    low: int, point: int, high: int, shares: Mapping[str, Decimal]
) -> dict[str, tuple[int, int, int]]:
    """Cut a number and its bounds so that they stand in the same order in each part."""
    lows, above = parts_of(low, shares), parts_of(point - low, shares)
    beyond = parts_of(high - point, shares)
    return {
        name: (lows[name], lows[name] + above[name], lows[name] + above[name] + beyond[name])
        for name in shares
    }
