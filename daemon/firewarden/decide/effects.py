"""What a verb means for one deployment as it is: the bounds to set, the replicas to ask for."""

from dataclasses import replace

from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.metering.margins import pool_of
from firewarden.model.action import Effect
from firewarden.model.deployment import Deployment
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import STOPS, Autoscaling, Step

NOTHING = Effect()


def effect_of(step: Step, deployment: Deployment) -> Effect:
    """Say what *step* would change of *deployment*; `NOTHING` where it is so already.

    Min is lowered before replicas are taken away: a floor would raise them again. Where min
    is 0 already, only the replicas are asked for. ``hold_growth`` never takes away a replica
    that is ready or that the floor demands, and never raises a ceiling.
    """
    match step.verb:
        case Verb.SCALE_TO_ZERO:
            return _to_zero(deployment)
        case Verb.PARK:
            parked = Effect(min_replica_count=0, max_replica_count=0)
            return NOTHING if parked.is_in_force(deployment) else parked
        case Verb.HOLD_GROWTH:
            return _hold(deployment)
        case Verb.SET_AUTOSCALING if step.autoscaling is not None:
            return _autoscale(step.autoscaling, deployment)
        case Verb.DELETE:
            return Effect(delete=True)
        case _:
            return NOTHING


def ended_gpus(step: Step | None, deployment: Deployment) -> int:
    """Count the ready GPUs that *step* takes away now.

    Bounds take away only replicas above the new ceiling; that nothing grows takes away
    nothing yet. Where nothing is to be done, it is all that is spent on.
    """
    if step is None or step.verb in STOPS:
        return deployment.gpu_count
    most = effect_of(step, deployment).max_replica_count
    ended = 0 if most is None else max(0, deployment.ready_replica_count - most)
    return ended * deployment.accelerator_count


def saved_micro_usd(seen: Seen, step: Step | None) -> int | None:
    """Tell the micro-USD an hour that *step* saves now, alone; None: unpriced."""
    return seen.saved_micro_usd(ended_gpus(step, seen.deployment))


def without(situation: Situation, deployment: Deployment, step: Step | None) -> Situation:
    """Give the situation once *step* has taken away what it takes away of *deployment*."""
    if situation.margin is None:
        return situation
    gpus = ended_gpus(step, deployment)
    return replace(situation, margin=situation.margin.without(pool_of(deployment), gpus))


def _to_zero(deployment: Deployment) -> Effect:
    held = (
        deployment.ready_replica_count
        or deployment.starting_replica_count
        or deployment.desired_replica_count
        or deployment.min_replica_count
    )
    if not held:
        return NOTHING
    return Effect(
        min_replica_count=0 if deployment.min_replica_count else None,
        replica_count=0,
    )


def _hold(deployment: Deployment) -> Effect:
    most = deployment.max_replica_count
    ceiling = _now(deployment, floor=deployment.min_replica_count)
    return NOTHING if ceiling == most else Effect(max_replica_count=ceiling)


def _now(deployment: Deployment, *, floor: int) -> int:
    """Give the ceiling that keeps what is ready and *floor*: none is raised, and none made 0."""
    return min(max(deployment.ready_replica_count, floor), deployment.max_replica_count) or (
        deployment.max_replica_count
    )


def _autoscale(wanted: Autoscaling, deployment: Deployment) -> Effect:
    """Set bounds as they are said; what is not said is never raised, and makes way for no other."""
    least, most = deployment.min_replica_count, deployment.max_replica_count
    floor = _floor(wanted, least)
    ceiling = _ceiling(wanted, deployment, floor=floor)
    ceiling = max(ceiling, min(floor, most))
    floor = min(floor, ceiling)
    window = wanted.scale_to_zero_window
    return Effect(
        min_replica_count=None if floor == least else floor,
        max_replica_count=None if ceiling == most else ceiling,
        scale_to_zero_window=None if window == deployment.scale_to_zero_window else window,
    )


def _floor(wanted: Autoscaling, least: int) -> int:
    if wanted.min_to is not None:
        return wanted.min_to
    return least if wanted.lower_min_to is None else min(least, wanted.lower_min_to)


def _ceiling(wanted: Autoscaling, deployment: Deployment, *, floor: int) -> int:
    most = deployment.max_replica_count
    if wanted.max_to is not None:
        return wanted.max_to
    if wanted.max_to_now:
        return _now(deployment, floor=floor)
    return most if wanted.lower_max_to is None else min(most, wanted.lower_max_to)
