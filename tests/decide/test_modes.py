"""How far each mode goes, when grace begins, and what a yes is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.decide.incidents import Steps
from firewarden.model.action import Outcome, Released
from firewarden.model.activity import QuietEvidence
from firewarden.model.delivery import Delivery
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Mode, Severity, Verb
from tests.support.acting import ENFORCED, WIDE, Ring, a_ring, an_intent, in_mode, kinds
from tests.support.deciding import (
    IDLE,
    NOW,
    UNKNOWN,
    Since,
    a_deployment,
    active,
    minutes,
    policies,
    quiet,
)

TICK = minutes(0.5)
MODES = ("observe", "warn", "approve", "enforce")


def the(ring: Ring) -> Incident:
    (incident,) = ring.docket.opened.values()
    return incident


def warned(mode: str = "enforce", text: str = IDLE, *names: str) -> Ring:
    """A ring whose warnings were said at NOW and heard at once."""
    fleet = [a_deployment(name) for name in names or ("exp-1",)]
    ring = a_ring(in_mode(mode, text), *fleet)
    ring.cycle()
    ring.deliver()
    return ring


def run(ring: Ring, *, until: timedelta, by: timedelta = TICK) -> list[Steps]:
    """Cycle each half minute, or after *by*, until *until* after NOW."""
    found = []
    while ring.now - NOW < until:
        found.append(ring.pass_time(by))
    return found


def due(steps: list[Steps]) -> int:
    return sum(len(each.due) for each in steps)


# --- modes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "told", "orders"),
    [
        pytest.param("observe", ["idle.warn", "idle.acted"], False, id="observe"),
        pytest.param("warn", ["idle.warn", "idle.acted"], False, id="warn"),
        pytest.param("approve", ["idle.warn", "action.pending"], False, id="approve"),
        pytest.param("enforce", ["idle.warn"], True, id="enforce"),
    ],
)
def test_each_mode_goes_as_far_as_it_says(mode: str, told: list[str], *, orders: bool) -> None:
    ring = warned(mode)
    steps = run(ring, until=minutes(16))

    assert kinds(ring) == told
    assert bool(due(steps)) is orders
    assert {notice.quietly for notice in ring.told} == {mode == "observe"}


def test_what_is_warned_of_says_what_would_be_and_what_will() -> None:
    texts = {mode: warned(mode).told[0].text.partition("; ")[2] for mode in MODES}

    assert texts == {
        "observe": "would be scaled to zero at 12:15 UTC [idle]",
        "warn": "would be scaled to zero at 12:15 UTC if this policy were enforced [idle]",
        "approve": "to be scaled to zero at 12:15 UTC, once approved [idle]",
        "enforce": "to be scaled to zero at 12:15 UTC [idle]",
    }


@pytest.mark.parametrize("ceiling", list(Mode))
@pytest.mark.parametrize("mode", MODES)
def test_the_ceiling_lowers_and_never_raises(mode: str, ceiling: Mode) -> None:
    ring = a_ring(in_mode(mode))
    ring.ceiling = ceiling
    steps = [ring.cycle()]
    ring.deliver()
    steps += run(ring, until=minutes(16))
    own = {"observe": Mode.OBSERVE, "warn": Mode.WARN, "approve": Mode.APPROVE}

    modes = {one.mode for each in steps for one in each.changed}
    expected = min(own.get(mode, Mode.ENFORCE), ceiling)
    assert modes == (set() if ceiling is Mode.DISABLED else {expected})
    assert bool(due(steps)) is (expected is Mode.ENFORCE)


def test_even_limits_are_told_quietly_by_what_only_observes() -> None:
    text = IDLE + "    limits: {per_cycle: 1, share_per_hour: 100%}\n"
    fleet = [a_deployment(f"exp-{n}") for n in range(3)]
    observed = a_ring(policies(text), *fleet)
    enforced = a_ring(policies(text.replace("match:", "mode: enforce\n    match:")), *fleet)
    for ring in (observed, enforced):
        ring.cycle()
        ring.deliver()
        run(ring, until=minutes(17))

    assert "policy.limit_hit" in kinds(observed)
    assert {notice.quietly for notice in observed.told} == {True}
    assert {notice.quietly for notice in enforced.told} == {False}


def test_what_only_observes_keeps_nothing_from_being_enforced() -> None:
    """Both are due at once, and the one that observes is the longer due."""
    text = (
        ENFORCED
        + WIDE
        + """
  a-watcher:
    match: {all: true}
    when: {idle_for: 40m}
    stages: [warn, {wait: 14m}, scale_to_zero]
    limits: {per_cycle: 99, per_hour: 99, share_per_hour: 100%}
