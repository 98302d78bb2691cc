"""What the provider writes, as far as we read it (Fireworks gateway spec 4.259.0).

proto3 JSON leaves zeros, empty lists and default enum members out, may write null for an
absent message, and writes int64 as text: everything is optional here, and the decoders
take numbers as text too. Enum members stay the text (or number) they came as.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
Enum = str | int | None


class Unreadable(ValueError):
    """An answer, or a part of one, that is not what the specification says."""


class Wire(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """Base of all wire types: camelCase on the wire, unknown fields ignored."""


class Status(Wire):
    """How the latest operation on a resource ended."""

    code: Enum = None
    message: str | None = None


class ReplicaStats(Wire):
    """Replicas of a deployment by phase."""

    pending_scheduling_replica_count: int | None = None
    downloading_model_replica_count: int | None = None
    initializing_replica_count: int | None = None
    ready_replica_count: int | None = None


class Schedule(Wire):
    """One of the provider's own cron floors."""

    disabled: bool | None = None


class AutoscalingPolicy(Wire):
    """What the provider's autoscaler goes by."""

    scale_to_zero_window: str | None = None
    scaling_schedules: Mapping[str, Schedule | None] | None = None


class Placement(Wire):
    """Where a deployment was asked to run: exactly one of the three."""

    region: Enum = None
    multi_region: Enum = None
    regions: list[str | int] | None = None


class DeploymentWire(Wire):
    """A deployment. ``directRouteApiKeys`` is a secret: never decoded, only seen to be there."""

    name: str
    create_time: datetime
    display_name: str | None = None
    description: str | None = None
    update_time: datetime | None = None
    delete_time: datetime | None = None
    purge_time: datetime | None = None
    state: Enum = None
    status: Status | None = None
    annotations: Mapping[str, Any] | None = None
    min_replica_count: int | None = None
    max_replica_count: int | None = None
    desired_replica_count: int | None = None
    replica_count: int | None = None
    replica_stats: ReplicaStats | None = None
    autoscaling_policy: AutoscalingPolicy | None = None
    base_model: str | None = None
    accelerator_count: int | None = None
    accelerator_type: Enum = None
    placement: Placement | None = None
    region: Enum = None
    deployment_shape: str | None = None
    cluster: str | None = None
    enable_addons: bool | None = None
    enable_hot_load: bool | None = None
    enable_hot_reload_latest_addon: bool | None = None
    hot_load_trainer_job: str | None = None
    hot_load_bucket_url: str | None = None
    for_training: bool | None = None
    direct_route_type: Enum = None
    direct_route_handle: str | None = None
    direct_route_api_keys: msgspec.Raw = msgspec.Raw(b"")
    preemptible: bool | None = None
    pricing_plan_id: str | None = None


class DeployedModel(Wire):
    """A model (base or add-on) that a deployment serves."""

    model: str | None = None
    deployment: str | None = None
    default: bool | None = None
    state: Enum = None
    serverless: bool | None = None
    public: bool | None = None


class Router(Wire):
    """Splits requests between deployments."""

    name: str
    deployments: list[str] | None = None
    auto_generated: bool | None = None
    public: bool | None = None


class TrainerJob(Wire):
    """A reinforcement-learning trainer, as far as its end can be told."""

    name: str
    state: Enum = None
    completed_time: datetime | None = None


class Account(Wire):
    """An account that the key sees."""

    name: str
    display_name: str | None = None
    suspend_state: Enum = None


class User(Wire):
    """A user or service account."""

    role: str | None = None


class QuotaWire(Wire):
    """A limit and what counts against it."""

    name: str
    value: int | None = None
    usage: float | None = None


class Money(Wire):
    """Units and billionths of one currency."""

    currency_code: str | None = None
    units: int | None = None
    nanos: int | None = None


class AcceleratorHour(Wire):
    """The contract price of one accelerator."""

    accelerator_type: Enum = None
    accelerator_hour_price: Money | None = None


class PricingPlan(Wire):
    """A contract."""

    name: str
    billing_type: Enum = None
    accelerator_hour_config: list[AcceleratorHour] | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    state: Enum = None


class DedicatedUsage(Wire):
    """One row of the bill for deployments."""

    start_time: datetime
    end_time: datetime | None = None
    deployment_id: str | None = None
    accelerator_type: Enum = None
    accelerator_seconds: int | None = None
    base_model: str | None = None
    placement: str | None = None
    group: Mapping[str, str] | None = None


class AccountUsage(Wire):
    """The bill of a window; serverless and training rows are not read."""

    dedicated_costs: list[DedicatedUsage] | None = None


class BillingLine(Wire):
    """One line of the bill's dollars."""

    series: Enum = None
    grouping_key: str | None = None
    grouping_value: str | None = None
    quantity: float | None = None
    total_cost: Money | None = None


class BillingSummary(Wire):
    """The dollars of a window; its buckets are not read."""

    line_items: list[BillingLine] | None = None


def decode(decoder: "msgspec.json.Decoder[T]", data: bytes | msgspec.Raw) -> T:
    """Decode *data*, or say in one clause why it cannot be.

    Raises:
        Unreadable: it is not JSON, or not of that shape. The clause names the place and the
            type, never the value.
    """
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Unreadable(_why(error)) from error


def decoder_of(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """Make a decoder that takes numbers as text too (int64 comes so)."""
    return msgspec.json.Decoder(kind, strict=False)


def text(member: Enum) -> str:
    """Give an enum member as the text it came as; "" where it was left out."""
    return "" if member is None else str(member)


def last_part(name: str) -> str:
    """Give the last part of a resource name, which is the whole of a short id."""
    return name.rsplit("/", 1)[-1]


def _why(error: Exception) -> str:
    match error:
        case UnicodeDecodeError():
            return "text that is not UTF-8"
        case RecursionError():
            return "JSON nested too deeply"
        case _:
            return str(error).replace("`", "")
