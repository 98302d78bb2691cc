"""Is today out of the ordinary: spend against the same hours of the week in earlier weeks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from statistics import median

from firewarden.metering.instants import HOUR, floor_hour, hours_of
from firewarden.metering.spending import SpentHour, by_hour, weeks_earlier

NEWEST = timedelta(hours=6)
EARLIER_WEEKS = 8
WEEKS_NEEDED = 4
DEVIATIONS = 4
RATIO = Decimal("1.3")
ABOVE_USD = Decimal(20)

_LONGEST_DAY = timedelta(hours=26)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What the same local hours of earlier weeks cost.

    Attributes:
        weeks: how many of them were watched and priced throughout.
        median_usd: their median.
        mad_usd: the median of their distances from it.
    """

    weeks: int
    median_usd: Decimal
    mad_usd: Decimal

    @property
    def threshold_usd(self) -> Decimal:
        """Above this something is wrong: all three gates are passed.

        The median and 4 median deviations; 30 % above the median; 20 USD above it.
        """
        return max(
            self.median_usd + DEVIATIONS * self.mad_usd,
            self.median_usd * RATIO,
            self.median_usd + ABOVE_USD,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Whole hours, ``[since, until)``, against the same ones of earlier weeks.

    Attributes:
        since, until: ends of whole UTC hours.
        usd: what was spent in those that were watched.
        usual: None where fewer than `WEEKS_NEEDED` of the `EARLIER_WEEKS` are known.
        unwatched_hours: how many of the hours nobody watched.
        is_priced: False where usage without a price was held; *usd* leaves it out.
    """

    since: datetime
    until: datetime
    usd: Decimal
    usual: Usual | None
    unwatched_hours: int
    is_priced: bool

    @property
    def is_anomaly(self) -> bool | None:
        """Is it above the threshold? None: cannot be told, as it may be more than is known."""
        if self.usual is None:
            return None
        if self.usd > self.usual.threshold_usd:
            return True
        return None if self.unwatched_hours or not self.is_priced else False


def compare_with_usual(
    rows: Iterable[SpentHour], *, now: datetime, zone: tzinfo
) -> tuple[Compared, ...]:
    """Compare the local day so far, and the newest 6 hours, in this order.

    Of whole hours: the day is that of the newest whole hour before *now*, so that a day is
    looked at to its end. *rows* are in any order; those of the last 8 weeks and a day matter. A
    week with an hour among these that nobody watched, or with usage that has no price, is left
    out: it would read as cheap. Hours correspond by wall time in *zone*; see `weeks_earlier`.

    Raises:
        ValueError: as `by_hour`.
    """
    known = by_hour(rows, before=now)
    end = floor_hour(now)
    day = (end - HOUR).astimezone(zone).date()
    so_far = [
        hour for hour in hours_of(end - _LONGEST_DAY, end) if hour.astimezone(zone).date() == day
    ]
    return tuple(_compared(known, hours, zone) for hours in (so_far, hours_of(end - NEWEST, end)))


def _compared(
    known: Mapping[datetime, SpentHour], hours: Sequence[datetime], zone: tzinfo
) -> Compared:
    rows = [row for hour in hours if (row := known.get(hour))]
    earlier = []
    for weeks in range(1, EARLIER_WEEKS + 1):
        same = [known.get(weeks_earlier(hour, weeks, zone)) for hour in hours]
        sums = [row.usd for row in same if row and row.usd is not None and row.is_priced]
        if len(sums) == len(hours):
            earlier.append(sum(sums, Decimal(0)))
    return Compared(
        since=hours[0],
        until=hours[-1] + HOUR,
        usd=sum((row.usd for row in rows if row.usd is not None), Decimal(0)),
        usual=_usual(earlier) if len(earlier) >= WEEKS_NEEDED else None,
        unwatched_hours=len(hours) - len(rows),
        is_priced=all(row.is_priced for row in rows),
    )


def _usual(earlier: list[Decimal]) -> Usual:
    middle = median(earlier)
    return Usual(
        weeks=len(earlier),
        median_usd=middle,
        mad_usd=median(abs(each - middle) for each in earlier),
    )
