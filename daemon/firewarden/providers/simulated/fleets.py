"""Ready-made fleets by name, each a function of a seed."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from firewarden.providers.simulated.fleet_parts import (
    B200,
    GPT,
    H100,
    H200,
    PEOPLE,
    aged,
    fields,
    flow,
    own_model,
    zero_after,
)
from firewarden.providers.simulated.fleet_standard import sins, standard
from firewarden.providers.simulated.patterns import Bursts, OfficeHours, Steady, Waves
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan
from firewarden.providers.simulated.seeds import child
from firewarden.providers.simulated.traffic import Pattern

__all__ = ["FLEETS", "large", "sins", "sized", "small", "standard"]

_GPUS = ((H100, 1), (H100, 2), (H100, 8), (H200, 1), (H200, 4), (B200, 2))


def small(seed: int) -> list[AccountPlan]:
    """Plan nine deployments for a demonstration: some are idle, or soon will be."""
    minutes = timedelta(minutes=1)
    plans = (
        DeploymentPlan(
            deployment_id="chat-prod",
            fields=fields(H100, 4, (1, 3), model=GPT, owner="ada@acme.example"),
            age=timedelta(days=20),
            flows=flow(Waves(per_minute=(45.5, 100.5, 160.5), hours=(1.0, 3.0))),
        ),
        DeploymentPlan(
            deployment_id="eval-friday",
            fields=fields(H100, 8, (1, 1), model=own_model("eval"), owner="grace@acme.example"),
            age=timedelta(days=4),
            flows=flow(Steady(per_minute=20), until=40 * minutes),
        ),
        DeploymentPlan(
            deployment_id="ranker",
            fields=fields(H200, 2, (1, 2), model=own_model("ranker"), owner="grace@acme.example"),
            age=timedelta(days=9),
            flows=flow(Steady(per_minute=30), until=80 * minutes),
        ),
        DeploymentPlan(
            deployment_id="batch-embed",
            fields=fields(H100, 2, (1, 2), model=own_model("embed"), owner="linus@acme.example"),
            age=timedelta(days=13),
            flows=flow(Steady(per_minute=15), until=155 * minutes),
        ),
        DeploymentPlan(
            deployment_id="forgotten",
            fields=fields(B200, 4, (1, 1), model=own_model("forgotten")),
            age=timedelta(days=17),
        ),
        DeploymentPlan(
            deployment_id="moderation",
            fields=fields(H100, 1, (1, 1), model=own_model("moderation"), owner="ada@acme.example"),
            age=timedelta(days=11),
            flows=flow(Steady(per_minute=1)),
        ),
        DeploymentPlan(
            deployment_id="sandbox",
            fields=fields(
                H100, 1, (0, 1), model=own_model("sandbox"), autoscalingPolicy=zero_after(600)
            ),
            age=timedelta(days=6),
            flows=flow(Bursts(per_day=12, minutes=(5, 15), per_minute=6)),
        ),
        DeploymentPlan(
            deployment_id="poc-march",
            fields=fields(
                H200, 1, (0, 1), model=own_model("poc-march"), tags={"custom/env": "dev"}
            ),
            age=timedelta(days=28),
            flows=flow(Steady(per_minute=2), until=-timedelta(days=3)),
        ),
        DeploymentPlan(
            deployment_id="launch-reserve",
            fields=fields(
                H100,
                4,
                (1, 1),
                model=own_model("launch"),
                tags={"custom/firewarden.protect": "true"},
            ),
            age=timedelta(days=3),
        ),
    )
    return [_account(aged(plans, seed))]


def large(seed: int, *, count: int = 200) -> list[AccountPlan]:
    """Plan *count* deployments drawn from every kind of traffic."""
    return [_account(tuple(_drawn(seed, number) for number in range(count)))]


def sized(n: int, live: int, seed: int) -> list[AccountPlan]:
    """Plan *n* still deployments, *live* of them with ready replicas, the rest at zero.

    Nothing ever happens in it, so that it costs next to nothing to serve.
    """
    return [_account(tuple(_still(seed, number, is_live=number < live) for number in range(n)))]


FLEETS: Mapping[str, Callable[[int], list[AccountPlan]]] = {
    "small": small,
    "large": large,
    "standard": standard,
    "sins": sins,
}


def _account(plans: tuple[DeploymentPlan, ...]) -> AccountPlan:
    return AccountPlan(
        account_id="acme",
        timezone="Europe/Berlin",
        deployments=plans,
        quotas={
            "global--h100-count": 4096,
            "global--h200-count": 2048,
            "global--b200-count": 1024,
            "monthly-spend-usd": 500_000,
        },
        users=PEOPLE,
    )


def _drawn(seed: int, number: int) -> DeploymentPlan:
    rng = child(seed, "large", number)
    name = f"d{number:05d}"
    gpu, count = rng.choice(_GPUS)
    floor = rng.choice((0, 1, 1, 1, 2))
    patterns: tuple[Pattern | None, ...] = (
        None,
        Steady(per_minute=rng.choice((1, 5, 40))),
        Waves(per_minute=(20, 80, 140)),
        OfficeHours(per_minute=20, peak_per_minute=90, zone="Europe/Berlin"),
        Bursts(per_day=6, minutes=(5, 20), per_minute=30),
    )
    pattern = rng.choice(patterns)
    owner = {"owner": f"person{number % 17}@acme.example"} if number % 5 else {}
    is_preemptible = number % 23 == 0
    return DeploymentPlan(
        deployment_id=name,
        fields=fields(
            gpu,
            count,
            (floor, max(1, floor + rng.randrange(3))),
            model=own_model(name),
            preemptible=is_preemptible,
            **owner,
        ),
        age=timedelta(hours=rng.randrange(1, 500)),
        flows=() if pattern is None else flow(pattern),
        vanishes=timedelta(hours=rng.uniform(2, 48)) if is_preemptible else None,
    )


def _still(seed: int, number: int, *, is_live: bool) -> DeploymentPlan:
    name = f"d{number:05d}"
    gpu, count = child(seed, "sized", number).choice(_GPUS)
    replicas = (1, 1) if is_live else (0, 0)
    flows = flow(Steady(per_minute=12)) if is_live and number % 4 == 0 else ()
    return DeploymentPlan(
        deployment_id=name,
        fields=fields(gpu, count, replicas, model=GPT, owner=f"person{number % 97}@acme.example"),
        age=timedelta(days=2, minutes=number % 997),
        flows=flows,
    )
