"""One life of the daemon in a process of its own, which may end by SIGKILL at a crash point."""

import asyncio
import json
import os
import signal
from ctypes import c_int64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from firewarden.app.logging import configure_logging
from firewarden.app.redaction import Redactor
from firewarden.clock.virtual import run_virtual
from firewarden.ports import CrashPoint
from firewarden.providers.simulated.faults import parse_faults
from firewarden.providers.simulated.world import World
from tests.simulation.kills.account import FAULTS, POLICY, Calls, Lasting, WorldClock, fleet
from tests.simulation.kills.told import Told
from tests.simulation.stages import KEY, account_of
from tests.support.daemon import Stage, a_stage, running, settings_for
from tests.support.oracles import to_ms

WORDS = BEGINNING, WATCHING = b"beginning", b"watching"
"""What a victim says: that there is not even a ledger, that it has come to a crash point."""

PACE = {"FIREWARDEN_POLL_EVERY": "60s", "FIREWARDEN_METRICS_EVERY": "60s"}

LEASED_FOR = timedelta(minutes=3)
"""So long the next one has to wait for the lease of one that was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """Killed when *point* is passed for the first time in this life, not before *at*."""

    point: CrashPoint
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a victim is told.

    Attributes:
        folder: gets what people were told, what was done, what was passed and the log.
        begin: when the world began, and the first life.
        until: when it stops of its own accord.
    """

    folder: Path
    url: str
    seed: int
    begin: datetime
    start: datetime
    until: datetime
    death: Death | None = None


class ShownClock(WorldClock):
    """A clock whose newest answer is seen from outside, and outlives the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, start: datetime, shown: c_int64) -> None:
        super().__init__(loop, start=start)
        self._shown = shown

    def now(self) -> datetime:
        now = super().now()
        self._shown.value = to_ms(now) + 1
        return now


async def stage_of(life: Life, clock: WorldClock) -> Stage:
    """Put the world, as it is by now, before a daemon with the ledger of *life*."""
    world = World(account_of(fleet()), seed=life.seed, start=life.begin)
    policies = life.folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "idle.yaml").write_text(POLICY, encoding="utf-8")
    settings = settings_for(
        life.folder,
        policies,
        FIREWARDEN_DATABASE_URL=life.url,
        FIREWARDEN_MODE="enforce",
        **PACE,
    )
    stage = a_stage(world, clock, settings, faults=parse_faults(FAULTS))
    transport = Lasting(stage.transport, Calls(life.folder), clock)
    await transport.replay(KEY)
    return replace(stage, heard=Told(life.folder), transport=transport)


class Passages:
    """The crash points that lives have come to, each with the instant of its first passage."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "passed.jsonl"
        self._known: set[str] = set()

    def add(self, point: CrashPoint, at: datetime) -> None:
        if point not in self._known:
            self._known.add(point)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps([point, at.isoformat()])}\n")

    def read(self) -> dict[CrashPoint, datetime]:
        lines = map(json.loads, self._file.read_text(encoding="utf-8").splitlines())
        return {CrashPoint(point): datetime.fromisoformat(at) for point, at in lines}


def live(life: Life, shown: c_int64, words: Connection) -> None:
    """Live through *life*; *shown* gets the instant, *words* how far it has come: `WORDS`."""
    unsaid, passages = list(WORDS), Passages(life.folder)

    def say(word: bytes) -> None:
        if word in unsaid:
            unsaid.remove(word)
            words.send_bytes(word)

    with (life.folder / "log.jsonl").open("a", encoding="utf-8") as log:

        async def lived(_: object) -> None:
            clock = ShownClock(asyncio.get_running_loop(), start=life.start, shown=shown)
            configure_logging(clock=clock, redactor=Redactor(), format="json", stream=log)
            stage = await stage_of(life, clock)

            def crash(point: CrashPoint) -> None:
                now = clock.now()
                say(WATCHING)
                passages.add(point, now)
                if life.death and point is life.death.point and now >= life.death.at:
                    os.kill(os.getpid(), signal.SIGKILL)

            say(BEGINNING)
            async with running(stage, seed=to_ms(life.start), crash=crash, leased_for=LEASED_FOR):
                await clock.sleep(life.until - clock.now())

        run_virtual(lived, start=life.start)
