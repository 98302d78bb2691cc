"""What went wrong in other tools, each with the input that showed it: here it must not.

A: lifecycles, killed while in use or never stopped. B: policy engines.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firewarden.decide.brake import find_brake
from firewarden.decide.docket import Docket
from firewarden.decide.incidents import Steps, step
from firewarden.decide.judge import judge
from firewarden.decide.plan import plan
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.metering.evidence import EvidenceBook
from firewarden.model.activity import Sample, Scrape
from firewarden.model.verdict import IncidentState, Truth
from firewarden.model.vocabulary import Blocker, Mode
from firewarden.policy.checking import check
from firewarden.policy.rules import PolicySet
from tests.support.deciding import (
    ACCOUNT,
    EVERY,
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
    later,
    minutes,
    policies,
    quiet,
)

POLICIES = policies(IDLE)


def acts(situation: Situation, policy_set: PolicySet = POLICIES) -> list[str]:
    """The deployments that a policy would act on after its grace."""
    return [
        verdict.uid
        for verdict in judge(situation, policy_set)
        if verdict.truth is Truth.TRUE and verdict.blocked_by is None
    ]


def cycle(situation: Situation, docket: Docket, policy_set: PolicySet = POLICIES) -> Steps:
    return step(situation, judge(situation, policy_set), docket, policy_set)


def opened(situation: Situation, policy_set: PolicySet = POLICIES) -> Docket:
    docket = cycle(situation, Docket(), policy_set).docket
    assert docket.opened
    return docket


def scraped(rates: Sequence[float | None], *, fingerprint: str | None = None) -> EvidenceBook:
    """Scrapes every 30 seconds up to now; None: the scrape failed."""
    book, fleet = EvidenceBook((), ()), a_fleet([a_deployment()])
    for index, rate in enumerate(rates):
        at = NOW - EVERY * (len(rates) - 1 - index)
        sample = Sample(request_rate=rate, prompt_token_rate=rate, concurrency=rate)
        book.fold(
            Scrape(
                account=ACCOUNT,
                asked_at=at,
                answered_at=at,
                whole=rate is not None,
                samples={a_deployment().name: sample},
                fingerprint=str(index) if fingerprint is None else fingerprint,
            ),
            fleet,
        )
    return book


def rejected(text: str) -> str:
    problems = [problem for problem in check({"p.yaml": text}) if problem.severity == "error"]
    assert problems
    return "\n".join(str(problem) for problem in problems)


# --- A: lifecycles ---------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, float("nan")], ids=["failed", "not a number"])
def test_incident_A1_a_metric_source_that_is_down_is_not_idle(answer: float | None) -> None:
    book = scraped([*[0.0] * 20, *[answer] * 90])

    assert acts(replace(a_situation(), evidence=book)) == []


def test_incident_A2_metrics_that_stop_after_five_minutes_prove_no_hour() -> None:
    book = scraped([*[0.0] * 10, *[None] * 110])

    assert acts(replace(a_situation(), evidence=book)) == []


def test_incident_A3_one_short_request_a_minute_is_never_idle() -> None:
    book = scraped([0.02 if index % 2 else 0.0 for index in range(200)])

    assert acts(replace(a_situation(), evidence=book)) == []


def test_incident_A5_after_two_hours_of_being_down_a_whole_window_is_seen_first() -> None:
    down = scraped([0.0] * 100)
    back = a_situation(now=NOW + minutes(120), evidence=down, complete_cycles=1)

    assert acts(replace(back, fleet=a_fleet([a_deployment()], answered_at=back.now))) == []


def test_incident_A6_an_old_idle_deployment_is_adopted_with_a_warning_not_an_act() -> None:
    first_sight = a_situation(
        a_deployment(created_at=NOW - timedelta(days=300)),
        looks=Looks(default=quiet(timedelta(0))),
        ages=Since(seen=NOW, ready=NOW),
    )

    assert acts(first_sight) == []
    steps = cycle(replace(first_sight, evidence=Looks(default=quiet(minutes(45)))), Docket())
    assert [incident.state for incident in steps.changed] == [IncidentState.WAITING]


@pytest.mark.parametrize("state", ["CREATING", "UPDATING", "DELETING"])
def test_incident_A7_what_is_not_ready_is_not_idle(state: str) -> None:
    assert acts(a_situation(a_deployment(state=state))) == []


def test_incident_A7_a_cold_start_longer_than_the_idle_rule_is_not_killed() -> None:
    short = policies(IDLE.replace("idle_for: 45m, older_than: 2h", "idle_for: 15m"))
    started = NOW - minutes(19)
    situation = a_situation(
        a_deployment(created_at=NOW - minutes(44)),
        looks=Looks(default=quiet(minutes(19))),
        ages=Since(seen=NOW - minutes(44), ready=started),
    )

    (verdict,) = judge(situation, short)

    assert verdict.blocked_by is Blocker.COLD_START


def test_incident_A8_a_start_that_hangs_is_told_and_not_stopped() -> None:
    told = policies(
        "version: 1\npolicies:\n  stuck:\n    match: {all: true}\n"
        "    when: {starting_for: 1h}\n    stages: [warn]\n"
    )
    situation = a_situation(
        at_zero("exp-1", state="CREATING", starting_replica_count=1),
        ages=Since(starting=NOW - minutes(60)),
    )
    steps = cycle(situation, Docket(braked=False), told)

    assert [notice.kind for notice in steps.notices] == ["deployment.stuck_starting"]
    assert acts(situation) == []


def test_incident_A11_absent_from_a_list_is_not_gone() -> None:
    docket = opened(a_situation())
    missing = replace(
        later(a_situation(), minutes(20)),
        fleet=a_fleet([], complete=False, answered_at=NOW + minutes(20)),
    )
    (held,) = cycle(missing, docket).changed

    assert (held.state, held.held_by) == (IncidentState.WAITING, Blocker.LISTING_INCOMPLETE)


def test_incident_A12_made_again_under_one_name_inherits_no_mark() -> None:
    docket = opened(a_situation())
    again = a_deployment(created_at=NOW - timedelta(hours=3))
    fresh = a_situation(again, looks=Looks(default=active()), gone=frozenset({a_deployment().uid}))

    assert cycle(fresh, docket).docket.opened == {}


def test_incident_A14_the_providers_own_delete_is_seen_coming() -> None:
    coming = policies(
        "version: 1\npolicies:\n  soon:\n    match: {min_replicas: 0}\n"
        "    when: {provider_deletes_within: 2d}\n    stages: [warn]\n"
    )
    day_five = a_situation(at_zero(), ages=Since(zero=NOW - timedelta(days=5)))

    (notice,) = cycle(day_five, Docket(braked=False), coming).notices

    assert notice.kind == "deployment.provider_deletes"


def test_incident_A15_the_message_and_the_ledger_name_the_same_deadline() -> None:
    steps = cycle(a_situation(), Docket(braked=False))
    edited = policies(IDLE.replace("wait: 15m", "wait: 4h"))
    again = cycle(later(a_situation(), minutes(3)), steps.docket, edited)

    for each in (steps, again):
        for incident, notice in zip(each.changed, each.notices, strict=True):
            assert incident.acts_at is not None
            assert f"{incident.acts_at:%H:%M} UTC" in notice.text


def test_incident_A17_a_person_who_says_keep_during_the_grace_is_heard() -> None:
    docket = opened(a_situation())
    kept = a_deployment(tags={"firewarden.protect": "2026-12-01"})
    (ended,) = cycle(later(a_situation(kept), minutes(20)), docket).changed

    assert ended.state is IncidentState.CANCELLED


def test_incident_A18_between_acting_and_protecting_protecting_wins() -> None:
    both = policies(
        IDLE.replace("policies:", 'protect: [{name: "EXP-1", forever: true}]\npolicies:', 1)
    )

    assert acts(a_situation(), both) == []


def test_incident_A19_what_was_just_woken_is_not_stopped_again() -> None:
    short = policies(IDLE.replace("idle_for: 45m", "idle_for: 15m"))
    woken = a_situation(
        looks=Looks(default=quiet(minutes(25))), ages=Since(ready=NOW - minutes(25))
    )

    (verdict,) = judge(woken, short)

    assert verdict.blocked_by is Blocker.COOLDOWN


def test_incident_A20_when_every_metric_turns_zero_at_once_nothing_is_stopped() -> None:
    turned = replace(quiet(minutes(50)), active_at=NOW - minutes(50.5))
    fleet = [a_deployment(f"exp-{number}") for number in range(10)]
    situation = a_situation(*fleet, looks=Looks(default=turned))

    assert acts(situation) == []
    assert "10 deployments turned quiet" in find_brake(
        situation, [Seen(one, situation) for one in fleet]
    )


@pytest.mark.parametrize("jump", [timedelta(hours=3), timedelta(hours=-3)], ids=["on", "back"])
def test_incident_A23_a_jump_of_the_clock_makes_nothing_idle(jump: timedelta) -> None:
    after = a_situation(now=NOW + jump, looks=Looks(default=quiet(minutes(20))))

    assert acts(replace(after, fleet=a_fleet([a_deployment()], answered_at=after.now))) == []


def test_incident_A24_lowering_a_threshold_stops_nothing_before_a_grace() -> None:
    month = policies(IDLE.replace("idle_for: 45m", "idle_for: 30d"))
    assert cycle(a_situation(), Docket(), month).docket.opened == {}

    (incident,) = cycle(a_situation(), Docket(), POLICIES).changed

    assert incident.state is IncidentState.WAITING
    assert incident.acts_at == NOW + minutes(15)


def test_incident_A30_a_policy_observes_until_it_is_told_otherwise() -> None:
    assert POLICIES.policies[0].mode is Mode.OBSERVE


def test_incident_A32_never_used_is_known_only_where_it_was_watched() -> None:
    assert acts(a_situation(looks=Looks(default=UNKNOWN))) == []
    assert acts(a_situation(looks=Looks(default=quiet(minutes(60))))) != []


# --- B: policy engines -----------------------------------------------------------------


@pytest.mark.parametrize(
    "match",
    [
        pytest.param("{nmae: x}", id="alone"),
        pytest.param("{all: true, not: {nmae: x}}", id="inside not"),
        pytest.param("{not: {tags: [keep]}}", id="of the wrong form"),
    ],
)
def test_incident_B_H1_a_misspelt_key_selects_nothing_and_is_an_error(match: str) -> None:
    assert "p.yaml:5:" in rejected(IDLE.replace('{name: "exp-*"}', match))


def test_incident_B_H2_a_tag_protects_in_any_case() -> None:
    guarded = policies(
        IDLE.replace("policies:", "protect: [{tags: {keep: '*'}, forever: true}]\npolicies:", 1)
    )

    assert acts(a_situation(a_deployment(tags={"Keep": "1"})), guarded) == []


@pytest.mark.parametrize("match", ["", "match: {}", 'match: {name: "*"}'])
def test_incident_B_H3_a_policy_without_a_filter_is_an_error(match: str) -> None:
    rejected(IDLE.replace('match: {name: "exp-*"}', match))


def test_incident_B_H4_an_effect_without_a_wait_is_an_error() -> None:
    assert "without a wait" in rejected(IDLE.replace("{wait: 15m}, ", ""))


@pytest.mark.parametrize("limit", ["per_hour: 0", "per_cycle: 0", "share_per_hour: 0%"])
def test_incident_B_H5_a_limit_of_zero_is_not_no_limit(limit: str) -> None:
    rejected(IDLE + f"    limits: {{{limit}}}\n")


def test_incident_B_H6_a_failing_metric_inside_not_selects_nobody() -> None:
    unless = policies(IDLE.replace("{idle_for: 45m, ", "{not: {idle_for: 1h}, "))

    (verdict,) = judge(a_situation(looks=Looks(default=UNKNOWN)), unless)

    assert (verdict.truth, verdict.blocked_by) == (Truth.UNKNOWN, Blocker.DATA_MISSING)


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("{older_than: 45}", id="a number for a duration"),
        pytest.param("{older_than: '45 minutes'}", id="words for a duration"),
        pytest.param("{replicas_at_least: '0'}", id="text for a number"),
        pytest.param("{replicas_at_least: 1.5}", id="a fraction"),
    ],
)
def test_incident_B_H7_H8_types_are_checked_when_the_file_is_read(when: str) -> None:
    rejected(IDLE.replace("{idle_for: 45m, older_than: 2h, replicas_at_least: 1}", when))


@pytest.mark.parametrize("wait", ["20:00", "1:30", "0755", "off"])
def test_incident_B_H9_yaml_1_1_surprises_are_errors_not_numbers(wait: str) -> None:
    assert "not a duration" in rejected(IDLE.replace("wait: 15m", f"wait: {wait}"))


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "8 h", "yes please", ""])
def test_incident_B_H11_H12_H13_protection_that_nobody_understands_protects(text: str) -> None:
    tagged = a_deployment(tags={"firewarden.protect": text})

    (verdict,) = judge(a_situation(tagged), POLICIES)

    assert verdict.blocked_by is Blocker.PROTECTED


def test_incident_B_H17_a_new_story_is_warned_of_anew() -> None:
    docket = opened(a_situation())
    used = later(a_situation(), minutes(5), evidence=Looks(default=active(now=NOW + minutes(5))))
    docket = cycle(used, docket).docket
    again = later(
        a_situation(),
        minutes(60),
        evidence=Looks(default=quiet(minutes(50), now=NOW + minutes(60))),
    )
    (incident,) = cycle(again, docket).changed

    assert (incident.warned_at, incident.acts_at) == (NOW + minutes(60), NOW + minutes(75))


def test_incident_B_H18_a_metric_source_down_for_an_hour_holds_what_was_due() -> None:
    docket = opened(a_situation())
    blind = later(a_situation(), minutes(60), evidence=Looks(default=UNKNOWN))
    (held,) = cycle(blind, docket).changed

    assert (held.state, held.held_by) == (IncidentState.WAITING, Blocker.DATA_MISSING)


def test_incident_B_H19_limits_are_on_where_nobody_wrote_them() -> None:
    limits = POLICIES.policies[0].limits

    assert (limits.per_cycle, limits.per_hour, str(limits.share_per_hour)) == (3, 10, "0.2")


def test_incident_B_H20_what_is_planned_is_what_is_done() -> None:
    changes: dict[str, Any] = {"evidence": Looks(default=quiet(minutes(90), now=NOW + minutes(15)))}
    situation = later(a_situation(a_deployment(), a_deployment("exp-2")), minutes(15), **changes)
    docket = opened(a_situation(a_deployment(), a_deployment("exp-2")))
    made = plan(situation, judge(situation, POLICIES), docket, POLICIES)
    done = {one.uid for one in cycle(situation, docket).changed if one.closed_at is not None}

    assert {action.uid for action in made.actions} == done
    assert len(done) == 1
