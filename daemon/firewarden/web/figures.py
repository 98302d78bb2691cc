"""What there is to expose at one instant: plain figures, in base units."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFigures:
    """What is known of one deployment on one type of GPU.

    Attributes:
        gpu_seconds: since the ledger began, by state: ``active``, ``idle``, ``unknown``,
            ``starting``; restored at start, so that they never fall.
        cost_usd: its priced part, likewise since the ledger began.
        burn_usd_per_hour, idle_burn_usd_per_hour: None where a price is not known.
        replicas: by phase, ``ready`` and ``starting``.
        quiet_seconds: for how long there has been proof of no use; None: no proof.
    """

    account: str
    deployment: str
    gpu: str
    gpu_seconds: Mapping[str, float] = field(default_factory=dict)
    cost_usd: float = 0.0
    burn_usd_per_hour: float | None = 0.0
    idle_burn_usd_per_hour: float | None = 0.0
    replicas: Mapping[str, int] = field(default_factory=dict)
    quiet_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """What is known of the watching of one account; None: nothing yet.

    Attributes:
        poll_last_success_at: of the newest complete poll, in seconds since 1970.
        poll_failures: since this process began, by cause.
        coverage_ratio: part of the held time whose use is known, 0 to 1.
        alerts: how many there are, by (kind, state).
        actions: concluded since the ledger began, by (verb, outcome).
        notifications: told or given up since the ledger began, by (route, result).
        outbox_oldest_age_seconds: 0 where nothing waits.
        lease_held: this process looks after the account.
    """

    account: str
    poll_duration_seconds: float | None = None
    poll_last_success_at: float | None = None
    poll_failures: Mapping[str, int] = field(default_factory=dict)
    gap_seconds: float = 0.0
    coverage_ratio: float | None = None
    alerts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    actions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notifications: Mapping[tuple[str, str], int] = field(default_factory=dict)
    outbox_pending: int | None = None
    outbox_oldest_age_seconds: float | None = None
    lease_held: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything there is to expose at one instant; replaced as a whole after each cycle."""

    accounts: tuple[AccountFigures, ...] = ()
    deployments: tuple[DeploymentFigures, ...] = ()
