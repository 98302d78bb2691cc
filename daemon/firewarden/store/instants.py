"""Instants as the integers that both databases hold exactly, and back."""

from datetime import UTC, date, datetime, timedelta

from firewarden.model.usage import Bracket

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
HOURS_PER_DAY = 24


def since_epoch(at: datetime) -> timedelta:
    """Measure *at* from the epoch; a naive instant is refused, never guessed at."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; instants are aware UTC")
    return at - EPOCH


def to_ms(at: datetime) -> int:
    """Milliseconds since the epoch, the begun one cut off."""
    return since_epoch(at) // MILLISECOND


def to_ms_after(at: datetime) -> int:
    """Milliseconds since the epoch, the begun one counted: an upper bound stays one."""
    return -(-since_epoch(at) // MILLISECOND)


def from_ms(ms: int) -> datetime:
    """Instant of *ms* milliseconds since the epoch."""
    return EPOCH + ms * MILLISECOND


def to_us(at: datetime) -> int:
    """Microseconds since the epoch, exact: dates of the provider, compared for equality."""
    return since_epoch(at) // MICROSECOND


def from_us(us: int) -> datetime:
    """Instant of *us* microseconds since the epoch."""
    return EPOCH + us * MICROSECOND


def maybe_ms(at: datetime | None) -> int | None:
    """Milliseconds of *at* where there is one."""
    return None if at is None else to_ms(at)


def maybe_from_ms(ms: int | None) -> datetime | None:
    """Instant of *ms* where there is one."""
    return None if ms is None else from_ms(ms)


def maybe_us(at: datetime | None) -> int | None:
    """Microseconds of *at* where there is one."""
    return None if at is None else to_us(at)


def maybe_from_us(us: int | None) -> datetime | None:
    """Instant of *us* where there is one."""
    return None if us is None else from_us(us)


def to_bracket(bracket: Bracket) -> tuple[int, int]:
    """Lower bound in ms and width in ms; rounded outward, so that the truth stays inside."""
    lo = to_ms(bracket.lo)
    width = to_ms_after(bracket.hi) - lo
    if width < 0:
        raise ValueError(f"bracket ends before it begins: {bracket.lo} .. {bracket.hi}")
    return lo, width


def from_bracket(lo: int, width: int) -> Bracket:
    """Bracket of a lower bound in ms and a width in ms."""
    return Bracket(lo=from_ms(lo), hi=from_ms(lo + width))


def to_hour(at: datetime) -> int:
    """Hours since the epoch of the start of an hour; any other instant is refused."""
    hour, rest = divmod(since_epoch(at), HOUR)
    if rest:
        raise ValueError(f"{at.isoformat()} is not the start of an hour")
    return hour


def to_hour_after(at: datetime) -> int:
    """The first hour that starts at *at* or later."""
    return -(-since_epoch(at) // HOUR)


def from_hour(hour: int) -> datetime:
    """Start of the *hour*-th hour since the epoch."""
    return EPOCH + hour * HOUR


def to_day(day: date) -> int:
    """Days since 1970-01-01 of a calendar day, whatever zone it is counted in."""
    return day.toordinal() - EPOCH.toordinal()


def from_day(day: int) -> date:
    """Calendar day *day* days after 1970-01-01."""
    return date.fromordinal(day + EPOCH.toordinal())
