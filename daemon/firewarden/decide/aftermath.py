"""What people are told of a change after it was made, in one plain line each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from firewarden.decide.situation import Situation
from firewarden.model.action import Intent
from firewarden.model.deployment import Deployment
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import ProviderDelete, Severity


def before_and_after(call: Intent) -> dict[str, str]:
    """Say what *call* changed, as facts for programs."""
    before, effect = call.before, call.effect
    facts = {
        "action_id": str(call.action_id),
        "before_min_replica_count": str(before.min_replica_count),
        "before_max_replica_count": str(before.max_replica_count),
        "before_desired_replica_count": str(before.desired_replica_count),
    }
    after = {
        "after_min_replica_count": effect.min_replica_count,
        "after_max_replica_count": effect.max_replica_count,
        "after_desired_replica_count": effect.replica_count,
    }
    return facts | {name: str(value) for name, value in after.items() if value is not None}


def doomed(call: Intent, deletes_after: timedelta | None) -> dict[str, str]:
    """Say when the provider deletes what *call* gave min 0, unless that is put back in time."""
    began = call.effect.min_replica_count == 0 < call.before.min_replica_count
    if deletes_after is None or not began or call.provider_delete is ProviderDelete.RESTORE:
        return {}
    return {"provider_deletes_at": (call.planned_at + deletes_after).isoformat()}


def story_of_change(intent: Intent) -> str:
    """Name the story that *intent* belongs to: its incident's, or one of its own."""
    opened = intent.opened_at or intent.planned_at
    return f"incident:{intent.policy}:{intent.uid}:{opened.isoformat()}"


def undone(intent: Intent, deployment: Deployment, situation: Situation) -> Notice:
    """Say that a person has changed what we had set, and that it is theirs now."""
    told = (
        f"{deployment.deployment_id}: somebody set min {deployment.min_replica_count}, max "
        f"{deployment.max_replica_count} after our change; it is left so [{intent.policy}]"
    )
    return _event("idle.cancelled", "undone", intent, deployment, situation, told)


def contested(intent: Intent, deployment: Deployment, situation: Situation) -> Notice:
    """Say that a policy stands down for a deployment that people keep changing back."""
    told = (
        f"{deployment.deployment_id}: people have undone {intent.policy}'s change twice; it "
        f"stands down here: protect the deployment, or narrow the policy's match"
    )
    notice = _event("deployment.contested", "contested", intent, deployment, situation, told)
    return replace(notice, severity=Severity.WARN)


def flapping(intent: Intent, rounds: int, deployment: Deployment, situation: Situation) -> Notice:
    """Say that a deployment is stopped and woken in turns, and runs on after the next wake."""
    told = (
        f"{deployment.deployment_id}: stopped {rounds} times within a day; once woken it is left "
        f"running for the rest of it: lengthen the wait, or protect it [{intent.policy}]"
    )
    return _event("idle.cancelled", "flapping", intent, deployment, situation, told)


def put_back(intent: Intent, deployment: Deployment, situation: Situation) -> Notice:
    """Say that the old bounds are in force again."""
    told = (
        f"{deployment.deployment_id}: min {intent.before.min_replica_count}, max "
        f"{intent.before.max_replica_count} again, {intent.reason} [{intent.policy}]"
    )
    return _event("deployment.restored", "restored", intent, deployment, situation, told)


def not_put_back(intent: Intent, deployment: Deployment, situation: Situation) -> Notice:
    """Say that the old bounds are not in force again: somebody has to look."""
    told = (
        f"{deployment.deployment_id}: min {intent.before.min_replica_count}, max "
        f"{intent.before.max_replica_count} could not be put back, {intent.detail} "
        f"[{intent.policy}]"
    )
    notice = _event("action.failed", "not_restored", intent, deployment, situation, told)
    return replace(notice, severity=Severity.PAGE)


def needs_owner(intent: Intent, deployment: Deployment, situation: Situation) -> Notice:
    """Say that it runs again, lest the provider delete it, and that somebody has to decide."""
    told = (
        f"{deployment.deployment_id}: put back to min {intent.before.min_replica_count}, or "
        f"Fireworks would have deleted it; it costs again until its owner decides "
        f"[{intent.policy}]"
    )
    notice = _event("deployment.needs_owner", "needs_owner", intent, deployment, situation, told)
    return replace(notice, severity=Severity.WARN)


def restored_late(
    intent: Intent, deployment: Deployment, promised: datetime, situation: Situation
) -> Notice:
    """Say that what was to serve by an instant does not."""
    told = (
        f"{deployment.deployment_id}: was to serve at "
        f"{promised.astimezone(UTC):%Y-%m-%d %H:%M} UTC, and {deployment.ready_replica_count} of "
        f"{intent.before.min_replica_count} replicas are ready; its state is {deployment.state} "
        f"[{intent.policy}]"
    )
    kind = "deployment.restore_late"
    notice = _event(kind, "restore_late", intent, deployment, situation, told)
    return replace(notice, severity=Severity.PAGE)


def waits_for_word(intent: Intent, deployment: Deployment, situation: Situation) -> Notice:
    """Say that what a budget stopped may be put back, and how."""
    told = (
        f"{deployment.deployment_id}: the window of its budget is over; it is put back with "
        f"`firewarden restore {deployment.deployment_id}` [{intent.policy}]"
    )
    return _event("budget.restorable", "restorable", intent, deployment, situation, told)


def provider_deletes(
    intent: Intent,
    deployment: Deployment,
    deadline: datetime,
    situation: Situation,
    *,
    is_put_back: bool,
) -> Notice:
    """Ask what shall become of a deployment before the provider deletes it."""
    otherwise = (
        "without an answer its old bounds are put back a day before"
        if is_put_back
        else f"in {situation.ceiling.label} nothing is put back: set its min yourself"
    )
    told = (
        f"{deployment.deployment_id}: Fireworks deletes it at "
        f"{deadline.astimezone(UTC):%Y-%m-%d %H:%M} UTC unless it is called; {otherwise} "
        f"[{intent.policy}]"
    )
    kind = "deployment.provider_deletes"
    notice = _event(kind, "deletes", intent, deployment, situation, told)
    return replace(notice, severity=Severity.WARN)


def strayed(intent: Intent, deployment: Deployment, fields: str, situation: Situation) -> Notice:
    """Say that a write changed more than was asked for, and that all actions are paused."""
    told = (
        f"{deployment.deployment_id}: action {intent.action_id} also changed {fields}; all "
        f"actions are paused: compare the deployment, then `firewarden resume`"
    )
    notice = _event("action.failed", "strayed", intent, deployment, situation, told)
    return replace(notice, severity=Severity.PAGE)


def _event(
    kind: str,
    what: str,
    intent: Intent,
    deployment: Deployment,
    situation: Situation,
    text: str,
) -> Notice:
    """Tell once of a change of ours, as a part of the story that it was made in."""
    return Notice(
        account=situation.fleet.account,
        kind=kind,
        key=f"{what}:{intent.action_id}",
        severity=Severity.INFO,
        at=situation.now,
        text=text,
        uid=intent.uid,
        facts={
            "deployment_id": deployment.deployment_id,
            "policy": intent.policy,
            "verb": intent.verb.value,
            **before_and_after(intent),
        },
        once=True,
        story=story_of_change(intent),
    )
