from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.decide.docket import Docket
from firewarden.decide.explain import explain
from firewarden.decide.incidents import step
from firewarden.decide.judge import Judge, judge
from firewarden.decide.plan import Plan, SavesBasis, plan
from firewarden.decide.situation import Situation
from firewarden.metering.margins import Margin
from firewarden.model.action import Outcome
from firewarden.model.commitment import Commitment
from firewarden.model.deployment import Deployment
from firewarden.model.price import PriceSource
from firewarden.model.verdict import Truth
from firewarden.model.vocabulary import Blocker, CommitmentKind, Verb
from firewarden.policy.rules import PolicySet
from tests.support.acting import Ring, a_ring, an_intent, in_mode
from tests.support.deciding import (
    H100_PRICE,
    IDLE,
    NOW,
    UNKNOWN,
    Looks,
    a_deployment,
    a_situation,
    active,
    later,
    minutes,
    policies,
    quiet,
)

FREE = policies(IDLE + "    limits: {per_cycle: 9, per_hour: 9, share_per_hour: 100%}\n")


def after_grace(
    *deployments: Deployment, policy_set: PolicySet = FREE, **changes: Any
) -> tuple[Situation, Docket]:
    """A situation 15 minutes after the incidents of *deployments* opened, not stepped yet."""
    first = a_situation(*deployments)
    docket = step(first, judge(first, policy_set), Docket(), policy_set).docket
    looks = Looks(default=quiet(minutes(120), now=NOW + minutes(15)))
    return later(first, minutes(15), **({"evidence": looks} | changes)), docket


def planned(situation: Situation, docket: Docket, policy_set: PolicySet = FREE) -> Plan:
    return plan(situation, judge(situation, policy_set), docket, policy_set)


def test_what_is_due_is_planned_with_its_dollars() -> None:
    situation, docket = after_grace(a_deployment())
    made = planned(situation, docket)
    (action,) = made.actions

    assert (action.deployment_id, action.verb, action.policy) == ("exp-1", "scale_to_zero", "idle")
    assert action.reason == "idle 2h"
    assert action.saves_usd_per_hour == action.list_usd_per_hour == Decimal(16)
    assert action.saves_basis is SavesBasis.UNKNOWN_COMMITMENTS
    assert made.held == ()
    assert made.policy_hash == FREE.hash


def test_before_grace_is_over_nothing_is_planned_or_held() -> None:
    situation, docket = after_grace(a_deployment())
    looks = Looks(default=quiet(minutes(120), now=NOW + minutes(14)))
    early = planned(later(a_situation(), minutes(14), evidence=looks), docket)

    assert (early.actions, early.held) == ((), ())
    assert planned(situation, Docket()).actions == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("idle_for: 45m", "idle_for: 10m", id="edited"),
        pytest.param("[warn, {wait: 15m}", "[{wait: 1m}, warn, {wait: 1m}", id="other stages"),
    ],
)
def test_an_edited_policy_plans_nothing_before_a_cycle_has_taken_it_up(old: str, new: str) -> None:
    situation, docket = after_grace(a_deployment())
    over = step(situation, judge(situation, FREE), docket, FREE).docket
    edited = policies(IDLE.replace(old, new))

    assert planned(situation, docket, edited).actions == ()
    assert planned(situation, over, edited).actions == ()


def test_what_is_held_for_want_of_evidence_is_due_only_after_its_whole_grace() -> None:
    first = a_situation()
    docket = step(first, judge(first, FREE), Docket(), FREE).docket
    looks = Looks(default=quiet(minutes(120), now=NOW + minutes(1)))
    foggy = later(first, minutes(1), evidence=looks, complete_cycles=0)
    docket = step(foggy, judge(foggy, FREE), docket, FREE).docket
    clear = later(
        first, minutes(15), evidence=Looks(default=quiet(minutes(120), now=NOW + minutes(15)))
    )

    assert planned(clear, docket).actions == ()


