from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from firewarden.decide.judge import judge
from firewarden.decide.situation import Situation
from firewarden.model.deployment import Surroundings, Trait
from firewarden.model.ids import Uid
from firewarden.model.verdict import Blocker, Truth, Verdict
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
    minutes,
    policies,
    quiet,
)

OLD = policies(IDLE.replace("idle_for: 45m, ", ""))
"""A policy that rests on age alone: only guards keep it from stopping what is in use."""
TOLD = policies(
    IDLE.replace("[warn, {wait: 15m}, scale_to_zero]", "[warn]").replace("idle_for: 45m, ", "")
)

Change = Callable[[Situation], Situation]


def with_deployment(**changes: object) -> Change:
    def change(situation: Situation) -> Situation:
        (one,) = situation.fleet.deployments.values()
        return replace(situation, fleet=a_fleet([replace(one, **changes)]))  # type: ignore[arg-type] # a test changes any field

    return change


def with_surroundings(around: Surroundings) -> Change:
    def change(situation: Situation) -> Situation:
        (one,) = situation.fleet.deployments.values()
        return replace(situation, surroundings={one.name: around})

    return change


def with_trait(trait: Trait) -> Change:
    def change(situation: Situation) -> Situation:
        (one,) = situation.fleet.deployments.values()
        return replace(situation, fleet=a_fleet([replace(one, traits=one.traits | {trait})]))

    return change


def with_tag(key: str, text: str) -> Change:
    def change(situation: Situation) -> Situation:
        (one,) = situation.fleet.deployments.values()
        return replace(situation, fleet=a_fleet([replace(one, tags={**one.tags, key: text})]))

    return change


def changed(**changes: object) -> Change:
    return lambda situation: replace(situation, **changes)  # type: ignore[arg-type] # a test changes any field


BLOCKS: list[tuple[Blocker, Change]] = [
    (Blocker.PAUSED, changed(paused=True)),
    (Blocker.PROTECTED, with_tag("firewarden.protect", "true")),
    (Blocker.HOT_LOAD, with_trait(Trait.HOT_LOAD)),
    (Blocker.TRAINING, with_trait(Trait.TRAINING)),
    (Blocker.DIRECT_ROUTE, with_trait(Trait.DIRECT_ROUTE)),
    (Blocker.OWN_CLUSTER, with_trait(Trait.OWN_CLUSTER)),
    (Blocker.PREEMPTIBLE, with_trait(Trait.PREEMPTIBLE)),
    (Blocker.PUBLISHED_MODEL, with_surroundings(Surroundings(is_published=True))),
    (Blocker.ROUTER_MEMBER, with_surroundings(Surroundings(routers=("r",)))),
    (Blocker.ADDONS, with_surroundings(Surroundings(addon_count=1))),
    (Blocker.PROVIDER_SCHEDULE, with_trait(Trait.PROVIDER_SCHEDULE)),
    (Blocker.NOT_READY, with_deployment(desired_replica_count=3)),
    (Blocker.COLD_START, changed(ages=Since(ready=NOW - minutes(5)))),
    (Blocker.WAKE_NO, with_tag("firewarden.wake", "no")),
    (Blocker.SURROUNDINGS_UNKNOWN, changed(surroundings=None)),
    (Blocker.DATA_MISSING, changed(evidence=Looks(default=UNKNOWN))),
    (Blocker.LISTING_INCOMPLETE, changed(absent=frozenset({Uid("gone@x")}))),
    (Blocker.TOO_FEW_CYCLES, changed(complete_cycles=1)),
    (Blocker.REQUESTS_IN_FLIGHT, changed(evidence=Looks(default=active()))),
    (Blocker.COOLDOWN, changed(ages=Since(ready=NOW - minutes(29)))),
    (Blocker.SAVES_NOTHING, with_deployment(accelerator_count=0)),
]


def only(situation: Situation, policy_set: object = OLD) -> Verdict:
    assert policy_set is OLD or policy_set is TOLD
    (verdict,) = judge(situation, OLD if policy_set is OLD else TOLD)
    return verdict


def test_where_nothing_stands_in_the_way_it_would_act_after_its_grace() -> None:
    verdict = only(a_situation())

    assert verdict.blocked_by is None
    assert verdict.acts_at == NOW + minutes(15)


