"""Has what was called for come about? Later listings tell; an acknowledgement is no proof."""

from datetime import timedelta
from enum import Enum

from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.action import Intent
from firewarden.model.deployment import Deployment, State
from firewarden.model.verdict import Incident, Verb

CONFIRM_WITHIN = timedelta(minutes=15)
"""A change that no listing shows after so long has failed; replicas drain in minutes."""


class Confirmed(Enum):
    """What the newest listing says of a change."""

    YES = "yes"
    NOT_YET = "not yet"
    NO = "no"


def confirm(call: Intent, incident: Incident, situation: Situation) -> tuple[Confirmed, str]:
    """Say whether *call* has come about, and in one clause what was seen.

    Only a complete listing that was asked for after the call tells. What was woken again by
    requests had been stopped: that is no failure.
    """
    fleet = situation.fleet
    deployment = fleet.deployments.get(incident.uid)
    if incident.uid in situation.gone or (deployment is not None and deployment.is_gone):
        return Confirmed.YES, _DONE.get(call.verb, "it is gone")
    late = situation.now - call.planned_at >= CONFIRM_WITHIN
    unseen = Confirmed.NO if late and fleet.complete else Confirmed.NOT_YET
    if not fleet.complete or fleet.asked_at <= (call.finished_at or call.planned_at):
        return Confirmed.NOT_YET, ""
    if deployment is None:
        return Confirmed.NOT_YET, ""
    if _has_come(call, deployment):
        return Confirmed.YES, _DONE[call.verb]
    used = Seen(deployment, situation).quiet.active_at
    if used is not None and used > call.planned_at and call.effect.is_in_force(deployment):
        return Confirmed.YES, "it was stopped, and a request has woken it since"
    return unseen, "no listing shows the change"


def _has_come(call: Intent, deployment: Deployment) -> bool:
    match call.verb:
        case Verb.SCALE_TO_ZERO | Verb.PARK:
            held = deployment.ready_replica_count or deployment.desired_replica_count
            return not held and call.effect.is_in_force(deployment)
        case Verb.DELETE:
            return deployment.state in {State.DELETING, State.DELETED}
        case _:
            return call.effect.is_in_force(deployment)


_DONE = {
    Verb.SCALE_TO_ZERO: "scaled to zero",
    Verb.PARK: "parked",
    Verb.SET_AUTOSCALING: "its bounds are set",
    Verb.HOLD_GROWTH: "it grows no further",
    Verb.DELETE: "deleted",
}