def test_what_ran_to_its_end_in_the_ledger_stays_planned_while_it_lasts() -> None:
    situation, docket = after_grace(a_deployment())
    docket = step(situation, judge(situation, FREE), docket, FREE).docket
    used = replace(situation, evidence=Looks(default=active(now=situation.now)))

    assert len(planned(situation, docket).actions) == 1
    assert planned(used, docket).actions == ()


def test_the_plan_before_the_cycle_is_what_the_cycle_does() -> None:
    tight = policies(IDLE + "    limits: {per_cycle: 2, share_per_hour: 100%}\n")
    situation, docket = after_grace(
        *(a_deployment(f"exp-{number}") for number in range(5)), policy_set=tight
    )
    made = planned(situation, docket, tight)
    steps = step(situation, judge(situation, tight), docket, tight)

    done = {incident.uid for incident in steps.changed if incident.closed_at}
    assert {action.uid for action in made.actions} == done
    assert [held.blocked_by for held in made.held] == [Blocker.LIMITS] * 3


@pytest.mark.parametrize(
    ("changes", "blocker"),
    [
        pytest.param({"paused": True}, Blocker.PAUSED, id="paused"),
        pytest.param({"complete_cycles": 1}, Blocker.TOO_FEW_CYCLES, id="too few cycles"),
        pytest.param({"evidence": Looks(default=UNKNOWN)}, Blocker.DATA_MISSING, id="no evidence"),
        pytest.param({"listing_problem": "stale"}, Blocker.LISTING_INCOMPLETE, id="stale listing"),
        pytest.param({"surroundings": None}, Blocker.SURROUNDINGS_UNKNOWN, id="surroundings"),
    ],
)
def test_what_is_held_back_says_by_what(changes: dict[str, Any], blocker: Blocker) -> None:
    made = planned(*after_grace(a_deployment(), **changes))

    assert made.actions == ()
    assert [held.blocked_by for held in made.held] == [blocker]
    assert made.held[0].blocked_because


def test_the_dearest_come_first_and_unpriced_is_not_free() -> None:
    big = a_deployment("exp-big", accelerator_count=8)
    unknown = a_deployment("exp-new", accelerator_type="NVIDIA_NEW")
    made = planned(*after_grace(a_deployment(), big, unknown))

    assert [action.deployment_id for action in made.actions] == ["exp-big", "exp-1", "exp-new"]
    assert made.actions[2].saves_usd_per_hour is None


def a_margin(situation: Situation, *, reserved: int) -> Margin:
    """Of all that runs in *situation*, with so many GPUs reserved anywhere."""
    fleet = situation.fleet.deployments.values()
    commitment = Commitment(
        kind=CommitmentKind.CAPACITY,
        since=None,
        until=situation.now + minutes(60),
        accelerator_type=a_deployment().accelerator_type,
        gpus=reserved,
    )
    return Margin.of(fleet, [commitment] if reserved else [], at=situation.now)


@pytest.mark.parametrize(
    ("source", "basis"),
    [
        pytest.param(PriceSource.PRICING_PLAN, SavesBasis.CONTRACT, id="its own price"),
        pytest.param(PriceSource.RATE_CARD, SavesBasis.LIST, id="the public price"),
    ],
)
def test_where_it_is_said_that_nothing_was_bought_ahead_the_price_is_saved(
    source: PriceSource, basis: SavesBasis
) -> None:
    situation, docket = after_grace(a_deployment(), prices=(replace(H100_PRICE, source=source),))
    (action,) = planned(replace(situation, margin=a_margin(situation, reserved=0)), docket).actions

    assert (action.saves_usd_per_hour, action.saves_basis) == (Decimal(16), basis)


def a_fleet_of(busy: int, idle: int) -> list[Deployment]:
    """So many deployments of eight GPUs in use, and so many idle ones."""
    names = [*(f"busy-{n}" for n in range(busy)), *(f"exp-{n}" for n in range(idle))]
    return [
        a_deployment(name, ready_replica_count=1, accelerator_count=8, desired_replica_count=1)
        for name in names
    ]


