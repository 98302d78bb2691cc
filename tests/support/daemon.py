"""The whole daemon in virtual time: real client, real database, simulated account, one seed."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from firewarden.app.compose import Seams, open_database
from firewarden.app.daemon import look_after
from firewarden.app.lease import Terms
from firewarden.app.queries import Ledger, read_ledger
from firewarden.app.settings import Settings, load_settings
from firewarden.app.ticker import LoopTicker
from firewarden.clock.virtual import VirtualClock
from firewarden.model.notice import Notice
from firewarden.notify.slack.answers import Door
from firewarden.ports import Clock, Crash, CrashPoint, RunDb
from firewarden.providers.simulated.faults import Faults
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.world import World
from firewarden.store.runner import Inline

LEASED_FOR = timedelta(minutes=30)
"""Nobody else is there to take it; renewals would be most of what a simulated day writes."""


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


class SlowTicker(LoopTicker):
    """Rings for each kind of role no more often than *at_least* says; by "" for all others.

    A month goes by in seconds where nobody looks at every minute of it.
    """

    def __init__(self, clock: Clock, at_least: Mapping[str, timedelta]) -> None:
        super().__init__(clock)
        self._at_least = at_least

    def every(self, interval: timedelta, name: str, wake: Callable[[], None]) -> None:
        kind = name.partition(":")[0]
        super().every(max(interval, self._at_least.get(kind, self._at_least[""])), name, wake)


def _nothing(_point: CrashPoint) -> None:
    """Crash nowhere."""


def _inline() -> RunDb:
    return Inline()


@asynccontextmanager
async def running(
    stage: Stage,
    *,
    seed: int = 1,
    crash: Crash = _nothing,
    run_db: Callable[[], RunDb] = _inline,
    slack: Door | None = None,
    leased_for: timedelta = LEASED_FOR,
    ticker: LoopTicker | None = None,
) -> AsyncIterator["asyncio.Task[None]"]:
    """Run the daemon of *stage* around the body; a crash of it is raised at the end.

    The body gets the daemon's task, to wait for where it is meant to crash.
    """
    stop = asyncio.Event()
    seams = Seams(
        clock=stage.clock,
        wall=stage.clock,
        rng=random.Random(seed),
        ticker=ticker or LoopTicker(stage.clock),
        transport=stage.transport,
        run_db=run_db,
        crash=crash,
        lease=Terms(ttl=leased_for, described="here:1"),
        slack=slack,
    )
    task = asyncio.create_task(
        look_after(stage.settings, seams, stop=stop, notifier=stage.heard, serves=False),
        name="daemon",
    )
    try:
        yield task
    finally:
        stop.set()
        await task


async def ask(stage: Stage, path: str) -> Any:
    """Ask the simulator itself: ``/_truth``, ``/_log``."""
    async with httpx.AsyncClient(
        transport=stage.transport, base_url=stage.settings.base_url
    ) as client:
        answer = await client.get(path)
    return answer.raise_for_status().json()


async def happen(stage: Stage, do: str, deployment_id: str, **more: Any) -> None:
    """Have a person do something on the simulated account: see ``POST /_world``."""
    async with httpx.AsyncClient(
        transport=stage.transport, base_url=stage.settings.base_url
    ) as client:
        answer = await client.post(
            "/_world", json={"do": do, "deployment_id": deployment_id, **more}
        )
    answer.raise_for_status()


@contextmanager
def ledger_of(stage: Stage) -> Iterator[Ledger]:
    """Open the ledger of *stage* as a command does, beside the daemon."""
    with (
        closing(open_database(stage.settings, upgrade=False)) as database,
        read_ledger(database, stage.settings, None, now=stage.clock.now()) as ledger,
    ):
        yield ledger
