from datetime import timedelta
from typing import Any

import pytest

from firewarden.decide.condition import all_of, patience, settle_all
from firewarden.decide.conditions import compile_when
from firewarden.decide.seen import Seen
from firewarden.model.activity import QuietEvidence, Use
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import ConditionResult, Truth
from firewarden.policy.rules import RequireData
from firewarden.policy.schema import When
from tests.support.deciding import (
    NOW,
    UNKNOWN,
    Looks,
    Since,
    a_deployment,
    a_situation,
    active,
    at_zero,
    minutes,
    quiet,
)

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
WEEK = timedelta(days=7)
HOURS = timedelta(hours=1)


def judged(
    when: dict[str, Any],
    deployment: Deployment | None = None,
    *,
    looks: Looks | None = None,
    ages: Since | None = None,
    **changes: Any,
) -> list[ConditionResult]:
    situation = a_situation(looks=looks, ages=ages or Since(), **changes)
    seen = Seen(deployment or a_deployment(), situation)
    conditions = compile_when(When.model_validate(when), RequireData(), deletes_after=WEEK)
    found = [each for condition in conditions for each in condition.explain(seen)]
    settled, left = settle_all(conditions, seen.deployment)
    if settled is F:
        assert all_of(conditions, seen) is F
    elif not left:
        assert all_of(conditions, seen) is settled
    return found


def one(when: dict[str, Any], deployment: Deployment | None = None, **changes: Any) -> Truth:
    return judged(when, deployment, **changes)[0].verdict


@pytest.mark.parametrize(
    ("evidence", "expected", "value"),
    [
        pytest.param(quiet(minutes(46), newest=minutes(1)), T, minutes(45), id="exactly enough"),
        pytest.param(quiet(minutes(45.9), newest=minutes(1)), F, minutes(44.9), id="just under it"),
        pytest.param(active(), F, minutes(0), id="in use"),
        pytest.param(active(newest=minutes(5)), F, minutes(0), id="in use, exactly fresh enough"),
        pytest.param(active(newest=minutes(5.1)), U, None, id="in use, but that was long ago"),
        pytest.param(UNKNOWN, U, None, id="never scraped"),
        pytest.param(quiet(minutes(90), newest=minutes(5)), T, minutes(85), id="exactly fresh"),
        pytest.param(quiet(minutes(90), newest=minutes(5.1)), U, None, id="stale"),
        pytest.param(quiet(minutes(90), newest=minutes(-0.5)), T, minutes(90.5), id="a hair ahead"),
        pytest.param(quiet(minutes(90), newest=minutes(-5)), U, None, id="from the future"),
        pytest.param(
            QuietEvidence(
                use=Use.UNKNOWN,
                quiet_since=NOW - minutes(90),
                quiet_until=NOW - minutes(2),
                newest_at=NOW - minutes(2),
                because="frozen",
            ),
            T,
            minutes(88),
            id="unknown now, but what is known is fresh: it does not grow",
        ),
        pytest.param(
            QuietEvidence(
                use=Use.QUIET,
                quiet_since=NOW - minutes(90),
                quiet_until=NOW - minutes(1),
                newest_at=NOW,
                active_at=NOW,
            ),
            F,
            minutes(0),
            id="evidence that contradicts itself is use",
        ),
        pytest.param(
            QuietEvidence(use=Use.QUIET, newest_at=NOW), U, None, id="quiet, since when is lost"
        ),
    ],
)
def test_idle_time_is_evidence(
    evidence: QuietEvidence, expected: Truth, value: timedelta | None
) -> None:
    (found,) = judged({"idle_for": "45m"}, looks=Looks(default=evidence))

    assert (found.verdict, found.value) == (expected, value)
    assert found.verdict is not U or found.because


@pytest.mark.parametrize(
    ("covered", "idle", "merely_quiet"),
    [
        pytest.param(1.0, T, T, id="whole"),
        pytest.param(0.9, T, T, id="exactly enough"),
        pytest.param(0.89, U, T, id="too many holes: only shown to people"),
        pytest.param(0.0, U, T, id="none"),
        pytest.param(float("nan"), U, T, id="no number"),
    ],
)
def test_idle_time_needs_its_window_covered_and_quiet_time_does_not(
    covered: float, idle: Truth, merely_quiet: Truth
) -> None:
    looks = Looks(default=quiet(minutes(60)), covered=covered)

    assert one({"idle_for": "45m"}, looks=looks) is idle
    assert one({"quiet_for": "45m"}, looks=looks) is merely_quiet


