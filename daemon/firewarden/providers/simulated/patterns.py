"""How requests come: steady, in waves, in office hours, in bursts, as a heartbeat."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from firewarden.providers.simulated.instants import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    from_ms,
    to_ms,
)
from firewarden.providers.simulated.traffic import Stretch

_FRIDAY = 4


def _stretch(start: int, end: int, per_minute: float, rng: Random) -> Stretch:
    period = max(1, round(MINUTE_MS / per_minute))
    return Stretch(start=start, end=end, first=start + rng.randrange(period), period=period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """The same number of requests each minute, day and night; below one it is a heartbeat."""

    per_minute: float

    def day(self, start: int, rng: Random) -> Sequence[Stretch]:
        """One stretch, its phase drawn anew each day."""
        return [_stretch(start, start + DAY_MS, self.per_minute, rng)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """Levels that follow each other without a pause, each held for some hours."""

    per_minute: tuple[float, ...]
    hours: tuple[float, float] = (2.0, 5.0)

    def day(self, start: int, rng: Random) -> Sequence[Stretch]:
        """Draw levels and their lengths until the day is full."""
        found: list[Stretch] = []
        at, end = start, start + DAY_MS
        while at < end:
            until = min(end, at + round(rng.uniform(*self.hours) * HOUR_MS))
            found.append(_stretch(at, until, rng.choice(self.per_minute), rng))
            at = until
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeHours:
    """Traffic on local weekdays between two hours, with a busier middle."""

    per_minute: float
    peak_per_minute: float
    zone: str = "UTC"
    hours: tuple[int, int] = (8, 18)
    peak: tuple[int, int] = (10, 16)

    def day(self, start: int, rng: Random) -> Sequence[Stretch]:
        """Cut the local working days to the UTC day; edges move by up to ten minutes."""
        shift = rng.randrange(10 * MINUTE_MS)
        around = from_ms(start).astimezone(ZoneInfo(self.zone)).date()
        return [
            kept
            for offset in (0, 1)
            for stretch in self._local_day(around + timedelta(days=offset), shift, rng)
            if (kept := stretch.cut(start, start + DAY_MS)) is not None
        ]

    def _local_day(self, day: date, shift: int, rng: Random) -> Iterator[Stretch]:
        if day.weekday() > _FRIDAY:
            return
        edges = [
            self._instant(day, hour) + shift
            for hour in (self.hours[0], self.peak[0], self.peak[1], self.hours[1])
        ]
        rates = (self.per_minute, self.peak_per_minute, self.per_minute)
        for since, until, rate in zip(edges, edges[1:], rates, strict=False):
            yield _stretch(since, until, rate, rng)

    def _instant(self, day: date, hour: int) -> int:
        local = datetime.combine(day, time(hour), tzinfo=ZoneInfo(self.zone))
        return to_ms(local.astimezone(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts:
    """Silence, broken some times a day by minutes of traffic."""

    per_day: int
    minutes: tuple[float, float]
    per_minute: float

    def day(self, start: int, rng: Random) -> Sequence[Stretch]:
        """Draw the beginnings, drop those that fall into an earlier burst."""
        begins = sorted(start + rng.randrange(DAY_MS) for _ in range(self.per_day))
        found: list[Stretch] = []
        for begin in begins:
            if found and begin < found[-1].end:
                continue
            until = min(start + DAY_MS, begin + round(rng.uniform(*self.minutes) * MINUTE_MS))
            found.append(_stretch(begin, until, self.per_minute, rng))
        return found
