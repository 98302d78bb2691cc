"""The whole daemon in virtual time: real client, real database, simulated account, one seed."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from firewarden.app.compose import Seams
from firewarden.app.daemon import look_after
from firewarden.app.settings import Settings, load_settings
from firewarden.app.ticker import LoopTicker
from firewarden.clock.virtual import VirtualClock
from firewarden.model.notice import Notice
from firewarden.ports import Crash, CrashPoint
from firewarden.providers.simulated.faults import Faults
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.world import World
from firewarden.store.runner import Inline


class Heard:
    """A notifier that keeps what it was told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    async def notify(self, notice: Notice) -> None:
        self.notices.append(notice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One simulated account and a daemon that looks after it."""

    world: World
    clock: VirtualClock
    settings: Settings
    heard: Heard
    transport: httpx.AsyncBaseTransport


def settings_for(folder: Path, policies: Path, **changes: str) -> Settings:
    """Make settings for a daemon of its own *folder*; *changes* are variables."""
    environ = {
        "FIREWORKS_API_KEY": "fw_simulated",
        "FIREWORKS_BASE_URL": "http://127.0.0.1:1",
        "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
        "FIREWARDEN_POLICIES": str(policies),
        **changes,
    }
    return load_settings(environ=environ, dotenv=None).settings


def a_stage(
    world: World,
    clock: VirtualClock,
    settings: Settings,
    *,
    faults: Faults | None = None,
) -> Stage:
    """Put *world* behind a transport in the same process."""
    app = application(world, clock=clock, faults=faults)
    return Stage(
        world=world,
        clock=clock,
        settings=settings,
        heard=Heard(),
        transport=httpx.ASGITransport(app=app),
    )


def _nothing(_point: CrashPoint) -> None:
    """Crash nowhere."""


@asynccontextmanager
async def running(stage: Stage, *, seed: int = 1, crash: Crash = _nothing) -> AsyncIterator[None]:
    """Run the daemon of *stage* around the body; a crash of it is raised there."""
    stop = asyncio.Event()
    seams = Seams(
        clock=stage.clock,
        wall=stage.clock,
        rng=random.Random(seed),
        ticker=LoopTicker(stage.clock),
        transport=stage.transport,
        run_db=lambda _database: Inline(),
        crash=crash,
    )
    task = asyncio.create_task(
        look_after(stage.settings, seams, stop=stop, notifier=stage.heard, serves=False),
        name="daemon",
    )
    try:
        yield
    finally:
        stop.set()
        await task


async def live(stage: Stage, duration: timedelta, **how: Mapping[str, object]) -> None:
    """Let the daemon look after the account for *duration*."""
    async with running(stage, **how):
        await stage.clock.sleep(duration)
