"""Stretches of local time: hours to years, each with its own name, whatever the clocks do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MONTHS_A_YEAR, _MONTHS_A_QUARTER = 12, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One stretch ``[since, until)``, in UTC, with its label."""

    label: str
    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it really lasts: a day of a change of clocks has 23 or 25 hours."""
        return self.until - self.since


def period_at(unit: str, at: datetime, zone: ZoneInfo) -> Period:
    """Give the whole period of *unit* (one of `UNITS`) in *zone* that holds *at*.

    Days begin at local midnight, or at the first instant after it where the clocks skip it;
    weeks on Monday, and are labelled as ISO 8601 does. An hour of a day that has it twice has
    two labels: they name the offset.
    """
    local = at.astimezone(zone)
    day = local.date()
    match unit:
        case "hour":
            into = timedelta(minutes=local.minute, seconds=local.second)
            since = at.astimezone(UTC) - into - timedelta(microseconds=local.microsecond)
            began = local.replace(minute=0, second=0, microsecond=0)
            label = began.isoformat(timespec="minutes")
            return Period(label=label, since=since, until=since + _HOUR)
        case "week":
            first, after = day - timedelta(days=day.weekday()), 7 * _DAY
            year, week, _ = day.isocalendar()
            return _days(f"{year}-W{week:02d}", first, first + after, zone)
        case "month":
            first = day.replace(day=1)
            return _days(f"{day:%Y-%m}", first, _months_later(first, 1), zone)
        case "quarter":
            number = (day.month - 1) // _MONTHS_A_QUARTER
            first = date(day.year, number * _MONTHS_A_QUARTER + 1, 1)
            label = f"{day.year}-Q{number + 1}"
            return _days(label, first, _months_later(first, _MONTHS_A_QUARTER), zone)
        case "year":
            return _days(f"{day.year}", date(day.year, 1, 1), date(day.year + 1, 1, 1), zone)
        case _:
            return _days(day.isoformat(), day, day + _DAY, zone)


def cut(unit: str, *, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[Period]:
    """Cut ``[since, until)`` at the local edges of *unit*; the first and last may be parts."""
    while since < until:
        whole = period_at(unit, since, zone)
        yield Period(label=whole.label, since=since, until=min(whole.until, until))
        since = whole.until


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give the first instant of *day* in *zone*, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _days(label: str, first: date, after: date, zone: ZoneInfo) -> Period:
    return Period(label=label, since=midnight(first, zone), until=midnight(after, zone))


def _months_later(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, _MONTHS_A_YEAR)
    return date(first.year + years, month + 1, 1)
