"""An order is written by facts; one of them moved and it is not carried out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.decide.deeds import Deeds
from firewarden.decide.judge import Judge
from firewarden.decide.orders import Order, evidence_for, objection, order_of, ordered_by_hand
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.standing import put_back
from firewarden.model.action import Bounds, Effect, Released
from firewarden.model.activity import QuietEvidence
from firewarden.model.deployment import Deployment, Surroundings, Trait
from firewarden.model.fleet import Examined
from firewarden.model.vocabulary import Mode, ProviderDelete, PutBack, Verb
from firewarden.policy.rules import PolicySet
from tests.support.acting import an_incident, an_intent, in_mode
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

ENFORCED = in_mode("enforce")
JUDGE = Judge(ENFORCED)
(POLICY,) = ENFORCED.policies
INCIDENT = an_incident(policy_hash=POLICY.hash)
HELD = in_mode("enforce", IDLE.replace("scale_to_zero", "hold_growth"))
ROOMY = a_deployment(max_replica_count=6, desired_replica_count=2, ready_replica_count=2)
TWO_HOURS = quiet(minutes(120))


def a_world(*deployments: Deployment, **changes: Any) -> Situation:
    return a_situation(*deployments, **({"ceiling": Mode.ENFORCE} | changes))


def examined(deployment: Deployment | None, **changes: Any) -> Examined:
    plain = Examined(
        asked_at=NOW, answered_at=NOW, deployment=deployment, surroundings=Surroundings()
    )
    return replace(plain, **changes)


def an_order(situation: Situation | None = None, policy_set: PolicySet = ENFORCED) -> Order:
    (policy,) = policy_set.policies
    incident = replace(INCIDENT, policy_hash=policy.hash, verb=policy.verb)
    order = order_of(incident, policy, situation or a_world())
    assert order is not None
    return order


def objected(found: Examined | Deployment | None = None, situation: Situation | None = None) -> str:
    """Give the objection to the plain order, once *found* and *situation* are all there is."""
    target = a_deployment() if found is None else found
    looked = target if isinstance(target, Examined) else examined(target)
    return objection(an_order(), looked, situation or a_world(), JUDGE)


def test_an_order_says_what_it_rests_on_and_what_was_before() -> None:
    order = an_order()
    intent = order.intent(at=NOW, epoch=7)

    assert order.effect == Effect(min_replica_count=0, replica_count=0)
    assert intent.before == Bounds.of(a_deployment())
    assert intent.evidence == evidence_for(Seen(a_deployment(), a_world()), of_use=True)
    assert (intent.opened_at, intent.stage) == (INCIDENT.opened_at, INCIDENT.stage)
    assert (intent.put_back, intent.provider_delete) == (PutBack.ON_WAKE, ProviderDelete.RESTORE)
    assert (intent.epoch, intent.policy_hash, intent.mode) == (7, POLICY.hash, Mode.ENFORCE)


def test_where_nothing_moved_there_is_no_objection() -> None:
    assert objected() == ""


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "UPDATING"}, id="state"),
        pytest.param({"min_replica_count": 0}, id="min lowered"),
        pytest.param({"min_replica_count": 2}, id="min raised"),
        pytest.param({"max_replica_count": 3}, id="max"),
        pytest.param({"desired_replica_count": 2}, id="desired"),
        pytest.param({"ready_replica_count": 2}, id="ready"),
        pytest.param({"ready_replica_count": 0}, id="stopped meanwhile"),
        pytest.param({"accelerator_count": 8}, id="size"),
        pytest.param({"scale_to_zero_window": minutes(5)}, id="the provider's own window"),
        pytest.param({"updated_at": NOW}, id="update time"),
        pytest.param({"tags": {"firewarden.protect": "true"}}, id="protected by a tag"),
        pytest.param({"tags": {"firewarden.wake": "no"}}, id="must not go to zero"),
        pytest.param({"traits": frozenset({Trait.HOT_LOAD})}, id="hot load"),
        pytest.param({"traits": frozenset({Trait.DIRECT_ROUTE})}, id="direct route"),
        pytest.param({"trainer_job": "accounts/acme/rlorTrainerJobs/t"}, id="a trainer uses it"),
        pytest.param({"starting_replica_count": 1}, id="a replica starts"),
        pytest.param({"state": "DELETED"}, id="deleted"),
        pytest.param({"display_name": "x", "created_at": NOW - timedelta(days=1)}, id="namesake"),
    ],
)
def test_each_fact_of_the_target_that_moved_refuses(changes: dict[str, Any]) -> None:
    assert objected(a_deployment(**changes)) != ""


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        pytest.param({"deployment": None}, "it is gone", id="gone"),
        pytest.param(
            {"surroundings": None}, "what leans on it could not be read", id="surroundings unread"
        ),
        pytest.param(
            {"surroundings": Surroundings(routers=("r",))}, "router r lists it", id="a router"
        ),
        pytest.param(
            {"surroundings": Surroundings(is_published=True)}, "other accounts", id="published"
        ),
        pytest.param({"surroundings": Surroundings(addon_count=1)}, "add-ons", id="add-ons"),
        pytest.param(
            {"deployment": a_deployment(created_at=NOW - timedelta(days=1))},
            "another deployment goes by its name now",
            id="made again under its name",
        ),
    ],
)
def test_what_the_reading_itself_says_refuses(changes: dict[str, Any], because: str) -> None:
    found = replace(examined(a_deployment()), **changes)

    assert because in objected(found)


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(active(), id="a busy target"),
        pytest.param(UNKNOWN, id="evidence is gone"),
        pytest.param(quiet(minutes(119)), id="quiet for another span"),
        pytest.param(replace(TWO_HOURS, active_at=NOW - minutes(130)), id="a use came to light"),
        pytest.param(replace(TWO_HOURS, quiet_until=NOW - minutes(9)), id="evidence is old"),
    ],
)
def test_use_that_came_to_light_refuses_a_stop(look: QuietEvidence) -> None:
    assert objected(situation=a_world(looks=Looks(default=look))) != ""


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        pytest.param({"paused": True}, "paused", id="paused"),
        pytest.param({"snoozed": {a_deployment().uid: "snoozed by me"}}, "by me", id="snoozed"),
        pytest.param({"kept": {a_deployment().uid: "protected by me"}}, "by me", id="protected"),
        pytest.param({"complete_cycles": 1}, "1 of 2", id="too few cycles"),
        pytest.param({"listing_problem": "contradicted"}, "contradicted", id="listing doubted"),
        pytest.param({"surroundings": None}, "are not known", id="surroundings of the fleet"),
        pytest.param({"ages": Since(ready=NOW - minutes(9))}, "ready for 9m", id="just woken"),
        pytest.param({"ceiling": Mode.OBSERVE}, "its policy has changed", id="mode lowered"),
        pytest.param({"ceiling": Mode.APPROVE}, "its policy has changed", id="mode to approve"),
        pytest.param({"ceiling": Mode.DISABLED}, "its policy has changed", id="all is off"),
    ],
)
def test_what_became_known_of_the_whole_refuses(changes: dict[str, Any], because: str) -> None:
    assert because in objected(situation=a_world(**changes))


@pytest.mark.parametrize(
    ("text", "because"),
    [
        pytest.param(IDLE.replace("45m", "46m"), "its policy has changed", id="edited"),
        pytest.param(IDLE.replace("exp-*", "web-*"), "conditions hold no longer", id="narrowed"),
        pytest.param(IDLE.replace("idle:", "other:"), "its policy is gone", id="renamed"),
        pytest.param("version: 1\n", "its policy is gone", id="removed"),
        pytest.param(
            IDLE.replace("policies:", 'protect: [{name: "exp-1", forever: true}]\npolicies:', 1),
            "no reason given",
            id="protected by name",
        ),
    ],
)
def test_an_edited_policy_refuses(text: str, because: str) -> None:
    edited = policies(text.replace("match:", "mode: enforce\n    match:"))

    assert because in objection(an_order(), examined(a_deployment()), a_world(), Judge(edited))


def test_what_people_ask_for_themselves_may_be_of_a_policy_that_only_observes() -> None:
    observed = policies(IDLE)
    order = ordered_by_hand(a_deployment().uid, "asked", observed.policies[0], a_world())
    assert order is not None

    assert objection(order, examined(a_deployment()), a_world(), Judge(observed)) == ""
    busy = a_world(looks=Looks(default=active()))
    assert objection(order, examined(a_deployment()), busy, Judge(observed)) != ""


def test_growth_is_not_held_below_what_is_ready_by_the_time_of_the_call() -> None:
    order = an_order(a_world(ROOMY), HELD)
    grown = replace(ROOMY, desired_replica_count=5, ready_replica_count=5)

    assert order.effect == Effect(max_replica_count=2)
    assert objection(order, examined(ROOMY), a_world(ROOMY), Judge(HELD)) == ""
    assert objection(order, examined(grown), a_world(ROOMY), Judge(HELD)) == (
        "what would have to be set is something else by now"
    )


def test_a_change_of_bounds_does_not_rest_on_use() -> None:
    order = an_order(a_world(ROOMY), HELD)

    assert set(order.evidence) == {
        "uid",
        "state",
        "min_replica_count",
        "max_replica_count",
        "scale_to_zero_window",
    }
    assert not order.needs_evidence_of_use
    assert an_order().needs_evidence_of_use


def test_what_is_at_zero_needs_no_evidence_of_use_to_be_deleted() -> None:
    text = IDLE.replace("{idle_for: 45m, older_than: 2h, replicas_at_least: 1}", "{older_than: 2h}")
    text = text.replace("scale_to_zero", "delete").replace("15m", "8h")
    text = text.replace("policies:", "notify: {team: {slack: x}}\npolicies:", 1)
    (policy,) = policies(text.replace("match:", "notify: [team]\n    match:")).policies
    zero = at_zero("exp-1", tags={"env": "dev"})
    order = order_of(an_incident(verb=Verb.DELETE), policy, a_world(zero))

    assert order is not None
    assert order.effect == Effect(delete=True)
    assert not order.needs_evidence_of_use


@pytest.mark.parametrize(
    "deployment",
    [
        pytest.param(at_zero("exp-1"), id="at zero"),
        pytest.param(at_zero("exp-1", max_replica_count=0), id="parked"),
        pytest.param(None, id="not listed"),
    ],
)
def test_where_nothing_is_left_to_do_there_is_no_order(deployment: Deployment | None) -> None:
    situation = a_world(deployment or a_deployment("exp-9"))

    assert order_of(INCIDENT, POLICY, situation) is None


def test_before_is_what_it_was_before_all_that_stands_and_what_others_set_since() -> None:
    """We had lowered min from 3; somebody raised max from 4 to 9; now it is stopped."""
    was = Bounds(min_replica_count=3, max_replica_count=4, desired_replica_count=3)
    lowered = an_intent(verb=Verb.SET_AUTOSCALING, effect=Effect(min_replica_count=1), before=was)
    now = a_deployment(max_replica_count=9)
    situation = a_world(now, deeds=Deeds.of([lowered]))

    assert an_order(situation).before == replace(was, max_replica_count=9)


def test_an_undelete_is_of_what_is_deleted_still() -> None:
    gone = a_deployment(state="DELETED")
    order = replace(
        an_order(), verb=Verb.UNDELETE, effect=Effect(undelete=True), evidence={"uid": gone.uid}
    )

    assert objection(order, examined(gone), a_world(), JUDGE) == ""
    assert objection(order, examined(a_deployment()), a_world(), JUDGE) == "it is not deleted"
    assert objection(order, examined(None), a_world(), JUDGE) == "it is not deleted"


def a_restore() -> tuple[Order, Deployment, Situation]:
    intent = an_intent()
    woken = a_deployment(min_replica_count=0)
    situation = a_world(woken, deeds=Deeds.of([intent]), looks=Looks(default=active()))
    order = put_back([intent], woken, situation, reason="a request has woken it")
    assert order is not None
    return order, woken, situation


def test_what_is_put_back_rests_on_bounds_alone() -> None:
    order, woken, situation = a_restore()

    assert order.released is Released.RESTORED
    assert objection(order, examined(woken), situation, JUDGE) == ""
    assert not order.needs_evidence_of_use


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"min_replica_count": 2}, id="a person has set min"),
        pytest.param({"max_replica_count": 3}, id="a person has set max"),
        pytest.param({"scale_to_zero_window": minutes(9)}, id="a person has set the window"),
        pytest.param({"state": "DELETING"}, id="it is being deleted"),
    ],
)
def test_nothing_is_put_back_over_what_a_person_has_just_set(changes: dict[str, Any]) -> None:
    order, woken, situation = a_restore()

    assert objection(order, examined(replace(woken, **changes)), situation, JUDGE) != ""


def test_nothing_is_put_back_while_paused() -> None:
    order, woken, situation = a_restore()

    assert "paused" in objection(order, examined(woken), replace(situation, paused=True), JUDGE)


counts = st.integers(0, 3)


@given(
    least=counts,
    most=counts,
    desired=counts,
    ready=counts,
    starting=counts,
    state=st.sampled_from(["READY", "UPDATING", "DELETED", "NEW"]),
)
def test_whatever_is_found_only_the_same_is_acted_on(
    least: int, most: int, desired: int, ready: int, starting: int, state: str
) -> None:
    found = a_deployment(
        min_replica_count=least,
        max_replica_count=most,
        desired_replica_count=desired,
        ready_replica_count=ready,
        starting_replica_count=starting,
        state=state,
    )

    assert (objected(found) == "") is (found == a_deployment())


def test_the_listing_may_have_moved_too_without_an_objection_of_its_own() -> None:
    """What counts is the target as it was just read; the listing is older."""
    listed = a_fleet([a_deployment(max_replica_count=7)])

    assert objected(situation=a_world(fleet=listed)) == ""
