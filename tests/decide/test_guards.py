from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from firewarden.decide.judge import judge
from firewarden.decide.situation import Situation
from firewarden.model.action import Intent, Outcome, Released
from firewarden.model.deployment import Deployment, Surroundings, Trait
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.verdict import Truth, Verdict
from firewarden.model.vocabulary import Blocker
from tests.support.acting import an_intent
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


def with_deeds(*intents: Intent) -> Change:
    """Add *intents* to what was done before."""

    def change(situation: Situation) -> Situation:
        deeds = situation.deeds
        for number, intent in enumerate(intents, start=1 + len(deeds.intents)):
            deeds = deeds.with_one(replace(intent, action_id=number))
        return replace(situation, deeds=deeds)

    return change


def undone(ago: float) -> Intent:
    return an_intent(released=Released.HUMAN, released_at=NOW - minutes(ago))


OWED = an_intent(released=Released.NEEDS_OWNER, released_at=NOW)
STOPPED = an_intent(policy=PolicyName("other"), released=Released.RESTORED, released_at=NOW)
FAILED = an_intent("exp-2", outcome=Outcome.FAILED, finished_at=NOW, released_at=NOW)

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
    (Blocker.CONTESTED, with_deeds(undone(60), undone(90))),
    (Blocker.NEEDS_OWNER, with_deeds(OWED)),
    (Blocker.SNOOZED, changed(snoozed={a_deployment().uid: "snoozed by me"})),
    (Blocker.DATA_MISSING, changed(evidence=Looks(default=UNKNOWN))),
    (Blocker.LISTING_INCOMPLETE, changed(absent=frozenset({Uid("gone@x")}))),
    (Blocker.TOO_FEW_CYCLES, changed(complete_cycles=1)),
    (Blocker.REQUESTS_IN_FLIGHT, changed(evidence=Looks(default=active()))),
    (Blocker.COOLDOWN, changed(ages=Since(ready=NOW - minutes(29)))),
    (Blocker.FLAPPING, with_deeds(STOPPED, STOPPED, STOPPED)),
    (Blocker.BREAKER, with_deeds(FAILED, FAILED, FAILED)),
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
    "change",
    [
        pytest.param(with_deeds(undone(60)), id="undone once"),
        pytest.param(
            with_deeds(undone(60), replace(undone(90), policy=PolicyName("other"))),
            id="undone twice, of two policies",
        ),
        pytest.param(with_deeds(STOPPED, STOPPED), id="stopped twice"),
        pytest.param(with_deeds(FAILED, FAILED), id="failed twice"),
        pytest.param(changed(snoozed={a_deployment("exp-2").uid: "x"}), id="another is snoozed"),
        pytest.param(changed(kept={a_deployment("exp-2").uid: "x"}), id="another is protected"),
    ],
)
def test_less_than_that_does_not_block(change: Change) -> None:
    assert only(change(a_situation())).blocked_by is None


def test_what_a_person_protects_by_command_is_protected() -> None:
    verdict = only(changed(kept={a_deployment().uid: "protected by me"})(a_situation()))

    assert (verdict.blocked_by, verdict.blocked_because) == (Blocker.PROTECTED, "protected by me")


def test_what_the_operator_protects_is_protected() -> None:
    text = IDLE + "protect:\n  - {name: exp-1, forever: true, reason: launch}\n"
    (verdict,) = judge(a_situation(), policies(text))

    assert verdict.blocked_by is Blocker.PROTECTED
    assert "launch" in verdict.blocked_because


@pytest.mark.parametrize("verb", ["scale_to_zero", "hold_growth"])
def test_what_is_unknown_blocks_whatever_would_be_done(verb: str) -> None:
    text = IDLE.replace("scale_to_zero", verb)
    (verdict,) = judge(a_situation(looks=Looks(default=UNKNOWN)), policies(text))

    assert (verdict.truth, verdict.blocked_by) == (Truth.UNKNOWN, Blocker.DATA_MISSING)
    assert verdict.blocked_because.startswith("idle_for: ")


@pytest.mark.parametrize("is_released", [False, True])
def test_a_fleet_that_turned_quiet_in_one_look_blocks_until_a_person_has_looked(
    *, is_released: bool
) -> None:
    at = NOW - minutes(120)
    looks = Looks(default=replace(quiet(minutes(120)), active_at=at - timedelta(seconds=30)))
    fleet = (a_deployment(), *(a_deployment(f"web-{number}") for number in range(4)))
    situation = a_situation(*fleet, looks=looks, brake_released_at=at if is_released else None)

    assert only(situation).blocked_by is (None if is_released else Blocker.EVIDENCE_BRAKE)


ENDING = {
    verb: policies(
        IDLE.replace("idle_for: 45m, ", "")
        .replace(", replicas_at_least: 1", "")
        .replace("policies:", "notify: {team: {slack: x}}\npolicies:", 1)
        .replace("{wait: 15m}, scale_to_zero", f"{{wait: 2h}}, {verb}")
        .replace("match:", "notify: [team]\n    match:")
    )
    for verb in ("delete", "park")
}
IN_DEV = {"env": "dev"}
DEFAULT = Surroundings(default_models=("m",), default_alternatives=2)


@pytest.mark.parametrize(
    ("verb", "deployment", "around", "blocker"),
    [
        pytest.param("delete", at_zero(tags=IN_DEV), Surroundings(), None, id="delete at zero"),
        pytest.param(
            "delete", a_deployment(tags=IN_DEV), Surroundings(), Blocker.NOT_AT_ZERO, id="running"
        ),
        pytest.param(
            "delete",
            at_zero(tags=IN_DEV, desired_replica_count=1, ready_replica_count=1),
            Surroundings(),
            Blocker.NOT_AT_ZERO,
            id="woken",
        ),
        pytest.param("delete", at_zero(), Surroundings(), Blocker.UNKNOWN_ENV, id="env unknown"),
        pytest.param(
            "delete", at_zero(tags=IN_DEV), DEFAULT, Blocker.DEFAULT_MODEL, id="default: delete"
        ),
        pytest.param(
            "park", a_deployment(tags=IN_DEV), DEFAULT, Blocker.DEFAULT_MODEL, id="default: park"
        ),
        pytest.param("park", a_deployment(tags=IN_DEV), Surroundings(), None, id="park running"),
        pytest.param(
            "park", a_deployment(), Surroundings(), Blocker.UNKNOWN_ENV, id="park unknown"
        ),
        pytest.param(
            "park",
            a_deployment(tags={**IN_DEV, "firewarden.wake": "no"}),
            Surroundings(),
            Blocker.WAKE_NO,
            id="never to zero",
        ),
    ],
)
def test_what_no_request_brings_back_is_protected_by_more(
    verb: str, deployment: Deployment, around: Surroundings, blocker: Blocker | None
) -> None:
    situation = a_situation(deployment, surroundings={deployment.name: around})
    (verdict,) = judge(situation, ENDING[verb])

    assert (verdict.truth, verdict.blocked_by) == (Truth.TRUE, blocker)


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
