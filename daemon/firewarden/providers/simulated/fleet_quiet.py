"""The half of the standard fleet that is not used: idle, at zero, starting, protected."""

from datetime import timedelta

from firewarden.providers.simulated.fleet_parts import (
    A100,
    B200,
    GPT,
    H100,
    H200,
    LLAMA,
    OLD,
    fields,
    flow,
    own_model,
    zero_after,
)
from firewarden.providers.simulated.patterns import Bursts, Steady
from firewarden.providers.simulated.plan import (
    ColdStart,
    DeploymentPlan,
    Phase,
)

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