"""
    )
    ring = a_ring(policies(text))
    ring.cycle()
    ring.deliver()
    steps = run(ring, until=minutes(16))

    assert {one.policy for each in steps for one in each.due} == {"idle"}


def test_between_two_that_are_due_the_gentlest_goes() -> None:
    text = (
        ENFORCED
        + WIDE
        + """
  a-parker:
    mode: enforce
    match: {all: true}
    when: {idle_for: 40m}
    stages: [warn, {wait: 10m}, park]
    allow: [unknown_env]
    limits: {per_cycle: 99, per_hour: 99, share_per_hour: 100%}
"""
    )
    ring = a_ring(policies(text))
    ring.cycle()
    ring.deliver()
    ring.pass_time(TICK)
    last = ring.pass_time(minutes(15))

    assert [one.verb for one in last.due] == [Verb.SCALE_TO_ZERO]
    parker = ring.docket.opened[a_deployment().uid, PolicyName("a-parker")]
    assert parker.state is IncidentState.ACTING


def test_an_order_that_is_not_carried_out_stays_due() -> None:
    ring = warned()
    steps = run(ring, until=minutes(18))

    assert [len(each.due) for each in steps][-6:] == [1] * 6


# --- grace ---------------------------------------------------------------------------


@pytest.mark.parametrize("heard", [0, 1, 59, 240])
@pytest.mark.parametrize("mode", ["warn", "approve", "enforce"])
def test_grace_starts_at_the_receipt_and_not_before(mode: str, heard: float) -> None:
    ring = a_ring(in_mode(mode))
    ring.cycle()
    run(ring, until=minutes(heard), by=minutes(1))
    assert the(ring).acts_at is None
    ring.deliver()
    ring.pass_time(TICK)

    assert the(ring).warned_at == NOW + minutes(heard)
    assert the(ring).acts_at == NOW + minutes(heard + 15)


def test_a_receipt_of_before_the_warning_counts_from_the_warning() -> None:
    ring = a_ring(in_mode("enforce"))
    ring.cycle()
    ring.deliver(at=NOW - minutes(60))
    ring.pass_time(TICK)

    assert the(ring).acts_at == NOW + minutes(15)


def test_what_reached_nobody_is_not_done_is_told_once_and_recovers() -> None:
    ring = a_ring(in_mode("enforce"))
    ring.cycle()
    ring.deliver(delivered_at=None, failed=True)
    steps = run(ring, until=timedelta(days=2), by=minutes(60))

    assert due(steps) == 0
    assert kinds(ring) == ["idle.warn", "delivery.undelivered"]
    assert the(ring).held_by is Blocker.UNDELIVERED
    ring.deliver()
    ring.pass_time(TICK)
    assert kinds(ring)[2:] == ["delivery.undelivered"]
    assert ring.told[-1].resolved
    assert (the(ring).held_by, the(ring).acts_at) == (None, ring.now - TICK + minutes(15))


@pytest.mark.parametrize("fog", [{"paused": True}, {"complete_cycles": 1}], ids=["paused", "blind"])
def test_what_reached_nobody_is_told_once_whatever_comes_between(fog: dict[str, Any]) -> None:
    ring = a_ring(in_mode("enforce"))
    ring.cycle()
    ring.deliver(delivered_at=None, failed=True)
    ring.pass_time(TICK)
    ring.pass_time(TICK, **fog)
    ring.pass_time(TICK)
    ring.looks = {"exp-1": active(now=ring.now + TICK)}
    ring.pass_time(TICK)

    told = [(one.kind, one.resolved) for one in ring.told]
    assert told == [
        ("idle.warn", False),
        ("delivery.undelivered", False),
        ("delivery.undelivered", True),
        ("idle.cancelled", True),
    ]


def test_a_try_that_is_not_the_last_holds_nothing_yet() -> None:
    ring = a_ring(in_mode("enforce"))
    ring.cycle()
    ring.docket = replace(ring.docket, deliveries=dict.fromkeys(ring.docket.deliveries, Delivery()))
    ring.pass_time(minutes(60))

    assert (the(ring).state, the(ring).held_by) == (IncidentState.WARNED, None)
    assert kinds(ring) == ["idle.warn"]


TWICE = IDLE.replace("[warn, {wait: 15m}", "[warn, {wait: 60m}, warn, {wait: 15m}")


def test_a_second_warning_counts_from_when_it_was_told() -> None:
    ring = warned("enforce", TWICE)
    steps = run(ring, until=minutes(60))
    assert kinds(ring) == ["idle.warn", "idle.warn"]
    second = ring.told[-1].at
    steps += run(ring, until=minutes(75) - TICK)

    assert second == NOW + minutes(60)
    assert due(steps) == 0
    assert the(ring).acts_at == second + minutes(15)
    assert due([ring.pass_time(TICK), ring.pass_time(TICK)]) > 0


def test_all_words_of_a_story_go_by_the_routes_of_all_its_warnings() -> None:
    text = TWICE.replace("policies:", "notify: {team: {slack: x}}\npolicies:", 1)
    text = text.replace("[warn, ", "[{warn: {to: log}}, ").replace(
        "warn, {wait: 15m}", "{warn: {to: team}}, {wait: 15m}"
    )
    ring = warned("enforce", text)

    assert [notice.routes for notice in ring.told] == [("log", "team")]


@pytest.mark.parametrize(
    "fog",
    [
        pytest.param({"complete_cycles": 1}, id="too few cycles"),
        pytest.param({"surroundings": None}, id="surroundings unknown"),
        pytest.param({"listing_problem": "doubted"}, id="listing doubted"),
    ],
)
@pytest.mark.parametrize("then", [{}, {"paused": True}], ids=["at once", "then paused"])
def test_time_in_which_nothing_was_known_is_no_grace(
    fog: dict[str, Any], then: dict[str, Any]
) -> None:
    ring = warned()
    ring.pass_time(minutes(5))
    ring.pass_time(minutes(1), **fog)
    ring.pass_time(minutes(30), **(then or fog))
    ring.pass_time(minutes(10))

    assert the(ring).acts_at == NOW + minutes(15 + 40)
    assert the(ring).held_since is None


def test_a_receipt_that_came_while_nothing_was_known_begins_no_grace_before_it_is() -> None:
    ring = a_ring(in_mode("enforce"))
    ring.cycle()
    ring.pass_time(minutes(1), complete_cycles=1)
    ring.deliver()
    ring.pass_time(minutes(60), complete_cycles=1)
    back = ring.pass_time(minutes(1))

    assert back.due == ()
    assert the(ring).acts_at == ring.now + minutes(15)


def test_evidence_that_is_unknown_while_paused_is_no_grace_either() -> None:
    ring = warned()
    ring.pass_time(minutes(5))
    ring.looks = {"exp-1": UNKNOWN}
    ring.pass_time(minutes(1), paused=True)
    ring.looks = {}
    ring.pass_time(minutes(60))

    assert the(ring).acts_at == NOW + minutes(15 + 60)


def test_what_people_were_told_to_hold_it_is_taken_back_when_its_policy_is_edited() -> None:
    ring = warned()
    ring.pass_time(minutes(1))
    ring.pass_time(minutes(1), complete_cycles=1)
    ring.pass_time(minutes(61), complete_cycles=1)
    ring.policy_set = in_mode("enforce", IDLE.replace("15m", "20m"))
    ring.pass_time(TICK)

    told = [(one.kind, one.resolved) for one in ring.told]
    assert told[1:] == [
        ("policy.unknown_held", False),
        ("policy.unknown_held", True),
        ("idle.warn", False),
    ]


EDITS: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: text.replace("wait: 15m", "wait: 1m"),
    lambda text: text.replace("wait: 15m", "wait: 60m"),
    lambda text: text.replace("idle_for: 45m", "idle_for: 10m"),
    lambda text: text.replace("older_than: 2h, ", ""),
    lambda text: text.replace("idle:", "renamed:"),
]


FOGS: dict[str, dict[str, Any]] = {
    "blind": {"complete_cycles": 1},
    "paused": {"paused": True},
}


@settings(max_examples=60)
@given(
    happenings=st.lists(
        st.tuples(
            st.integers(1, 30),
            st.sampled_from(["nothing", "restart", "edit", "blind", "paused", "deaf"]),
            st.sampled_from(EDITS),
            st.sampled_from(MODES),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_no_edit_no_restart_and_no_fog_makes_anything_due_sooner(
    happenings: list[tuple[int, str, Callable[[str], str], str]],
) -> None:
    """Between the last receipt, edit or fog and an order lies one grace of the policy in force."""
    ring = a_ring(in_mode("enforce"))
    ring.cycle()
    ring.deliver()
    edited_at = NOW
    for pause, what, edit, mode in happenings:
        if what == "edit":
            before, ring.policy_set = _terms(ring), in_mode(mode, edit(IDLE))
            edited_at = edited_at if before == _terms(ring) else ring.now
        elif what == "restart":
            ring.restart()
        elif what == "deaf":
            ring.deliver(delivered_at=None)
        fog: dict[str, Any] = FOGS.get(what, {})
        steps = ring.pass_time(minutes(pause), **fog)
        (policy,) = ring.policy_set.policies
        for incident in steps.due:
            assert incident.warned_at is not None
            assert incident.mode is Mode.ENFORCE
            assert ring.now - incident.warned_at >= policy.grace
            assert ring.now - edited_at >= policy.grace
            assert fog == {}
        if what != "deaf":
            ring.deliver()


def _terms(ring: Ring) -> tuple[str, Mode, str]:
    (policy,) = ring.policy_set.policies
    return policy.hash, policy.mode, policy.name


# --- approval ----------------------------------------------------------------------


def asked() -> Ring:
    """A ring in which an approval was asked for at NOW + 15m."""
    ring = warned("approve")
    run(ring, until=minutes(15))
    return ring


def test_an_approval_is_asked_for_once_when_it_is_due() -> None:
    ring = asked()
    steps = run(ring, until=timedelta(hours=3), by=minutes(10))
    (question,) = [one for one in ring.told if one.kind == "action.pending"]

    assert question.at == NOW + minutes(15)
    assert question.facts["approve_by"] == (NOW + minutes(15) + timedelta(days=1)).isoformat()
    assert (the(ring).held_by, question.severity) == (Blocker.APPROVAL, Severity.WARN)
    assert due(steps) == 0


def test_a_yes_acts_at_once_and_only_after_one_more_look() -> None:
    ring = asked()
    ring.approve()
    assert ring.pass_time(TICK, paused=True).due == ()
    (order,) = ring.orders(ring.pass_time(TICK))
    assert order.mode is Mode.APPROVE
    ring.carry_out(order)
    ring.pass_time(TICK)

    assert kinds(ring)[-1] == "idle.acted"


def test_what_was_asked_is_not_asked_again_after_a_fog() -> None:
    ring = asked()
    ring.pass_time(TICK, complete_cycles=1)
    ring.pass_time(TICK)
    ring.pass_time(TICK, paused=True)
    ring.pass_time(TICK)

    assert kinds(ring).count("action.pending") == 1


def test_silence_means_no_and_it_is_not_asked_again_at_once() -> None:
    ring = asked()
    run(ring, until=timedelta(hours=23), by=minutes(60))
    ring.now = NOW + minutes(15) + timedelta(days=1) - TICK
    ring.cycle()
    assert the(ring).held_by is Blocker.APPROVAL
    ring.pass_time(TICK)
    (failed,) = ring.docket.failed.values()

    assert failed.state is IncidentState.FAILED
    assert failed.closed_because == "nobody approved it in time, which means no"
    assert kinds(ring)[-1] == "idle.cancelled"
    assert ring.pass_time(timedelta(hours=23)).changed == ()
    assert kinds(ring.pass_time(timedelta(hours=1))) == ["idle.warn"]


def test_recovery_ends_the_question() -> None:
    ring = asked()
    ring.looks = {"exp-1": active(now=ring.now + TICK)}
    ring.pass_time(TICK)

    assert ring.docket.opened == {}
    assert kinds(ring)[-1] == "idle.cancelled"


# --- what holds, and what never adds anything --------------------------------------


def test_limits_are_told_once_through_a_fog_and_their_end_once() -> None:
    text = ENFORCED + "    limits: {per_cycle: 1, per_hour: 1, share_per_hour: 100%}\n"
    ring = a_ring(policies(text), a_deployment(), a_deployment("exp-2"))
    ring.cycle()
    ring.deliver()
    ring.pass_time(TICK)
    (order,) = ring.orders(ring.pass_time(minutes(15)))
    ring.carry_out(order)
    ring.pass_time(TICK)
    ring.pass_time(TICK, complete_cycles=1)
    ring.pass_time(TICK)
    told = [one for one in ring.told if one.kind == "policy.limit_hit"]
    assert [one.resolved for one in told] == [False]
    (other,) = ring.orders(ring.pass_time(minutes(61)))
    ring.carry_out(other)

    told = [one for one in ring.told if one.kind == "policy.limit_hit"]
    assert [one.resolved for one in told] == [False, True]


HINDRANCES: dict[str, dict[str, Any]] = {
    "paused": {"paused": True},
    "snoozed": {"snoozed": {a_deployment().uid: "snoozed"}},
    "protected": {"kept": {a_deployment().uid: "kept"}},
    "blind": {"complete_cycles": 0},
    "unread": {"surroundings": None},
    "doubted": {"listing_problem": "contradicted"},
    "woken": {"ages": Since(ready=NOW)},
    "ceiling": {"ceiling": Mode.WARN},
}
HISTORIES = [
    an_intent(released=Released.HUMAN, released_at=NOW - minutes(60), action_id=901),
    an_intent(released=Released.HUMAN, released_at=NOW - minutes(90), action_id=902),
    an_intent(released=Released.NEEDS_OWNER, released_at=NOW, action_id=903),
    *(
        an_intent("exp-9", action_id=n, outcome=Outcome.FAILED, finished_at=NOW, released_at=NOW)
        for n in (904, 905, 906)
    ),
]


@settings(max_examples=60)
@given(
    hindrances=st.sets(st.sampled_from(sorted(HINDRANCES)), min_size=1),
    history=st.sets(st.integers(0, len(HISTORIES) - 1)),
    looks=st.sampled_from([quiet(minutes(120), now=NOW + minutes(16)), UNKNOWN]),
    tighter=st.booleans(),
)
def test_what_hinders_never_adds_an_order(
    hindrances: set[str], history: set[int], looks: QuietEvidence, *, tighter: bool
) -> None:
    free, hindered = (warned("enforce", IDLE, "exp-1", "exp-2") for _ in range(2))
    changes: dict[str, Any] = {}
    for name in hindrances:
        changes |= HINDRANCES[name]
    for ring in (free, hindered):
        ring.looks = {"exp-1": looks}
        ring.pass_time(TICK)
    if tighter:
        hindered.policy_set = in_mode("enforce", IDLE.replace("45m", "119m"))
    for index in history:
        hindered.deeds = hindered.deeds.with_one(HISTORIES[index])
    allowed = {one.uid for one in free.pass_time(minutes(15.5)).due}
    found = {one.uid for one in hindered.pass_time(minutes(15.5), **changes).due}

    assert found <= allowed


@settings(max_examples=30)
@given(
    order=st.permutations(["exp-1", "exp-2", "exp-3", "exp-4"]),
    policy_order=st.permutations([0, 1, 2]),
)
def test_the_order_of_policies_and_deployments_never_matters(
    order: list[str], policy_order: list[int]
) -> None:
    text = ENFORCED + "    limits: {per_cycle: 2, share_per_hour: 100%}\n"
    for name, verb in (("parks", "park"), ("holds", "hold_growth")):
        own = ENFORCED.partition("policies:")[2].replace("idle:", f"{name}:")
        own = own.replace("scale_to_zero", verb)
        text += own + "    limits: {per_cycle: 2, share_per_hour: 100%}\n"
        text += "    allow: [unknown_env]\n" if verb == "park" else ""
    whole = policies(text)
    rings = []
    for names, numbers in ((sorted(order), [0, 1, 2]), (order, policy_order)):
        ring = a_ring(
            replace(whole, policies=tuple(whole.policies[n] for n in numbers)),
            *(a_deployment(name, max_replica_count=4) for name in names),
        )
        ring.cycle()
        ring.deliver()
        ring.pass_time(TICK)
        rings.append({(one.uid, one.policy) for one in ring.pass_time(minutes(15)).due})

    assert rings[0] == rings[1]
    assert len(rings[0]) == 2
