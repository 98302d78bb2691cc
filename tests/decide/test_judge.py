"""Properties of the judge that hold whatever the fleet does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.decide.judge import Judge, judge
from firewarden.decide.situation import Situation
from firewarden.model.activity import QuietEvidence, Use
from firewarden.model.deployment import Deployment, Surroundings, Trait
from firewarden.model.verdict import Truth, Verdict
from firewarden.model.vocabulary import Blocker, Mode, State
from tests.support.deciding import (
    IDLE,
    NOW,
    UNKNOWN,
    Looks,
    Since,
    a_deployment,
    a_fleet,
    a_situation,
    active,
    at_zero,
    minutes,
    policies,
    quiet,
)

SEVERAL = policies("""
version: 1
protect: [{tags: {env: prod}, forever: true}]
policies:
  idle:
    match: {name: "exp-*"}
    when: {idle_for: 45m, older_than: 2h, replicas_at_least: 1}
    stages: [warn, {wait: 15m}, scale_to_zero]
  not-used:
    match: {all: true, not: {region: "EU_*"}}
    when: {not: {any: [{quiet_for: 30m}, {gpus_at_least: 3}]}}
    stages: [{wait: 1h}, scale_to_zero]
  failed:
    match: {any: [{state: FAILED}, {min_replicas: 2}]}
    when: {any: [{failed_for: 1h}, {starting_for: 1h}]}
    stages: [warn]
