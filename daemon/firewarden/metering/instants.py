"""Instants as whole milliseconds, and hours of UTC."""

from datetime import UTC, datetime, timedelta

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // MS


def from_ms(ms: int) -> datetime:
    """The instant that lies *ms* milliseconds after the beginning of 1970, in UTC."""
    return EPOCH + ms * MS


def round_down(instant: datetime) -> datetime:
    """The last whole millisecond at or before *instant*."""
    return from_ms(to_ms(instant))


def round_up(instant: datetime) -> datetime:
    """The first whole millisecond at or after *instant*."""
    return from_ms(-((EPOCH - instant) // MS))


def floor_hour(instant: datetime) -> datetime:
    """The beginning of the UTC hour that holds *instant*."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_of(since: datetime, until: datetime) -> tuple[datetime, ...]:
    """The beginnings of all UTC hours that share time with ``[since, until)``, in order."""
    hour = floor_hour(since)
    hours = []
    while hour < until:
        hours.append(hour)
        hour += HOUR
    return tuple(hours)
