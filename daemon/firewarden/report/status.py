"""The fleet now: state, GPUs, quiet for, burn, month to date, what happens next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rich.console import Group, RenderableType

from firewarden.model.activity import Activity
from firewarden.report.encode import JsonObject
from firewarden.report.tables import Column, line, make_table
from firewarden.report.text import (
    NOTHING,
    UNPRICED,
    clock_time,
    duration,
    gpus,
    instant,
    instant_json,
    plural,
    seconds_json,
    usd,
    usd_json,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """What a policy does next to one deployment; *at* None: not known yet."""

    verb: str
    at: datetime | None
    policy: str
    blocked_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """One deployment as the newest poll and the ledger know it.

    Attributes:
        quiet_for: since `quiet_since` until the newest quiet scrape; shown to people.
        idle_for: the same where it is proven well enough for a policy, else None.
        first_verdict_at: when there will be enough evidence to judge; None: there is, or
            nobody can say.
        burn_usd_per_hour: None where a GPU it holds has no known price.
        protected: a `protect` entry, a tag or a built-in protection holds it.
    """

    account: str
    deployment_id: str
    display_name: str
    base_model: str
    state: str
    ready_replica_count: int
    gpu_count: int
    accelerator_type: str
    min_replica_count: int
    max_replica_count: int
    tags: Mapping[str, str]
    attributes: Mapping[str, str]
    activity: Activity
    quiet_since: datetime | None
    quiet_for: timedelta | None
    idle_for: timedelta | None
    first_verdict_at: datetime | None
    burn_usd_per_hour: Decimal | None
    month_to_date_usd: Decimal | None
    protected: bool
    next_action: NextAction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatus:
    """Everything `status` shows; *problem* says why it is not complete.

    ``policy_problem``: why the policies cannot be read, so that nothing is judged; "": they can.
    """

    account: str
    observed_at: datetime | None
    complete: bool
    problem: str
    mode: str
    timezone: str
    now: datetime
    deployments: tuple[DeploymentStatus, ...]
    policy_problem: str = ""


def status_json(status: FleetStatus) -> JsonObject:
    """Give the stable keys of ``status --json``."""
    return {
        "account": status.account,
        "observed_at": instant_json(status.observed_at),
        "complete": status.complete,
        "mode": status.mode,
        "deployments": [_deployment_json(each) for each in status.deployments],
    }


def _deployment_json(each: DeploymentStatus) -> JsonObject:
    return {
        "account": each.account,
        "deployment_id": each.deployment_id,
        "display_name": each.display_name,
        "base_model": each.base_model,
        "state": each.state,
        "ready_replica_count": each.ready_replica_count,
        "gpu_count": each.gpu_count,
        "accelerator_type": each.accelerator_type,
        "min_replica_count": each.min_replica_count,
        "max_replica_count": each.max_replica_count,
        "tags": dict(each.tags),
        "attributes": dict(each.attributes),
        "activity": each.activity.value,
        "quiet_since": instant_json(each.quiet_since),
        "quiet_for_seconds": seconds_json(each.quiet_for),
        "idle_for_seconds": seconds_json(each.idle_for),
        "first_verdict_at": instant_json(each.first_verdict_at),
        "burn_usd_per_hour": usd_json(each.burn_usd_per_hour),
        "month_to_date_usd": usd_json(each.month_to_date_usd),
        "protected": each.protected,
        "next_action": _next_json(each.next_action),
    }


def _next_json(action: NextAction | None) -> JsonObject | None:
    if action is None:
        return None
    return {
        "verb": action.verb,
        "at": instant_json(action.at),
        "policy": action.policy,
        "blocked_by": action.blocked_by,
    }


_COLUMNS = (
    Column(name="deployment"),
    Column(name="state"),
    Column(name="GPUs", number=True),
    Column(name="activity"),
    Column(name="quiet for", number=True),
    Column(name="USD/h", number=True),
    Column(name="month to date", number=True),
    Column(name="next"),
)


def status_view(status: FleetStatus) -> RenderableType:
    """Lay the status out for people: a headline, a table, and how fresh it is."""
    rows = [_row(each, status) for each in status.deployments]
    return Group(
        line(_headline(status), style="bold"),
        make_table(_COLUMNS, rows) if rows else line("no deployments"),
        line(_freshness(status)),
    )


def _headline(status: FleetStatus) -> str:
    held = [each for each in status.deployments if each.gpu_count]
    priced = sum((each.burn_usd_per_hour or Decimal(0) for each in held), Decimal(0))
    unpriced = sum(each.burn_usd_per_hour is None for each in held)
    gpu_count = sum(each.gpu_count for each in held)
    burn = usd(priced, per="h") + (
        f" and {plural(unpriced, 'deployment')} unpriced" if unpriced else ""
    )
    return (
        f"{status.account}: {plural(len(status.deployments), 'deployment')}, "
        f"{plural(gpu_count, 'GPU')}, {burn} · mode {status.mode}"
    )


def _freshness(status: FleetStatus) -> str:
    if status.observed_at is None:
        return "never observed: start `firewarden run`"
    seen = f"observed {instant(status.observed_at, zone=status.timezone)}"
    age = f"{duration(status.now - status.observed_at)} ago"
    return f"{seen}, {age}" + ("" if status.complete else f" · not complete: {status.problem}")


def _row(each: DeploymentStatus, status: FleetStatus) -> tuple[str, ...]:
    return (
        each.deployment_id,
        each.state,
        gpus(each.gpu_count, each.accelerator_type),
        each.activity.value,
        duration(each.quiet_for),
        _amount(each.burn_usd_per_hour),
        usd(each.month_to_date_usd),
        _next_text(each, status),
    )


def _amount(amount: Decimal | None) -> str:
    return UNPRICED if amount is None else f"{amount:,.2f}"


def _next_text(each: DeploymentStatus, status: FleetStatus) -> str:
    action = each.next_action
    if action is None:
        if each.first_verdict_at is not None:
            at = clock_time(each.first_verdict_at, now=status.now, zone=status.timezone)
            return f"first verdict {at}"
        return "protected" if each.protected else NOTHING
    due = clock_time(action.at, now=status.now, zone=status.timezone) if action.at else "not yet"
    held = f", held: {action.blocked_by}" if action.blocked_by else ""
    return f"{action.verb} {due} [{action.policy}]{held}"
