"""Valid values to render, of which a test names only what matters to it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from firewarden.decide.survey import Finding
from firewarden.model.activity import Activity
from firewarden.report.status import DeploymentStatus, FleetStatus
from firewarden.report.survey import BilledRow, PriceRow, RunningRow, Survey
from firewarden.report.usage import Figures, UsageReport, UsageState

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
HOSTILE = "=cmd|' /C calc'!A0\x1b[2J\u202e<script>alert(1)</script>\n"


def a_deployment(**changes: Any) -> DeploymentStatus:
    values: dict[str, Any] = {
        "account": "acme",
        "deployment_id": "exp-7",
        "display_name": "Experiment 7",
        "base_model": "accounts/fireworks/models/llama",
        "state": "READY",
        "ready_replica_count": 1,
        "gpu_count": 2,
        "accelerator_type": "NVIDIA_H100_80GB",
        "min_replica_count": 1,
        "max_replica_count": 2,
        "tags": {"team": "research"},
        "attributes": {},
        "activity": Activity.IDLE,
        "quiet_since": NOW - timedelta(minutes=52),
        "quiet_for": timedelta(minutes=52),
        "idle_for": timedelta(minutes=52),
        "first_verdict_at": None,
        "burn_usd_per_hour": Decimal(16),
        "month_to_date_usd": Decimal("123.456789"),
        "protected": False,
        "next_action": None,
    }
    return DeploymentStatus(**values | changes)


def a_status(*deployments: DeploymentStatus, **changes: Any) -> FleetStatus:
    values: dict[str, Any] = {
        "account": "acme",
        "observed_at": NOW - timedelta(seconds=20),
        "complete": True,
        "problem": "",
        "mode": "observe",
        "timezone": "UTC",
        "now": NOW,
        "deployments": deployments,
    }
    return FleetStatus(**values | changes)


def some_figures(**changes: Any) -> Figures:
    values: dict[str, Any] = {
        "gpu_ms": 7_200_500,
        "low_ms": 7_190_000,
        "high_ms": 7_211_000,
        "idle_ms": 3_600_000,
        "unknown_ms": 60_000,
        "gap_ms": 36_000,
        "starting_ms": 90_000,
        "cost": Decimal("16.001111111"),
        "cost_low": Decimal(15),
        "cost_high": Decimal(17),
        "idle_cost": Decimal(8),
        "idle_actionable_cost": Decimal(8),
        "state": UsageState.ESTIMATED,
    }
    return Figures(**values | changes)


def a_report(*rows: tuple[dict[str, str], Figures], **changes: Any) -> UsageReport:
    values: dict[str, Any] = {
        "since": NOW - timedelta(days=1),
        "until": NOW,
        "group_by": ("deployment",),
        "timezone": "UTC",
        "complete": True,
        "problem": "",
        "rows": rows,
    }
    return UsageReport(**values | changes)


def a_survey(**changes: Any) -> Survey:
    values: dict[str, Any] = {
        "account": "acme",
        "at": NOW,
        "timezone": "UTC",
        "role": "user",
        "problem": "",
        "findings": (
            Finding(
                kind="always_on",
                subject="exp-7",
                evidence="billed all day on 31 of 31 days",
                usd_per_month=Decimal(11680),
                sure="list price, as it runs now",
                command="firewarden explain exp-7",
            ),
        ),
        "running": (
            RunningRow(
                deployment_id="exp-7",
                display_name="Experiment 7",
                base_model="accounts/fireworks/models/llama",
                state="READY",
                gpu_count=2,
                accelerator_type="NVIDIA_H100_80GB",
                min_replica_count=1,
                max_replica_count=2,
                owner="",
                activity="quiet",
                burn_usd_per_hour=Decimal(16),
            ),
        ),
        "billed": (
            BilledRow(
                deployment_id="exp-7",
                accelerator_type="NVIDIA_H100_80GB",
                gpu_ms=31 * 2 * 86_400_000,
                cost=Decimal(11904),
                days=(2 * 86_400_000,) * 31,
            ),
        ),
        "first": date(2026, 10, 22),
        "last": date(2026, 11, 21),
        "prices": (
            PriceRow(
                accelerator_type="NVIDIA_H100_80GB",
                usd_per_gpu_hour=Decimal(8),
                source="rate card",
            ),
        ),
        "notes": (),
    }
    return Survey(**values | changes)
