"""Sums of usage: integers until the end, dollars at the edge, with bounds and coverage."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Self

from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.usage import Usage

SIGMAS_95 = Decimal("1.96")
_UNITS_PER_USD = MS_PER_HOUR * MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A sum of usage. Totals add up exactly, in any order and grouping.

    ``…_ms`` are GPU-milliseconds; ``…_units`` are GPU-ms × micro-USD per GPU-hour of the
    priced part; ``unpriced_ms`` is the part of ``gpu_ms`` that no price is known for, and
    ``unpriced_high_ms`` the most it can be. ``variance`` is in GPU-ms², ``variance_units``
    in units².
    """

    gpu_ms: int = 0
    low_ms: int = 0
    high_ms: int = 0
    variance: int = 0
    idle_ms: int = 0
    unknown_ms: int = 0
    gap_ms: int = 0
    starting_ms: int = 0
    unpriced_ms: int = 0
    unpriced_high_ms: int = 0
    cost_units: int = 0
    low_units: int = 0
    high_units: int = 0
    idle_units: int = 0
    variance_units: int = 0

    def __add__(self, other: Self) -> "Totals":
        """Add two sums."""
        return Totals(
            **{
                entry.name: getattr(self, entry.name) + getattr(other, entry.name)
                for entry in fields(Totals)
            }
        )

    @property
    def usd(self) -> Decimal:
        """Cost of the priced part; see `is_priced`."""
        return Decimal(self.cost_units) / _UNITS_PER_USD

    @property
    def usd_low(self) -> Decimal:
        """The least that the priced part can have cost."""
        return Decimal(self.low_units) / _UNITS_PER_USD

    @property
    def usd_high(self) -> Decimal:
        """The most that the priced part can have cost."""
        return Decimal(self.high_units) / _UNITS_PER_USD

    @property
    def usd_interval(self) -> tuple[Decimal, Decimal]:
        """Between these the cost lies in 95 of 100 cases; never outside the hard bounds."""
        reach = SIGMAS_95 * Decimal(self.variance_units).sqrt() / _UNITS_PER_USD
        return max(self.usd_low, self.usd - reach), min(self.usd_high, self.usd + reach)

    @property
    def idle_usd(self) -> Decimal:
        """What was spent while surely idle."""
        return Decimal(self.idle_units) / _UNITS_PER_USD

    @property
    def gpu_hours(self) -> Decimal:
        """GPU-hours of the point estimate."""
        return Decimal(self.gpu_ms) / MS_PER_HOUR

    @property
    def gpu_hours_interval(self) -> tuple[Decimal, Decimal]:
        """Between these the GPU-hours lie in 95 of 100 cases; never outside the hard bounds."""
        reach = SIGMAS_95 * Decimal(self.variance).sqrt()
        low = max(Decimal(self.low_ms), self.gpu_ms - reach)
        high = min(Decimal(self.high_ms), self.gpu_ms + reach)
        return low / MS_PER_HOUR, high / MS_PER_HOUR

    @property
    def unpriced_gpu_seconds(self) -> Decimal:
        """GPU-seconds that no price is known for."""
        return Decimal(self.unpriced_ms) / 1000

    @property
    def is_priced(self) -> bool:
        """Does `usd` cover everything?"""
        return not self.unpriced_high_ms

    @property
    def coverage(self) -> float | None:
        """The share of GPU time of which use or no use is known; None where there was none."""
        if not self.gpu_ms:
            return None
        return 1 - (self.unknown_ms + self.gap_ms) / self.gpu_ms


def total_of(usages: Iterable[Usage]) -> Totals:
    """Add up *usages*, of whatever deployments, hours and prices."""
    rows = tuple(usages)
    priced = [
        (row, row.micro_usd_per_gpu_hour) for row in rows if row.micro_usd_per_gpu_hour is not None
    ]
    unpriced = [row for row in rows if row.micro_usd_per_gpu_hour is None]
    return Totals(
        gpu_ms=sum(row.gpu_ms for row in rows),
        low_ms=sum(row.low_ms for row in rows),
        high_ms=sum(row.high_ms for row in rows),
        variance=sum(row.variance for row in rows),
        idle_ms=sum(row.idle_ms for row in rows),
        unknown_ms=sum(row.unknown_ms for row in rows),
        gap_ms=sum(row.gap_ms for row in rows),
        starting_ms=sum(row.starting_ms for row in rows),
        unpriced_ms=sum(row.gpu_ms for row in unpriced),
        unpriced_high_ms=sum(row.high_ms for row in unpriced),
        cost_units=sum(row.gpu_ms * price for row, price in priced),
        low_units=sum(row.low_ms * price for row, price in priced),
        high_units=sum(row.high_ms * price for row, price in priced),
        idle_units=sum(row.idle_ms * price for row, price in priced),
        variance_units=sum(row.variance * price**2 for row, price in priced),
    )
