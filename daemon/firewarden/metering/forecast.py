"""What a scope will have spent at the end of a window, how sure that is, and if nothing changes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import NormalDist

from firewarden.metering.pattern import Pattern
from firewarden.metering.spending import hours_in
from firewarden.metering.totals import SIGMAS_95

_MICRO_USD = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a scope is expected to have spent at the end of a window, as a normal distribution.

    Attributes:
        spent_usd: spent so far; the end cannot be below.
        usd: expected at the end.
        sigma_usd: the standard deviation of what is still to come.
        days: days of history it rests on, of 28.
        unwatched_hours: hours of that history that nobody watched; they count as nothing,
            not as 0.
        is_priced: False where usage without a price was held in the history: the forecast
            does not cover it.
    """

    spent_usd: Decimal
    usd: Decimal
    sigma_usd: Decimal
    days: int
    unwatched_hours: int
    is_priced: bool

    @property
    def usd_interval(self) -> tuple[Decimal, Decimal]:
        """Between these the end lies in 95 of 100 cases; never below what is spent."""
        reach = SIGMAS_95 * self.sigma_usd
        return max(self.spent_usd, self.usd - reach), self.usd + reach

    def probability_above(self, limit: Decimal) -> float:
        """How probable it is that the end is above *limit*; 1 once more is spent."""
        if self.spent_usd > limit:
            return 1.0
        if not self.sigma_usd:
            return float(self.usd > limit)
        return NormalDist().cdf(float((self.usd - limit) / self.sigma_usd))


def forecast_of(pattern: Pattern, *, spent: Decimal, until: datetime) -> Forecast:
    """Forecast a window that ends at *until* and of which *spent* USD are spent.

    What is to come is the sum of the pattern's hours from its ``now`` on; see `Pattern.ahead`.
    """
    usd = sigma = 0.0
    for ahead in pattern.ahead(until):
        usd, sigma = ahead.usd, ahead.sigma_usd
    return Forecast(
        spent_usd=spent,
        usd=spent + Decimal(usd).quantize(_MICRO_USD),
        sigma_usd=Decimal(sigma).quantize(_MICRO_USD),
        days=pattern.days,
        unwatched_hours=pattern.unwatched_hours,
        is_priced=pattern.is_priced,
    )


def if_nothing_changes(*, spent: Decimal, usd_per_hour: Decimal, left: timedelta) -> Decimal:
    """What will be spent if the burn rate stays as it is: no forecast, no base for an alert."""
    return spent + usd_per_hour * hours_in(left)
