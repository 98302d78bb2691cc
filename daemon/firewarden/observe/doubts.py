"""When a listing that looks whole cannot be believed."""

from collections.abc import Iterable, Mapping

from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined
from firewarden.model.ids import Uid


def grew_younger(before: Mapping[Uid, Deployment], described: Iterable[Deployment]) -> str:
    """Say so where a description is older than the one we had: the listing is a stale one."""
    for now in described:
        known = before.get(now.uid)
        if known is None or known.updated_at is None or now.updated_at is None:
            continue
        if now.updated_at < known.updated_at:
            return f"the listing is older than the one before it ({now.deployment_id})"
    return ""


def contradiction(listed: Deployment, examined: Examined | None) -> str:
    """Say what a single read found otherwise than the listing; "" where they agree.

    Compared is what an action rests on. No answer is no agreement.
    """
    if examined is None:
        return f"{listed.deployment_id} could not be read on its own"
    found = examined.deployment
    if found is None:
        return f"{listed.deployment_id} is listed, but not there when it is asked for"
    if found.uid != listed.uid:
        return f"{listed.deployment_id} is listed, but another of that name is there"
    for fact in _FACTS:
        in_list, on_its_own = getattr(listed, fact), getattr(found, fact)
        if in_list != on_its_own:
            return (
                f"{listed.deployment_id}: {fact} is {in_list} in the listing"
                f" and {on_its_own} on its own"
            )
    return ""


_FACTS = (
    "state",
    "accelerator_type",
    "accelerator_count",
    "min_replica_count",
    "max_replica_count",
    "desired_replica_count",
    "ready_replica_count",
    "starting_replica_count",
    "updated_at",
    "traits",
    "tags",
)
