"""From the wire to the model: one deployment at a time, bounded, nothing guessed."""

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from firewarden.model.deployment import Deployment, Trait
from firewarden.model.ids import AccountId, DeploymentId, make_uid
from firewarden.providers.fireworks.wire import (
    DeploymentWire,
    Placement,
    ReplicaStats,
    Unreadable,
    text,
)

TAG_PREFIX = "custom/"
TRAINING_DESCRIPTION = "Fireworks training deployment"
"""What the vendor's SDK writes on the rollouts it makes; ``forTraining`` is never read back."""

MOST_REPLICAS = 100_000
MOST_ACCELERATORS = 1_024
MOST_TAGS = 1_000
LONGEST_NAME = 1_024
LONGEST_TEXT = 500

_DURATION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?s")
_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)


def deployment(wire: DeploymentWire, account: AccountId) -> Deployment:
    """Translate one deployment of *account*.

    Raises:
        Unreadable: its name is not one of *account*, it has no creation instant, or a number
            in it cannot be true.
    """
    deployment_id = _id_of(wire.name, account)
    created_at = instant(wire.create_time)
    if created_at is None:
        raise Unreadable(f"{wire.name}: createTime is no instant")
    stats = wire.replica_stats or ReplicaStats(ready_replica_count=wire.replica_count)
    return Deployment(
        uid=make_uid(wire.name, created_at),
        account=account,
        deployment_id=deployment_id,
        name=wire.name,
        display_name=_line(wire.display_name),
        base_model=_name(wire.base_model),
        created_at=created_at,
        state=sys.intern(text(wire.state)) or "STATE_UNSPECIFIED",
        accelerator_type=_said(text(wire.accelerator_type)),
        accelerator_count=_count(wire.accelerator_count, MOST_ACCELERATORS, "acceleratorCount"),
        min_replica_count=_replicas(wire.min_replica_count, "minReplicaCount"),
        max_replica_count=_replicas(wire.max_replica_count, "maxReplicaCount"),
        desired_replica_count=_replicas(wire.desired_replica_count, "desiredReplicaCount"),
        ready_replica_count=_replicas(stats.ready_replica_count, "readyReplicaCount"),
        starting_replica_count=_starting(stats),
        placement=placement(wire.placement),
        region=_said(text(wire.region)),
        updated_at=instant(wire.update_time),
        deleted_at=instant(wire.delete_time),
        purge_at=instant(wire.purge_time),
        status_message=_line(wire.status.message if wire.status else None),
        pricing_plan=_name(wire.pricing_plan_id).rsplit("/", 1)[-1],
        shape=_name(wire.deployment_shape),
        trainer_job=_name(wire.hot_load_trainer_job),
        scale_to_zero_window=_window(wire),
        traits=frozenset(_traits(wire)),
        tags=_tags(wire.annotations or {}),
    )