def test_what_is_reserved_and_used_by_fewer_saves_nothing_and_is_left_alone() -> None:
    situation, docket = after_grace(*a_fleet_of(busy=4, idle=2))
    made = planned(replace(situation, margin=a_margin(situation, reserved=64)), docket)

    assert made.actions == ()
    assert {each.blocked_by for each in made.held} == {Blocker.SAVES_NOTHING}
    assert {each.planned.saves_usd_per_hour for each in made.held} == {Decimal(0)}
    assert "what is bought ahead pays for it" in made.held[0].blocked_because


def test_items_of_a_plan_save_together_what_is_beyond_the_reservation() -> None:
    situation, docket = after_grace(*a_fleet_of(busy=7, idle=2))
    made = planned(replace(situation, margin=a_margin(situation, reserved=64)), docket)

    assert [each.saves_usd_per_hour for each in made.actions] == [Decimal(64), Decimal(0)]


def test_what_is_done_in_one_cycle_is_told_by_what_it_saves_in_turn() -> None:
    situation, docket = after_grace(*a_fleet_of(busy=7, idle=2))
    situation = replace(situation, margin=a_margin(situation, reserved=64))
    steps = step(situation, judge(situation, FREE), docket, FREE)

    done = sorted(each.saves_micro_usd_per_hour or 0 for each in steps.rehearsed)
    assert done == [0, 64_000_000]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"min_replica_count": 0}, id="min"),
        pytest.param({"max_replica_count": 5}, id="max"),
        pytest.param({"updated_at": NOW}, id="update time"),
        pytest.param({"accelerator_count": 4}, id="size"),
    ],
)
def test_the_fingerprint_changes_with_any_fact_it_rests_on(changes: dict[str, Any]) -> None:
    (one,) = planned(*after_grace(a_deployment())).actions
    (other,) = planned(*after_grace(a_deployment(**changes))).actions

    assert one.fingerprint != other.fingerprint


def test_the_fingerprint_and_the_plans_name_do_not_change_with_time_alone() -> None:
    situation, docket = after_grace(a_deployment())
    looks = Looks(default=quiet(minutes(121), now=NOW + minutes(16)))
    one, other = (
        planned(situation, docket),
        planned(later(situation, minutes(1), evidence=looks), docket),
    )

    assert one.actions[0].fingerprint == other.actions[0].fingerprint
    assert one.plan_id == other.plan_id


def test_a_policy_that_only_tells_plans_nothing() -> None:
    tells = policies(IDLE.replace("[warn, {wait: 15m}, scale_to_zero]", "[warn]"))
    situation, docket = after_grace(a_deployment(), policy_set=tells)

    assert planned(situation, docket, tells).actions == ()


looks = st.sampled_from(
    [quiet(minutes(120), now=NOW + minutes(15)), active(now=NOW + minutes(15)), UNKNOWN]
)
names = ["exp-1", "exp-2", "exp-3", "exp-4"]


@settings(max_examples=20, deadline=None)
@given(
    by_name=st.dictionaries(st.sampled_from(names), looks, max_size=4),
    limits=st.sampled_from(["per_cycle: 1", "per_hour: 2", "share_per_hour: 50%"]),
    changes=st.fixed_dictionaries(
        {}, optional={"paused": st.booleans(), "complete_cycles": st.integers(0, 3)}
    ),
)
def test_the_plan_is_always_a_part_of_what_is_due_and_within_limits(
    by_name: dict[str, Any], limits: str, changes: dict[str, Any]
) -> None:
    policy_set = policies(IDLE + f"    limits: {{{limits}}}\n")
    situation, docket = after_grace(
        *(a_deployment(name) for name in names),
        policy_set=policy_set,
        **{"evidence": Looks(by_name, default=active(now=NOW + minutes(15))), **changes},
    )
    verdicts = {(each.uid, each.policy): each for each in judge(situation, policy_set)}
    made = planned(situation, docket, policy_set)

    assert len(made.actions) <= 2
    for action in made.actions:
        verdict = verdicts[action.uid, action.policy]
        incident = docket.opened[action.uid, action.policy]
        assert (verdict.truth, verdict.blocked_by) == (Truth.TRUE, None)
        assert incident.acts_at is not None
        assert incident.acts_at <= situation.now
    assert not {action.uid for action in made.actions} & {held.planned.uid for held in made.held}