""")

ages = st.none() | st.timedeltas(timedelta(0), timedelta(days=9)).map(lambda ago: NOW - ago)
looks = st.builds(
    QuietEvidence,
    use=st.sampled_from(Use),
    quiet_since=ages,
    quiet_until=ages,
    newest_at=ages,
    active_at=ages,
)
deployments = st.builds(
    a_deployment,
    name=st.sampled_from(["exp-1", "exp-2", "web-1"]),
    state=st.sampled_from([*State, "NEW", ""]),
    ready_replica_count=st.integers(0, 2),
    starting_replica_count=st.integers(0, 1),
    desired_replica_count=st.integers(0, 2),
    min_replica_count=st.integers(0, 2),
    accelerator_type=st.sampled_from(["NVIDIA_H100_80GB", "NVIDIA_NEW", ""]),
    region=st.sampled_from(["", "EU_PARIS_1", "US_IOWA_1"]),
    traits=st.frozensets(st.sampled_from(Trait), max_size=1),
    tags=st.dictionaries(
        st.sampled_from(["env", "firewarden.protect", "firewarden.wake"]),
        st.sampled_from(["prod", "true", "no", "?"]),
        max_size=2,
    ),
)
situations = st.builds(
    lambda deployment, look, covered, changes: a_situation(
        deployment, looks=Looks(default=look, covered=covered), **changes
    ),
    deployment=deployments,
    look=looks | st.just(quiet(minutes(120))),
    covered=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "ages": st.builds(Since, seen=ages, ready=ages, zero=ages, starting=ages, state=ages),
            "surroundings": st.none() | st.just({}),
            "complete_cycles": st.integers(0, 3),
            "prices": st.just(()),
        },
    ),
)


@settings(max_examples=20, deadline=None)
@given(situation=situations)
def test_the_quick_way_and_the_explained_way_agree(situation: Situation) -> None:
    (deployment,) = situation.fleet.deployments.values()
    court = Judge(SEVERAL)
    quick = {verdict.policy: verdict for verdict in court.judge(situation)}

    for explained in court.explain(situation, deployment):
        verdict = quick.get(explained.policy)
        if verdict is None:
            assert explained.truth is Truth.FALSE or deployment.is_gone
        else:
            assert (verdict.truth, verdict.blocked_by, verdict.reason) == (
                explained.truth,
                explained.blocked_by,
                explained.reason,
            )


def acts(verdicts: tuple[Verdict, ...]) -> set[tuple[str, str]]:
    return {
        (verdict.uid, verdict.policy)
        for verdict in verdicts
        if verdict.truth is Truth.TRUE and verdict.blocked_by is None
    }


@settings(max_examples=20, deadline=None)
@given(situation=situations)
def test_unknown_never_acts(situation: Situation) -> None:
    for verdict in judge(situation, SEVERAL):
        if verdict.truth is Truth.UNKNOWN:
            assert verdict.blocked_by is not None
            assert verdict.acts_at is None
            assert verdict.reason.startswith("unknown: ")


@settings(max_examples=20, deadline=None)
@given(situation=situations, now_unknown=st.sampled_from(["evidence", "ages", "around", "cover"]))
def test_losing_data_never_adds_an_action(situation: Situation, now_unknown: str) -> None:
    losses: dict[str, dict[str, Any]] = {
        "evidence": {"evidence": Looks(default=UNKNOWN)},
        "ages": {"ages": Since(seen=None, ready=None, state=None)},
        "around": {"surroundings": None},
        "cover": {"evidence": replace(situation.evidence, covered=0.0)},  # type: ignore[type-var] # a dataclass in these tests
    }
    lost = losses[now_unknown]

    assert acts(judge(replace(situation, **lost), SEVERAL)) <= acts(judge(situation, SEVERAL))


@settings(max_examples=20, deadline=None)
@given(situation=situations)
def test_protection_always_wins(situation: Situation) -> None:
    (deployment,) = situation.fleet.deployments.values()
    guarded = replace(deployment, tags={**deployment.tags, "ENV": "Prod"})

    for verdict in judge(replace(situation, fleet=a_fleet([guarded])), SEVERAL):
        assert verdict.blocked_by is Blocker.PROTECTED


@settings(max_examples=15, deadline=None)
@given(fleet=st.lists(deployments, max_size=4, unique_by=lambda one: one.uid), data=st.data())
def test_the_order_of_the_fleet_does_not_matter(
    fleet: list[Deployment], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(fleet))
    one = judge(a_situation(fleet=a_fleet(fleet)), SEVERAL)
    other = judge(a_situation(fleet=a_fleet(shuffled)), SEVERAL)

    assert sorted(map(repr, one)) == sorted(map(repr, other))


def test_what_a_judge_remembers_never_changes_what_it_says() -> None:
    court = Judge(SEVERAL)
    running, stopped = a_deployment(), at_zero("exp-1")
    first = a_situation(running)

    assert court.judge(first) == court.judge(first) == judge(first, SEVERAL)
    assert court.judge(a_situation(stopped)) == judge(a_situation(stopped), SEVERAL)
    assert court.judge(first) == judge(first, SEVERAL)


def test_a_disabled_policy_and_a_disabled_daemon_say_nothing() -> None:
    disabled = policies(IDLE.replace("    match:", "    mode: disabled\n    match:"))

    assert judge(a_situation(), disabled) == ()
    assert judge(a_situation(ceiling=Mode.DISABLED), policies()) == ()


@pytest.mark.parametrize("ceiling", [Mode.OBSERVE, Mode.WARN, Mode.APPROVE, Mode.ENFORCE])
@pytest.mark.parametrize("mode", ["observe", "warn", "approve", "enforce"])
def test_the_ceiling_lowers_a_policys_mode_and_never_raises_it(mode: str, ceiling: Mode) -> None:
    own = policies(IDLE.replace("    match:", f"    mode: {mode}\n    match:"))

    (verdict,) = judge(a_situation(ceiling=ceiling), own)

    assert verdict.mode is min(Mode[mode.upper()], ceiling)


def test_a_deleted_deployment_is_not_judged() -> None:
    assert judge(a_situation(a_deployment(state="DELETED")), policies()) == ()


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        pytest.param(quiet(minutes(52)), "idle 52m", id="idle"),
        pytest.param(UNKNOWN, "unknown: idle_for: there has been no scrape yet", id="unknown"),
    ],
)
def test_the_reason_is_one_short_line(look: QuietEvidence, expected: str) -> None:
    (verdict,) = judge(a_situation(looks=Looks(default=look)), policies())

    assert verdict.reason == expected


def test_a_busy_deployment_has_no_verdict() -> None:
    assert judge(a_situation(looks=Looks(default=active())), policies()) == ()


def test_a_fact_the_provider_does_not_tell_makes_the_verdict_unknown() -> None:
    asks_region = policies(IDLE.replace('{name: "exp-*"}', "{region: US_IOWA_1}"))

    (verdict,) = judge(a_situation(), asks_region)

    assert (verdict.truth, verdict.blocked_by) == (Truth.UNKNOWN, Blocker.DATA_MISSING)


def test_the_evidence_of_a_verdict_names_what_it_rests_on() -> None:
    (verdict,) = judge(a_situation(surroundings={"x": Surroundings()}), policies())

    assert verdict.evidence["quiet_since"] == "2026-11-22T10:00:00+00:00"
    assert verdict.evidence["min_replica_count"] == "1"
