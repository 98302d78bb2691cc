"""A clock that a test moves by hand, for loops that run on the real event loop."""

import asyncio
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
"""The instant at which tests begin: a Wednesday noon."""

_TURNS = 50
"""Turns of the event loop that woken code gets to come to rest in."""


class FakeClock:
    """A clock that stands still until `advance`, which wakes sleepers in the order they are due."""

    def __init__(self, now: datetime = NOW) -> None:
        self._start = self._now = now
        self._offset = timedelta(0)
        self._order = count()
        self._sleepers: list[tuple[datetime, int, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now + self._offset

    def mono(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, duration: timedelta) -> None:
        if duration <= timedelta(0):
            await settle()
            return
        woken = asyncio.Event()
        heappush(self._sleepers, (self._now + duration, next(self._order), woken))
        await woken.wait()

    def jump(self, by: timedelta) -> None:
        """Set the wall clock, as an operator would; `mono` and the sleepers do not notice."""
        self._offset += by

    async def advance(self, duration: timedelta) -> None:
        end = self._now + duration
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heappop(self._sleepers)
            self._now = due
            woken.set()
            await settle()
        self._now = end


async def settle() -> None:
    """Let everything that is ready run, until it waits for something else."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)  # noqa: TID251 - only a turn of the event loop, no time passes
