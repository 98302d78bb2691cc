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
from firewarden.model.deployment import Deployment
from firewarden.model.price import PriceSource
from firewarden.model.verdict import Blocker, Truth
from firewarden.policy.rules import PolicySet
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


def test_a_contract_price_says_so() -> None:
    contract = replace(H100_PRICE, source=PriceSource.PRICING_PLAN)
    (action,) = planned(*after_grace(a_deployment(), prices=(contract,))).actions

    assert action.saves_basis is SavesBasis.CONTRACT


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
        ("match", "true", Truth.TRUE),
        ("replicas_at_least", "1", Truth.TRUE),
        ("older_than", "3d", Truth.TRUE),
        ("idle_for", "30m", Truth.FALSE),
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
