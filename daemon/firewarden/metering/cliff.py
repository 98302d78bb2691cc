"""When spend reaches a limit of the provider's, or eats up a credit: an instant, early and late."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from firewarden.metering.pattern import Pattern
from firewarden.metering.totals import SIGMAS_95

_REACHES = (0.0, float(SIGMAS_95), -float(SIGMAS_95))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cliff:
    """When a limit is reached; None: not within the time asked for.

    Attributes:
        at: expected: when spend and forecast together reach the limit.
        earliest: when the upper end of the forecast's 95 % interval reaches it.
        latest: when the lower end does.
        is_priced: False where usage without a price was held in the history: it may be
            reached earlier.
    """

    at: datetime | None
    earliest: datetime | None
    latest: datetime | None
    is_priced: bool


def cliff_of(pattern: Pattern, *, spent: Decimal, limit: Decimal, until: datetime) -> Cliff:
    """Find when *spent* USD and what the pattern expects from now on reach *limit*.

    For a provider's monthly limit *spent* is the month to date and *until* the month's end;
    for a credit, what is used of it, and its expiry. Between the ends of two hours spend is
    taken as even. What has been reached already is reached now.
    """
    left = float(limit - spent)
    if left <= 0:
        now = pattern.now
        return Cliff(at=now, earliest=now, latest=now, is_priced=pattern.is_priced)
    found: list[datetime | None] = [None, None, None]
    before, usd_before = pattern.now, [0.0, 0.0, 0.0]
    for ahead in pattern.ahead(until):
        usd = [ahead.usd + reach * ahead.sigma_usd for reach in _REACHES]
        for which, (last, this) in enumerate(zip(usd_before, usd, strict=True)):
            if found[which] is None and this >= left:
                share = (left - last) / (this - last)
                found[which] = before + (ahead.until - before) * share
        before, usd_before = ahead.until, usd
    at, earliest, latest = found
    return Cliff(at=at, earliest=earliest, latest=latest, is_priced=pattern.is_priced)
