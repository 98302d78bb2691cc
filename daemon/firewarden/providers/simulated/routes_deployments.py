"""Deployments over HTTP: list, get, create, PATCH, scale, delete, undelete, tags, shards."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from firewarden.model.vocabulary import State
from firewarden.providers.simulated import autoscaler, lifecycle, metrics
from firewarden.providers.simulated.gateway import Call, Handler, Refusal, Reply, dump, invalid
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from firewarden.providers.simulated.paging import Listing, answer, listing, mask_item
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.providers.simulated.quotas import check_quota
from firewarden.providers.simulated.render import deployment_bytes, shards
from firewarden.providers.simulated.wire import (
    IMMUTABLE,
    LARGEST_TAGS,
    check_bounds,
    read_fields,
    read_mask,
    tag_key,
    tag_value,
)

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_RANGE = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNITS = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
USED_RECENTLY = (
    "deployment has received inference requests in the last hour, "
    "pass --ignore-checks to skip this check"
)
IS_DEFAULT = (
    "You cannot delete a default deployment. First set a different deployment as default, "
    "or delete all other deployments for that model."
)


def list_deployments(call: Call) -> Reply:
    """Answer a page of the listing; deleted ones only where they are asked for."""
    shown = call.flag("showDeleted")
    return answer(call, _listing(call, shown=shown), orders=("create_time", "name"))


def get_deployment(call: Call) -> Reply:
    """Answer one deployment, soft-deleted ones included."""
    return _reply(call, _find(call))


def create_deployment(call: Call) -> Reply:
    """Create what the body says, under the id in the query or one that is made up."""
    if "deploymentId" in (body := call.json()):
        raise invalid('deployment: unknown field "deploymentId"')
    fields = read_fields(body)
    for key in fields.get("annotations", {}):
        if not key.startswith("custom/"):
            raise Refusal("PERMISSION_DENIED", f"annotation {key!r} is reserved")
        tag_key(key)
    fields.setdefault("maxReplicaCount", max(1, fields.get("minReplicaCount", 0)))
    fields.setdefault("acceleratorType", "NVIDIA_H100_80GB")
    fields.setdefault("acceleratorCount", 1)
    check_bounds(fields)
    deployment_id = call.text("deploymentId") or _made_up_id(call)
    if not _ID.fullmatch(deployment_id):
        raise invalid("deployment_id: up to 63 of a-z, 0-9 and -, not at the ends")
    found = call.account.find(deployment_id)
    if found is not None and found.state is not State.DELETED:
        raise Refusal("ALREADY_EXISTS", f"deployment {found.name!r} already exists")
    check_quota(call.account, fields, instead_of=None)
    plan = DeploymentPlan(deployment_id=deployment_id, fields=fields, age=timedelta(0))
    if call.flag("validateOnly"):
        name = f"accounts/{call.account.account_id}/deployments/{deployment_id}"
        return Reply.of({"name": name, **fields})
    return _reply(call, lifecycle.create(call.account, plan, principal=call.key.email))


def update_deployment(call: Call) -> Reply:
    """Set the fields of ``updateMask``; without one, all: what the body leaves out becomes zero."""
    inc = _find_live(call)
    body = call.json()
    mask = read_mask(call.text("updateMask"))
    fields = read_fields(body)
    if "annotations" in (mask or fields):
        raise Refusal("PERMISSION_DENIED", "annotations: use setTags and deleteTags")
    kept = {key: inc.fields[key] for key in ("annotations", *IMMUTABLE) if key in inc.fields}
    if mask:
        wanted = {key: value for key, value in inc.fields.items() if key not in mask}
        wanted |= {key: fields[key] for key in mask if key in fields}
    else:
        wanted = {**kept, **fields}
    for key in IMMUTABLE:
        if wanted.get(key) != inc.fields.get(key):
            raise invalid(f"{key}: cannot be changed")
    check_bounds(wanted)
    check_quota(call.account, wanted, instead_of=inc)
    lifecycle.patch(call.account, inc, wanted, principal=call.key.email)
    return _reply(call, inc)


def scale_deployment(call: Call) -> Reply:
    """Go to ``replicaCount`` replicas at once; beyond the ceiling is refused."""
    inc = _find_live(call)
    count = call.json().get("replicaCount", 0)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= inc.ceiling:
        raise invalid(f"replica_count: must lie between 0 and {inc.ceiling}")
    autoscaler.scale(call.account, inc, count)
    return Reply.of({})


def delete_deployment(call: Call) -> Reply:
    """Delete softly, or for good with ``hard``; ``ignoreChecks`` skips the looks at its use."""
    inc = _find(call)
    is_hard, skips = call.flag("hard"), call.flag("ignoreChecks")
    if inc.is_gone:
        raise Refusal("FAILED_PRECONDITION", f"deployment {inc.name!r} is deleted already")
    last = inc.last_request(call.now)
    if not skips and last is not None and call.now - last < HOUR_MS:
        raise Refusal("FAILED_PRECONDITION", USED_RECENTLY)
    others = [
        other
        for other in call.account.live()
        if other.base_model == inc.base_model and other is not inc
    ]
    if others and all(_rank(inc) < _rank(other) for other in others):
        raise Refusal("FAILED_PRECONDITION", IS_DEFAULT)
    lifecycle.delete(call.account, inc, hard=is_hard, principal=call.key.email)
    return Reply.of({})


def undelete_deployment(call: Call) -> Reply:
    """Bring back what is deleted or failed."""
    call.json()
    inc = _find(call)
    if inc.state not in {State.DELETED, State.FAILED}:
        raise Refusal("FAILED_PRECONDITION", f"deployment {inc.name!r} is {inc.state}")
    lifecycle.undelete(call.account, inc, principal=call.key.email)
    return _reply(call, inc)


def set_tags(call: Call) -> Reply:
    """Set the named tags and no other."""
    inc = _find_live(call)
    tags = _member(call, "tags", dict)
    if any(not key.startswith("custom/") for key in tags):
        raise Refusal("PERMISSION_DENIED", "tags must start with custom/")
    checked = {tag_key(key): tag_value(key, value) for key, value in tags.items()}
    wanted = {**inc.fields.get("annotations", {}), **checked}
    if sum(key.startswith("custom/") for key in wanted) > LARGEST_TAGS:
        raise invalid(f"a deployment has at most {LARGEST_TAGS} tags")
    lifecycle.tag(call.account, inc, wanted)
    return Reply.of({})


def delete_tags(call: Call) -> Reply:
    """Take away the named tags; one that is not there is no error."""
    inc = _find_live(call)
    keys = [tag_key(str(key)) for key in _member(call, "keys", list)]
    annotations = inc.fields.get("annotations", {})
    kept = {key: value for key, value in annotations.items() if key not in keys}
    lifecycle.tag(call.account, inc, kept)
    return Reply.of({})


def deployment_metrics(call: Call) -> Reply:
    """Answer the deprecated summary of one deployment."""
    match = _RANGE.fullmatch(call.text("timeRange", "10m"))
    if match is None:
        raise invalid("time_range: a number and one of s, m, h, d")
    window = min(int(match[1]) * _UNITS[match[2]], 31 * DAY_MS)
    found = metrics.summary(_find(call), call.now, window)
    return Reply.of({"metrics": found})


def list_shards(call: Call) -> Reply:
    """Answer the shards of one deployment."""
    source = listing(
        "deploymentShards",
        shards(_find(call)),
        place=lambda shard: (str(shard["name"]),),
        render=dump,
    )
    return answer(call, source, orders=("name",))


def termination_message(call: Call) -> Reply:
    """Answer why its replicas ended, where they did by themselves."""
    inc = _find(call)
    return Reply.of({"message": inc.message} if inc.message else {})


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("GET", "/deployments"): list_deployments,
    ("POST", "/deployments"): create_deployment,
    ("PATCH", "/deployments/{deployment_id}:scale"): scale_deployment,
    ("POST", "/deployments/{deployment_id}:undelete"): undelete_deployment,
    ("POST", "/deployments/{deployment_id}:setTags"): set_tags,
    ("POST", "/deployments/{deployment_id}:deleteTags"): delete_tags,
    ("GET", "/deployments/{deployment_id}:metrics"): deployment_metrics,
    ("GET", "/deployments/{deployment_id}/shards"): list_shards,
    ("GET", "/deployments/{deployment_id}/terminationMessage"): termination_message,
    ("GET", "/deployments/{deployment_id}"): get_deployment,
    ("PATCH", "/deployments/{deployment_id}"): update_deployment,
    ("DELETE", "/deployments/{deployment_id}"): delete_deployment,
}


def _listing(call: Call, *, shown: bool) -> Listing[Incarnation]:
    def make() -> Listing[Incarnation]:
        return listing(
            "deployments",
            (inc for inc in call.account.present() if shown or inc.state is not State.DELETED),
            place=_rank if call.text("orderBy").split(" ")[0] != "name" else _by_name,
            render=deployment_bytes,
        )

    order = call.text("orderBy").split(" ")[0]
    return call.account.kept(f"deployments {shown} {order}", make)


def _rank(inc: Incarnation) -> tuple[int | str, ...]:
    return (inc.created, inc.deployment_id)


def _by_name(inc: Incarnation) -> tuple[int | str, ...]:
    return (inc.deployment_id,)


def _find(call: Call) -> Incarnation:
    deployment_id = call.params["deployment_id"]
    inc = call.account.find(deployment_id)
    if inc is None:
        name = f"accounts/{call.account.account_id}/deployments/{deployment_id}"
        raise Refusal("NOT_FOUND", f"deployment {name!r} not found")
    return inc


def _find_live(call: Call) -> Incarnation:
    inc = _find(call)
    if inc.is_gone:
        raise Refusal("FAILED_PRECONDITION", f"deployment {inc.name!r} is {inc.state}")
    return inc


def _reply(call: Call, inc: Incarnation) -> Reply:
    return Reply(body=mask_item(deployment_bytes(inc), call.text("readMask") or "*"))


def _made_up_id(call: Call) -> str:
    rng = call.account.random("made up id", call.account.version, call.now)
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(8))


def _member(call: Call, name: str, kind: type) -> Any:
    value = call.json().get(name)
    if not isinstance(value, kind):
        raise invalid(f"{name} is required")
    return value