def explained(situation: Situation, docket: Docket, policy_set: PolicySet = FREE) -> Any:
    (deployment,) = situation.fleet.deployments.values()
    (verdict,) = explain(Judge(policy_set), situation, deployment, docket)
    return verdict


def test_an_explanation_tells_every_condition_and_when_it_would_act() -> None:
    verdict = explained(a_situation(looks=Looks(default=quiet(minutes(30)))), Docket())

    assert [(each.condition, each.value, each.verdict) for each in verdict.conditions] == [
        ("match", Truth.TRUE, Truth.TRUE),
        ("replicas_at_least", 1, Truth.TRUE),
        ("older_than", minutes(3 * 24 * 60), Truth.TRUE),
        ("idle_for", minutes(30), Truth.FALSE),
    ]
    assert verdict.truth is Truth.FALSE
    assert verdict.acts_at == NOW + minutes(30)


def test_an_explanation_tells_of_the_story_that_is_under_way() -> None:
    situation, docket = after_grace(a_deployment())
    halfway = later(a_situation(), minutes(5), evidence=situation.evidence)
    over = step(situation, judge(situation, FREE), docket, FREE).docket

    assert explained(halfway, docket).acts_at == NOW + minutes(15)
    assert explained(later(situation, minutes(60)), over).acts_at != NOW + minutes(75)
    still = Looks(default=quiet(minutes(180), now=NOW + minutes(75)))
    assert explained(later(situation, minutes(60), evidence=still), over).acts_at == NOW + minutes(
        15
    )


def test_an_explanation_names_the_limits_that_hold_it() -> None:
    tight = policies(IDLE + "    limits: {per_hour: 1}\n")
    situation, docket = after_grace(a_deployment(), a_deployment("exp-2"), policy_set=tight)
    docket = step(situation, judge(situation, tight), docket, tight).docket
    (waiting,) = docket.opened.values()
    deployment = situation.fleet.deployments[waiting.uid]

    (verdict,) = explain(Judge(tight), situation, deployment, docket)

    assert verdict.blocked_by is Blocker.LIMITS


@pytest.mark.parametrize(
    ("evidence", "because"),
    [
        pytest.param(UNKNOWN, "idle_for: there has been no scrape yet", id="never scraped"),
        pytest.param(
            quiet(minutes(90), newest=minutes(9)), "idle_for: its newest evidence", id="too old"
        ),
    ],
)
def test_an_explanation_says_why_it_does_not_know(evidence: Any, because: str) -> None:
    verdict = explained(a_situation(looks=Looks(default=evidence)), Docket())

    assert (verdict.truth, verdict.blocked_by) == (Truth.UNKNOWN, Blocker.DATA_MISSING)
    assert verdict.blocked_because.startswith(because)
    assert verdict.acts_at is None


# --- the plan is what the cycle does -------------------------------------------------


def ring_in(mode: str, text: str = IDLE, *deployments: Deployment) -> Ring:
    """A ring whose warnings were heard at once, a moment before they are due."""
    ring = a_ring(in_mode(mode, text), *(deployments or (a_deployment(),)))
    ring.cycle()
    ring.deliver()
    ring.pass_time(minutes(0.5))
    ring.now = NOW + minutes(15)
    return ring


def held_by(made: Plan) -> list[Blocker]:
    return [one.blocked_by for one in made.held]


def test_what_waits_for_a_yes_is_held_until_it_is_said() -> None:
    ring = ring_in("approve")
    assert (ring.plan().actions, held_by(ring.plan())) == ((), [Blocker.APPROVAL])
    ring.cycle()
    assert (ring.plan().actions, held_by(ring.plan())) == ((), [Blocker.APPROVAL])
    ring.approve()

    assert (len(ring.plan().actions), held_by(ring.plan())) == (1, [])


def test_what_nobody_has_heard_of_is_held_and_said_to_be() -> None:
    ring = a_ring(in_mode("enforce"))
    ring.cycle()
    ring.deliver(delivered_at=None, failed=True)
    ring.pass_time(minutes(60))

    assert (ring.plan().actions, held_by(ring.plan())) == ((), [Blocker.UNDELIVERED])


