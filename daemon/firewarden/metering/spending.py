"""What a scope spent, by the hour and over stretches: the rows that burn and forecast rest on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from firewarden.metering.instants import floor_hour

_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentHour:
    """What one scope spent in one hour of UTC.

    Attributes:
        at: the beginning of the hour.
        usd: what was spent in it, 0 included; None: nobody watched, as where there is no row.
        is_priced: False where something was held that no price is known for; *usd* leaves
            that out.
    """

    at: datetime
    usd: Decimal | None
    is_priced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one scope spent over a stretch of time, as far as it was watched.

    Attributes:
        usd: what was spent while somebody watched, 0 included.
        lasted: how long the stretch is.
        watched_for: how much of it was watched.
        is_priced: False where something was held that no price is known for; *usd* leaves
            that out.
    """

    usd: Decimal
    lasted: timedelta
    watched_for: timedelta
    is_priced: bool = True

    @property
    def usd_per_hour(self) -> Decimal | None:
        """The burn rate while it was watched; None: nobody watched, which is not 0."""
        return self.usd / hours_in(self.watched_for) if self.watched_for else None

    @property
    def is_whole(self) -> bool:
        """Was all of it watched and priced? If not, *usd* is the least that was spent."""
        return self.is_priced and self.watched_for >= self.lasted


def hours_in(duration: timedelta) -> Decimal:
    """How many hours *duration* has, to the microsecond."""
    return Decimal(duration // _MICROSECOND) / _MICROSECONDS_PER_HOUR


def by_hour(rows: Iterable[SpentHour], *, before: datetime) -> dict[datetime, SpentHour]:
    """Sort the watched hours that ended at *before* or earlier, in order, by their beginning.

    Raises:
        ValueError: an hour is given twice, or a row does not begin with an hour of UTC.
    """
    end = floor_hour(before)
    found: dict[datetime, SpentHour] = {}
    seen: set[datetime] = set()
    for row in rows:
        at = row.at.astimezone(UTC)
        if at.minute or at.second or at.microsecond:
            raise ValueError(f"{row.at} is not the beginning of an hour")
        if at in seen:
            raise ValueError(f"the hour of {row.at} is given twice")
        seen.add(at)
        if row.usd is not None and at < end:
            found[at] = row
    return dict(sorted(found.items()))


def weeks_earlier(hour: datetime, weeks: int, zone: tzinfo) -> datetime:
    """The UTC hour that began, in *zone*, at the same wall time so many weeks before *hour*.

    Where a clock was put on or back by less than an hour in between: the hour it fell into.
    """
    wall = hour.astimezone(zone) - timedelta(weeks=weeks)
    return floor_hour(wall)