@pytest.mark.parametrize(
    ("deployment", "why"),
    [
        pytest.param(at_zero(), "no replica is ready", id="at zero"),
        pytest.param(
            at_zero(starting_replica_count=1), "no replica is ready", id="starting is not idle"
        ),
        pytest.param(a_deployment(state="UPDATING"), "being updated", id="updating is not idle"),
        pytest.param(a_deployment(state="CREATING"), "being created", id="creating is not idle"),
    ],
)
def test_what_is_under_way_is_not_idle(deployment: Deployment, why: str) -> None:
    (found,) = judged({"idle_for": "45m"}, deployment)

    assert found.verdict is F
    assert why in found.because


@pytest.mark.parametrize(
    ("when", "deployment", "ages", "expected"),
    [
        pytest.param({"older_than": "3d"}, a_deployment(), Since(), T, id="exactly as old"),
        pytest.param({"older_than": "73h"}, a_deployment(), Since(), F, id="younger"),
        pytest.param(
            {"older_than": "1h"},
            a_deployment(created_at=NOW + HOURS),
            Since(),
            F,
            id="unborn",
        ),
        pytest.param({"replicas_at_least": 1}, a_deployment(), Since(), T, id="as many replicas"),
        pytest.param({"replicas_at_least": 2}, a_deployment(), Since(), F, id="fewer replicas"),
        pytest.param({"gpus_at_least": 2}, a_deployment(), Since(), T, id="as many GPUs"),
        pytest.param({"gpus_at_least": 3}, a_deployment(), Since(), F, id="fewer GPUs"),
        pytest.param(
            {"at_zero_for": "1h"}, at_zero(), Since(zero=NOW - HOURS), T, id="at zero for as long"
        ),
        pytest.param(
            {"at_zero_for": "1h"},
            at_zero(),
            Since(zero=NOW - minutes(59)),
            F,
            id="not yet",
        ),
        pytest.param({"at_zero_for": "1h"}, at_zero(), Since(), U, id="at zero since nobody knows"),
        pytest.param(
            {"at_zero_for": "1h"}, a_deployment(), Since(zero=NOW - HOURS), F, id="not at zero"
        ),
        pytest.param(
            {"at_zero_for": "1h"},
            at_zero(starting_replica_count=1),
            Since(zero=NOW - HOURS),
            F,
            id="waking is not at zero",
        ),
        pytest.param(
            {"failed_for": "1h"},
            a_deployment(state="FAILED"),
            Since(state=NOW - HOURS),
            T,
            id="failed for as long",
        ),
        pytest.param({"failed_for": "1h"}, a_deployment(), Since(), F, id="not failed"),
        pytest.param(
            {"failed_for": "1h"}, a_deployment(state="FAILED"), Since(state=None), U, id="since?"
        ),
        pytest.param(
            {"starting_for": "1h"},
            at_zero(starting_replica_count=1),
            Since(starting=NOW - HOURS),
            T,
            id="starting for as long",
        ),
        pytest.param({"starting_for": "1h"}, a_deployment(), Since(), F, id="not starting"),
        pytest.param({"saves_at_least": 16}, a_deployment(), Since(), T, id="saves as much"),
        pytest.param({"saves_at_least": 17}, a_deployment(), Since(), F, id="saves less"),
        pytest.param({"saves_at_least": "any"}, at_zero(), Since(), T, id="any saving will do"),
        pytest.param(
            {"saves_at_least": 17},
            a_deployment(accelerator_type="NVIDIA_NEW"),
            Since(),
            T,
            id="unpriced counts as saving",
        ),
        pytest.param(
            {"not": {"idle_for": "1h"}}, at_zero(), Since(), T, id="not, settled by the description"
        ),
        pytest.param(
            {"not": {"at_zero_for": "1h"}}, at_zero(), Since(), U, id="unknown stays so in not"
        ),
        pytest.param(
            {"any": [{"replicas_at_least": 9}, {"older_than": "1d"}]},
            a_deployment(),
            Since(),
            T,
            id="any",
        ),
        pytest.param(
            {"any": [{"failed_for": "1h"}, {"replicas_at_least": 9}]},
            a_deployment(),
            Since(),
            F,
            id="any, settled by the description",
        ),
        pytest.param(
            {"any": [{"at_zero_for": "1h"}, {"replicas_at_least": 9}]},
            at_zero(),
            Since(),
            U,
            id="any with unknown",
        ),
    ],
)
def test_condition(
    when: dict[str, Any], deployment: Deployment, ages: Since, expected: Truth
) -> None:
    assert one(when, deployment, ages=ages) is expected


