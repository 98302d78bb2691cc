"""Small worlds for the tests of the simulator: one deployment, known times, a client for it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx

from firewarden.providers.simulated.faults import Faults, parse_faults
from firewarden.providers.simulated.fleets import sized
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import to_ms
from firewarden.providers.simulated.plan import AccountPlan, ColdStart, DeploymentPlan
from firewarden.providers.simulated.traffic import Flow
from firewarden.providers.simulated.world import World
from tests.support.clock import NOW, FakeClock

H100 = "NVIDIA_H100_80GB"
PREFIX = "/v1/accounts/acme"

# 10 s pending, 60 s downloading, 30 s initializing: ready after exactly 100 s.
KNOWN_START = ColdStart(pending=(10, 10), downloading=(60, 60), initializing=(30, 30))


def at(**offset: float) -> int:
    """Give the instant so long after the world's start, in milliseconds."""
    return to_ms(NOW + timedelta(**offset))


def a_deployment(
    replicas: tuple[int, int] = (1, 1),
    *,
    fields: Mapping[str, Any] | None = None,
    **changes: Any,
) -> DeploymentPlan:
    """Plan ``chat``: 8 H100 a replica, created at the world's start, without traffic."""
    body = {
        "baseModel": "accounts/acme/models/chat",
        "acceleratorType": H100,
        "acceleratorCount": 8,
        "minReplicaCount": replicas[0],
        "maxReplicaCount": replicas[1],
        **(fields or {}),
    }
    plan = DeploymentPlan(
        deployment_id="chat", fields=body, age=timedelta(0), cold_start=KNOWN_START
    )
    return replace(plan, **changes)


def an_account(*deployments: DeploymentPlan, **changes: Any) -> AccountPlan:
    """Plan ``acme`` with *deployments*."""
    return replace(AccountPlan(account_id="acme", deployments=deployments), **changes)


def a_world(*deployments: DeploymentPlan, **changes: Any) -> World:
    """Start a world at noon with *deployments* in ``acme``."""
    return World(an_account(*deployments, **changes), seed=1, start=NOW)


def flows(*wanted: Flow) -> tuple[Flow, ...]:
    """Spell a tuple of flows."""
    return wanted


def newest(world: World, deployment_id: str = "chat") -> Incarnation:
    """Give the newest incarnation of that name."""
    return world.account().incarnations[deployment_id][-1]


def ready_changes(inc: Incarnation) -> list[tuple[float, int]]:
    """Tell when the billed GPUs changed, in seconds after the world's start, and to what."""
    start = to_ms(NOW)
    return [
        ((instant - start) / 1000, gpus) for instant, gpus in inc.gpus.changes(start, start * 2)
    ]


@asynccontextmanager
async def a_client(
    world: World,
    clock: FakeClock,
    *,
    faults: Faults | None = None,
    key: str = "fw_simulated",
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client that talks to *world* in process, with *key*."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application(world, clock=clock, faults=faults)),
        base_url="http://sim",
        headers={"Authorization": f"Bearer {key}"},
    ) as client:
        yield client


def still(count: int = 60, live: int = 8) -> World:
    """Start a world in which nothing happens, with deployments ``d00000`` and so on."""
    return World(sized(count, live=live, seed=1), seed=1, start=NOW)


def a_fault(kind: str, **keys: object) -> Faults:
    """Read a file with one fault; ``since`` stands for ``from``, which Python keeps."""
    row = {"kind": kind, **keys}
    if "since" in row:
        row["from"] = row.pop("since")
    lines = [f"{key} = {json.dumps(value)}" for key, value in row.items()]
    return parse_faults("\n".join(["[[fault]]", *lines]))


async def ask(
    faults: Faults, path: str, *, world: World | None = None, **query: str
) -> httpx.Response:
    """Ask once, at the world's start."""
    async with a_client(world or still(), FakeClock(), faults=faults) as client:
        return await client.get(path, params=query)
