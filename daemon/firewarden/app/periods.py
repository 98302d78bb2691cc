"""Stretches of local time: what a person means by a day, a week, 7d, 2026-11-01."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firewarden.errors import UserError
from firewarden.policy.durations import parse_duration

UNITS: Final = ("hour", "day", "week", "month")
MOST_PERIODS = 10_000

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_DECEMBER = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One stretch ``[since, until)`` with the label of its group."""

    label: str
    since: datetime
    until: datetime


def find_zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name.

    Raises:
        UserError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(
            f"no such time zone: {name!r}", where="--timezone", mend="give one like Europe/Berlin"
        ) from error


def read_when(text: str, *, now: datetime, zone: ZoneInfo, option: str) -> datetime:
    """Read a date (its first instant), an instant, or how long before *now*.

    Without a zone of its own it is in *zone*.

    Raises:
        UserError: it is none of these.
    """
    with suppress(ValueError):
        return now - parse_duration(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            f"{text!r} is no instant",
            where=option,
            mend="give 2026-11-01, 2026-11-01T12:00:00Z, or 7d for seven days ago",
        ) from error
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def month_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Tell when the local month of *now* began."""
    return _midnight(now.astimezone(zone).date().replace(day=1), zone)


def periods(unit: str, *, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[Period]:
    """Cut ``[since, until)`` at the local edges of *unit*; the first and last may be parts.

    A day of a change of clocks has 23 or 25 hours, each with its own label.

    Raises:
        UserError: it would be more than 10,000.
    """
    begun = since
    for _ in range(MOST_PERIODS):
        if begun >= until:
            return
        label, ended = _period_at(unit, begun, zone)
        yield Period(label=label, since=begun, until=min(ended, until))
        begun = ended
    if begun < until:
        raise UserError(
            f"more than {MOST_PERIODS:,} rows of one {unit} each",
            where="--group-by",
            mend="ask for a shorter stretch, or for days",
        )


def _period_at(unit: str, at: datetime, zone: ZoneInfo) -> tuple[str, datetime]:
    """Give the label of the period that holds *at*, and its end."""
    local = at.astimezone(zone)
    day = local.date()
    if unit == "hour":
        began = local.replace(minute=0, second=0, microsecond=0)
        into = timedelta(minutes=local.minute, seconds=local.second)
        ended = at - into - timedelta(microseconds=local.microsecond) + _HOUR
        return began.isoformat(timespec="minutes"), ended
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}", _midnight(monday + 7 * _DAY, zone)
    if unit == "month":
        years, month = divmod(day.month, _DECEMBER)
        following = date(day.year + years, month + 1, 1)
        return f"{day:%Y-%m}", _midnight(following, zone)
    return day.isoformat(), _midnight(day + _DAY, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
