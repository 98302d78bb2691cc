"""What a simulated account is made of, before anything has happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from firewarden.providers.simulated.traffic import Flow

Json = dict[str, Any]


class Phase(StrEnum):
    """Where a replica stands between being wanted and being billed."""

    PENDING = "pendingScheduling"
    DOWNLOADING = "downloadingModel"
    INITIALIZING = "initializing"
    READY = "ready"


class SinKind(StrEnum):
    """What is wrong with an account, as a survey should find it."""

    TRAINER_GONE = "trainer_gone"
    ALWAYS_ON = "always_on"
    FAILED_HOLDS_GPUS = "failed_holds_gpus"
    LONG_STARTING = "long_starting"
    DELETED_THIS_WEEK = "deleted_this_week"
    NO_OWNER = "no_owner"
    QUOTA_NEARLY_USED = "quota_nearly_used"
    UNPRICED = "unpriced"
    PRICE_PLAN = "price_plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sin:
    """One thing put into the account to be found; *subject* is a deployment, quota or plan id."""

    kind: SinKind
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """Seconds that each phase of a starting replica takes, as lowest and highest."""

    pending: tuple[float, float] = (4.0, 30.0)
    downloading: tuple[float, float] = (40.0, 150.0)
    initializing: tuple[float, float] = (20.0, 80.0)
    stuck_in: Phase | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPlan:
    """One deployment to be.

    Attributes:
        fields: the body of its creation, as the control plane takes it (camelCase).
        age: how long before the world's start it was created; negative: that long after.
        requests_per_replica: requests a minute that one replica carries.
        seconds_per_request: how long one request is in the works, for concurrency.
        error_share: share of requests that are answered with an error.
        cluster: set for the customer's own hardware.
        fails_after: it turns FAILED that long after creation.
        fails_holding: replicas that stay ready when it fails.
        restarts: instants, relative to the world's start, at which one replica restarts.
        vanishes: instant relative to the world's start at which it is gone (preempted).
        recreated: likewise, at which somebody deletes it and creates it again.
        addons: loaded LoRA add-ons, as model names.
        published: other accounts may call it.
        silent_at_idle: idle, it has no metrics at all instead of zeros.
    """

    deployment_id: str
    fields: Json
    age: timedelta
    flows: tuple[Flow, ...] = ()
    requests_per_replica: float = 60.0
    seconds_per_request: float = 2.0
    error_share: float = 0.0
    cold_start: ColdStart = ColdStart()
    cluster: str = ""
    region: str = "US_IOWA_1"
    fails_after: timedelta | None = None
    fails_holding: int = 0
    restarts: tuple[timedelta, ...] = ()
    vanishes: timedelta | None = None
    recreated: timedelta | None = None
    addons: tuple[str, ...] = ()
    published: bool = False
    silent_at_idle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerPlan:
    """A trainer job; *deleted* is how long before the world's start it was deleted, if it was."""

    job_id: str
    age: timedelta
    created_by: str
    deleted: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPlan:
    """A person or a service account with a role."""

    user_id: str
    role: str = "user"
    email: str = ""
    service_account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPrice:
    """A GPU-hour that is billed otherwise from the first instant of a day UTC on.

    Nothing announces it: neither the public list nor the account's pricing plans.
    """

    accelerator_type: str
    usd: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BillPlan:
    """When a local day's rows appear, when they are revised, and what they leave out.

    Both spans are counted from the end of the day; until the revision *first_share* is shown.

    Attributes:
        reserved: GPUs by accelerator that are invoiced apart: they absorb usage first, in the
            order of deployment ids, and what they absorb is in no row.
        new_prices: what the dollars of the bill go by, whatever lists and plans say.
    """

    appears_after: timedelta = timedelta(hours=3)
    revised_after: timedelta = timedelta(hours=26)
    first_share: float = 0.97
    reserved: Mapping[str, int] = field(default_factory=dict)
    new_prices: tuple[NewPrice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """One account, its people, limits and deployments.

    Attributes:
        routers: user-made routers: id → ids of the deployments they spread over.
        quotas: limit by quota id, e.g. ``global--h200-count``.
        prices: contract prices by plan id and accelerator type, USD per GPU-hour.
        timezone: the account's own, for people; a bill is cut by the zone asked for.
        deleted: deployments that are soft-deleted already: id → how long ago.
    """

    account_id: str
    deployments: tuple[DeploymentPlan, ...]
    timezone: str = "UTC"
    enterprise: bool = True
    suspend_state: str = "UNSUSPENDED"
    quotas: Mapping[str, int] = field(default_factory=dict)
    prices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    routers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trainers: tuple[TrainerPlan, ...] = ()
    users: tuple[UserPlan, ...] = ()
    bill: BillPlan = BillPlan()
    sins: tuple[Sin, ...] = ()