@pytest.mark.parametrize("outcome", [Outcome.PLANNED, Outcome.APPLIED])
def test_what_is_called_for_already_is_not_planned_again(outcome: Outcome) -> None:
    ring = ring_in("enforce")
    (order,) = ring.orders(ring.cycle())
    assert len(ring.plan().actions) == 1
    ring.carry_out(order, outcome)
    ring.fleet["exp-1"] = a_deployment()

    assert ring.plan().actions == ()


def test_what_was_really_done_does_not_stay_due() -> None:
    ring = ring_in("enforce", IDLE.replace("scale_to_zero", "hold_growth"), a_deployment())
    (order,) = ring.orders(ring.cycle())
    ring.carry_out(order)
    ring.pass_time(minutes(0.5))
    ring.fleet["exp-1"] = a_deployment()
    ring.pass_time(minutes(0.5))

    assert ring.plan().actions == ()
    assert ring.orders(ring.pass_time(minutes(0.5))) == []


def test_what_another_call_may_be_under_way_for_is_not_planned() -> None:
    ring = ring_in("enforce")
    by_hand = an_intent(outcome=Outcome.PLANNED, finished_at=None, opened_at=None)
    ring.deeds = ring.deeds.with_one(by_hand)

    assert ring.plan().actions == ()


@pytest.mark.parametrize(
    ("verb", "changes", "saves"),
    [
        pytest.param("scale_to_zero", {}, 48, id="a stop saves what it costs"),
        pytest.param("park", {}, 48, id="so does parking"),
        pytest.param("hold_growth", {}, 0, id="growth that is held saves nothing yet"),
        pytest.param("set_autoscaling: {max: {lower_to: 1}}", {}, 32, id="two of three replicas"),
        pytest.param("set_autoscaling: {min: {lower_to: 0}}", {}, 0, id="a floor alone"),
        pytest.param(
            "scale_to_zero", {"accelerator_type": "NVIDIA_NEW"}, None, id="unpriced is not free"
        ),
        pytest.param(
            "hold_growth", {"accelerator_type": "NVIDIA_NEW"}, 0, id="nothing is nothing, unpriced"
        ),
    ],
)
def test_what_each_verb_saves_is_what_it_ends(
    verb: str, changes: dict[str, Any], saves: int | None
) -> None:
    stage = f"{{{verb}}}" if ":" in verb else verb
    text = IDLE.replace("scale_to_zero]", f"{stage}]").replace(
        "when:", "allow: [unknown_env]\n    when:"
    )
    text = text if verb == "park" else text.replace("    allow: [unknown_env]\n", "")
    replicas = {"ready_replica_count": 3, "desired_replica_count": 3, "max_replica_count": 6}
    ring = ring_in("observe", text, a_deployment(**(replicas | {"min_replica_count": 1} | changes)))
    (action,) = ring.plan().actions
    told = ring.told[0]

    assert action.verb.value == verb.partition(":")[0]
    assert action.saves_usd_per_hour == (None if saves is None else Decimal(saves))
    assert action.list_usd_per_hour == (None if changes else Decimal(48))
    shown = "unpriced" if saves is None else f"{saves:.2f}"
    assert told.facts["saves_usd_per_hour"] == shown
    assert ("USD/h" in told.text) is (saves not in {0, None})


MIXED = """
version: 1
defaults: {mode: MODE, limits: LIMITS}
policies:
  idle:
    match: {name: "exp-*"}
    when: {idle_for: 45m}
    stages: [warn, {wait: 15m}, scale_to_zero]
  held:
    match: {name: "web-*"}
    when: {older_than: 1h}
    stages: [{wait: 15m}, hold_growth]
  parked:
    match: {all: true}
    when: {idle_for: 40m}
    stages: [warn, {wait: 14m}, park]
    allow: [unknown_env]
"""


def mixed(mode: str, limits: str) -> PolicySet:
    return policies(MIXED.replace("MODE", mode).replace("LIMITS", limits))


