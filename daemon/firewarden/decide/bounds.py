"""The bounds of a deployment with and without the changes of ours that stand at it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from firewarden.model.action import Bounds, Effect, Intent
from firewarden.model.deployment import Deployment


def before(standing: Sequence[Intent], deployment: Deployment) -> Bounds:
    """Give the bounds of *deployment* as they were before all of *standing*, the oldest first.

    What none of them has set is as it is now: whoever changed it meanwhile is heard.
    """
    found = Bounds.of(deployment)
    for intent in reversed(standing):
        found = _laid_over(found, intent.effect, intent.before)
    if not standing:
        return found
    return replace(found, desired_replica_count=standing[0].before.desired_replica_count)


def without(
    undone: Collection[Intent], standing: Sequence[Intent], deployment: Deployment
) -> Bounds:
    """Give the bounds of *deployment* where of *standing* all but *undone* are in force.

    A floor is never above a ceiling: somebody may have lowered that one since.
    """
    found = before(standing, deployment)
    for intent in standing:
        if intent not in undone:
            found = _laid_over(found, intent.effect, intent.effect)
    least = min(found.min_replica_count, found.max_replica_count)
    return replace(found, min_replica_count=least)


def overruled(standing: Sequence[Intent], deployment: Deployment) -> tuple[Intent, ...]:
    """Find those of *standing*, the oldest first, of which somebody has changed a bound since."""
    found = ours = Bounds.of(deployment)
    for intent in standing:
        ours = _laid_over(ours, intent.effect, intent.effect)
    least = found.min_replica_count != ours.min_replica_count
    most = found.max_replica_count != ours.max_replica_count
    window = found.scale_to_zero_window != ours.scale_to_zero_window
    return tuple(
        each
        for each in standing
        if (least and each.effect.min_replica_count is not None)
        or (most and each.effect.max_replica_count is not None)
        or (window and each.effect.scale_to_zero_window is not None)
    )


def takes_back(order: Intent, intent: Intent) -> bool:
    """Does *order* set all that *intent* has changed?"""
    was, ours, then = intent.before, intent.effect, order.effect
    return (
        (
            then.min_replica_count is not None
            or ours.min_replica_count in {None, was.min_replica_count}
        )
        and (
            then.max_replica_count is not None
            or ours.max_replica_count in {None, was.max_replica_count}
        )
        and (
            then.scale_to_zero_window is not None
            or ours.scale_to_zero_window in {None, was.scale_to_zero_window}
        )
    )


def leading_to(wanted: Bounds, deployment: Deployment) -> Effect:
    """Say what has to be set of *deployment* for its bounds to be *wanted*."""
    same_window = wanted.scale_to_zero_window == deployment.scale_to_zero_window
    return Effect(
        min_replica_count=_unless(wanted.min_replica_count, deployment.min_replica_count),
        max_replica_count=_unless(wanted.max_replica_count, deployment.max_replica_count),
        scale_to_zero_window=None if same_window else wanted.scale_to_zero_window,
    )


def _laid_over(bounds: Bounds, effect: Effect, values: Bounds | Effect) -> Bounds:
    """Take from *values* what *effect* sets."""
    least, most = values.min_replica_count, values.max_replica_count
    if effect.min_replica_count is not None and least is not None:
        bounds = replace(bounds, min_replica_count=least)
    if effect.max_replica_count is not None and most is not None:
        bounds = replace(bounds, max_replica_count=most)
    if effect.scale_to_zero_window is not None:
        bounds = replace(bounds, scale_to_zero_window=values.scale_to_zero_window)
    return bounds


def _unless(wanted: int, found: int) -> int | None:
    return None if wanted == found else wanted
