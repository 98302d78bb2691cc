"""What we set is put back exactly, once; what a person set since is theirs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.decide.bounds import before
from firewarden.decide.deeds import Deeds
from firewarden.decide.docket import Docket
from firewarden.decide.judge import judge
from firewarden.decide.situation import Situation
from firewarden.decide.standing import DELETED_SOON, Tended, put_back, tend
from firewarden.model.action import Bounds, Effect, Intent, Outcome, Released
from firewarden.model.deployment import Deployment
from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import Blocker, Mode, ProviderDelete, PutBack, Verb
from tests.support.acting import after, an_incident, an_intent, in_mode
from tests.support.deciding import (
    NOW,
    Looks,
    a_deployment,
    a_fleet,
    a_situation,
    active,
    at_zero,
    minutes,
    quiet,
)

DAY, WEEK = timedelta(days=1), timedelta(days=7)
POLICIES = replace(in_mode("enforce"), auto_delete_after=WEEK)
PLAIN = a_deployment(max_replica_count=4)
WAS = Bounds.of(PLAIN)
TO_ZERO, PARKED = (
    Effect(min_replica_count=0, replica_count=0),
    after(Effect(min_replica_count=0, max_replica_count=0), PLAIN),
)
STOPPED = after(TO_ZERO, PLAIN)
WOKEN = replace(STOPPED, desired_replica_count=1, ready_replica_count=1)
UID = PLAIN.uid


def stop(**changes: Any) -> Intent:
    return an_intent(**({"before": WAS} | changes))


def hold(**changes: Any) -> Intent:
    plain: dict[str, Any] = {
        "verb": Verb.HOLD_GROWTH,
        "effect": Effect(max_replica_count=2),
        "put_back": PutBack.NEVER,
        "policy": PolicyName("hold"),
    }
    return stop(**(plain | changes))


def a_world(deployment: Deployment, *intents: Intent, **changes: Any) -> Situation:
    plain: dict[str, Any] = {
        "ceiling": Mode.ENFORCE,
        "deeds": Deeds.of(replace(one, action_id=n) for n, one in enumerate(intents, start=1)),
        "looks": Looks(default=quiet(minutes(120))),
    }
    return a_situation(deployment, **(plain | changes))


def tended(deployment: Deployment, *intents: Intent, **changes: Any) -> Tended:
    docket = changes.pop("docket", Docket())
    return tend(a_world(deployment, *intents, **changes), docket, POLICIES)


def released(found: Tended) -> dict[int, Released]:
    return {one.action_id: one.why for one in found.releases}


def told(found: Tended) -> list[str]:
    return [notice.kind for notice in found.notices]


def test_what_a_request_has_woken_gets_its_old_bounds() -> None:
    found = tended(WOKEN, stop())
    (order,) = found.orders

    assert (order.verb, order.effect) == (Verb.RESTORE, Effect(min_replica_count=1))
    assert (order.releases, order.released) == ((1,), Released.RESTORED)
    assert order.reason == "a request has woken it"
    assert Bounds.of(after(order.effect, WOKEN)) == WAS
    assert (found.releases, found.notices) == ((), ())


@pytest.mark.parametrize(
    "deployment",
    [
        pytest.param(STOPPED, id="at zero"),
        pytest.param(replace(STOPPED, starting_replica_count=1), id="what starts is let go"),
    ],
)
def test_what_sleeps_is_left_asleep(deployment: Deployment) -> None:
    assert tended(deployment, stop()) == Tended()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"desired_replica_count": 1, "ready_replica_count": 0}, id="asked for"),
        pytest.param({"desired_replica_count": 0, "ready_replica_count": 1}, id="ready"),
    ],
)
def test_a_wake_is_seen_as_soon_as_it_is_asked_for(changes: dict[str, Any]) -> None:
    assert len(tended(replace(WOKEN, **changes), stop()).orders) == 1


@pytest.mark.parametrize(
    ("changes", "intent"),
    [
        pytest.param({"paused": True}, {}, id="paused"),
        pytest.param({"fleet": a_fleet([WOKEN], complete=False)}, {}, id="not a whole listing"),
        pytest.param({"fleet": a_fleet([])}, {}, id="not in the listing"),
        pytest.param({"ceiling": Mode.WARN}, {}, id="the ceiling forbids calls"),
        pytest.param({"ceiling": Mode.OBSERVE}, {}, id="observing"),
        pytest.param({}, {"put_back": PutBack.NEVER}, id="never to be put back"),
        pytest.param(
            {"docket": Docket(opened={(UID, PolicyName("idle")): an_incident(
                opened_at=an_intent().opened_at)})},
            {},
            id="its story is not over",
        ),
        pytest.param(
            {},
            {
                "outcome": Outcome.FAILED,
                "verb": Verb.PARK,
                "effect": Effect(min_replica_count=0),
                "put_back": PutBack.NEVER,
            },
            id="another verb",
        ),
    ],
)  # fmt: skip
def test_nothing_is_put_back(changes: dict[str, Any], intent: dict[str, Any]) -> None:
    assert tended(WOKEN, stop(**intent), **changes) == Tended()


def test_the_open_story_of_another_incident_keeps_nothing_from_being_put_back() -> None:
    other = an_incident(opened_at=NOW - minutes(3))
    docket = Docket(opened={(UID, PolicyName("idle")): other})

    assert len(tended(WOKEN, stop(), docket=docket).orders) == 1


def test_after_three_failures_nothing_is_put_back_for_a_while() -> None:
    failures = [
        stop(verb=Verb.RESTORE, effect=Effect(min_replica_count=1), outcome=Outcome.FAILED)
    ] * 3

    assert tended(WOKEN, stop(), *failures) == Tended()
    assert len(tended(WOKEN, stop(), *failures[:2]).orders) == 1


def test_what_is_parked_is_not_woken() -> None:
    park = stop(verb=Verb.PARK, effect=Effect(min_replica_count=0, max_replica_count=0))
    draining = replace(PARKED, ready_replica_count=1)

    assert tended(draining, replace(park, put_back=PutBack.NEVER)) == Tended()
    assert tended(draining, park) == Tended()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"min_replica_count": 1}, Released.HUMAN, id="min moved back"),
        pytest.param({"min_replica_count": 3}, Released.HUMAN, id="min moved elsewhere"),
        pytest.param({"max_replica_count": 9}, None, id="max is none of ours"),
        pytest.param({"scale_to_zero_window": minutes(9)}, None, id="nor is the window"),
        pytest.param({"state": "DELETED"}, Released.GONE, id="deleted"),
    ],
)
def test_what_a_person_has_changed_is_theirs(changes: dict[str, Any], why: Released | None) -> None:
    found = tended(replace(STOPPED, **changes), stop())

    assert released(found) == ({} if why is None else {1: why})
    assert found.orders == ()
    assert told(found) == (["idle.cancelled"] if why is Released.HUMAN else [])


def test_what_a_person_set_besides_is_not_overwritten() -> None:
    """We had set min 0 alone; somebody has raised max since: only min goes back."""
    (order,) = tended(replace(WOKEN, max_replica_count=9), stop()).orders

    assert order.effect == Effect(min_replica_count=1)
    assert order.before.max_replica_count == 9


def test_a_floor_is_not_put_back_above_a_ceiling_that_a_person_has_lowered() -> None:
    was = replace(WAS, min_replica_count=3)
    (order,) = tended(replace(WOKEN, max_replica_count=2), stop(before=was)).orders

    assert order.effect == Effect(min_replica_count=2)
    assert order.before.min_replica_count == 2


def test_a_listing_asked_for_before_the_call_says_nothing_of_it() -> None:
    late = {"planned_at": NOW - timedelta(seconds=2), "finished_at": NOW}

    assert tended(PLAIN, stop(**late)) == Tended()
    assert released(tended(PLAIN, stop())) == {1: Released.HUMAN}


def test_gone_is_gone_whatever_is_listed() -> None:
    found = tended(a_deployment("other"), stop(), gone=frozenset({UID}))

    assert released(found) == {1: Released.GONE}


def test_undone_twice_is_contested_and_the_policy_stands_down() -> None:
    once = stop(released=Released.HUMAN, released_at=NOW - DAY)
    first, second = tended(PLAIN, stop()), tended(PLAIN, once, stop())

    assert told(first) == ["idle.cancelled"]
    assert told(second) == ["idle.cancelled", "deployment.contested"]
    undone = [one.action_id for one in second.releases]
    deeds = a_world(PLAIN, once, stop()).deeds.without(second.releases, at=NOW)
    (verdict,) = judge(a_world(PLAIN, deeds=deeds), POLICIES)
    assert undone == [2]
    assert verdict.blocked_by is Blocker.CONTESTED


def test_two_changes_undone_by_one_hand_are_not_contested() -> None:
    twice = [stop(outcome=Outcome.FAILED), stop()]

    assert told(tended(PLAIN, *twice)) == ["idle.cancelled"]
    assert released(tended(PLAIN, *twice)) == {1: Released.HUMAN, 2: Released.HUMAN}


# --- several changes at one deployment ------------------------------------------------


HELD_AND_STOPPED = replace(STOPPED, max_replica_count=2)


def test_what_woke_gets_back_what_the_stop_had_set_and_nothing_else() -> None:
    woken = replace(HELD_AND_STOPPED, desired_replica_count=1, ready_replica_count=1)
    (order,) = tended(woken, hold(), stop()).orders

    assert order.effect == Effect(min_replica_count=1)
    assert order.releases == (2,)
    (order,) = tended(woken, stop(), hold()).orders
    assert order.effect == Effect(min_replica_count=1)
    assert order.releases == (1,)


def test_a_person_gets_everything_back_at_once() -> None:
    situation = a_world(HELD_AND_STOPPED, hold(), stop())
    order = put_back(situation.deeds.standing(), HELD_AND_STOPPED, situation, reason="asked")

    assert order is not None
    assert order.releases == (1, 2)
    assert Bounds.of(after(order.effect, HELD_AND_STOPPED)) == replace(WAS, desired_replica_count=0)


def test_of_two_changes_only_the_one_that_a_person_undid_is_theirs() -> None:
    raised = replace(HELD_AND_STOPPED, max_replica_count=8)
    found = tended(raised, hold(), stop())
    woken = replace(raised, desired_replica_count=1, ready_replica_count=1)

    assert released(found) == {1: Released.HUMAN}
    (order,) = tended(
        woken, replace(hold(), released_at=NOW, released=Released.HUMAN), stop()
    ).orders
    assert order.effect == Effect(min_replica_count=1)


def test_a_later_change_of_the_same_bound_is_no_persons() -> None:
    lowered = stop(
        verb=Verb.SET_AUTOSCALING,
        effect=Effect(min_replica_count=1),
        before=replace(WAS, min_replica_count=3),
        put_back=PutBack.NEVER,
    )
    stopped = stop(before=replace(WAS, min_replica_count=3))
    (order,) = tended(WOKEN, lowered, stopped).orders

    assert order.effect == Effect(min_replica_count=1)
    assert order.releases == (2,)


def test_a_failed_change_that_was_never_taken_is_let_go_and_the_others_stand() -> None:
    held = replace(PLAIN, max_replica_count=2)
    found = tended(held, hold(), stop(outcome=Outcome.FAILED))

    assert released(found) == {2: Released.RESTORED}
    assert found.notices == ()


def test_a_failed_change_may_still_land_for_a_moment() -> None:
    at = NOW - timedelta(seconds=30)
    lost = stop(outcome=Outcome.FAILED, planned_at=at, finished_at=at)

    assert tended(PLAIN, lost) == Tended()
    assert released(tended(PLAIN, replace(lost, finished_at=at - timedelta(seconds=1)))) == {
        1: Released.RESTORED
    }


def test_a_stop_that_was_begun_and_not_completed_is_put_back_once_its_story_is_over() -> None:
    begun = stop(outcome=Outcome.FAILED)
    running = replace(PLAIN, min_replica_count=0)
    under_way = Docket(opened={(UID, begun.policy): an_incident(opened_at=begun.opened_at)})

    assert tended(running, begun, docket=under_way) == Tended()
    (order,) = tended(running, begun).orders
    assert (order.effect, order.reason) == (
        Effect(min_replica_count=1),
        "its stop was begun and not completed",
    )


# --- what became of our own putting back ----------------------------------------------


def restore(**changes: Any) -> Intent:
    plain: dict[str, Any] = {
        "verb": Verb.RESTORE,
        "effect": Effect(min_replica_count=1),
        "put_back": PutBack.NEVER,
        "opened_at": None,
        "reason": "a request has woken it",
    }
    return stop(**(plain | changes))


@pytest.mark.parametrize("outcome", [Outcome.APPLIED, Outcome.FAILED, Outcome.EXPIRED])
def test_what_we_put_back_ourselves_is_no_persons_change(outcome: Outcome) -> None:
    """A crash came between the call and its outcome: nobody has released the stop."""
    found = tended(PLAIN, stop(), restore(outcome=outcome))

    assert released(found) == {1: Released.RESTORED}
    assert (found.orders, found.notices) == ((), ())


def test_what_we_put_back_for_want_of_an_owner_still_waits_for_one() -> None:
    found = tended(PLAIN, stop(), restore(reason=DELETED_SOON))

    assert released(found) == {1: Released.NEEDS_OWNER}


def test_while_a_call_may_be_under_way_nothing_is_said_of_its_target() -> None:
    begun = restore(outcome=Outcome.PLANNED, finished_at=None)

    assert tended(PLAIN, stop(), begun) == Tended()
    assert tended(WOKEN, stop(), begun) == Tended()


def test_putting_back_one_change_ends_no_other() -> None:
    held = replace(PLAIN, max_replica_count=2)
    done = stop(released=Released.RESTORED, released_at=NOW)

    assert tended(held, hold(), done, restore()) == Tended()


def test_what_was_put_back_and_then_changed_is_a_persons() -> None:
    moved = replace(PLAIN, min_replica_count=2)

    assert released(tended(moved, stop(), restore())) == {1: Released.HUMAN}


# --- the provider's delete clock -------------------------------------------------------


def left(span: timedelta, **changes: Any) -> Intent:
    """A stop after which *span* is left before the provider deletes."""
    at = NOW - WEEK + span
    return stop(**({"planned_at": at, "finished_at": at} | changes))


@pytest.mark.parametrize(
    ("intent", "is_put_back"),
    [
        pytest.param(left(DAY), True, id="a day before"),
        pytest.param(left(DAY + minutes(1)), False, id="not sooner"),
        pytest.param(left(-DAY), True, id="late is better than never"),
        pytest.param(left(DAY, provider_delete=ProviderDelete.ASK), True, id="silence restores"),
        pytest.param(left(DAY, provider_delete=ProviderDelete.LET_GO), False, id="let go"),
        pytest.param(
            left(DAY, before=replace(WAS, min_replica_count=0), effect=Effect(max_replica_count=2)),
            False,
            id="the clock was not started by us",
        ),
        pytest.param(left(DAY, put_back=PutBack.NEVER), True, id="whatever is done on a wake"),
    ],
)
def test_before_the_provider_deletes_for_our_zero_the_floor_goes_back(
    intent: Intent, *, is_put_back: bool
) -> None:
    orders = tended(after(intent.effect, STOPPED), intent).orders

    assert len(orders) == is_put_back
    for order in orders:
        assert order.released is Released.NEEDS_OWNER
        assert order.effect == Effect(min_replica_count=1)


def test_what_was_used_lately_is_not_deleted_soon() -> None:
    used = Looks(default=replace(quiet(minutes(9)), active_at=NOW - DAY))

    assert tended(STOPPED, left(DAY), looks=used) == Tended()


def test_where_the_provider_deletes_nothing_nothing_is_put_back_for_it() -> None:
    no_clock = replace(POLICIES, auto_delete_after=None)

    assert tend(a_world(STOPPED, left(DAY)), Docket(), no_clock) == Tended()


def test_a_parked_one_gets_both_bounds_back() -> None:
    parked = left(
        DAY,
        verb=Verb.PARK,
        effect=Effect(min_replica_count=0, max_replica_count=0),
        put_back=PutBack.NEVER,
    )
    (order,) = tended(PARKED, parked).orders

    assert order.effect == Effect(min_replica_count=1, max_replica_count=4)


@pytest.mark.parametrize(
    ("intent", "changes", "kinds"),
    [
        pytest.param(left(3 * DAY), {}, [], id="restore: silently"),
        pytest.param(
            left(3 * DAY, provider_delete=ProviderDelete.ASK),
            {},
            ["deployment.provider_deletes"],
            id="ask: three days before",
        ),
        pytest.param(
            left(3 * DAY + minutes(1), provider_delete=ProviderDelete.ASK), {}, [], id="not sooner"
        ),
        pytest.param(
            left(3 * DAY),
            {"ceiling": Mode.OBSERVE},
            ["deployment.provider_deletes"],
            id="restore forbidden by the ceiling: told in time",
        ),
        pytest.param(
            left(3 * DAY, provider_delete=ProviderDelete.LET_GO),
            {"ceiling": Mode.OBSERVE},
            [],
            id="let go: nobody has to know",
        ),
    ],
)
def test_people_are_asked_or_told_in_time(
    intent: Intent, changes: dict[str, Any], kinds: list[str]
) -> None:
    found = tended(STOPPED, intent, **changes)

    assert told(found) == kinds
    assert found.orders == ()
    for notice in found.notices:
        assert ("in observe nothing is put back" in notice.text) is bool(changes)
        assert notice.once


def test_after_it_was_put_back_for_want_of_an_owner_the_policy_waits_for_a_request() -> None:
    owed = left(DAY, released=Released.NEEDS_OWNER, released_at=NOW - minutes(200))
    used = replace(quiet(minutes(120)), active_at=NOW - minutes(121))

    (unused,) = judge(a_world(PLAIN, owed), POLICIES)
    (called,) = judge(a_world(PLAIN, owed, looks=Looks(default=used)), POLICIES)

    assert unused.blocked_by is Blocker.NEEDS_OWNER
    assert called.blocked_by is None


# --- for any history --------------------------------------------------------------------


counts = st.integers(0, 4)
effects = st.builds(
    lambda least, most: Effect(min_replica_count=least, max_replica_count=most),
    st.none() | counts,
    st.none() | counts,
).filter(lambda effect: effect.sets_bounds)


def stacked(deployment: Deployment, asked: list[Effect]) -> tuple[Deployment, list[Intent]]:
    """Carry out *asked* one after the other, each written down as an order would be."""
    intents: list[Intent] = []
    for number, effect in enumerate(asked, start=1):
        situation = a_world(deployment, *intents)
        was = before(situation.deeds.standing_at(UID), deployment)
        intents.append(stop(action_id=number, effect=effect, before=was))
        deployment = after(effect, deployment)
    return deployment, intents


@given(asked=st.lists(effects, min_size=1, max_size=4), least=counts, more=counts)
def test_however_many_changes_stand_the_bounds_go_back_exactly(
    asked: list[Effect], least: int, more: int
) -> None:
    plain = a_deployment(min_replica_count=least, max_replica_count=least + more)
    changed, intents = stacked(plain, asked)
    situation = a_world(changed, *intents)
    order = put_back(situation.deeds.standing(), changed, situation, reason="asked")
    back = changed if order is None else after(order.effect, changed)

    assert (back.min_replica_count, back.max_replica_count) == (least, least + more)


@given(
    asked=st.lists(effects, min_size=1, max_size=3),
    least=st.none() | counts,
    most=st.none() | counts,
)
def test_whatever_a_person_sets_meanwhile_is_never_put_back_over(
    asked: list[Effect], least: int | None, most: int | None
) -> None:
    changed, intents = stacked(PLAIN, asked)
    by_hand = after(Effect(min_replica_count=least, max_replica_count=most), changed)
    awake = replace(by_hand, desired_replica_count=1, ready_replica_count=1)
    found = tended(awake, *intents)
    while found.releases:
        why = released(found)
        intents = [
            replace(one, released=why[one.action_id], released_at=NOW)
            if one.action_id in why
            else one
            for one in intents
        ]
        found = tended(awake, *intents)
    for order in found.orders:
        if least is not None and by_hand.min_replica_count != changed.min_replica_count:
            assert order.effect.min_replica_count is None
        if most is not None and by_hand.max_replica_count != changed.max_replica_count:
            assert order.effect.max_replica_count is None


def test_the_order_of_deployments_never_matters() -> None:
    others = [a_deployment("exp-2", min_replica_count=0), at_zero("exp-3")]
    intents = [stop(), stop(uid=others[0].uid), stop(uid=others[1].uid)]
    deeds = Deeds.of(replace(one, action_id=n) for n, one in enumerate(intents, start=1))
    orders = [
        {order.uid for order in tend(
            a_situation(*fleet, ceiling=Mode.ENFORCE, deeds=deeds, looks=Looks(default=active())),
            Docket(),
            POLICIES,
        ).orders}
        for fleet in ([WOKEN, *others], [*reversed(others), WOKEN])
    ]  # fmt: skip

    assert orders[0] == orders[1] == {UID, others[0].uid}
