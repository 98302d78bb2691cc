"""The standard fleet: 24 deployments of every kind, with everything a survey looks for."""

from datetime import timedelta

from firewarden.providers.simulated.fleet_parts import (
    A100,
    B200,
    B300,
    GPT,
    H100,
    H200,
    LLAMA,
    OLD,
    PEOPLE,
    UNKNOWN_GPU,
    fields,
    flow,
    neighbour,
    own_model,
    zero_after,
)
from firewarden.providers.simulated.patterns import Bursts, OfficeHours, Steady, Waves
from firewarden.providers.simulated.plan import (
    AccountPlan,
    ColdStart,
    DeploymentPlan,
    Phase,
    Sin,
    SinKind,
    TrainerPlan,
)

CANARY = "fw_direct_route_canary_5f0c9d"
"""The secret in the answer of one deployment; it must turn up nowhere else."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def idle() -> tuple[DeploymentPlan, ...]:
    """Plan what runs and is not used: never, for days, from this day on, until this day."""
    return (
        DeploymentPlan(
            deployment_id="llama-forgotten",
            fields=fields(H100, 8, (1, 1), model=own_model("llama-forgotten")),
            age=OLD,
        ),
        DeploymentPlan(
            deployment_id="embed-old",
            fields=fields(H100, 1, (1, 2), model=own_model("embed-old"), owner="ada@acme.example"),
            age=OLD,
            flows=flow(Steady(per_minute=30), until=-3 * _DAY),
        ),
        DeploymentPlan(
            deployment_id="eval-weekly",
            fields=fields(
                H200, 4, (2, 2), model=own_model("eval-weekly"), owner="grace@acme.example"
            ),
            age=timedelta(days=12),
            flows=flow(Steady(per_minute=12), until=2 * _HOUR),
        ),
        DeploymentPlan(
            deployment_id="ranker-b200",
            fields=fields(
                B200, 2, (1, 4), model=own_model("ranker-b200"), owner="grace@acme.example"
            ),
            age=timedelta(days=20),
            flows=flow(Steady(per_minute=50), until=-timedelta(minutes=20)),
        ),
        DeploymentPlan(
            deployment_id="demo-returning",
            fields=fields(
                H200, 1, (1, 1), model=own_model("demo-returning"), owner="linus@acme.example"
            ),
            age=timedelta(days=9),
            flows=(
                *flow(Steady(per_minute=6), until=-_DAY),
                *flow(Steady(per_minute=9), since=15 * _HOUR),
            ),
        ),
    )


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
            flows=flow(Waves(per_minute=(45, 100, 170, 230), hours=(1.5, 4.0))),
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


def at_zero() -> tuple[DeploymentPlan, ...]:
    """Plan three with a floor of 0: bursts, office hours, one that is deleted this week."""
    return (
        DeploymentPlan(
            deployment_id="batch-jobs",
            fields=fields(
                H100, 4, (0, 2), model=own_model("batch-jobs"), owner="linus@acme.example",
                team="tools", autoscalingPolicy=zero_after(600),
            ),
            age=timedelta(days=30),
            flows=flow(Bursts(per_day=7, minutes=(6, 25), per_minute=40)),
        ),
        DeploymentPlan(
            deployment_id="sandbox",
            fields=fields(
                H100, 1, (0, 1), model=own_model("sandbox"), owner="linus@acme.example",
                environment="dev", autoscalingPolicy=zero_after(300),
            ),
            age=timedelta(days=21),
            flows=flow(Bursts(per_day=5, minutes=(4, 15), per_minute=6)),
        ),
        DeploymentPlan(
            deployment_id="poc-march",
            fields=fields(H200, 2, (0, 1), model=own_model("poc-march")),
            age=timedelta(days=28),
            flows=flow(Steady(per_minute=2), until=-6 * _DAY),
        ),
    )  # fmt: skip


def starting() -> tuple[DeploymentPlan, ...]:
    """Plan two on their way up: one that takes its time, one that never arrives."""
    return (
        DeploymentPlan(
            deployment_id="vision-new",
            fields=fields(
                H200, 8, (1, 1), model=own_model("vision-new"), owner="grace@acme.example"
            ),
            age=timedelta(minutes=2),
            flows=flow(Steady(per_minute=15), since=timedelta(minutes=10)),
            cold_start=ColdStart(downloading=(420.0, 600.0), initializing=(120.0, 200.0)),
        ),
        DeploymentPlan(
            deployment_id="vision-stuck",
            fields=fields(
                B200, 8, (1, 1), model=own_model("vision-stuck"), owner="grace@acme.example"
            ),
            age=9 * _HOUR,
            cold_start=ColdStart(stuck_in=Phase.INITIALIZING),
        ),
    )


def protected() -> tuple[DeploymentPlan, ...]:
    """Plan what is idle and must not be touched: by a tag, published, routed, own hardware."""
    return (
        DeploymentPlan(
            deployment_id="launch-reserve",
            fields=fields(
                H100, 4, (1, 1), model=own_model("launch-reserve"), owner="ada@acme.example",
                tags={"custom/firewarden.protect": "until launch"},
            ),
            age=timedelta(days=8),
        ),
        DeploymentPlan(
            deployment_id="partner-api",
            fields=fields(
                H200, 2, (1, 2), model=LLAMA, owner="ada@acme.example", team="partners"
            ),
            age=timedelta(days=26),
            flows=flow(Steady(per_minute=3), until=-2 * _DAY),
            published=True,
        ),
        DeploymentPlan(
            deployment_id="chat-standby",
            fields=fields(H100, 4, (1, 1), model=GPT, owner="ada@acme.example", team="assist"),
            age=timedelta(days=16),
        ),
        DeploymentPlan(
            deployment_id="onprem-llama",
            fields=fields(A100, 8, (1, 1), model=own_model("onprem"), owner="ada@acme.example"),
            age=timedelta(days=40),
            cluster="accounts/acme/clusters/berlin-1",
            region="",
        ),
        DeploymentPlan(
            deployment_id="grpo-math-rollout",
            fields=fields(
                B200, 8, (1, 1), model=own_model("grpo-math"), enableHotLoad=True,
                hotLoadTrainerJob="accounts/acme/rlorTrainerJobs/grpo-math",
                description="Fireworks training deployment",
            ),
            age=timedelta(days=6),
            flows=flow(Steady(per_minute=200), until=-2 * _DAY),
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
    return [_acme(everything), neighbour()]


def sins(seed: int) -> list[AccountPlan]:
    """Plan an account of only what a survey should find, and one that is in order."""
    wanted = {
        "llama-forgotten", "chat-prod", "poc-march", "vision-stuck", "grpo-math-rollout",
        "x900-preview", "finetune-failed", "vip-direct", "eval-weekly", "vision-new",
    }  # fmt: skip
    everything = (*idle(), *active(), *at_zero(), *starting(), *protected(), *special())
    return [_acme(tuple(one for one in everything if one.deployment_id in wanted))]


def _acme(deployments: tuple[DeploymentPlan, ...]) -> AccountPlan:
    present = {one.deployment_id for one in deployments}
    without_owner = [
        one.deployment_id for one in deployments if "custom/owner" not in one.fields["annotations"]
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
