"""One life of the daemon in a process of its own, which may end by SIGKILL at a crash point.

Time is virtual and the simulated account is in the same process: nothing of it has to outlive
the kill, for the same plan, seed and start give the same world to whoever comes next.
"""

import asyncio
import json
import os
import signal
from ctypes import c_int64
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from firewarden.app.logging import configure_logging
from firewarden.app.redaction import Redactor
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.model.notice import Notice
from firewarden.ports import CrashPoint
from firewarden.providers.simulated.faults import parse_faults
from firewarden.providers.simulated.fleet_parts import GPT, H100, H200, fields, flow, own_model
from firewarden.providers.simulated.patterns import Steady, Waves
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.providers.simulated.world import World
from tests.simulation.stages import MINUTE, QUICK, account_of
from tests.support.daemon import Heard, Stage, a_stage, running, settings_for
from tests.support.oracles import to_ms

BEGIN = datetime.fromisoformat("2026-11-02T06:15:00Z")
"""When the world begins and the first life; the first whole hour is over 45 minutes later."""

RECREATED = BEGIN + 23 * MINUTE
"""When something happens that the next poll sees: one incarnation ends and another begins."""

AGE = timedelta(days=2)

WORDS = BEGINNING, WATCHING = b"beginning", b"watching"
"""What a victim says: that there is not even a ledger, that it has come to a crash point."""

FAULTS = """
[[fault]]
kind = "server-error"
on = "metrics"
from = "26m"
to = "28m"

[[fault]]
kind = "server-error"
on = "list"
from = "36m"
to = "36m45s"
"""
"""What people hear of, twice: that it began and that it is over."""


def fleet() -> tuple[DeploymentPlan, ...]:
    """Plan a few that change all the time, but never there and back between two polls."""
    return (
        DeploymentPlan(
            deployment_id="waving",
            fields=fields(H100, 2, (1, 4), model=own_model("waving")),
            age=AGE,
            flows=flow(Waves(per_minute=(31.5, 97.5, 163.5, 211.5), hours=(0.1, 0.3))),
        ),
        DeploymentPlan(
            deployment_id="forgotten",
            fields=fields(H100, 8, (1, 1), model=own_model("forgotten")),
            age=AGE,
        ),
        DeploymentPlan(
            deployment_id="paused",
            fields=fields(H200, 4, (1, 2), model=GPT),
            age=AGE,
            flows=(
                *flow(Steady(per_minute=37.5), until=5 * MINUTE),
                *flow(Steady(per_minute=37.5), since=41 * MINUTE, until=50 * MINUTE),
            ),
        ),
        DeploymentPlan(
            deployment_id="again",
            fields=fields(H200, 1, (1, 1), model=own_model("again")),
            age=AGE,
            flows=flow(Steady(per_minute=7.3)),
            recreated=RECREATED - BEGIN,
        ),
        DeploymentPlan(
            deployment_id="preempted",
            fields=fields(H200, 2, (1, 1), model=own_model("preempted")),
            age=AGE,
            flows=flow(Steady(per_minute=13.3)),
            vanishes=33 * MINUTE,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """Killed when *point* is passed for the first time in this life, not before *at*."""

    point: CrashPoint
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a victim is told.

    Attributes:
        folder: gets what people were told and the log, and holds the policies.
        until: when it stops of its own accord.
    """

    folder: Path
    url: str
    seed: int
    start: datetime
    until: datetime
    death: Death | None = None


class Told(Heard):
    """People who remember what they were told, though whoever told them is killed."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    async def notify(self, notice: Notice) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(notice), default=str)}\n")


class ShownClock(VirtualClock):
    """A clock whose newest answer is seen from outside, and outlives the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, start: datetime, shown: c_int64) -> None:
        super().__init__(loop, start=start)
        self._shown = shown

    def now(self) -> datetime:
        now = super().now()
        self._shown.value = to_ms(now) + 1
        return now


def stage_of(life: Life, clock: VirtualClock) -> Stage:
    """Put the world, as it is by now, before a daemon with the ledger of *life*."""
    world = World(account_of(fleet()), seed=life.seed, start=BEGIN)
    policies = life.folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "quick.yaml").write_text(QUICK, encoding="utf-8")
    settings = settings_for(life.folder, policies, FIREWARDEN_DATABASE_URL=life.url)
    stage = a_stage(world, clock, settings, faults=parse_faults(FAULTS))
    return replace(stage, heard=Told(life.folder / "told.jsonl"))


def live(life: Life, shown: c_int64, words: Connection) -> None:
    """Live through *life*; *shown* gets the instant, *words* how far it has come: `WORDS`."""
    unsaid = list(WORDS)

    def say(word: bytes) -> None:
        if word in unsaid:
            unsaid.remove(word)
            words.send_bytes(word)

    with (life.folder / "log.jsonl").open("a", encoding="utf-8") as log:

        async def lived(virtual: VirtualClock) -> None:
            clock = ShownClock(asyncio.get_running_loop(), start=virtual.now(), shown=shown)
            configure_logging(clock=clock, redactor=Redactor(), format="json", stream=log)
            stage = stage_of(life, clock)

            def crash(point: CrashPoint) -> None:
                say(WATCHING)
                death = life.death
                if death and point is death.point and clock.now() >= death.at:
                    os.kill(os.getpid(), signal.SIGKILL)

            say(BEGINNING)
            async with running(stage, seed=to_ms(life.start), crash=crash):
                await clock.sleep(life.until - clock.now())

        run_virtual(lived, start=life.start)
