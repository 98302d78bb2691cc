"""What a person means by a stretch of time: a zone, 7d, 2026-11-01."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firewarden.errors import UserError
from firewarden.metering.periods import Period, cut, period_at
from firewarden.policy.durations import parse_duration

MOST_PERIODS = 10_000


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


def read_stretch(
    since: str | None, until: str | None, *, now: datetime, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """Read ``--from`` (None: the start of the month of the end) and ``--to`` (None: *now*).

    Raises:
        UserError: one of them is no instant, or the stretch ends before it begins.
    """
    end = read_when(until, now=now, zone=zone, option="--to") if until else now
    begin = (
        read_when(since, now=now, zone=zone, option="--from") if since else month_start(end, zone)
    )
    if begin >= end:
        raise UserError(
            "the stretch ends before it begins", where="--from", mend="give --from before --to"
        )
    return begin, end


def month_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Tell when the local month of *now* began."""
    return period_at("month", now, zone).since


def periods(unit: str, *, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[Period]:
    """Cut ``[since, until)`` at the local edges of *unit*; the first and last may be parts.

    Raises:
        UserError: it would be more than 10,000.
    """
    found = cut(unit, since=since, until=until, zone=zone)
    yield from islice(found, MOST_PERIODS)
    if next(found, None) is not None:
        raise UserError(
            f"more than {MOST_PERIODS:,} rows of one {unit} each",
            where="--group-by",
            mend="ask for a shorter stretch, or for days",
        )
