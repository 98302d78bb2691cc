"""Instants as integer milliseconds, and as the texts that travel in JSON."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_DURATION = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def to_ms(instant: datetime) -> int:
    """Count the whole milliseconds from 1970 to the aware *instant*, rounded down."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_ms(at: int) -> datetime:
    """Give the aware UTC instant of *at* milliseconds."""
    return EPOCH + timedelta(milliseconds=at)


def span_ms(duration: timedelta) -> int:
    """Count the whole milliseconds of *duration*, rounded down."""
    return duration // timedelta(milliseconds=1)


def instant_text(at: int, *, below_ms: str = "") -> str:
    """Write *at* as RFC 3339 in UTC with up to nine digits of fraction, trailing zeros left out.

    *below_ms* are the digits after the third, for instants that carry more than we keep.
    """
    whole, fraction = divmod(at, SECOND_MS)
    seconds = (EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{fraction:03d}{below_ms}".rstrip("0")
    return f"{seconds}.{digits}Z" if digits else f"{seconds}Z"


def parse_instant(text: str) -> int | None:
    """Read an RFC 3339 instant to the millisecond, rounded down; None if it is none."""
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        return to_ms(whole.astimezone(UTC)) + int((fraction or "0").ljust(3, "0")[:3])
    except (ValueError, OverflowError):
        return None


def parse_duration(text: str) -> int | None:
    """Read a protobuf duration such as ``300s`` in milliseconds; None if it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    seconds, fraction = match.groups()
    return int(seconds) * SECOND_MS + int((fraction or "0").ljust(3, "0")[:3])


def seconds_text(ms: int) -> str:
    """Write *ms* milliseconds as an exact decimal number of seconds."""
    return f"{ms // SECOND_MS}.{ms % SECOND_MS:03d}"
