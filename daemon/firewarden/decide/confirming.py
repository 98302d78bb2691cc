"""Has what was called for come about? Later listings tell; an acknowledgement is no proof."""

from datetime import datetime, timedelta
from enum import Enum

from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.action import Intent, Released
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import State, Verb

CONFIRM_WITHIN = timedelta(minutes=15)
"""A change that no listing shows after so long has failed; replicas drain in minutes."""


class Confirmed(Enum):
    """What the newest listing says of a change."""

    YES = "yes"
    NOT_YET = "not yet"
    NO = "no"
    OVERRULED = "overruled"


def confirm(call: Intent, incident: Incident, situation: Situation) -> tuple[Confirmed, str]:
    """Say whether *call* has come about, and in one clause what was seen.

    Only a complete listing that was asked for after the call tells. What was woken again by
    requests had been stopped: that is no failure. Nor is what a person has changed since.
    """
    fleet = situation.fleet
    deployment = fleet.deployments.get(incident.uid)
    written = call.finished_at or call.planned_at
    if incident.uid in situation.gone or (deployment is not None and deployment.is_gone):
        return Confirmed.YES, _DONE[Verb.DELETE] if call.effect.delete else "it is gone"
    if call.released is Released.HUMAN:
        return Confirmed.OVERRULED, "somebody has set other bounds since; they are left so"
    if deployment is None or not fleet.complete or fleet.asked_at <= written:
        return Confirmed.NOT_YET, ""
    return _seen(call, Seen(deployment, situation), since=written)


def _seen(call: Intent, seen: Seen, *, since: datetime) -> tuple[Confirmed, str]:
    if _has_come(call, seen.deployment):
        return Confirmed.YES, _DONE[call.verb]
    if _was_woken(call, seen):
        return Confirmed.YES, "it was stopped, and a request has woken it since"
    if seen.now - since >= CONFIRM_WITHIN:
        return Confirmed.NO, "no listing shows the change"
    return Confirmed.NOT_YET, ""


def _has_come(call: Intent, deployment: Deployment) -> bool:
    match call.verb:
        case Verb.SCALE_TO_ZERO | Verb.PARK:
            held = deployment.ready_replica_count or deployment.desired_replica_count
            return not held and call.effect.is_in_force(deployment)
        case Verb.DELETE:
            return deployment.state in {State.DELETING, State.DELETED}
        case _:
            return call.effect.is_in_force(deployment)


def _was_woken(call: Intent, seen: Seen) -> bool:
    """Was it used after a stop that a request can end?"""
    used = seen.quiet.active_at
    return (
        call.verb is Verb.SCALE_TO_ZERO
        and used is not None
        and used > call.planned_at
        and call.effect.is_in_force(seen.deployment)
    )


_DONE = {
    Verb.SCALE_TO_ZERO: "scaled to zero",
    Verb.PARK: "parked",
    Verb.SET_AUTOSCALING: "its bounds are set",
    Verb.HOLD_GROWTH: "it grows no further",
    Verb.DELETE: "deleted",
}
