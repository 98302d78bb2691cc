"""The facts that conditions ask for, one small function each."""

from datetime import datetime, timedelta

from firewarden.decide.seen import Seen
from firewarden.model.deployment import Deployment
from firewarden.model.vocabulary import State

_UNDER_WAY: dict[str, str] = {
    State.CREATING: "it is being created",
    State.UPDATING: "it is being updated",
    State.DELETING: "it is being deleted",
}


def ready_replicas(deployment: Deployment) -> int:
    """Replicas that serve."""
    return deployment.ready_replica_count


def gpus(deployment: Deployment) -> int:
    """Accelerators that are billed."""
    return deployment.gpu_count


def always(_: Deployment) -> str:
    """Never a reason against."""
    return ""


def not_at_zero(deployment: Deployment) -> str:
    """Why it is not at zero; "" where it is."""
    held = deployment.ready_replica_count + deployment.starting_replica_count
    return "it holds replicas" if held else ""


def not_failed(deployment: Deployment) -> str:
    """Why it has not failed; "" where it has."""
    return "" if deployment.state == State.FAILED else "it has not failed"


def not_starting(deployment: Deployment) -> str:
    """Why it is not starting; "" where it is."""
    return "" if deployment.starting_replica_count else "no replica is starting"


def not_idle(deployment: Deployment) -> str:
    """Why it cannot be idle, whatever its traffic; "" where it can."""
    if deployment.ready_replica_count == 0:
        return "no replica is ready"
    return _UNDER_WAY.get(deployment.state, "")


def created_at(seen: Seen) -> datetime | None:
    """When it was made."""
    return seen.deployment.created_at


def at_zero_since(seen: Seen) -> datetime | None:
    """Since when it holds no replica."""
    return seen.situation.ages.at_zero_since(seen.uid)


def state_since(seen: Seen) -> datetime | None:
    """Since when it has its state."""
    return seen.situation.ages.state_since(seen.uid)


def starting_since(seen: Seen) -> datetime | None:
    """Since when a replica is starting."""
    return seen.situation.ages.starting_since(seen.uid)


def not_deleted_by_provider(deployment: Deployment) -> str:
    """Why the provider does not delete it by itself; "" where it may."""
    return "min is above 0" if deployment.min_replica_count else ""


def ready_since(seen: Seen) -> datetime | None:
    """Since when it has been ready, as far back as that is known; None: not known at all.

    What was ready when we first saw it may have been so since it was made.
    """
    since, first = seen.situation.ages.ready_since(seen.uid), first_seen(seen)
    if since is not None and first is not None and since <= first + _SAME_INSTANT:
        return seen.deployment.created_at
    return since


def first_seen(seen: Seen) -> datetime | None:
    """When the ledger met it."""
    return seen.situation.ages.first_seen(seen.uid)


_SAME_INSTANT = timedelta(seconds=1)
"""Stored instants are rounded; two within a second of each other are one."""