fleets = st.lists(
    st.builds(
        lambda number, kind, ready, most: a_deployment(
            f"{kind}-{number}",
            ready_replica_count=ready,
            desired_replica_count=ready,
            max_replica_count=most,
        ),
        st.integers(0, 5),
        st.sampled_from(["exp", "web"]),
        st.integers(0, 3),
        st.integers(3, 4),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.deployment_id,
)
weathers: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "paused": st.just(value=True),
        "complete_cycles": st.integers(0, 3),
        "surroundings": st.sampled_from([None, {}]),
        "listing_problem": st.sampled_from(["", "doubted"]),
    },
)


@settings(max_examples=60)
@given(
    fleet=fleets,
    busy=st.sets(st.integers(0, 5)),
    limits=st.sampled_from(
        [
            "{per_cycle: 1}",
            "{per_hour: 2, share_per_hour: 100%}",
            "{on_exceed: hold}",
            "{per_day: 1}",
        ]
    ),
    weather=weathers,
)
def test_what_is_planned_in_observe_is_what_enforce_orders_in_that_cycle(
    fleet: list[Deployment], busy: set[int], limits: str, weather: dict[str, Any]
) -> None:
    rings = {mode: a_ring(mixed(mode, limits), *fleet) for mode in ("observe", "enforce")}
    for ring in rings.values():
        ring.cycle()
        ring.deliver()
        ring.pass_time(minutes(0.5))
        ring.now = NOW + minutes(15)
        ring.looks = {
            name: active(now=ring.now)
            for name in ring.fleet
            if int(name.rpartition("-")[2]) in busy
        }
    made = rings["observe"].plan(**weather)
    enforced = rings["enforce"]
    same = enforced.plan(**weather)
    ordered = {(one.uid, one.policy, one.verb) for one in enforced.cycle(**weather).due}

    assert {(one.uid, one.policy, one.verb) for one in made.actions} == ordered
    assert {(one.uid, one.policy, one.verb) for one in same.actions} == ordered
    assert [(one.planned.uid, one.blocked_by) for one in made.held] == [
        (one.planned.uid, one.blocked_by) for one in same.held
    ]


def test_such_plans_are_of_several_verbs() -> None:
    fleet = [a_deployment(f"{kind}-1", max_replica_count=4) for kind in ("exp", "web")]
    ring = a_ring(mixed("observe", "{per_cycle: 9, share_per_hour: 100%}"), *fleet)
    ring.cycle()
    ring.now = NOW + minutes(15)

    assert {one.verb for one in ring.plan().actions} == {Verb.SCALE_TO_ZERO, Verb.HOLD_GROWTH}
    ring.cycle()
    assert len(ring.plan().actions) == 2


@settings(max_examples=40)
@given(
    ticks=st.lists(
        st.tuples(
            st.sampled_from([0.5, 5, 15]),
            weathers,
            st.sampled_from(list(Outcome)),
            st.sets(st.integers(0, 2)),
        ),
        min_size=3,
        max_size=10,
    )
)
def test_at_every_cycle_the_plan_is_what_is_then_ordered(
    ticks: list[tuple[float, dict[str, Any], Outcome, set[int]]],
) -> None:
    fleet = [a_deployment(f"exp-{n}", max_replica_count=4) for n in range(3)]
    ring = a_ring(mixed("enforce", "{per_hour: 2, share_per_hour: 100%}"), *fleet)
    ring.cycle()
    for by, weather, outcome, busy in ticks:
        ring.deliver()
        ring.now += minutes(by)
        ring.looks = {f"exp-{n}": active(now=ring.now) for n in busy}
        made = ring.plan(**weather)
        steps = ring.cycle(**weather)
        begun = {one.uid for one in ring.deeds.unsettled()}
        ordered = {one.uid: one.policy for one in steps.due if one.uid not in begun}
        assert {one.uid: one.policy for one in made.actions} == ordered
        for order in ring.orders(steps):
            if order.uid not in {one.uid for one in ring.deeds.unsettled()}:
                ring.carry_out(order, outcome)
