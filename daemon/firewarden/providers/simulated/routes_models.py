"""What stands around deployments: deployed models, routers, trainer jobs, shapes."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.gateway import (
    Call,
    Handler,
    Refusal,
    Reply,
    dump,
    without_zeros,
)
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import DAY_MS, instant_text, span_ms
from firewarden.providers.simulated.paging import Place, answer, listing, mask_item
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.quotas import find_trainer
from firewarden.providers.simulated.shapes import SHAPES, shape, shape_version

_TRAINER_KEPT_MS = 30 * DAY_MS


def list_deployed_models(call: Call) -> Reply:
    """Answer which model runs on which deployment."""
    source = listing("deployedModels", _deployed(call.account), place=_by_name, render=dump)
    return answer(call, source, orders=("name",))


def get_deployed_model(call: Call) -> Reply:
    """Answer one row of the above."""
    wanted = call.params["deployed_model_id"]
    for row in _deployed(call.account):
        if row["name"].rpartition("/")[2] == wanted:
            return Reply(body=mask_item(dump(row), call.text("readMask") or "*"))
    raise Refusal("NOT_FOUND", f"deployed model {wanted!r} not found")


def list_routers(call: Call) -> Reply:
    """Answer the routers that people made, and the one that each deployment has by itself."""
    source = listing("routers", _routers(call.account), place=_by_name, render=dump)
    return answer(call, source, orders=("name",))


def get_trainer(call: Call) -> Reply:
    """Answer a trainer job; a deleted one stays readable for 30 days."""
    job_id = call.params["rlor_trainer_job_id"]
    account = call.account
    job = find_trainer(account, job_id)
    deleted = None if job is None or job.deleted is None else account.origin - span_ms(job.deleted)
    if job is None or (deleted is not None and call.now - deleted >= _TRAINER_KEPT_MS):
        raise Refusal("NOT_FOUND", f"reinforcement learning trainer job {job_id!r} not found")
    return Reply.of(
        without_zeros(
            {
                "name": f"accounts/{account.account_id}/rlorTrainerJobs/{job_id}",
                "displayName": job_id,
                "createTime": instant_text(account.origin - span_ms(job.age)),
                "completedTime": "" if deleted is None else instant_text(deleted),
                "createdBy": job.created_by,
                "state": "JOB_STATE_RUNNING" if deleted is None else "JOB_STATE_DELETED",
            }
        )
    )


def list_shapes(call: Call) -> Reply:
    """Answer the shapes that deployments may take."""
    rows = [shape(call.params["account_id"], one) for one in SHAPES]
    return answer(
        call, listing("deploymentShapes", rows, place=_by_name, render=dump), orders=("name",)
    )


def list_shape_versions(call: Call) -> Reply:
    """Answer the versions of one shape, or of all where ``-`` stands for it."""
    wanted = call.params["deployment_shape_id"]
    rows = [
        shape_version(call.params["account_id"], one)
        for one in SHAPES
        if wanted in {"-", one.shape_id}
    ]
    if not rows:
        raise Refusal("NOT_FOUND", f"deployment shape {wanted!r} not found")
    source = listing("deploymentShapeVersions", rows, place=_by_name, render=dump)
    return answer(call, source, orders=("name",))


def get_shape_version(call: Call) -> Reply:
    """Answer one version of a shape."""
    wanted, version = call.params["deployment_shape_id"], call.params["version_id"]
    for one in SHAPES:
        if one.shape_id == wanted and version == one.version_id:
            row = shape_version(call.params["account_id"], one)
            return Reply(body=mask_item(dump(row), call.text("readMask") or "*"))
    raise Refusal("NOT_FOUND", f"deployment shape version {wanted}/{version} not found")


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("GET", "/deployedModels"): list_deployed_models,
    ("GET", "/deployedModels/{deployed_model_id}"): get_deployed_model,
    ("GET", "/routers"): list_routers,
    ("GET", "/rlorTrainerJobs/{rlor_trainer_job_id}"): get_trainer,
    ("GET", "/deploymentShapes"): list_shapes,
    ("GET", "/deploymentShapes/{deployment_shape_id}/versions"): list_shape_versions,
    ("GET", "/deploymentShapes/{deployment_shape_id}/versions/{version_id}"): get_shape_version,
}


def _deployed(account: Account) -> Iterator[Json]:
    """Give a row per live deployment and add-on; the first of a model is its default."""
    served: set[str] = set()
    for inc in sorted(account.live(), key=lambda inc: (inc.created, inc.deployment_id)):
        for model in (inc.base_model, *inc.plan.addons):
            yield _row(inc, model, is_default=model not in served)
            served.add(model)


def _row(inc: Incarnation, model: str, *, is_default: bool) -> Json:
    short = quote(model.rpartition("/")[2], safe="")
    return without_zeros(
        {
            "name": f"accounts/{inc.account_id}/deployedModels/{short}-{inc.deployment_id}",
            "createTime": instant_text(inc.created),
            "updateTime": instant_text(inc.created),
            "model": model,
            "deployment": inc.name,
            "default": is_default,
            "state": "DEPLOYED" if inc.state is State.READY else "DEPLOYING",
            "public": inc.plan.published,
        }
    )


def _routers(account: Account) -> Iterator[Json]:
    present = {inc.deployment_id: inc for inc in account.live()}
    for inc in present.values():
        yield _router(account, inc.deployment_id, (inc.deployment_id,), model=inc.base_model)
    for router_id, members in account.plan.routers.items():
        kept = tuple(member for member in members if member in present)
        if kept:
            yield _router(account, router_id, kept, model=present[kept[0]].base_model, made=True)


def _router(
    account: Account, router_id: str, members: tuple[str, ...], *, model: str, made: bool = False
) -> Json:
    prefix = f"accounts/{account.account_id}"
    return without_zeros(
        {
            "name": f"{prefix}/routers/{router_id}",
            "displayName": router_id,
            "createTime": instant_text(account.origin - DAY_MS),
            "state": "READY",
            "deployments": [f"{prefix}/deployments/{member}" for member in members],
            "model": model,
            "aliases": [] if made else [f"{prefix}/deployments/{router_id}"],
            "autoGenerated": not made,
        }
    )


def _by_name(row: Json) -> Place:
    return (str(row["name"]),)
