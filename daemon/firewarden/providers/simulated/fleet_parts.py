"""Parts that the ready-made fleets are put together from."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from firewarden.providers.simulated.instants import span_ms
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan, Json, UserPlan
from firewarden.providers.simulated.seeds import child
from firewarden.providers.simulated.traffic import Flow, Pattern

GPT = "accounts/fireworks/models/gpt-oss-120b"
LLAMA = "accounts/fireworks/models/llama-v3p3-70b-instruct"

A100, H100, H200 = "NVIDIA_A100_80GB", "NVIDIA_H100_80GB", "NVIDIA_H200_141GB"
B200, B300 = "NVIDIA_B200_180GB", "NVIDIA_B300_288GB"
UNKNOWN_GPU = "NVIDIA_X900_512GB"

OLD = timedelta(days=34)


def fields(
    gpu: str, count: int, replicas: tuple[int, int], *, model: str = "", **more: Any
) -> Json:
    """Write the body of a creation: *count* GPUs of a type a replica, floor and ceiling.

    ``owner`` and ``team`` become tags; other keywords are fields as on the wire.
    """
    tags = {
        f"custom/{name}": more.pop(name)
        for name in ("owner", "team", "environment")
        if name in more
    }
    annotations = {**tags, **dict(more.pop("tags", {}))}
    return {
        "baseModel": model,
        "acceleratorType": gpu,
        "acceleratorCount": count,
        "minReplicaCount": replicas[0],
        "maxReplicaCount": replicas[1],
        "annotations": annotations,
        "placement": {"multiRegion": "GLOBAL"},
        **more,
    }


def own_model(name: str) -> str:
    """Name a fine-tune that only this deployment serves."""
    return f"accounts/acme/models/{name}"


def flow(
    pattern: Pattern, *, since: timedelta | None = None, until: timedelta | None = None
) -> tuple[Flow, ...]:
    """Let *pattern* run between two instants relative to the world's start."""
    return (
        Flow(
            pattern=pattern,
            since=None if since is None else span_ms(since),
            until=None if until is None else span_ms(until),
        ),
    )


def zero_after(seconds: int) -> Json:
    """Write an autoscaling policy that goes to zero after so many seconds."""
    return {
        "scaleUpWindow": "30s",
        "scaleDownWindow": "600s",
        "scaleToZeroWindow": f"{seconds}s",
    }


PEOPLE = (
    UserPlan(user_id="ada", role="admin", email="ada@acme.example"),
    UserPlan(user_id="grace", role="user", email="grace@acme.example"),
    UserPlan(user_id="linus", role="contributor", email="linus@acme.example"),
    UserPlan(user_id="firewarden", role="user", service_account=True),
    UserPlan(user_id="reader", role="inference-user", service_account=True),
)


def neighbour() -> AccountPlan:
    """Plan a second, small account in another time zone, for keys that see several."""
    return AccountPlan(
        account_id="globex",
        timezone="Asia/Kolkata",
        enterprise=False,
        deployments=(
            DeploymentPlan(
                deployment_id="assistant",
                fields=fields(H100, 2, (1, 1), model="accounts/globex/models/assistant"),
                age=OLD,
            ),
            DeploymentPlan(
                deployment_id="translate",
                fields=fields(H200, 1, (0, 2), model="accounts/globex/models/translate"),
                age=timedelta(days=3),
            ),
        ),
        quotas={"global--h100-count": 8, "global--h200-count": 8, "monthly-spend-usd": 50_000},
    )


def aged(plans: tuple[DeploymentPlan, ...], seed: int) -> tuple[DeploymentPlan, ...]:
    """Move creations that are a day old or more back by up to an hour, for no two are alike."""
    return tuple(
        plan
        if plan.age < timedelta(days=1)
        else replace(plan, age=plan.age + _up_to_an_hour(seed, plan.deployment_id))
        for plan in plans
    )


def _up_to_an_hour(seed: int, name: str) -> timedelta:
    return timedelta(milliseconds=child(seed, "age", name).randrange(3_600_000))
