"""Deployments being created, patched, failing, deleted, undeleted, vanishing."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from firewarden.model.vocabulary import State
from firewarden.providers.simulated import autoscaler
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import DAY_MS, SECOND_MS, span_ms
from firewarden.providers.simulated.plan import DeploymentPlan, Json
from firewarden.providers.simulated.replicas import aim, restart
from firewarden.providers.simulated.traffic import Traffic

RETENTION_MS = 30 * DAY_MS
_ROLLING = frozenset(
    {
        "acceleratorCount",
        "acceleratorType",
        "baseModel",
        "deploymentShape",
        "draftModel",
        "enableAddons",
        "enableHotLoad",
        "hotLoadTrainerJob",
        "maxContextLength",
        "precision",
    }
)


def create(account: Account, plan: DeploymentPlan, *, principal: str = "") -> Incarnation:
    """Create *plan* now, whatever had that name before; its traffic follows the world's start."""
    earlier = account.incarnations.setdefault(plan.deployment_id, [])
    names = (account.account_id, plan.deployment_id)
    inc = Incarnation(
        plan,
        account_id=account.account_id,
        number=len(earlier),
        created=account.now,
        traffic=(
            earlier[-1].traffic
            if earlier
            else Traffic(plan.flows, seed=account.seed, names=names, origin=account.origin)
        ),
    )
    for before in earlier:
        before.is_purged = True
    # Real creation times carry up to nine digits; some of ours do, so that readers meet them.
    inc.below_ms = str(account.hash(plan.deployment_id, inc.number, "digits") % 10**6).zfill(6)
    inc.below_ms = inc.below_ms[: account.hash(plan.deployment_id, "digits") % 7]
    earlier.append(inc)
    account.log("gateway.CreateDeployment", principal, inc.name)
    autoscaler.begin(account, inc, delete=sweep)
    if inc.ceiling == 0:
        account.set_state(inc, State.READY)
    if plan.fails_after is not None:
        at = account.now + span_ms(plan.fails_after)
        account.agenda.plan(at, partial(fail, account, inc))
    account.changed(inc)
    return inc


def fail(account: Account, inc: Incarnation) -> None:
    """Let *inc* fail; it keeps as many ready replicas as its plan says."""
    if inc.is_gone:
        return
    aim(account, inc, min(inc.plan.fails_holding, inc.ready_count))
    account.set_state(
        inc,
        State.FAILED,
        code="INTERNAL",
        message="replica crashed repeatedly: CUDA out of memory while loading weights",
    )


def patch(account: Account, inc: Incarnation, fields: Json, *, principal: str = "") -> None:
    """Let *fields* be all that the owner wrote; other hardware or another model rolls replicas."""
    before = inc.fields
    inc.fields = fields
    inc.updated = account.now
    account.log("gateway.UpdateDeployment", principal, inc.name)
    account.changed(inc)
    if inc.state is State.READY and any(before.get(key) != fields.get(key) for key in _ROLLING):
        account.set_state(inc, State.UPDATING)
        until = restart(account, inc)
        account.agenda.plan(until + SECOND_MS, partial(_updated, account, inc))
    autoscaler.steer(account, inc, delete=sweep)


def tag(account: Account, inc: Incarnation, annotations: Json) -> None:
    """Replace the annotations; nothing else is touched."""
    inc.fields = {**inc.fields, "annotations": annotations}
    inc.updated = account.now
    account.changed(inc)


def delete(account: Account, inc: Incarnation, *, hard: bool = False, principal: str = "") -> None:
    """Delete *inc*: replicas are gone now, its state seconds later, its record in 30 days."""
    if inc.is_gone:
        return
    aim(account, inc, 0)
    inc.deleted = account.now
    inc.purge = account.now + RETENTION_MS
    account.log("gateway.DeleteDeployment", principal, inc.name)
    account.set_state(inc, State.DELETING)
    wait = account.random(inc.deployment_id, inc.number, "delete").randrange(4, 20) * SECOND_MS
    account.agenda.plan(account.now + wait, partial(_deleted, account, inc, inc.deleted, hard=hard))


def sweep(account: Account, inc: Incarnation) -> None:
    """Delete *inc* as the provider does with what nobody has used for seven days."""
    delete(account, inc, principal="system")


def undelete(account: Account, inc: Incarnation, *, principal: str = "") -> None:
    """Bring back a deleted or failed deployment; it starts up anew."""
    inc.deleted = inc.purge = None
    inc.zero_since = account.now if inc.floor == 0 else None
    account.log("gateway.UndeleteDeployment", principal, inc.name)
    aim(account, inc, 0)
    account.set_state(inc, State.READY if inc.ceiling == 0 else State.CREATING)
    autoscaler.begin(account, inc, delete=sweep)


def vanish(account: Account, inc: Incarnation) -> None:
    """Take *inc* away without a trace, as happens to preemptible ones."""
    if inc.is_purged:
        return
    aim(account, inc, 0)
    account.set_state(inc, State.DELETED)
    inc.is_purged = True
    account.version += 1


def recreate(account: Account, deployment_id: str, *, principal: str = "") -> None:
    """Delete the deployment of that name for good and create it again at the same instant."""
    old = account.find(deployment_id)
    if old is None:
        return
    vanish(account, old)
    again = replace(old.plan, fields=old.fields, age=timedelta(0), recreated=None)
    create(account, again, principal=principal)


def _updated(account: Account, inc: Incarnation) -> None:
    if inc.state is State.UPDATING:
        account.set_state(inc, State.READY)


def _deleted(account: Account, inc: Incarnation, since: int, *, hard: bool) -> None:
    if inc.state is not State.DELETING or inc.deleted != since:
        return
    account.set_state(inc, State.DELETED)
    if hard:
        _purge(account, inc, since)
    else:
        account.agenda.plan(since + RETENTION_MS, partial(_purge, account, inc, since))


def _purge(account: Account, inc: Incarnation, since: int) -> None:
    if inc.deleted == since:
        inc.is_purged = True
        account.version += 1
