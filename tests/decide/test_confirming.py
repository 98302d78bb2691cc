"""Only later listings prove that a change has come about."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firewarden.decide.confirming import Confirmed, confirm
from firewarden.decide.situation import Situation
from firewarden.model.action import Effect, Intent, Outcome, Released
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import IncidentState
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import PolicySet
from tests.support.acting import Ring, a_ring, after, an_incident, an_intent, in_mode, kinds
from tests.support.deciding import (
    IDLE,
    NOW,
    Looks,
    a_deployment,
    a_fleet,
    a_situation,
    active,
    minutes,
    quiet,
)

SECOND = timedelta(seconds=1)
CALL = an_intent(planned_at=NOW - minutes(2), finished_at=NOW - minutes(1))
INCIDENT = an_incident(opened_at=CALL.opened_at)
RUNNING = a_deployment(min_replica_count=0)
STOPPED = after(CALL.effect, a_deployment())
YES, NO, NOT_YET, OVERRULED = (
    Confirmed.YES,
    Confirmed.NO,
    Confirmed.NOT_YET,
    Confirmed.OVERRULED,
)


def seen(deployment: Deployment | None, **changes: Any) -> Situation:
    fleet = a_fleet([] if deployment is None else [deployment], **changes.pop("fleet", {}))
    plain: dict[str, Any] = {"fleet": fleet, "looks": Looks(default=quiet(minutes(9)))}
    return a_situation(**(plain | changes))


def found(call: Intent, situation: Situation) -> Confirmed:
    return confirm(call, INCIDENT, situation)[0]


@pytest.mark.parametrize(
    ("verb", "effect", "changes", "confirmed"),
    [
        pytest.param(
            Verb.SCALE_TO_ZERO, CALL.effect, {}, YES, id="stopped: none is ready or asked for"
        ),
        pytest.param(
            Verb.SCALE_TO_ZERO, CALL.effect, {"ready_replica_count": 1}, NOT_YET, id="it drains"
        ),
        pytest.param(
            Verb.SCALE_TO_ZERO, CALL.effect, {"desired_replica_count": 1}, NOT_YET, id="asked for"
        ),
        pytest.param(
            Verb.SCALE_TO_ZERO, CALL.effect, {"min_replica_count": 1}, NOT_YET, id="other bounds"
        ),
        pytest.param(
            Verb.PARK,
            Effect(min_replica_count=0, max_replica_count=0),
            {"max_replica_count": 0},
            YES,
            id="parked",
        ),
        pytest.param(
            Verb.PARK,
            Effect(min_replica_count=0, max_replica_count=0),
            {},
            NOT_YET,
            id="not parked: max is as it was",
        ),
        pytest.param(
            Verb.PARK,
            Effect(min_replica_count=0, max_replica_count=0),
            {"max_replica_count": 0, "ready_replica_count": 1},
            NOT_YET,
            id="parked, and it drains",
        ),
        pytest.param(Verb.DELETE, Effect(delete=True), {"state": "DELETING"}, YES, id="on its way"),
        pytest.param(Verb.DELETE, Effect(delete=True), {"state": "DELETED"}, YES, id="deleted"),
        pytest.param(Verb.DELETE, Effect(delete=True), {}, NOT_YET, id="there still"),
        pytest.param(
            Verb.HOLD_GROWTH,
            Effect(max_replica_count=2),
            {"ready_replica_count": 2},
            YES,
            id="held",
        ),
        pytest.param(Verb.HOLD_GROWTH, Effect(max_replica_count=1), {}, NOT_YET, id="not held"),
        pytest.param(
            Verb.SET_AUTOSCALING, Effect(min_replica_count=0), {}, YES, id="bounds as they were set"
        ),
        pytest.param(
            Verb.SET_AUTOSCALING,
            Effect(scale_to_zero_window=minutes(5)),
            {},
            NOT_YET,
            id="the window is not",
        ),
    ],
)
def test_each_verb_has_its_own_proof(
    verb: Verb, effect: Effect, changes: dict[str, Any], confirmed: Confirmed
) -> None:
    call = replace(CALL, verb=verb, effect=effect)

    assert found(call, seen(replace(STOPPED, **changes))) is confirmed


@pytest.mark.parametrize(
    ("situation", "confirmed"),
    [
        pytest.param(seen(STOPPED), YES, id="a whole listing"),
        pytest.param(seen(STOPPED, fleet={"complete": False}), NOT_YET, id="not whole"),
        pytest.param(
            seen(STOPPED, fleet={"asked_at": NOW - minutes(1)}), NOT_YET, id="asked with the call"
        ),
        pytest.param(
            seen(STOPPED, fleet={"asked_at": NOW - minutes(1) + SECOND}), YES, id="asked after it"
        ),
        pytest.param(seen(None), NOT_YET, id="absence is no proof"),
        pytest.param(seen(None, gone=frozenset({CALL.uid})), YES, id="gone is"),
        pytest.param(seen(replace(RUNNING, state="DELETED")), YES, id="deleted is"),
    ],
)
def test_only_whole_listings_asked_for_after_the_call_tell(
    situation: Situation, confirmed: Confirmed
) -> None:
    assert found(CALL, situation) is confirmed


@pytest.mark.parametrize("state", ["gone", "deleted"])
def test_what_somebody_deleted_after_our_stop_is_not_said_to_be_at_zero(state: str) -> None:
    listed = None if state == "gone" else replace(STOPPED, state="DELETED")
    situation = seen(listed, gone=frozenset({CALL.uid}) if state == "gone" else frozenset())

    assert confirm(CALL, INCIDENT, situation) == (YES, "it is gone")


@pytest.mark.parametrize(
    ("deployment", "look", "confirmed"),
    [
        pytest.param(RUNNING, active(), YES, id="woken right after the stop"),
        pytest.param(
            RUNNING, replace(active(), active_at=CALL.planned_at), NOT_YET, id="used before it"
        ),
        pytest.param(a_deployment(), active(), NOT_YET, id="in use, and its bounds are not ours"),
    ],
)
def test_what_a_request_woke_had_been_stopped(
    deployment: Deployment, look: Any, confirmed: Confirmed
) -> None:
    assert found(CALL, seen(deployment, looks=Looks(default=look))) is confirmed


@pytest.mark.parametrize(
    ("verb", "effect"),
    [
        pytest.param(Verb.DELETE, Effect(delete=True), id="delete"),
        pytest.param(Verb.PARK, Effect(min_replica_count=0), id="park"),
    ],
)
def test_use_proves_nothing_of_what_no_request_wakes(verb: Verb, effect: Effect) -> None:
    call = replace(CALL, verb=verb, effect=effect)

    assert found(call, seen(RUNNING, looks=Looks(default=active()))) is NOT_YET


@pytest.mark.parametrize(
    ("ago", "confirmed"),
    [
        pytest.param(minutes(15) - SECOND, NOT_YET, id="replicas drain in minutes"),
        pytest.param(minutes(15), NO, id="a quarter of an hour is enough"),
    ],
)
def test_what_no_listing_shows_in_time_has_failed(ago: timedelta, confirmed: Confirmed) -> None:
    call = replace(CALL, planned_at=NOW - minutes(60), finished_at=NOW - ago)

    assert found(call, seen(RUNNING)) is confirmed
    assert found(call, seen(RUNNING, fleet={"complete": False})) is NOT_YET


def test_what_a_person_set_after_our_change_is_no_failure() -> None:
    undone = replace(CALL, released=Released.HUMAN, released_at=NOW)

    assert found(undone, seen(a_deployment())) is OVERRULED
    assert found(undone, seen(None, fleet={"complete": False})) is OVERRULED


# --- in the ring --------------------------------------------------------------------------

IN_A_WEEK = (NOW + minutes(15.5) + timedelta(days=7)).isoformat()


def stopped(*, policy_set: PolicySet | None = None, **outcome: Any) -> Ring:
    """A ring in which the stop of exp-1 was just called."""
    ring = a_ring(policy_set or in_mode("enforce"), a_deployment(), a_deployment("web-1"))
    ring.cycle()
    ring.deliver()
    ring.pass_time(minutes(0.5))
    (order,) = ring.orders(ring.pass_time(minutes(15)))
    ring.carry_out(order, **outcome)
    ring.told.clear()
    return ring


def the_state(ring: Ring) -> IncidentState:
    pair = (a_deployment().uid, ring.policy_set.policies[0].name)
    found = [one.get(pair) for one in (ring.docket.opened, ring.docket.done, ring.docket.failed)]
    return next(incident.state for incident in found if incident is not None)


def test_a_stop_is_done_once_the_next_listing_shows_it() -> None:
    ring = stopped()
    assert the_state(ring) is IncidentState.ACTING

    ring.pass_time(minutes(0.5))

    assert the_state(ring) is IncidentState.DONE
    assert kinds(ring) == ["idle.acted"]
    assert ring.told[0].facts["before_min_replica_count"] == "1"
    assert ring.told[0].facts["after_min_replica_count"] == "0"


@pytest.mark.parametrize(
    ("word", "doomed"),
    [
        pytest.param("restore", None, id="put back before"),
        pytest.param("ask", IN_A_WEEK, id="asked about before"),
        pytest.param("let_go", IN_A_WEEK, id="let go"),
    ],
)
def test_whoever_hears_of_a_stop_hears_when_the_provider_will_delete_it(
    word: str, doomed: str | None
) -> None:
    text = IDLE.replace("    match:", f"    provider_delete: {word}\n    match:")
    ring = stopped(policy_set=in_mode("enforce", text))
    ring.pass_time(minutes(0.5))

    (told,) = ring.told
    assert told.kind == "idle.acted"
    assert told.facts.get("provider_deletes_at") == doomed


def test_a_stop_that_never_comes_about_fails_and_pages() -> None:
    ring = stopped()
    ring.fleet["exp-1"] = replace(ring.fleet["exp-1"], ready_replica_count=1)
    ring.pass_time(minutes(14))
    assert ring.told == []
    ring.pass_time(minutes(1))

    assert the_state(ring) is IncidentState.FAILED
    assert [(each.kind, each.severity) for each in ring.told] == [("action.failed", "page")]


def test_what_a_person_moves_back_before_it_was_seen_is_left_to_them() -> None:
    ring = stopped()
    ring.fleet["exp-1"] = a_deployment()
    ring.pass_time(minutes(0.5))
    ring.pass_time(minutes(0.5))

    assert the_state(ring) is IncidentState.DONE
    assert kinds(ring) == ["idle.cancelled", "idle.cancelled"]
    for _ in range(100):
        assert ring.orders(ring.pass_time(minutes(30))) == []


@pytest.mark.parametrize("outcome", [Outcome.PLANNED])
def test_while_nobody_knows_whether_a_call_was_taken_its_story_stands_still(
    outcome: Outcome,
) -> None:
    ring = stopped(outcome=outcome)
    ring.fleet["exp-1"] = after(CALL.effect, ring.fleet["exp-1"])
    for by in (0.5, 60, 600):
        steps = ring.pass_time(minutes(by))
        assert (steps.changed, steps.due, ring.told) == ((), (), [])
        assert ring.plan().actions == ()


def test_a_call_found_to_have_set_bounds_alone_is_gone_on_with() -> None:
    """The process died between the PATCH and the scale; its bounds are in force."""
    ring = stopped(outcome=Outcome.FAILED)
    ring.fleet["exp-1"] = RUNNING
    steps = ring.pass_time(minutes(0.5))
    (order,) = ring.orders(steps)

    assert order.effect == Effect(replica_count=0)
    ring.carry_out(order)
    ring.pass_time(minutes(0.5))
    assert the_state(ring) is IncidentState.DONE
    ring.fleet["exp-1"] = RUNNING
    (back,) = ring.orders(ring.pass_time(minutes(30)))
    assert (back.verb, back.effect) == (Verb.RESTORE, Effect(min_replica_count=1))


def test_the_third_stop_of_a_day_says_that_the_next_wake_lasts() -> None:
    ring = a_ring(in_mode("enforce"))
    for _ in range(4):
        ring.now += minutes(130)
        woken_at = ring.now - minutes(125)
        ring.wake("exp-1")
        ring.ages.ready = woken_at
        for by in (0, 0.5, 15, 0.5):
            ring.now += minutes(by)
            look = quiet(ring.now - woken_at, now=ring.now)
            ring.looks = {"exp-1": replace(look, active_at=woken_at)}
            steps = ring.cycle()
            ring.deliver()
            for order in ring.orders(steps):
                ring.carry_out(order)

    told = [notice for notice in ring.told if "stopped 3 times within a day" in notice.text]
    assert len(told) == 1
    verbs = [one.verb for one in ring.deeds.intents.values()]
    assert verbs == [Verb.SCALE_TO_ZERO, Verb.RESTORE] * 3
