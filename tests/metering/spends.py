"""Spend by the hour: a test says what an hour costs, and which hours nobody watched."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from firewarden.metering.forecast import forecast_of
from firewarden.metering.instants import HOUR, floor_hour
from firewarden.metering.pattern import Pattern, pattern_of
from firewarden.metering.spending import SpentHour

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"))
DAY = timedelta(days=1)

MONDAY = datetime(2026, 6, 29, tzinfo=BERLIN)
"""A midnight, with no change of the clocks for weeks."""


def spend(
    usd: float | Callable[[datetime], float],
    *,
    until: datetime = MONDAY,
    days: float = 28,
    zone: tzinfo = BERLIN,
) -> list[SpentHour]:
    """Rows of the *days* before *until*; *usd* is an hour's cost, or tells it by local hour."""
    return list(_rows(usd if callable(usd) else lambda _: usd, until, days, zone))


def _rows(
    usd: Callable[[datetime], float], until: datetime, days: float, zone: tzinfo
) -> Iterator[SpentHour]:
    end = floor_hour(until)
    for number in range(round(days * 24)):
        at = end - (number + 1) * HOUR
        yield SpentHour(at=at, usd=Decimal(str(usd(at.astimezone(zone)))))


def office(local: datetime) -> float:
    """10 USD an hour on weekdays from 8 to 18, else 2."""
    return 10.0 if local.weekday() < 5 and 8 <= local.hour < 18 else 2.0


def a_pattern(rows: list[SpentHour], *, now: datetime = MONDAY, zone: tzinfo = BERLIN) -> Pattern:
    pattern = pattern_of(rows, now=now, zone=zone)
    assert isinstance(pattern, Pattern), pattern
    return pattern


def to_come(rows: list[SpentHour], until: datetime, *, now: datetime = MONDAY) -> float:
    """What is expected from *now* until *until*, in USD."""
    return float(forecast_of(a_pattern(rows, now=now), spent=Decimal(0), until=until).usd)