@pytest.mark.parametrize(("blocker", "change"), BLOCKS, ids=[each.value for each, _ in BLOCKS])
def test_each_blocker_alone_blocks_with_a_reason(blocker: Blocker, change: Change) -> None:
    verdict = only(change(a_situation()))

    assert verdict.blocked_by is blocker
    assert verdict.blocked_because
    assert verdict.acts_at is None
    assert verdict.truth is Truth.TRUE


def test_of_any_two_blockers_the_earlier_in_the_closed_order_is_reported() -> None:
    order = list(Blocker)
    for first, earlier in BLOCKS:
        for second, later in BLOCKS:
            if order.index(first) >= order.index(second) or _touch_the_same(first, second):
                continue
            assert only(earlier(later(a_situation()))).blocked_by is first, (first, second)


def _touch_the_same(first: Blocker, second: Blocker) -> bool:
    """Two changes that overwrite each other cannot be tried together."""
    around = {
        Blocker.PUBLISHED_MODEL,
        Blocker.ROUTER_MEMBER,
        Blocker.ADDONS,
        Blocker.SURROUNDINGS_UNKNOWN,
    }
    ages = {Blocker.COLD_START, Blocker.COOLDOWN}
    evidence = {Blocker.DATA_MISSING, Blocker.REQUESTS_IN_FLIGHT}
    return any({first, second} <= same for same in (around, ages, evidence))


@pytest.mark.parametrize(
    ("change", "because"),
    [
        pytest.param(
            changed(fleet=a_fleet([a_deployment()], complete=False, problem="page 2 failed")),
            "page 2 failed",
            id="not whole",
        ),
        pytest.param(
            changed(fleet=a_fleet([a_deployment()], answered_at=NOW - timedelta(seconds=91))),
            "the newest listing is 1m 31s old",
            id="older than three intervals",
        ),
        pytest.param(
            changed(listing_problem="a read of exp-1 contradicts it"), "contradicts", id="doubted"
        ),
        pytest.param(
            changed(absent=frozenset({Uid("a@x")})), "1 known to us", id="somebody is missing"
        ),
    ],
)
def test_a_listing_that_cannot_be_believed_blocks(change: Change, because: str) -> None:
    verdict = only(change(a_situation()))

    assert verdict.blocked_by is Blocker.LISTING_INCOMPLETE
    assert because in verdict.blocked_because


def test_a_listing_exactly_three_intervals_old_will_do() -> None:
    fleet = a_fleet([a_deployment()], answered_at=NOW - timedelta(seconds=90))

    assert only(a_situation(fleet=fleet)).blocked_by is None


@pytest.mark.parametrize(
    ("change", "blocker"),
    [
        pytest.param(with_trait(Trait.HOT_LOAD), None, id="its nature does not silence it"),
        pytest.param(changed(evidence=Looks(default=active())), None, id="nor use"),
        pytest.param(changed(paused=True), None, id="nor the kill switch"),
        pytest.param(
            with_tag("firewarden.protect", "true"), Blocker.PROTECTED, id="protection does"
        ),
        pytest.param(changed(complete_cycles=1), Blocker.TOO_FEW_CYCLES, id="ignorance does"),
    ],
)
def test_a_policy_that_only_tells_is_held_by_less(change: Change, blocker: Blocker | None) -> None:
    assert only(change(a_situation()), TOLD).blocked_by is blocker


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        pytest.param({"accelerator_count": 2}, False, id="16 USD/h are worth it"),
        pytest.param({"accelerator_type": "NVIDIA_NEW"}, False, id="unpriced counts as saving"),
        pytest.param({"accelerator_count": 0}, True, id="nothing is held"),
    ],
)
def test_what_saves_nothing_is_not_done(changes: dict[str, object], *, blocked: bool) -> None:
    verdict = only(with_deployment(**changes)(a_situation()))

    assert (verdict.blocked_by is Blocker.SAVES_NOTHING) is blocked


def test_a_policy_may_ask_for_any_saving() -> None:
    text = IDLE.replace("replicas_at_least: 1", "saves_at_least: any")
    (verdict,) = judge(a_situation(a_deployment(accelerator_count=0)), policies(text))

    assert verdict.blocked_by is None


def test_evidence_that_is_fresh_enough_and_quiet_does_not_block() -> None:
    looks = Looks(default=quiet(minutes(60), newest=minutes(5)))

    assert only(a_situation(looks=looks)).blocked_by is None
