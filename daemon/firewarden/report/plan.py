"""What would be done now and why, what is held back and by what; dollars first-class."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.console import Group, RenderableType

from firewarden.report.encode import JsonObject
from firewarden.report.tables import line
from firewarden.report.text import gpus, instant, instant_json, plural, usd, usd_json


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One thing that is due; held back where ``blocked_by`` says so.

    Attributes:
        saves_usd_per_hour: cash at the margin; None: unpriced. Without declared commitments
            it is the list price, and ``saves_basis`` says so.
        before, after: ready replicas now, and when it is done.
        fingerprint: of the evidence it rests on; another one means another item.
    """

    deployment_id: str
    verb: str
    policy: str
    mode: str
    reason: str
    evidence: Mapping[str, str]
    saves_usd_per_hour: Decimal | None
    list_usd_per_hour: Decimal | None
    saves_basis: str
    fingerprint: str
    gpu_count: int
    accelerator_type: str
    before: int
    after: int
    blocked_by: str | None = None
    blocked_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """Everything that is due in one account at one instant."""

    plan_id: str
    created_at: datetime
    account: str
    timezone: str
    policy_hash: str
    actions: tuple[PlanItem, ...]
    held: tuple[PlanItem, ...]


def plan_json(plan: PlanView) -> JsonObject:
    """Give the stable keys of ``plan --json``."""
    return {
        "plan_id": plan.plan_id,
        "created_at": instant_json(plan.created_at),
        "account": plan.account,
        "policy_hash": plan.policy_hash,
        "actions": [_item_json(item) for item in plan.actions],
        "held": [dict(_item_json(item)) | {"blocked_by": item.blocked_by} for item in plan.held],
    }


def _item_json(item: PlanItem) -> JsonObject:
    return {
        "deployment_id": item.deployment_id,
        "verb": item.verb,
        "policy": item.policy,
        "reason": item.reason,
        "evidence": dict(item.evidence),
        "saves_usd_per_hour": usd_json(item.saves_usd_per_hour),
        "list_usd_per_hour": usd_json(item.list_usd_per_hour),
        "saves_basis": item.saves_basis,
        "fingerprint": item.fingerprint,
    }


def plan_view(plan: PlanView) -> RenderableType:
    """Lay the plan out like a diff, then what is held back."""
    at = instant(plan.created_at, zone=plan.timezone)
    lines = [line(f"plan of {plan.account} at {at}", style="bold")]
    lines += [line(_action_line(item)) for item in plan.actions]
    lines.append(line(_sum_line(plan)))
    if plan.held:
        lines += [line(""), line("held back", style="bold")]
        lines += [line(_held_line(item)) for item in plan.held]
    return Group(*lines)


_UP_TO = {
    "unknown_commitments": "commitments are not declared",
    "minimum_spend": "until the minimum spend is passed a saving is no cash",
}
"""What a saving is reckoned by where it may be less, and why that is."""


def _action_line(item: PlanItem) -> str:
    saves = usd(item.saves_usd_per_hour, per="h")
    up_to = "up to " if item.saves_basis in _UP_TO and item.saves_usd_per_hour else ""
    acts = item.mode in {"approve", "enforce"}
    observed = "" if acts else f" ({item.mode}: nothing is changed)"
    return (
        f"- {item.deployment_id}  {gpus(item.gpu_count, item.accelerator_type)}  "
        f"{item.before}→{item.after} replicas  {item.reason}  saves {up_to}{saves}  "
        f"[{item.policy}]{observed}"
    )


def _held_line(item: PlanItem) -> str:
    because = f": {item.blocked_because}" if item.blocked_because else ""
    return (
        f"  {item.deployment_id}  {gpus(item.gpu_count, item.accelerator_type)}  {item.reason}  "
        f"[{item.policy}]  held by {item.blocked_by}{because}"
    )


def _sum_line(plan: PlanView) -> str:
    if not plan.actions:
        return "nothing is due"
    # Several policies may mean one deployment: its dollars can be saved once.
    saved = {item.deployment_id: item.saves_usd_per_hour for item in plan.actions}
    priced = sum((amount for amount in saved.values() if amount is not None), Decimal(0))
    unpriced = sum(amount is None for amount in saved.values())
    more = f" and {plural(unpriced, 'deployment')} unpriced" if unpriced else ""
    total = f"{plural(len(saved), 'deployment')}, {usd(priced, per='h')}"
    for basis, because in _UP_TO.items():
        if any(item.saves_basis == basis for item in plan.actions):
            return f"{total} at list price{more}; {because}, so this is the most it can save"
    return f"{total} saved at the margin, beyond what is bought ahead{more}"
