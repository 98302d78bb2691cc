"""The standard fleet: 24 deployments of every kind, with everything a survey looks for."""

from datetime import timedelta

from firewarden.providers.simulated.fleet_parts import (
    B300,
    GPT,
    H100,
    H200,
    OLD,
    PEOPLE,
    UNKNOWN_GPU,
    aged,
    fields,
    flow,
    neighbour,
    own_model,
)
from firewarden.providers.simulated.fleet_quiet import at_zero, idle, protected, starting
from firewarden.providers.simulated.patterns import OfficeHours, Steady, Waves
from firewarden.providers.simulated.plan import (
    AccountPlan,
    DeploymentPlan,
    Sin,
    SinKind,
    TrainerPlan,
)

CANARY = "fw_direct_route_canary_5f0c9d"
"""The secret in the answer of one deployment; it must turn up nowhere else."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def active() -> tuple[DeploymentPlan, ...]:
    """Plan what is in use all day: in waves, in office hours, steadily, once a minute."""
    return (
        DeploymentPlan(
            deployment_id="chat-prod",
            fields=fields(
                H100, 4, (1, 4), model=GPT, owner="ada@acme.example", team="assist",
                environment="production", displayName="Chat",
            ),
            age=OLD,
            flows=flow(Waves(per_minute=(45.5, 100.5, 170.5, 230.5), hours=(1.5, 4.0))),
            error_share=0.004,
        ),
        DeploymentPlan(
            deployment_id="search-prod",
            fields=fields(
                H200, 2, (1, 3), model=own_model("search"), owner="grace@acme.example",
                team="search", environment="production",
            ),
            age=OLD,
            flows=(
                *flow(Steady(per_minute=8)),
                *flow(OfficeHours(
                    per_minute=80, peak_per_minute=150, zone="America/New_York", hours=(7, 20)
                )),
            ),
        ),
        DeploymentPlan(
            deployment_id="summarize",
            fields=fields(
                H100, 2, (2, 2), model=own_model("summarize"), owner="grace@acme.example",
                team="search",
            ),
            age=timedelta(days=25),
            flows=flow(Steady(per_minute=75)),
            restarts=(5 * _HOUR, 17 * _HOUR),
        ),
        DeploymentPlan(
            deployment_id="moderation",
            fields=fields(
                H100, 1, (1, 1), model=own_model("moderation"), owner="ada@acme.example",
                team="assist",
            ),
            age=timedelta(days=18),
            flows=flow(Steady(per_minute=1)),
            seconds_per_request=0.4,
        ),
        DeploymentPlan(
            deployment_id="code-assist",
            fields=fields(
                B300, 4, (1, 3), model=own_model("code-assist"), owner="linus@acme.example",
                team="tools",
            ),
            age=timedelta(days=15),
            flows=flow(Waves(per_minute=(30, 90, 150), hours=(1.5, 4.0))),
            error_share=0.02,
        ),
    )  # fmt: skip


def special() -> tuple[DeploymentPlan, ...]:
    """Plan the rest: created again, an unknown GPU, failed, reached past the gateway."""
    return (
        DeploymentPlan(
            deployment_id="agent-canary",
            fields=fields(
                H100, 2, (1, 1), model=own_model("agent-canary"), owner="linus@acme.example"
            ),
            age=timedelta(days=5),
            flows=flow(Steady(per_minute=20)),
            recreated=9 * _HOUR + timedelta(minutes=7),
        ),
        DeploymentPlan(
            deployment_id="x900-preview",
            fields=fields(
                UNKNOWN_GPU, 2, (1, 1), model=own_model("x900"), owner="ada@acme.example"
            ),
            age=timedelta(days=11),
            flows=flow(Steady(per_minute=10)),
        ),
        DeploymentPlan(
            deployment_id="finetune-failed",
            fields=fields(
                H100, 2, (1, 1), model=own_model("finetune-7"), owner="linus@acme.example"
            ),
            age=timedelta(days=3),
            fails_after=5 * _HOUR,
            fails_holding=1,
        ),
        DeploymentPlan(
            deployment_id="vip-direct",
            fields=fields(
                H100, 2, (1, 1), model=own_model("vip"), owner="ada@acme.example",
                team="partners", directRouteType="INTERNET", directRouteApiKeys=[CANARY],
                pricingPlanId="acme-2026",
            ),
            age=OLD,
            flows=flow(Steady(per_minute=12)),
        ),
    )  # fmt: skip


def standard(seed: int) -> list[AccountPlan]:
    """Plan the account ``acme`` with all 24, and its small neighbour."""
    everything = (*idle(), *active(), *at_zero(), *starting(), *protected(), *special())
    return [_acme(aged(everything, seed)), neighbour()]


def sins(seed: int) -> list[AccountPlan]:
    """Plan an account of only what a survey should find, and one that is in order."""
    wanted = {
        "llama-forgotten", "chat-prod", "poc-march", "vision-stuck", "grpo-math-rollout",
        "x900-preview", "finetune-failed", "vip-direct", "eval-weekly", "vision-new",
    }  # fmt: skip
    everything = (*idle(), *active(), *at_zero(), *starting(), *protected(), *special())
    kept = tuple(one for one in everything if one.deployment_id in wanted)
    return [_acme(aged(kept, seed))]


def _acme(deployments: tuple[DeploymentPlan, ...]) -> AccountPlan:
    present = {one.deployment_id for one in deployments}
    without_owner = [
        one.deployment_id
        for one in deployments
        if "custom/owner" not in one.fields["annotations"]
        and "hotLoadTrainerJob" not in one.fields  # its trainer says whose it is
    ]
    found = (
        Sin(kind=SinKind.TRAINER_GONE, subject="grpo-math-rollout"),
        Sin(kind=SinKind.ALWAYS_ON, subject="llama-forgotten"),
        Sin(kind=SinKind.FAILED_HOLDS_GPUS, subject="finetune-failed"),
        Sin(kind=SinKind.LONG_STARTING, subject="vision-stuck"),
        Sin(kind=SinKind.DELETED_THIS_WEEK, subject="poc-march"),
        *(Sin(kind=SinKind.NO_OWNER, subject=name) for name in without_owner),
        Sin(kind=SinKind.QUOTA_NEARLY_USED, subject="global--h200-count"),
        Sin(kind=SinKind.UNPRICED, subject="x900-preview"),
        Sin(kind=SinKind.PRICE_PLAN, subject="acme-2026"),
    )
    held = sum(
        one.fields["acceleratorCount"] * one.fields["maxReplicaCount"]
        for one in deployments
        if one.fields["acceleratorType"] == H200
    )
    return AccountPlan(
        account_id="acme",
        timezone="America/New_York",
        deployments=deployments,
        quotas={
            "global--h100-count": 96,
            "global--h200-count": held,
            "global--b200-count": 32,
            "global--b300-count": 16,
            "monthly-spend-usd": 500_000,
        },
        prices={"acme-2026": {H100: "6.40", H200: "6.90"}},
        routers={"chat": tuple(n for n in ("chat-prod", "chat-standby") if n in present)},
        trainers=(
            TrainerPlan(
                job_id="grpo-math",
                age=timedelta(days=6, hours=1),
                created_by="grace@acme.example",
                deleted=2 * _DAY,
            ),
        ),
        users=PEOPLE,
        sins=found,
    )
