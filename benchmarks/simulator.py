"""The simulated account as a process of its own: it is what the measured ones ask, not measured.

``python -m benchmarks.simulator COUNT LIVE [SPEED ORIGIN]`` prints its port. At speed 1 its
clock can be moved on between two measurements: ``POST /_clock?ahead=SECONDS``.
"""

import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.clocks import Ahead
from firewarden.app.signals import stop_signals
from firewarden.clock.real import CompressedClock
from firewarden.providers.simulated.fleets import sized
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan
from firewarden.providers.simulated.serve import serve
from firewarden.providers.simulated.traffic import Flow
from firewarden.providers.simulated.world import World

SEED = 1
OLDER = timedelta(days=500)
"""Deployments are older than any history that is measured."""


def plan(count: int, live: int) -> list[AccountPlan]:
    """Plan *count* deployments that stay as they are, a quarter of the *live* ones in use.

    Requests come at odd intervals, so that no two scrapes show the same figures.
    """
    rng = random.Random(SEED)
    return [
        replace(one, deployments=tuple(_unsteady(each, rng) for each in one.deployments))
        for one in sized(count, live, SEED)
    ]


def _unsteady(deployment: DeploymentPlan, rng: random.Random) -> DeploymentPlan:
    old = replace(deployment, age=deployment.age + OLDER)
    if not deployment.flows:
        return old
    steady = Steady(per_minute=rng.uniform(7, 40))
    return replace(old, flows=(Flow(pattern=steady),), error_share=0.02)


async def _main(arguments: Sequence[str]) -> None:
    count, live = (int(each) for each in arguments[:2])
    ahead = Ahead()
    clock = (
        CompressedClock(speed=float(arguments[2]), origin=datetime.fromisoformat(arguments[3]))
        if len(arguments) > 2
        else ahead
    )
    app = application(World(plan(count, live), seed=SEED, start=clock.now()), clock=clock)

    async def move(request: Request) -> Response:
        ahead.by = timedelta(seconds=float(request.query_params["ahead"]))
        return Response()

    app.router.routes.insert(0, Route("/_clock", move, methods=["POST"]))
    async with stop_signals() as stop:
        serving = asyncio.ensure_future(
            serve(app, "127.0.0.1", 0, on_ready=lambda port: print(port, flush=True))
        )
        await stop.wait()
        serving.cancel()
        await asyncio.wait({serving})


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
