"""Limits of an account: GPUs charged on the ceiling of each deployment, dollars of the month.

Fireworks cookbook, gpu-quota reference: a deployment holds ``acceleratorCount ×
maxReplicaCount`` of its quota, at zero replicas too; a rollout of a live trainer holds
``training-…``, everything else ``global--…``.
"""

from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.billing import month_to_date_usd
from firewarden.providers.simulated.gateway import Refusal
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.plan import Json, TrainerPlan

SPEND = "monthly-spend-usd"


def quota_id(account: Account, fields: Json) -> str:
    """Name the quota that a deployment with *fields* is charged on."""
    gpu = str(fields.get("acceleratorType", "")).removeprefix("NVIDIA_").removeprefix("AMD_")
    short = gpu.partition("_")[0].lower()
    job = str(fields.get("hotLoadTrainerJob", "")).rpartition("/")[2]
    trainer = find_trainer(account, job)
    if trainer is not None and trainer.deleted is None:
        return f"training-{short}-count"
    return f"global--{short}-count"


def find_trainer(account: Account, job_id: str) -> TrainerPlan | None:
    """Give the trainer job of that id, deleted or not."""
    return next((job for job in account.plan.trainers if job.job_id == job_id), None)


def usage(account: Account, quota: str) -> float:
    """Give what is held of *quota* now."""
    if quota == SPEND:
        return round(float(month_to_date_usd(account, account.now)), 2)
    return float(
        sum(
            inc.gpus_per_replica * inc.ceiling
            for inc in account.live()
            if not inc.plan.cluster and quota_id(account, inc.fields) == quota
        )
    )


def check_quota(account: Account, fields: Json, *, instead_of: Incarnation | None) -> None:
    """Refuse *fields* that need more GPUs than are left; *instead_of* gives its own back first.

    Lowering what is held is always allowed, however much is held.
    """
    quota = quota_id(account, fields)
    if quota not in account.quotas:
        return
    wanted = fields.get("acceleratorCount", 0) * fields.get("maxReplicaCount", 0)
    own = 0
    if instead_of is not None and quota_id(account, instead_of.fields) == quota:
        own = instead_of.gpus_per_replica * instead_of.ceiling
    held = int(usage(account, quota)) - own
    limit = account.quotas[quota]
    if wanted > own and held + wanted > limit:
        raise Refusal(
            "RESOURCE_EXHAUSTED",
            f"{quota} for account {account.account_id}, in use: {held}, quota: {limit}, "
            f"requesting: {wanted}",
        )
