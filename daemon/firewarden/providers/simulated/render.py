"""Deployments and their shards in the words of the wire, zeros left out as proto3 JSON does."""

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.gateway import Kept, dump, without_zeros
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import instant_text
from firewarden.providers.simulated.plan import Json, Phase


def create_time(inc: Incarnation) -> str:
    """Write its creation as the provider does, with all its digits."""
    return instant_text(inc.created, below_ms=inc.below_ms)


def deployment_bytes(inc: Incarnation) -> bytes:
    """Write *inc* as JSON; kept until it changes."""
    if inc.rendered is None:
        inc.rendered = dump(deployment(inc))
    return inc.rendered


def deployment(inc: Incarnation) -> Json:
    """Describe *inc* as a GET does."""
    return without_zeros(
        {
            "name": inc.name,
            "createTime": create_time(inc),
            "updateTime": instant_text(inc.updated),
            "deleteTime": _optional(inc.deleted),
            "purgeTime": _optional(inc.purge),
            "state": inc.state.value,
            "status": status(inc),
            "desiredReplicaCount": inc.desired,
            "replicaCount": inc.ready_count,
            "replicaStats": replica_stats(inc),
            "cluster": inc.plan.cluster,
            "region": inc.plan.region if inc.replicas else "",
            "directRouteHandle": _route_handle(inc),
            **_written(inc),
        }
    )


def status(inc: Incarnation) -> Json:
    """Describe how its latest operation ended."""
    return without_zeros({"code": inc.status_code, "message": inc.message})


def replica_stats(inc: Incarnation) -> Json:
    """Count its replicas by phase."""
    counts = {f"{phase.value}ReplicaCount": inc.phase_count(phase) for phase in Phase}
    effective = float(inc.phase_count(Phase.READY))
    return Kept(without_zeros({**counts, "effectiveReplicaCount": effective}))


def shards(inc: Incarnation) -> list[Json]:
    """Describe its shards: one, as long as it runs in one place."""
    if inc.is_gone:
        return []
    return [
        without_zeros(
            {
                "name": f"{inc.name}/shards/0",
                "createTime": create_time(inc),
                "updateTime": instant_text(inc.updated),
                "state": (inc.state if inc.state is not State.DELETED else State.DELETING).value,
                "status": status(inc),
                "replicaStats": replica_stats(inc),
            }
        )
    ]


def _written(inc: Incarnation) -> Json:
    """Give what its owner wrote and may read back; ``forTraining`` is never shown."""
    return {key: value for key, value in inc.fields.items() if key != "forTraining"}


def _route_handle(inc: Incarnation) -> str:
    routed = inc.fields.get("directRouteType", "DIRECT_ROUTE_TYPE_UNSPECIFIED")
    if routed in {"", "DIRECT_ROUTE_TYPE_UNSPECIFIED"}:
        return ""
    return f"{inc.account_id}-{inc.deployment_id}.{inc.plan.region.lower()}.direct.example"


def _optional(at: int | None) -> str:
    return "" if at is None else instant_text(at)
