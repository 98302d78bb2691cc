"""The daemon on a simulated account, its story told line by line while it runs."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firewarden.app.cast import Cue, Stage, play_parts
from firewarden.app.compose import open_database, production_seams
from firewarden.app.daemon import look_after
from firewarden.app.glimpse import read_glimpse
from firewarden.app.people import Desk
from firewarden.app.queries import read_ledger
from firewarden.app.script import CUES, DELETES, STOPS
from firewarden.app.settings import Settings, load_settings
from firewarden.app.signals import stop_signals
from firewarden.app.simulate import HOST, KEY, Simulation, start_simulation
from firewarden.app.summary import sum_up, summary_lines
from firewarden.clock.real import WallClock
from firewarden.errors import StoreUnavailable
from firewarden.model.ids import AccountId
from firewarden.ports import Notifier
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.receiver import receiver
from firewarden.providers.simulated.serve import serving
from firewarden.providers.simulated.transport import in_process
from firewarden.report.glimpse import Glimpse
from firewarden.report.story import LEGEND, Storyteller, Told
from firewarden.store.accounts import read_accounts
from firewarden.store.engine import Database
from firewarden.store.runner import DbThread

PORT = 8642
LOOK_EVERY_S = 0.7
"""Seconds of real time between two looks at the ledger, at least."""

LOOKS_SHARE = 5
"""So many times as long as a look took, the next one waits."""

SPEEDS = {"small": 600.0, "large": 60.0}
"""How fast time runs where nobody says: what one process can serve, watch and tell of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who watches: *tell* gets each line around the story, *show* each line of it.

    ``verbose``: every scene, not only the first of each kind.
    """

    tell: Callable[[str], None]
    show: Callable[[Told], None]
    notifier: Notifier
    verbose: bool


async def play(*, fleet: str, seed: int, speed: float | None, audience: Audience) -> None:
    """Play until SIGINT or SIGTERM, then sum up.

    Everything is the daemon's own code on a ledger of its own; no variable, file or key of
    the caller is looked at.
    """
    async with stop_signals() as stop:
        simulation = start_simulation(fleet, seed=seed, speed=speed or SPEEDS[fleet])
        with TemporaryDirectory(prefix="firewarden-demo-") as folder:
            app = application(simulation.world, clock=simulation.clock)
            async with serving(app, HOST) as account, serving(receiver(), HOST) as hook:
                settings = _settings(Path(folder), simulation, account=account, hook=hook)
                story = _narrate(settings, simulation, audience)
                async with _beside(story), _beside(_act_out(settings, simulation, CUES[fleet])):
                    # Not by the socket: at this speed its milliseconds are minutes.
                    seams = replace(production_seams(settings), transport=in_process(app))
                    await look_after(
                        settings,
                        seams,
                        stop=stop,
                        notifier=audience.notifier,
                        on_ready=lambda at: _introduce(at, settings, simulation, audience),
                    )
            for line in _summary(settings, simulation):
                audience.tell(line)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have *work* done while the body runs; a failure of it ends the body."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


def _settings(folder: Path, simulation: Simulation, *, account: int, hook: int) -> Settings:
    """Give the settings of the demo, from nothing but what stands here and two ports."""
    config, policies, address = (folder / name for name in ("firewarden.toml", "policies", "hook"))
    config.touch()
    address.write_text(f"http://{HOST}:{hook}/", encoding="utf-8")
    policies.mkdir()
    (policies / "idle.yaml").write_text(STOPS, encoding="utf-8")
    (policies / "stale.yaml").write_text(DELETES.format(hook=address), encoding="utf-8")
    environ = {
        "FIREWORKS_BASE_URL": f"http://{HOST}:{account}",
        "FIREWORKS_API_KEY": KEY,
        "FIREWARDEN_MODE": "enforce",
        "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / 'firewarden.db'}",
        "FIREWARDEN_POLICIES": str(policies),
        "FIREWARDEN_LISTEN": f"{HOST}:{_free(PORT)}",
        # At 600 times life's speed 30 s are 50 ms, which a busy machine does not keep.
        "FIREWARDEN_POLL_EVERY": "120s",
        "FIREWARDEN_METRICS_EVERY": "60s",
        "FIREWARDEN_TIME_SPEED": f"{simulation.speed:g}",
        "FIREWARDEN_TIME_ORIGIN": simulation.origin.isoformat(),
    }
    return load_settings(config, environ, dotenv=None).settings


def _free(port: int) -> int:
    """Give *port* where it is free, else 0: any that is."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return 0
    return port


def _introduce(
    address: str, settings: Settings, simulation: Simulation, audience: Audience
) -> None:
    """Say what can be looked at and what the signs mean, once everything runs."""
    gc.freeze()  # a long look for garbage would be a hole of minutes in the evidence
    busy = "" if address.endswith(f":{PORT}") else f" (port {PORT} is taken)"
    audience.tell(f"health and metrics at http://{address}/healthz and /metrics{busy}")
    audience.tell(f"what is true, and every request: {settings.base_url}/_truth and /_log")
    speed = f"{simulation.speed:g}"
    audience.tell(f"time runs {speed} times as fast as life; Ctrl-C stops it and sums up")
    audience.tell(LEGEND)


async def _narrate(settings: Settings, simulation: Simulation, audience: Audience) -> None:
    """Tell what changes, look by look, from what is committed to the ledger.

    A look at a large fleet takes longer, and then there are fewer: the daemon goes first.
    """
    wall, story = WallClock(), Storyteller(verbose=audience.verbose)
    took = 0.0
    with closing(open_database(settings, upgrade=True)) as database:
        while True:
            await wall.sleep(timedelta(seconds=max(LOOK_EVERY_S, LOOKS_SHARE * took)))
            began = wall.mono()
            with suppress(StoreUnavailable):  # what was missed is told at the next look
                glimpse = await asyncio.to_thread(_look, database, settings, simulation)
                for told in story.look(glimpse) if glimpse else ():
                    audience.show(told)
            took = wall.mono() - began


def _look(database: Database, settings: Settings, simulation: Simulation) -> Glimpse | None:
    """Look at the ledger once; None before the first poll."""
    account = next(iter(simulation.world.accounts))
    if not _is_known(account, database):
        return None
    with read_ledger(database, settings, account, now=simulation.clock.now()) as ledger:
        return read_glimpse(ledger, since=simulation.world.start)


async def _act_out(settings: Settings, simulation: Simulation, cues: tuple[Cue, ...]) -> None:
    """Let the people of the demo do what is theirs."""
    account = AccountId(next(iter(simulation.world.accounts)))
    run_db = DbThread()
    with closing(open_database(settings, upgrade=True)) as database, closing(run_db):
        desk = Desk(
            database=database,
            settings=settings,
            account=account,
            timezone=settings.timezone,
            actor="",
            clock=simulation.clock,
            wall=WallClock(),
            speed=simulation.speed,
        )
        await play_parts(Stage(world=simulation.world, desk=desk, run_db=run_db), cues)


def _summary(settings: Settings, simulation: Simulation) -> tuple[str, ...]:
    account = next(iter(simulation.world.accounts))
    with closing(open_database(settings, upgrade=True)) as database:
        if not _is_known(account, database):
            return summary_lines(None)
        now = simulation.clock.now()
        with read_ledger(database, settings, account, now=now) as ledger:
            return summary_lines(sum_up(ledger, simulation.world))


def _is_known(account: str, database: Database) -> bool:
    with database.reading() as session:
        return account in read_accounts(session)
