"""Supervised loops: each does one kind of work when its bell rings, and survives the world."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from firewarden.app.signals import unless_stopped
from firewarden.errors import FirewardenError
from firewarden.ports import Clock, Ticker

log = structlog.get_logger()

JITTER = 0.25
"""Part of an interval by which work is spread, so that many daemons do not march in step."""

Beat = Callable[[str], None]
Trouble = Callable[[str, FirewardenError], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """What all roles of a daemon share: its time, its chance, and who hears of them."""

    clock: Clock
    rng: random.Random
    beat: Beat
    trouble: Trouble


class Role:
    """One loop: waits for its bell, works, beats; an error of the world is told and outlived.

    The bell is an event, so a tick that comes while the work is still under way is
    remembered once and never starts a second run. An error that is not a `FirewardenError`
    is a bug: it ends the loop and, through `TaskGroup`, the daemon.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        every: timedelta,
        supervision: Supervision,
        jitter: float = JITTER,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Do *work* each *every* of the clock's time, late by at most *jitter* of it.

        A tick at which it is not wanted passes; whoever rings is not asked for a reason.
        """
        self.name = name
        self.every = every
        self._work = work
        self._by = supervision
        self._jitter = jitter
        self._is_wanted = is_wanted
        self._bell = asyncio.Event()
        self._hurry = asyncio.Event()

    def join(self, ticker: Ticker) -> None:
        """Have *ticker* ring the bell, now and at each interval."""
        ticker.every(self.every, self.name, self._tick)

    def _tick(self) -> None:
        if self._is_wanted():
            self.ring()

    def ring(self) -> None:
        """Ask for a run as soon as the present one is over."""
        self._bell.set()

    def hurry(self) -> None:
        """Ask for a run as `ring` does, without the pause before it, or what is left of that."""
        self._hurry.set()
        self.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            if pause := self.every * (self._jitter * self._by.rng.random()):
                await unless_stopped(self._hurry, self._by.clock.sleep(pause))
            self._hurry.clear()
            await self.run_once()

    async def run_once(self) -> None:
        """Work once; tell of an error of the world, and beat only when there was none."""
        try:
            await self._work()
        except FirewardenError as error:
            log.warning("role.failed", role=self.name, error=str(error))
            await self._by.trouble(self.name, error)
        else:
            self._by.beat(self.name)
