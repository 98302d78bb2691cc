"""One suite over both tickers: APScheduler on compressed real time, the loop on virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from firewarden.app.ticker import LoopTicker, SchedulerTicker
from firewarden.clock.real import CompressedClock, clock_for
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.ports import Clock, Ticker
from tests.support.clock import NOW
from tests.support.virtual import in_virtual_time

SPEED = 600
HALF_MINUTE = timedelta(seconds=30)  # 50 ms at this speed

Scene = Callable[[Clock, Ticker], Coroutine[Any, Any, None]]
Play = Callable[[Scene], None]


def on_scheduler(scene: Scene) -> None:
    asyncio.run(scene(clock_for(speed=SPEED, origin=NOW), SchedulerTicker(speed=SPEED)))


def on_loop(scene: Scene) -> None:
    run_virtual(lambda clock: scene(clock, LoopTicker(clock)), start=NOW)


@pytest.fixture(
    params=[pytest.param(on_scheduler, id="apscheduler"), pytest.param(on_loop, id="loop")]
)
def play(request: pytest.FixtureRequest) -> Play:
    chosen: Play = request.param
    return chosen


class Bell:
    """Counts its rings, and lets a test wait for one."""

    def __init__(self, clock: Clock) -> None:
        self.rang_at: list[float] = []
        self._clock = clock
        self._rang = asyncio.Event()

    def ring(self) -> None:
        self.rang_at.append(self._clock.mono())
        self._rang.set()

    async def rings(self, count: int) -> None:
        while len(self.rang_at) < count:
            self._rang.clear()
            await self._rang.wait()


def test_it_ticks_at_once_and_then_at_each_interval(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        bell = Bell(clock)
        began = clock.mono()
        ticker.every(HALF_MINUTE, "poll", bell.ring)
        ticker.start()
        await bell.rings(4)
        ticker.stop()

        assert bell.rang_at[0] - began < 15
        for number, at in enumerate(bell.rang_at):
            assert at - began >= number * 30 - 1

    play(scene)


def test_nothing_ticks_before_the_start_or_after_the_stop(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        bell = Bell(clock)
        ticker.every(HALF_MINUTE, "poll", bell.ring)
        await clock.sleep(3 * HALF_MINUTE)
        assert bell.rang_at == []

        ticker.start()
        await bell.rings(2)
        ticker.stop()
        ticker.stop()
        rung = len(bell.rang_at)
        await clock.sleep(4 * HALF_MINUTE)

        assert len(bell.rang_at) == rung

    play(scene)


def test_stopping_before_the_first_tick_is_in_time(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        bell = Bell(clock)
        ticker.every(HALF_MINUTE, "poll", bell.ring)
        ticker.start()
        ticker.stop()
        await clock.sleep(2 * HALF_MINUTE)

        assert bell.rang_at == []

    play(scene)


def test_a_name_that_joins_later_ticks_at_once_too(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        first, second = Bell(clock), Bell(clock)
        ticker.every(HALF_MINUTE, "poll", first.ring)
        ticker.start()
        await first.rings(2)
        ticker.every(HALF_MINUTE, "scrape", second.ring)
        await second.rings(2)
        ticker.stop()

    play(scene)


def test_each_name_has_its_own_pace(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        fast, slow = Bell(clock), Bell(clock)
        ticker.every(HALF_MINUTE, "fast", fast.ring)
        ticker.every(4 * HALF_MINUTE, "slow", slow.ring)
        ticker.start()
        await slow.rings(2)
        ticker.stop()

        assert 3 <= len(fast.rang_at) <= 6

    play(scene)


def test_a_name_ticks_once_only(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        ticker.every(HALF_MINUTE, "poll", Bell(clock).ring)

        with pytest.raises(ValueError, match="poll ticks already"):
            ticker.every(HALF_MINUTE, "poll", Bell(clock).ring)

    play(scene)


def test_a_bug_in_one_wake_silences_nobody(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        bell = Bell(clock)

        def broken() -> None:
            bell.ring()
            raise LookupError("a bug")

        ticker.every(HALF_MINUTE, "broken", broken)
        ticker.start()
        await bell.rings(3)
        ticker.stop()

    play(scene)


def test_ticks_missed_while_the_loop_was_blocked_are_made_up_for_by_one(play: Play) -> None:
    async def scene(clock: Clock, ticker: Ticker) -> None:
        bell = Bell(clock)
        ticker.every(HALF_MINUTE, "poll", bell.ring)
        ticker.start()
        await bell.rings(1)
        began = clock.mono()
        if isinstance(clock, CompressedClock):
            while clock.mono() - began < 150:  # hold the event loop for five intervals
                pass
        else:
            await clock.sleep(5 * HALF_MINUTE)
        held = len(bell.rang_at)
        await bell.rings(held + 1)
        await clock.sleep(timedelta(seconds=1))
        ticker.stop()

        assert len(bell.rang_at) <= held + 2

    play(scene)


@in_virtual_time
async def test_a_loop_keeps_to_its_grid_whatever_floats_do(clock: VirtualClock) -> None:
    bell = Bell(clock)
    ticker = LoopTicker(clock)
    ticker.every(timedelta(seconds=0.1), "fast", bell.ring)
    ticker.start()
    await clock.sleep(timedelta(seconds=1000, milliseconds=50))
    ticker.stop()

    assert len(bell.rang_at) == 10_001
    assert [round(at, 6) for at in bell.rang_at] == [tick / 10 for tick in range(10_001)]


async def test_a_wake_runs_in_the_thread_of_the_event_loop() -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    twice = asyncio.Event()

    def wake() -> None:
        loops.append(asyncio.get_running_loop())
        if len(loops) == 2:
            twice.set()

    ticker = SchedulerTicker(speed=SPEED)
    ticker.every(HALF_MINUTE, "poll", wake)
    ticker.start()
    await twice.wait()
    ticker.stop()

    assert set(loops) == {asyncio.get_running_loop()}
