"""What each verb means for a deployment as it is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firewarden.decide.effects import NOTHING, effect_of
from firewarden.model.action import Effect
from firewarden.model.deployment import Deployment
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import EFFECTS, Autoscaling, Step
from tests.support.acting import after
from tests.support.deciding import a_deployment, at_zero

WINDOW = timedelta(minutes=30)
RUNNING = a_deployment(
    min_replica_count=2, max_replica_count=6, desired_replica_count=3, ready_replica_count=3
)
PARKED = at_zero(max_replica_count=0)
TO_ZERO, PARK, HOLD, DELETE = (
    Step(verb=verb) for verb in (Verb.SCALE_TO_ZERO, Verb.PARK, Verb.HOLD_GROWTH, Verb.DELETE)
)


def bounds(**wanted: Any) -> Step:
    return Step(verb=Verb.SET_AUTOSCALING, autoscaling=Autoscaling(**wanted))


@pytest.mark.parametrize(
    ("step", "changes", "effect"),
    [
        pytest.param(
            TO_ZERO, {}, Effect(min_replica_count=0, replica_count=0), id="a floor goes first"
        ),
        pytest.param(
            TO_ZERO,
            {"min_replica_count": 0},
            Effect(replica_count=0),
            id="no floor: only the scale",
        ),
        pytest.param(
            TO_ZERO,
            {"min_replica_count": 0, "ready_replica_count": 0, "desired_replica_count": 1},
            Effect(replica_count=0),
            id="one that is asked for",
        ),
        pytest.param(
            TO_ZERO,
            {
                "min_replica_count": 0,
                "ready_replica_count": 0,
                "desired_replica_count": 0,
                "starting_replica_count": 1,
            },
            Effect(replica_count=0),
            id="one that starts",
        ),
        pytest.param(
            TO_ZERO,
            {"min_replica_count": 1, "ready_replica_count": 0, "desired_replica_count": 0},
            Effect(min_replica_count=0, replica_count=0),
            id="a floor alone",
        ),
        pytest.param(
            TO_ZERO,
            {"min_replica_count": 0, "ready_replica_count": 0, "desired_replica_count": 0},
            NOTHING,
            id="it is at zero",
        ),
        pytest.param(PARK, {}, Effect(min_replica_count=0, max_replica_count=0), id="park"),
        pytest.param(
            PARK, {"min_replica_count": 0, "max_replica_count": 0}, NOTHING, id="parked already"
        ),
        pytest.param(HOLD, {}, Effect(max_replica_count=3), id="no more than are ready"),
        pytest.param(
            HOLD,
            {"ready_replica_count": 1},
            Effect(max_replica_count=2),
            id="but what the floor asks",
        ),
        pytest.param(HOLD, {"ready_replica_count": 6}, NOTHING, id="full already"),
        pytest.param(HOLD, {"ready_replica_count": 7}, NOTHING, id="a ceiling is never raised"),
        pytest.param(
            HOLD,
            {"min_replica_count": 0, "ready_replica_count": 0},
            NOTHING,
            id="held at zero nothing would ever wake",
        ),
        pytest.param(DELETE, {}, Effect(delete=True), id="delete"),
        pytest.param(bounds(min_to=1), {}, Effect(min_replica_count=1), id="min"),
        pytest.param(bounds(min_to=4), {}, Effect(min_replica_count=4), id="min may be raised"),
        pytest.param(
            bounds(min_to=9), {}, Effect(min_replica_count=6), id="no higher than an unsaid max"
        ),
        pytest.param(
            bounds(min_to=9, max_to=9),
            {},
            Effect(min_replica_count=9, max_replica_count=9),
            id="both said, both raised",
        ),
        pytest.param(bounds(min_to=2), {}, NOTHING, id="min as it is"),
        pytest.param(bounds(lower_min_to=1), {}, Effect(min_replica_count=1), id="min lowered"),
        pytest.param(bounds(lower_min_to=3), {}, NOTHING, id="lowering raises no min"),
        pytest.param(bounds(max_to=8), {}, Effect(max_replica_count=8), id="max may be raised"),
        pytest.param(
            bounds(max_to=1), {}, Effect(max_replica_count=2), id="max never below an unsaid min"
        ),
        pytest.param(bounds(lower_max_to=4), {}, Effect(max_replica_count=4), id="max lowered"),
        pytest.param(bounds(lower_max_to=9), {}, NOTHING, id="lowering raises no max"),
        pytest.param(
            bounds(lower_max_to=4, min_to=9),
            {},
            Effect(min_replica_count=6),
            id="a min that is said, up to the max there is",
        ),
        pytest.param(bounds(max_to_now=True), {}, Effect(max_replica_count=3), id="max now"),
        pytest.param(
            bounds(max_to_now=True),
            {"ready_replica_count": 0},
            Effect(max_replica_count=2),
            id="floor",
        ),
        pytest.param(
            bounds(lower_min_to=0, lower_max_to=1),
            {},
            Effect(min_replica_count=0, max_replica_count=1),
            id="both lowered",
        ),
        pytest.param(
            bounds(scale_to_zero_window=WINDOW),
            {},
            Effect(scale_to_zero_window=WINDOW),
            id="window",
        ),
        pytest.param(
            bounds(scale_to_zero_window=WINDOW),
            {"scale_to_zero_window": WINDOW},
            NOTHING,
            id="the window as it is",
        ),
        pytest.param(Step(verb=Verb.WARN), {}, NOTHING, id="a warning"),
        pytest.param(Step(verb=Verb.WAIT), {}, NOTHING, id="a wait"),
    ],
)
def test_an_effect_is_what_has_to_be_asked_for(
    step: Step, changes: dict[str, Any], effect: Effect
) -> None:
    assert effect_of(step, replace(RUNNING, **changes)) == effect


counts = st.integers(0, 9)
maybe = st.none() | counts
deployments = st.builds(
    lambda least, more, desired, ready, starting: a_deployment(
        min_replica_count=least,
        max_replica_count=least + more,
        desired_replica_count=desired,
        ready_replica_count=ready,
        starting_replica_count=starting,
    ),
    counts,
    counts,
    counts,
    counts,
    counts,
)
relative = st.builds(
    lambda least, most, now: bounds(lower_min_to=least, lower_max_to=most, max_to_now=now),
    maybe,
    st.none() | st.integers(1, 9),
    st.booleans(),
)
absolute = st.builds(
    lambda least, more: bounds(min_to=least, max_to=None if more is None else (least or 0) + more),
    maybe,
    maybe,
)
verbs = st.sampled_from([TO_ZERO, PARK, HOLD])


@given(step=relative | verbs, deployment=deployments)
def test_what_is_relative_and_what_stops_never_raises(step: Step, deployment: Deployment) -> None:
    effect = effect_of(step, deployment)

    assert (effect.min_replica_count or 0) <= deployment.min_replica_count
    assert (effect.max_replica_count or 0) <= deployment.max_replica_count


@given(step=relative | absolute | verbs, deployment=deployments)
def test_after_it_the_bounds_fit_and_nothing_is_left_to_set(
    step: Step, deployment: Deployment
) -> None:
    changed = after(effect_of(step, deployment), deployment)

    assert changed.min_replica_count <= changed.max_replica_count
    again = effect_of(step, replace(changed, starting_replica_count=0))
    assert not again.sets_bounds
    assert again.replica_count is None


@given(deployment=deployments)
def test_growth_is_held_without_taking_a_replica_away(deployment: Deployment) -> None:
    most = effect_of(HOLD, deployment).max_replica_count
    assume(most is not None)

    assert most is not None
    assert most >= max(deployment.ready_replica_count, deployment.min_replica_count, 1)


@given(step=absolute, deployment=deployments)
def test_only_what_is_said_is_raised(step: Step, deployment: Deployment) -> None:
    assert step.autoscaling is not None
    effect = effect_of(step, deployment)

    if step.autoscaling.min_to is None:
        assert effect.min_replica_count is None
    if step.autoscaling.max_to is None:
        assert effect.max_replica_count is None


def test_each_verb_of_a_policy_has_an_effect() -> None:
    steps = [Step(verb=each, autoscaling=Autoscaling(max_to=1)) for each in EFFECTS]

    assert all(effect_of(step, RUNNING) != NOTHING for step in steps)
    assert effect_of(PARK, PARKED) == NOTHING