def instant(moment: datetime | None) -> datetime | None:
    """Give *moment* as aware UTC; None where it is absent, or protobuf's zero.

    Nine digits of a second were rounded to six on the way here.

    Raises:
        Unreadable: it has no zone.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise Unreadable("an instant without a time zone")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise Unreadable("an instant outside of all calendars") from error
    return moment if moment >= _EARLIEST else None


def duration(value: str | None) -> timedelta | None:
    """Read a protobuf duration (``300s``, ``1.5s``); None where it is none, or negative."""
    found = _DURATION.fullmatch(value or "")
    if not found:
        return None
    whole, fraction = found.groups()
    micros = int((fraction or "0").ljust(9, "0")) // 1_000
    return timedelta(seconds=int(whole), microseconds=micros)


def placement(wire: Placement | None) -> str:
    """Write where it was asked to run: ``global``, ``multi_region:US``, ``region:US_IOWA_1``.

    Several regions are written in one, sorted: ``region:US_IOWA_1,US_TEXAS_1``.
    """
    if wire is None:
        return ""
    if wide := _said(text(wire.multi_region)):
        return "global" if wide == "GLOBAL" else f"multi_region:{wide}"
    named = {_said(text(region)) for region in (wire.region, *(wire.regions or ()))} - {""}
    return f"region:{','.join(sorted(named))}" if named else ""


def _id_of(name: str, account: AccountId) -> DeploymentId:
    prefix = f"accounts/{account}/deployments/"
    deployment_id = name.removeprefix(prefix)
    if not name.startswith(prefix) or not deployment_id or "/" in deployment_id:
        raise Unreadable(f"{_line(name)!r} is not the name of a deployment of {account}")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Unreadable("a deployment's name that is too long, or holds control characters")
    return DeploymentId(deployment_id)


def _starting(stats: ReplicaStats) -> int:
    return sum(
        _replicas(count, "replicaStats")
        for count in (
            stats.pending_scheduling_replica_count,
            stats.downloading_model_replica_count,
            stats.initializing_replica_count,
        )
    )


def _traits(wire: DeploymentWire) -> Iterator[Trait]:
    if wire.enable_hot_load or wire.enable_hot_reload_latest_addon or wire.hot_load_bucket_url:
        yield Trait.HOT_LOAD
    if wire.hot_load_trainer_job or wire.for_training or wire.description == TRAINING_DESCRIPTION:
        yield Trait.TRAINING
    if _is_direct(wire):
        yield Trait.DIRECT_ROUTE
    if wire.cluster:
        yield Trait.OWN_CLUSTER
    if wire.preemptible:
        yield Trait.PREEMPTIBLE
    if wire.enable_addons:
        yield Trait.ADDONS_ENABLED
    if _has_schedule(wire):
        yield Trait.PROVIDER_SCHEDULE


def _is_direct(wire: DeploymentWire) -> bool:
    has_keys = bytes(wire.direct_route_api_keys).strip() not in {b"", b"null", b"[]"}
    return has_keys or bool(wire.direct_route_handle or _said(text(wire.direct_route_type)))


def _has_schedule(wire: DeploymentWire) -> bool:
    policy = wire.autoscaling_policy
    schedules = (policy.scaling_schedules if policy else None) or {}
    return any(schedule is None or not schedule.disabled for schedule in schedules.values())


def _window(wire: DeploymentWire) -> timedelta | None:
    policy = wire.autoscaling_policy
    return duration(policy.scale_to_zero_window) if policy else None


def _tags(annotations: Mapping[str, Any]) -> dict[str, str]:
    if len(annotations) > MOST_TAGS:
        raise Unreadable(f"{len(annotations)} annotations, more than {MOST_TAGS}")
    tags: dict[str, str] = {}
    for key, value in annotations.items():
        if not key.startswith(TAG_PREFIX):
            continue
        if not isinstance(value, str):
            raise Unreadable("a tag that is not a text")
        tags[sys.intern(key.removeprefix(TAG_PREFIX))] = sys.intern(value)
    return tags


def _said(member: str) -> str:
    """Give an enum member that says something, and "" for ``…_UNSPECIFIED``."""
    return "" if member.endswith("UNSPECIFIED") or member == "0" else sys.intern(member)


def _replicas(value: int | None, what: str) -> int:
    return _count(value, MOST_REPLICAS, what)


def _count(value: int | None, most: int, what: str) -> int:
    """Read a number of things: absent is 0, as proto3 has it.

    Raises:
        Unreadable: it is negative or beyond *most*.
    """
    number = value or 0
    if not 0 <= number <= most:
        raise Unreadable(f"{what} is not between 0 and {most}")
    return number


def _name(value: str | None) -> str:
    """Give a name that many deployments share: one copy of it is kept."""
    name = sys.intern(value or "")
    if len(name) > LONGEST_NAME:
        raise Unreadable(f"a name of {len(name)} characters")
    return name


def _line(value: str | None) -> str:
    return (value or "")[:LONGEST_TEXT]