@pytest.mark.parametrize(
    ("deployment", "looks", "zero", "expected"),
    [
        pytest.param(a_deployment(), active(), None, F, id="min above 0"),
        pytest.param(at_zero(), UNKNOWN, NOW - timedelta(days=6), T, id="at zero for 6 of 7 days"),
        pytest.param(at_zero(), UNKNOWN, NOW - timedelta(days=5), T, id="exactly two days left"),
        pytest.param(
            at_zero(),
            UNKNOWN,
            NOW - timedelta(days=4),
            U,
            id="used or not",
        ),
        pytest.param(
            at_zero(), active(newest=timedelta(days=4)), NOW - timedelta(days=3), F, id="used since"
        ),
        pytest.param(at_zero(), UNKNOWN, None, U, id="at zero since nobody knows"),
        pytest.param(
            at_zero(max_replica_count=0), UNKNOWN, NOW - WEEK, U, id="parked: not documented"
        ),
        pytest.param(
            at_zero(created_at=NOW - HOURS), UNKNOWN, NOW - HOURS, F, id="born an hour ago"
        ),
    ],
)
def test_the_providers_own_delete_is_bounded_not_guessed(
    deployment: Deployment, looks: QuietEvidence, zero: Any, expected: Truth
) -> None:
    if expected is U and deployment.max_replica_count:
        deployment = at_zero(created_at=NOW - timedelta(days=30))
    found = one(
        {"provider_deletes_within": "2d"},
        deployment,
        looks=Looks(default=looks),
        ages=Since(zero=zero),
    )

    assert found is expected


def test_an_explanation_names_parts_and_the_age_of_samples() -> None:
    found = judged(
        {"idle_for": "45m", "not": {"gpus_at_least": 8}, "any": [{"older_than": "1d"}]},
        looks=Looks(default=quiet(minutes(60), newest=minutes(2))),
    )

    by_name = {each.condition: each for each in found}
    assert set(by_name) == {"not", "not.gpus_at_least", "any", "any.0.older_than", "idle_for"}
    assert by_name["idle_for"].sample_age == minutes(2)
    assert by_name["not.gpus_at_least"].value == 2
    assert by_name["any.0.older_than"].threshold == timedelta(days=1)


@pytest.mark.parametrize(
    ("when", "evidence", "expected"),
    [
        pytest.param({"idle_for": "45m"}, quiet(minutes(30)), minutes(15), id="quiet: the rest"),
        pytest.param({"idle_for": "45m"}, active(), None, id="in use: not by waiting"),
        pytest.param({"idle_for": "45m"}, UNKNOWN, None, id="unknown: nobody knows"),
        pytest.param(
            {"idle_for": "45m", "older_than": "4d"},
            quiet(minutes(30)),
            timedelta(days=1),
            id="both",
        ),
        pytest.param(
            {"idle_for": "45m", "gpus_at_least": 9}, quiet(minutes(30)), None, id="never by waiting"
        ),
    ],
)
def test_how_long_it_takes_until_all_hold(
    when: dict[str, Any], evidence: QuietEvidence, expected: timedelta | None
) -> None:
    seen = Seen(a_deployment(), a_situation(looks=Looks(default=evidence)))
    conditions = compile_when(When.model_validate(when), RequireData(), deletes_after=WEEK)

    assert patience(conditions, seen) == expected
