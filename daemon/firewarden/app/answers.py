"""What `plan` and `explain` say, from the ledger alone."""

from firewarden.app.picture import Picture, take_picture
from firewarden.app.queries import Ledger
from firewarden.decide.explain import explain
from firewarden.decide.plan import HeldBack, Planned, plan
from firewarden.errors import UserError
from firewarden.policy.rules import STOPS
from firewarden.report.explain import Explanation
from firewarden.report.plan import PlanItem, PlanView
from firewarden.report.text import duration


def read_plan(ledger: Ledger) -> PlanView:
    """Say what would be done now, and what is held back."""
    return show_plan(take_picture(ledger))


def show_plan(picture: Picture) -> PlanView:
    """Lay the plan of *picture* out."""
    made = plan(picture.situation, picture.verdicts, picture.docket, picture.policies)
    return PlanView(
        plan_id=made.plan_id,
        created_at=made.created_at,
        account=made.account,
        timezone=picture.ledger.timezone,
        policy_hash=made.policy_hash,
        actions=tuple(_item(each, picture) for each in made.actions),
        held=tuple(_held(each, picture) for each in made.held),
    )


def _item(planned: Planned, picture: Picture, *, held: HeldBack | None = None) -> PlanItem:
    deployment = picture.situation.fleet.deployments[planned.uid]
    stops = planned.verb in STOPS
    mode = next(each.mode for each in picture.policies.policies if each.name == planned.policy)
    return PlanItem(
        deployment_id=planned.deployment_id,
        verb=planned.verb.value,
        policy=planned.policy,
        mode=min(mode, picture.situation.ceiling).label,
        reason=planned.reason,
        evidence=planned.evidence,
        saves_usd_per_hour=planned.saves_usd_per_hour,
        list_usd_per_hour=planned.list_usd_per_hour,
        saves_basis=planned.saves_basis.value,
        fingerprint=planned.fingerprint,
        gpu_count=deployment.gpu_count,
        accelerator_type=deployment.accelerator_type,
        before=deployment.ready_replica_count,
        after=0 if stops else deployment.ready_replica_count,
        blocked_by=held.blocked_by.value if held else None,
        blocked_because=held.blocked_because if held else "",
    )


def _held(held: HeldBack, picture: Picture) -> PlanItem:
    return _item(held.planned, picture, held=held)


def read_explanation(ledger: Ledger, name: str, *, policy: str | None) -> Explanation:
    """Say why the deployment called *name* is judged as it is; *policy*: only by this one.

    Raises:
        UnknownDeployment: there is none of that name, or there are several.
        UserError: there is no such policy.
    """
    picture = take_picture(ledger)
    deployment = picture.find(name)
    verdicts = explain(picture.judge, picture.situation, deployment, picture.docket)
    if policy is not None:
        verdicts = tuple(each for each in verdicts if each.policy == policy)
        if not verdicts:
            known = ", ".join(sorted(each.name for each in picture.policies.policies))
            raise UserError(
                f"no enabled policy is called {policy!r}",
                where="--policy",
                mend=f"choose from: {known}" if known else "write one first",
            )
    return Explanation(
        deployment_id=deployment.deployment_id,
        at=ledger.now,
        timezone=ledger.timezone,
        verdicts=verdicts,
        notes=_notes(picture),
    )


def _notes(picture: Picture) -> tuple[str, ...]:
    """Say what stands in the way of everything alike."""
    fleet, now = picture.situation.fleet, picture.situation.now
    if not fleet.complete:
        return (f"the newest listing is not complete: {fleet.problem}",)
    age = now - fleet.answered_at
    if age > picture.ledger.fresh_for:
        return (f"the newest listing is {duration(age)} old: is `firewarden run` running?",)
    return ()
