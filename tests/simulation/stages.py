"""Accounts, policies and faults that simulated lives are made of."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firewarden.clock.virtual import VirtualClock
from firewarden.providers.simulated.faults import Faults, parse_faults
from firewarden.providers.simulated.fleet_parts import GPT, H100, H200, OLD, fields, flow, own_model
from firewarden.providers.simulated.fleets import FLEETS
from firewarden.providers.simulated.patterns import Waves
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan
from firewarden.providers.simulated.world import World
from tests.support.daemon import Stage, a_stage, settings_for

KEY = "fw_simulated"
START = datetime(2026, 11, 2, 6, tzinfo=UTC)
EMPTY_LEDGER = "ledger.db"
SHIPPED = Path(__file__).parents[2] / "policies"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

IDLE = "forgotten"
QUICK = """\
version: 1
policies:
  idle-to-zero:
    mode: observe
    match: {all: true}
    when: {idle_for: 20m, older_than: 1h, replicas_at_least: 1}
    stages: [warn, {wait: 10m}, scale_to_zero]
"""
DUE = timedelta(minutes=31)
"""After the start: when what was idle from the start is due under `QUICK`, polls included."""

STANDARD_IDLE = {"llama-forgotten", "embed-old", "eval-weekly", "ranker-b200"}
"""What nobody calls in the standard fleet; `eval-weekly` from its third hour on."""

STANDARD_RETURNING = "demo-returning"
"""Idle like the others until the sixteenth hour of the day."""

STANDARD_PROTECTED = {
    "launch-reserve": "protected",
    "partner-api": "published_model",
    "chat-standby": "router_member",
    "onprem-llama": "own_cluster",
    "grpo-math-rollout": "hot_load",
}
"""Of the standard fleet, with what keeps each from being touched."""


def in_memory() -> str | None:
    """A place whose files never reach a disk, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def small_fleet() -> tuple[DeploymentPlan, ...]:
    """One that nobody calls, one that is never to be touched, and five in use."""
    busy = (
        DeploymentPlan(
            deployment_id=f"busy-{number}",
            fields=fields(H100, number, (1, 3), model=own_model(f"busy-{number}")),
            age=OLD,
            flows=flow(Waves(per_minute=(rate, rate + 30), hours=(0.4, 1.5))),
        )
        for number, rate in enumerate((37, 41, 23, 29, 13), start=1)
    )
    return (
        DeploymentPlan(
            deployment_id=IDLE, fields=fields(H100, 8, (1, 3), model=own_model(IDLE)), age=OLD
        ),
        DeploymentPlan(
            deployment_id="kept",
            fields=fields(H200, 2, (1, 1), model=GPT, tags={"custom/firewarden.protect": "true"}),
            age=OLD,
        ),
        *busy,
    )


def still_fleet(count: int) -> tuple[DeploymentPlan, ...]:
    """So many at zero, to fill pages with."""
    return tuple(
        DeploymentPlan(
            deployment_id=f"still-{number:04d}",
            fields=fields(H100, 1, (0, 0), model=GPT),
            age=OLD - timedelta(minutes=number),
        )
        for number in range(count)
    )


def account_of(deployments: Sequence[DeploymentPlan]) -> AccountPlan:
    return AccountPlan(account_id="acme", timezone="Europe/Berlin", deployments=tuple(deployments))


def standard_stage(clock: VirtualClock, folder: Path, *, seed: int, **changes: str) -> Stage:
    """Put the standard fleet under the shipped policies."""
    world = World(FLEETS["standard"](seed), seed=seed, start=clock.now())
    return a_stage(world, clock, settings_for(folder, SHIPPED, **changes))


def small_stage(
    clock: VirtualClock,
    folder: Path,
    *,
    seed: int = 1,
    faults: str = "",
    deployments: Sequence[DeploymentPlan] | None = None,
    policy: str = QUICK,
    **changes: str,
) -> Stage:
    """Put `small_fleet` (or others) under `QUICK`; *faults* is the text of a fault file."""
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "quick.yaml").write_text(policy, encoding="utf-8")
    world = World(account_of(deployments or small_fleet()), seed=seed, start=clock.now())
    struck = parse_faults(faults) if faults else Faults(())
    return a_stage(world, clock, settings_for(folder, policies, **changes), faults=struck)
