"""One bill, several teams: usage cut by shares, so that the parts add up to the whole."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from firewarden.model.usage import Usage

_MICRO = 10**6
"""Shares have at most six places."""


def parts_of(total: int, shares: Mapping[str, Decimal]) -> dict[str, int]:
    """Cut a *total* that is not negative by *shares* (which add up to 1) into whole parts.

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
    low = parts_of(usage.low_ms, shares)
    middle = parts_of(usage.gpu_ms - usage.low_ms, shares)
    above = parts_of(usage.high_ms - usage.gpu_ms, shares)
    variance, idle = parts_of(usage.variance, shares), parts_of(usage.idle_ms, shares)
    unknown, gap = parts_of(usage.unknown_ms, shares), parts_of(usage.gap_ms, shares)
    starting = parts_of(usage.starting_ms, shares)
    return {
        name: replace(
            usage,
            low_ms=low[name],
            gpu_ms=low[name] + middle[name],
            high_ms=low[name] + middle[name] + above[name],
            variance=variance[name],
            idle_ms=idle[name],
            unknown_ms=unknown[name],
            gap_ms=gap[name],
            starting_ms=starting[name],
        )
        for name in shares
    }
