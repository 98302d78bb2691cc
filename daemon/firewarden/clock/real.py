"""Clocks that follow the machine's own time, at its pace or compressed."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firewarden.ports import Clock


class WallClock:
    """The machine's time as it is."""

    def now(self) -> datetime:
        """Tell the wall time, aware UTC; it jumps when the machine's does."""
        return datetime.now(UTC)

    def mono(self) -> float:
        """Tell seconds since some instant of this process's machine; never goes back."""
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration*; zero or less only lets others run."""
        await asyncio.sleep(max(duration.total_seconds(), 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedClock:
    """Time that runs *speed* times as fast as the machine's, and met it at *origin*.

    ``now = origin + (wall - origin) * speed``: processes that are given the same speed and
    origin agree on the time, and so does one that is started again.
    """

    speed: float
    origin: datetime

    def __post_init__(self) -> None:
        """Refuse a speed that is not positive, and an origin without a zone."""
        if not 0 < self.speed < float("inf"):
            raise ValueError(f"speed is {self.speed}, want a positive number")
        if self.origin.tzinfo is None:
            raise ValueError(f"origin {self.origin} has no time zone")

    def at(self, wall: datetime) -> datetime:
        """Tell what this clock shows when the wall shows *wall*."""
        return self.origin.astimezone(UTC) + (wall - self.origin) * self.speed

    def now(self) -> datetime:
        """Tell the compressed wall time, aware UTC."""
        return self.at(datetime.now(UTC))

    def mono(self) -> float:
        """Tell compressed seconds since some instant; never goes back."""
        return time.monotonic() * self.speed

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration* of compressed time."""
        await asyncio.sleep(max(duration.total_seconds() / self.speed, 0.0))


def clock_for(*, speed: float = 1.0, origin: datetime | None = None) -> Clock:
    """Give the clock for *speed*; without *origin*, compressed time begins now."""
    if speed == 1:
        return WallClock()
    return CompressedClock(speed=speed, origin=origin or datetime.now(UTC))


def within(limit: timedelta) -> asyncio.Timeout:
    """Cancel the body of ``async with`` after *limit* of the event loop's own time.

    Time limits on the world (HTTP, database, shutdown) are never compressed. Under a
    virtual loop they are virtual, as everything there. Raises TimeoutError.
    """
    return asyncio.timeout(limit.total_seconds())
