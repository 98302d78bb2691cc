"""Two tickers: APScheduler for a daemon, and a plain loop for every other clock."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, timedelta
from math import floor

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from firewarden.ports import Clock

log = structlog.get_logger()

Wake = Callable[[], None]


class SchedulerTicker:
    """Ticks by APScheduler, by the machine's time: intervals are divided by *speed*.

    Jobs live in memory, in UTC, at plain intervals. A late tick is made once (never
    skipped, never made up for), and a job only calls a function that returns at once:
    whatever takes time is done by the loop that the function wakes. When the wall clock is
    set back the scheduler is silent for as long; the watchdog notices.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        """Tick *speed* times as fast as life."""
        self._speed = speed
        self._wakes: dict[str, Wake] = {}
        self._running = False
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def every(self, interval: timedelta, name: str, wake: Wake) -> None:
        """Call *wake* when started (or now), and then each *interval* of compressed time."""
        if name in self._wakes:
            raise ValueError(f"{name} ticks already")
        self._wakes[name] = wake
        seconds = interval.total_seconds() / self._speed
        trigger = IntervalTrigger(seconds=seconds, timezone=UTC)
        self._scheduler.add_job(self._tick, trigger, args=(name,), id=name, name=name)
        if self._running:
            asyncio.get_running_loop().call_soon(self._call, name)

    def start(self) -> None:
        """Begin; needs the running event loop."""
        self._running = True
        self._scheduler.start()
        for name in self._wakes:
            asyncio.get_running_loop().call_soon(self._call, name)

    def stop(self) -> None:
        """End; nothing is called afterwards, and stopping twice is stopping once."""
        if self._running:
            self._running = False
            # A tick that is cancelled on the way is no error; `_wake` tells of real ones.
            logging.getLogger("apscheduler.executors.default").setLevel(logging.CRITICAL)
            self._scheduler.shutdown(wait=False)

    async def _tick(self, name: str) -> None:
        """Be a coroutine: APScheduler calls plain functions in a thread."""
        self._call(name)

    def _call(self, name: str) -> None:
        if self._running:
            _wake(name, self._wakes[name])


class LoopTicker:
    """Ticks by any clock, with one task a name; the one for virtual time and tests.

    Ticks lie on a grid from the start: a late one does not shift those that follow, and
    however many were missed, one is made.
    """

    def __init__(self, clock: Clock) -> None:
        """Tick by *clock*."""
        self._clock = clock
        self._jobs: dict[str, tuple[timedelta, Wake]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = False

    def every(self, interval: timedelta, name: str, wake: Wake) -> None:
        """Call *wake* when started (or now), and then each *interval* of the clock's time."""
        if name in self._jobs:
            raise ValueError(f"{name} ticks already")
        self._jobs[name] = (interval, wake)
        if self._running:
            self._begin(name)

    def start(self) -> None:
        """Begin; needs the running event loop."""
        self._running = True
        for name in self._jobs:
            self._begin(name)

    def stop(self) -> None:
        """End; nothing is called afterwards, and stopping twice is stopping once."""
        self._running = False
        for task in self._tasks:
            task.cancel()

    def _begin(self, name: str) -> None:
        task = asyncio.create_task(self._run(name), name=f"ticker {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, name: str) -> None:
        interval, wake = self._jobs[name]
        period = interval.total_seconds()
        began, tick = self._clock.mono(), 0
        while self._running:
            _wake(name, wake)
            passed = self._clock.mono() - began
            tick = max(tick, floor(passed / period)) + 1
            await self._clock.sleep(timedelta(seconds=tick * period - passed))


def _wake(name: str, wake: Wake) -> None:
    """Call *wake*; a bug in it is told, and does not silence the ticks that follow."""
    try:
        wake()
    except Exception:
        log.exception("tick.failed", role=name)
