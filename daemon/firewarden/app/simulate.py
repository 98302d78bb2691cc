"""Serves a simulated account over HTTP, on the time that the daemon is told to share."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from firewarden.app.signals import stop_signals
from firewarden.clock.real import CompressedClock, WallClock
from firewarden.ports import Clock
from firewarden.providers.simulated.faults import load_faults
from firewarden.providers.simulated.fleets import FLEETS
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.serve import serve
from firewarden.providers.simulated.world import World

HOST = "127.0.0.1"
KEY = "fw_simulated"
"""The key of a simulated account; it opens nothing real."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A simulated account and the time it lives by.

    ``origin`` is the instant at which compressed time and the wall agree; another process
    that is given the same speed and origin agrees with both.
    """

    world: World
    clock: Clock
    speed: float
    origin: datetime


def start_simulation(
    fleet: str, *, seed: int, speed: float, origin: datetime | None = None
) -> Simulation:
    """Make the account; its past is lived through before this returns."""
    origin = origin or WallClock().now().replace(microsecond=0)
    clock = CompressedClock(speed=speed, origin=origin)
    world = World(FLEETS[fleet](seed), seed=seed, start=clock.now())
    return Simulation(world=world, clock=clock, speed=speed, origin=origin)


def introduce(simulation: Simulation, port: int) -> tuple[str, ...]:
    """Say what is served at *port*, and how to point a daemon at it; one line each."""
    url = f"http://{HOST}:{port}"
    origin = simulation.origin.isoformat().replace("+00:00", "Z")
    compressed = (
        f" FIREWARDEN_TIME_SPEED={simulation.speed:g} FIREWARDEN_TIME_ORIGIN={origin}"
        if simulation.speed != 1
        else ""
    )
    return (
        "simulated account: nothing real is touched",
        f"serving {', '.join(simulation.world.accounts)} at {url}; Ctrl-C ends it",
        f"export FIREWORKS_BASE_URL={url} FIREWORKS_API_KEY={KEY}{compressed}",
        f"truth: {url}/_truth   requests: {url}/_log",
    )


async def serve_simulation(
    simulation: Simulation,
    *,
    port: int,
    faults: Path | None,
    on_ready: Callable[[int], None],
) -> None:
    """Serve the account on loopback until SIGINT or SIGTERM; *on_ready* gets the port.

    Raises:
        AddressInUse: the port is taken.
        SettingsError: the fault file cannot be used.
    """
    given = load_faults(faults) if faults else None
    app = application(simulation.world, clock=simulation.clock, faults=given)
    async with stop_signals() as stop:
        serving = asyncio.ensure_future(serve(app, HOST, port, on_ready=on_ready))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopping):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await serving
