"""The daemon on a simulated account, its story told line by line while it runs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firewarden.app.compose import open_database, production_seams
from firewarden.app.daemon import look_after
from firewarden.app.picture import Picture, take_picture
from firewarden.app.queries import read_ledger
from firewarden.app.settings import Settings, load_settings
from firewarden.app.signals import stop_signals
from firewarden.app.simulate import HOST, KEY, Simulation, start_simulation
from firewarden.app.status import show_status
from firewarden.app.summary import sum_up, summary_lines
from firewarden.clock.real import WallClock
from firewarden.errors import StoreUnavailable
from firewarden.model.price import MICRO
from firewarden.model.verdict import Incident
from firewarden.ports import Notifier
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.serve import serve
from firewarden.report.status import FleetStatus
from firewarden.report.story import Glimpse, Grip, Storyteller
from firewarden.store.accounts import read_accounts
from firewarden.store.engine import Database
from firewarden.store.incidents import read_closed

Tell = Callable[[str], None]

PORT = 8642
LOOK_EVERY_S = 0.5
"""Seconds of real time between two looks at the ledger, at least."""

LOOKS_SHARE = 5
"""So many times as long as a look took, the next one waits."""

SPEEDS = {"small": 600.0, "large": 60.0}
"""How fast time runs where nobody says: what one process can serve, watch and tell of."""

_POLICY = """\
version: 1
policies:
  idle-to-zero:
    description: What nobody calls goes to zero replicas.
    mode: observe
    match: {all: true}
    when: {idle_for: 20m, replicas_at_least: 1}
    stages: [warn, {wait: 10m}, scale_to_zero]
"""


async def play(
    *,
    fleet: str,
    seed: int,
    speed: float | None,
    verbose: bool,
    tell: Tell,
    notifier: Notifier,
) -> None:
    """Play until SIGINT or SIGTERM, then sum up; *tell* gets each line.

    Everything is the daemon's own code on a ledger of its own; no variable, file or key of
    the caller is looked at. *verbose*: every scene, not only the first of each kind.
    """
    async with stop_signals() as stop:
        simulation = start_simulation(fleet, seed=seed, speed=speed or SPEEDS[fleet])
        with TemporaryDirectory(prefix="firewarden-demo-") as folder:
            async with _serving(simulation) as port:
                settings = _settings(Path(folder), simulation, port=port)
                story = _narrate(settings, simulation, Storyteller(verbose=verbose), tell)
                async with _beside(story):
                    await look_after(
                        settings,
                        production_seams(settings),
                        stop=stop,
                        notifier=notifier,
                        on_ready=lambda address: _introduce(address, simulation.speed, tell),
                    )
            for line in _summary(settings, simulation):
                tell(line)


@asynccontextmanager
async def _serving(simulation: Simulation) -> AsyncIterator[int]:
    """Serve the simulated account around the body, which gets the port."""
    at: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = application(simulation.world, clock=simulation.clock)
    async with _beside(serve(app, HOST, 0, on_ready=at.set_result)):
        yield await at


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have *work* done while the body runs; a failure of it ends the body."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


def _settings(folder: Path, simulation: Simulation, *, port: int) -> Settings:
    """Give the settings of the demo, from nothing but what stands here."""
    config, policies = folder / "firewarden.toml", folder / "policies"
    config.touch()
    policies.mkdir()
    (policies / "demo.yaml").write_text(_POLICY, encoding="utf-8")
    environ = {
        "FIREWORKS_BASE_URL": f"http://{HOST}:{port}",
        "FIREWORKS_API_KEY": KEY,
        "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / 'firewarden.db'}",
        "FIREWARDEN_POLICIES": str(policies),
        "FIREWARDEN_LISTEN": f"{HOST}:{_free(PORT)}",
        # At 600 times life's speed 30 s are 50 ms, which a busy machine does not keep.
        "FIREWARDEN_POLL_EVERY": "60s",
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


def _introduce(address: str, speed: float, tell: Tell) -> None:
    busy = "" if address.endswith(f":{PORT}") else f" (port {PORT} is taken)"
    tell(f"health and metrics at http://{address}/healthz and /metrics{busy}")
    tell(f"time runs {speed:g} times as fast as life; Ctrl-C stops it and sums up")


async def _narrate(
    settings: Settings, simulation: Simulation, story: Storyteller, tell: Tell
) -> None:
    """Tell what changes, look by look, from what is committed to the ledger.

    A look at a large fleet takes longer, and then there are fewer: the daemon goes first.
    """
    wall = WallClock()
    took = 0.0
    with closing(open_database(settings, upgrade=True)) as database:
        while True:
            await wall.sleep(timedelta(seconds=max(LOOK_EVERY_S, LOOKS_SHARE * took)))
            began = wall.mono()
            with suppress(StoreUnavailable):  # what was missed is told at the next look
                glimpse = await asyncio.to_thread(_look, database, settings, simulation)
                for line in story.look(glimpse) if glimpse else ():
                    tell(line)
            took = wall.mono() - began


def _look(database: Database, settings: Settings, simulation: Simulation) -> Glimpse | None:
    """Look at the ledger once; None before the first poll."""
    account = next(iter(simulation.world.accounts))
    if not _is_known(account, database):
        return None
    with read_ledger(database, settings, account, now=simulation.clock.now()) as ledger:
        picture = take_picture(ledger)
        status = show_status(picture)
        closed = read_closed(ledger.session, ledger.account, since=simulation.world.start)
    incidents = (*picture.docket.opened.values(), *closed)
    return Glimpse(status=status, grips=tuple(_grips(incidents, picture, status)))


def _grips(
    incidents: tuple[Incident, ...], picture: Picture, status: FleetStatus
) -> Iterator[Grip]:
    rows = {row.deployment_id: row for row in status.deployments}
    fleet = picture.situation.fleet.deployments
    for incident in incidents:
        deployment = fleet.get(incident.uid)
        row = rows.get(deployment.deployment_id) if deployment else None
        if deployment is None or row is None:
            continue
        per_hour = incident.saves_micro_usd_per_hour
        saves = None if per_hour is None else Decimal(per_hour) / MICRO
        hours = Decimal((row.quiet_for or timedelta(0)) / timedelta(hours=1))
        yield Grip(
            deployment_id=deployment.deployment_id,
            policy=incident.policy,
            state=incident.state,
            reason=incident.reason,
            held_by=incident.held_by.value if incident.held_by else None,
            idle_cost=None if saves is None else saves * hours,
            saves_usd_per_hour=saves,
        )


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
