"""The fleet and the policies that a seed draws: who is idle, busy, waking, not to be touched."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from firewarden.providers.simulated.fleet_parts import (
    B200,
    GPT,
    H100,
    H200,
    UNKNOWN_GPU,
    fields,
    flow,
    own_model,
    zero_after,
)
from firewarden.providers.simulated.patterns import Bursts, Steady, Waves
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan
from tests.simulation.stages import HOUR, MINUTE

IDLE_FOR = 10 * MINUTE
GRACE = 5 * MINUTE
WIDE = "limits: {per_cycle: 20, per_hour: 100, share_per_hour: 100%}"
TIGHT = "limits: {per_cycle: 1, per_hour: 4, share_per_hour: 50%}"

SHARED_MODEL = 0.4
"""So often two deployments have one model; the older one is its default."""

BY_SLACK = "{warn: {to: costs}}"

NEVER = {"kept", "routed", "base-old", "shared", "onprem"}
"""Idle, and kept from being touched by a tag, a router, its model's name, others, its hardware."""

STOPPED = "idle-to-zero"
POLICIES = """\
version: 1
notify:
  costs: {{slack: gpu-costs}}
defaults:
  mode: enforce
  {limits}
policies:
  idle-to-zero:
    match: {{all: true, not: {{name: ["tune-*", "grow-*", "park-*", "stale-*"]}}}}
    when: {{idle_for: 10m, older_than: 30m, replicas_at_least: 1}}
    stages: [{warns}, {{wait: 5m}}, scale_to_zero]
  tuned:
    match: {{name: "tune-*"}}
    when: {{older_than: 45m}}
    stages: [warn, {{set_autoscaling: {{min: {{lower_to: 0}}, scale_to_zero_window: 30m}}}}]
  growing:
    match: {{name: "grow-*"}}
    when: {{older_than: 45m}}
    stages: [warn, hold_growth]
  parked:
    allow: [default_model]
    match: {{name: "park-*"}}
    when: {{idle_for: 15m, older_than: 30m}}
    stages: [{warns}, {{wait: 5m}}, park]
  stale:
    allow: [default_model]
    match: {{name: "stale-*"}}
    when: {{at_zero_for: 15m, older_than: 30m}}
    stages: [{{warn: {{to: costs}}}}, {{wait: 1h}}, delete]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """One account and what is done about it.

    Attributes:
        limits: the line that its policies have, "" for the defaults.
        warns: the stage by which what is to be stopped is told of.
    """

    account: AccountPlan
    limits: str
    warns: str

    @property
    def policies(self) -> str:
        return POLICIES.format(limits=self.limits, warns=self.warns)

    @property
    def names(self) -> list[str]:
        return [each.deployment_id for each in self.account.deployments]


def draw_cast(rng: Random) -> Cast:
    """Draw an account of a dozen deployments, and how much may be done to it."""
    deployments = tuple(_drawn(rng))
    names = [each.deployment_id for each in deployments]
    account = AccountPlan(
        account_id="acme",
        timezone="Europe/Berlin",
        deployments=deployments,
        routers={"chat": ("routed", "busy-1")} if "routed" in names else {},
    )
    limits = rng.choice(("", "", WIDE, WIDE, TIGHT))
    return Cast(account=account, limits=limits, warns=rng.choice(("warn", BY_SLACK)))


def _drawn(rng: Random) -> Iterator[DeploymentPlan]:
    for number in range(1, rng.randint(3, 5)):
        yield _plan(rng, f"idle-{number}", floor=rng.choice((1, 1, 2)))
    for number in range(1, rng.randint(4, 6)):
        levels = (rng.uniform(5, 40), rng.uniform(40, 130))
        busy = flow(Waves(per_minute=levels, hours=(0.3, 1.2)))
        yield replace(_plan(rng, f"busy-{number}"), flows=busy)
    back = flow(Steady(per_minute=7), since=rng.uniform(12, 60) * MINUTE)
    yield replace(_plan(rng, "returning"), flows=back)
    bursts = flow(Bursts(per_day=rng.randint(20, 60), minutes=(2, 9), per_minute=20))
    yield replace(_plan(rng, "bursty"), flows=bursts)
    ending = flow(Steady(per_minute=3), until=rng.uniform(-20, 30) * MINUTE)
    window = zero_after(rng.choice((3600, 7200)))
    yield replace(_plan(rng, "floorless", floor=0, autoscalingPolicy=window), flows=ending)
    yield from rng.sample(tuple(_untouchable(rng)), rng.randint(1, 3))
    if rng.random() < SHARED_MODEL:
        yield _plan(rng, "base-old", age=60 * HOUR, model=GPT)
        yield _plan(rng, "base-new", age=20 * HOUR, model=GPT)
    yield from rng.sample(tuple(_others(rng)), rng.randint(2, 4))


def _untouchable(rng: Random) -> Iterator[DeploymentPlan]:
    says = rng.choice(("true", "1y", "no"))
    yield _plan(rng, "kept", tags={"custom/firewarden.protect": says})
    yield _plan(rng, "routed")
    yield replace(_plan(rng, "shared"), published=True)
    yield replace(_plan(rng, "onprem"), cluster="accounts/acme/clusters/berlin-1", region="")


def _others(rng: Random) -> Iterator[DeploymentPlan]:
    yield _plan(rng, "unpriced", acceleratorType=UNKNOWN_GPU)
    yield replace(_plan(rng, "anew"), recreated=rng.uniform(8, 120) * MINUTE)
    yield _plan(rng, "asleep", floor=0)
    steady = flow(Steady(per_minute=70))
    yield replace(_plan(rng, "tune-1", floor=2, maxReplicaCount=3), flows=steady)
    waves = flow(Waves(per_minute=(20, 90, 170), hours=(0.3, 1.0)))
    yield replace(_plan(rng, "grow-1", maxReplicaCount=4), flows=waves)
    yield _plan(rng, "park-1", tags={"custom/env": "dev"})
    yield _plan(rng, "stale-1", floor=0, tags={"custom/env": "dev"})
    yield _plan(rng, "starting", age=rng.uniform(0, 4) * MINUTE)
    yield replace(_plan(rng, "mute"), silent_at_idle=True)


def _plan(
    rng: Random, name: str, *, floor: int = 1, age: timedelta | None = None, **more: Any
) -> DeploymentPlan:
    model = more.pop("model", own_model(name))
    hardware = rng.choice((H100, H200, B200)), rng.choice((1, 2, 4, 8))
    bounds = floor, max(1, floor + rng.randint(0, 2))
    return DeploymentPlan(
        deployment_id=name,
        fields={**fields(*hardware, bounds, model=model, tags=more.pop("tags", {})), **more},
        age=rng.uniform(2, 40) * HOUR if age is None else age,
    )
