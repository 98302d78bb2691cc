"""Whom a budget stops, in which order, when, and how far it says that it can go."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.decide.budget import Standing
from firewarden.decide.caps import Caps
from firewarden.decide.climb import climb
from firewarden.decide.docket import Docket
from firewarden.decide.incidents import step
from firewarden.decide.judge import Judge
from firewarden.decide.situation import Situation
from firewarden.metering.periods import Period
from firewarden.model.activity import QuietEvidence
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import Verdict
from firewarden.model.vocabulary import Blocker, Mode
from firewarden.policy.loading import load
from firewarden.policy.rules import PolicySet
from tests.support.deciding import (
    H100_PRICE,
    NOW,
    UNKNOWN,
    Looks,
    a_deployment,
    a_fleet,
    a_situation,
    active,
    minutes,
    quiet,
)

DAY = Period(
    label="2026-11-22",
    since=datetime(2026, 11, 22, tzinfo=UTC),
    until=datetime(2026, 11, 23, tzinfo=UTC),
)
RULES = """\
version: 1
attribution:
  - {{name: "exp-*", team: research, env: experiment}}
  - {{name: "both-*", split: {{research: 50%, search: 50%}}, env: experiment}}
budgets:
  day:
    scope: {{team: research}}
    limit: {{usd: 1000, per: day}}
    thresholds:
      - {{at: 50%, do: info}}
      - {{at: {at}, do: {do}, mode: {mode}{more}}}
    {budget}
"""
EARLY = "stop_early: true"
PARK = "park"


def rules(
    do: str = PARK, *, at: str = "100%", mode: str = "enforce", more: str = "", budget: str = EARLY
) -> PolicySet:
    text = RULES.format(do=do, at=at, mode=mode, more=f", {more}" if more else "", budget=budget)
    return load({"p.yaml": text.replace("    \n", "\n")})


def a_standing(policies: PolicySet, spent: float, **changes: Any) -> Standing:
    plain = Standing(
        budget=policies.budgets[0],
        value="",
        window=DAY,
        now=NOW,
        limit=Decimal(1000),
        spent=Decimal(str(spent)),
        low=Decimal(str(spent)),
        high=Decimal(str(spent)),
        unpriced=Decimal(0),
        burn=Decimal(0),
        known_until=NOW,
    )
    return replace(plain, **changes)


def one(name: str, *, replicas: int = 1, most: int | None = None, **changes: Any) -> Deployment:
    """One of two H100 GPUs a replica: 16 USD an hour each."""
    return a_deployment(
        name,
        ready_replica_count=replicas,
        desired_replica_count=replicas,
        max_replica_count=replicas if most is None else most,
        **changes,
    )


FLEET = (one("exp-busy"), one("exp-idle"), one("exp-long"), one("exp-dark"), one("prod-1"))
LOOKS = {
    "exp-busy": active(),
    "exp-idle": quiet(minutes(30)),
    "exp-long": quiet(minutes(300)),
    "exp-dark": UNKNOWN,
    "prod-1": active(),
}


def a_scope(
    policies: PolicySet,
    deployments: Sequence[Deployment] = FLEET,
    looks: dict[str, QuietEvidence] | None = None,
    **changes: Any,
) -> Situation:
    situation = a_situation(
        *deployments, looks=Looks(LOOKS if looks is None else looks, default=active())
    )
    plain: dict[str, Any] = {
        "ceiling": Mode.ENFORCE,
        "attributions": Judge(policies).attributions,
        "prices": (H100_PRICE,),
    }
    return replace(situation, **plain | changes)


def capped(
    policies: PolicySet, spent: float, situation: Situation | None = None, **changes: Any
) -> Caps:
    judge = Judge(policies)
    seen = situation or a_scope(policies)
    standing = a_standing(policies, spent, **changes)
    return climb([standing], seen, policies, judge.guards(seen))


def called(caps: Caps) -> list[str]:
    """Name whom *caps* call for, in order."""
    ranked = sorted(caps.called.items(), key=lambda item: item[1].rank)
    return [uid.rpartition("@")[0].rpartition("/")[2] for (uid, _), _ in ranked]


ALL = ["exp-long", "exp-idle", "exp-busy", "exp-dark"]
"""In the order of `longest_idle`: what is in use and what nobody knows of come last."""

COSTLY = (one("exp-a", replicas=1), one("exp-b", replicas=3), one("exp-c", replicas=2))


@pytest.mark.parametrize(
    ("spent", "policies", "expected"),
    [
        pytest.param(900, rules(), [], id="far from the limit"),
        pytest.param(996, rules(), ALL, id="stopping would take longer than is left"),
        pytest.param(996, rules(budget=""), [], id="late: not before it is used"),
        pytest.param(1000, rules(budget=""), ALL, id="late: once it is used"),
        pytest.param(1000, rules(mode="observe"), ALL, id="observe calls for the same"),
        pytest.param(960, rules("hold_growth", at="95%"), [], id="nothing can grow"),
        pytest.param(
            600, rules("scale_to_zero", at="60%"), ["exp-long", "exp-idle"], id="no more than fits"
        ),
    ],
)
def test_whom_a_budget_calls_for(spent: float, policies: PolicySet, expected: list[str]) -> None:
    found = called(capped(policies, spent))

    assert found[:2] == expected[:2]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param("most_expensive", ["exp-b", "exp-c", "exp-a"], id="most expensive"),
        pytest.param("newest", ["exp-c", "exp-b", "exp-a"], id="newest"),
    ],
)
def test_the_order_is_the_one_that_is_written(first: str, expected: list[str]) -> None:
    policies = rules(more=f"first: {first}")
    aged = [
        replace(each, created_at=NOW - timedelta(days=3 - number))
        for number, each in enumerate(COSTLY)
    ]

    assert called(capped(policies, 1001, a_scope(policies, aged))) == expected


def test_what_could_grow_makes_it_act_earlier() -> None:
    policies = rules()
    grows = [one(f"exp-{number}", most=40) for number in range(4)]

    assert called(capped(policies, 900)) == []
    assert called(capped(policies, 900, a_scope(policies, grows))) != []


def test_what_nobody_has_looked_at_lately_may_have_been_spent_already() -> None:
    policies = rules()

    assert called(capped(policies, 980)) == []
    assert called(capped(policies, 980, known_until=NOW - minutes(20))) != []


@pytest.mark.parametrize(
    ("deployments", "why"),
    [
        pytest.param([one("both-1")], "shared by teams", id="what teams share"),
        pytest.param(
            [one("exp-1", accelerator_type="NVIDIA_UNKNOWN")], "no known price", id="unpriced"
        ),
        pytest.param(
            [one("exp-1", tags={"firewarden.protect": "true"})], "protected", id="its own tag"
        ),
        pytest.param([one("exp-1", tags={"firewarden.protect": "?"})], "protected", id="malformed"),
    ],
)
def test_what_is_out_of_its_reach_is_left_alone_and_said(
    deployments: list[Deployment], why: str
) -> None:
    policies = rules()
    caps = capped(policies, 2000, a_scope(policies, [*deployments, one("exp-2")]))

    assert called(caps) == ["exp-2"]
    assert why in caps.reaches["day", ""].why_soft


@pytest.mark.parametrize(
    ("policies", "ceiling", "why"),
    [
        pytest.param(rules(), Mode.ENFORCE, "", id="hard"),
        pytest.param(rules(), Mode.WARN, "it only warns", id="under a lower ceiling"),
        pytest.param(rules(mode="observe"), Mode.ENFORCE, "it only observes", id="observe"),
        pytest.param(rules(budget=""), Mode.ENFORCE, "stopping takes minutes", id="late"),
        pytest.param(rules("scale_to_zero"), Mode.ENFORCE, "a request wakes", id="wakes"),
        pytest.param(rules(mode="approve"), Mode.ENFORCE, "has to say yes", id="asks"),
        pytest.param(
            rules(mode="approve", more="otherwise: act"), Mode.ENFORCE, "", id="asks, then acts"
        ),
        pytest.param(rules(at="120%"), Mode.ENFORCE, "above the limit", id="above the limit"),
    ],
)
def test_a_limit_is_hard_only_where_it_can_be_kept(
    policies: PolicySet, ceiling: Mode, why: str
) -> None:
    caps = capped(policies, 10, a_scope(policies, ceiling=ceiling))
    reach = caps.reaches["day", ""]

    assert (why in reach.why_soft) if why else reach.is_hard
    assert reach.stoppable == 64


def test_a_limit_that_was_passed_when_it_was_written_stops_nothing_in_that_window() -> None:
    policies = rules()

    passed = capped(policies, 1200, spent_at_edit=Decimal(1100))
    assert called(passed) == []
    assert "from the next window on" in passed.reaches["day", ""].why_soft
    assert called(capped(policies, 1200, spent_at_edit=Decimal(900))) == ALL


def test_while_the_bill_disputes_a_day_no_more_than_half_is_stopped() -> None:
    caps = capped(rules(), 2000, disputed=DAY.since.date())

    assert called(caps) == ["exp-long", "exp-idle"]
    assert "the bill disputes 2026-11-22" in caps.reaches["day", ""].why_soft


def test_nobody_is_called_for_once_the_window_is_over() -> None:
    policies = rules()
    situation = a_scope(policies)
    late = replace(situation, caps=capped(policies, 2000, situation), now=DAY.until)
    fresh = replace(late.fleet, asked_at=DAY.until, answered_at=DAY.until)

    assert Judge(policies).judge(replace(late, fleet=fresh)) == ()


def test_what_drains_already_calls_for_nobody_else() -> None:
    """It goes on burning for minutes: the others must not pay for that."""
    policies = rules()
    draining = one("exp-long", replicas=8, min_replica_count=0, most=0)
    busy = one("exp-busy")
    scope = a_scope(policies, [draining, busy])

    assert called(capped(policies, 992, scope)) == []


def judged(policies: PolicySet, situation: Situation, spent: float) -> tuple[Verdict, ...]:
    caps = capped(policies, spent, situation)
    return Judge(policies).judge(replace(situation, caps=caps))


@pytest.mark.parametrize(
    ("changes", "blocker"),
    [
        pytest.param({}, None, id="in use and unknown alike"),
        pytest.param({"snoozed": {each.uid: "by ada" for each in FLEET}}, None, id="snoozed"),
        pytest.param({"paused": True}, Blocker.PAUSED, id="paused"),
        pytest.param({"complete_cycles": 1}, Blocker.TOO_FEW_CYCLES, id="too few cycles"),
        pytest.param(
            {"fleet": a_fleet(FLEET, complete=False, problem="cut off")},
            Blocker.LISTING_INCOMPLETE,
            id="half a listing",
        ),
    ],
)
def test_a_limit_asks_for_no_use_and_yet_for_whole_data(
    changes: dict[str, Any], blocker: Blocker | None
) -> None:
    policies = rules()
    verdicts = judged(policies, a_scope(policies, **changes), 2000)

    assert {each.blocked_by for each in verdicts} == {blocker}
    assert all(each.reason.startswith("day used 200% of 1,000.00 USD") for each in verdicts)


def test_whoever_is_called_for_is_due_at_once_in_order_and_under_its_own_limits() -> None:
    policies = rules(budget=f"{EARLY}\n    cap_limits: {{per_cycle: 2}}")
    situation = a_scope(policies)
    caps = capped(policies, 2000, situation)
    now = replace(situation, caps=caps)
    steps = step(now, Judge(policies).judge(now), Docket(), policies)
    names = [each.uid.rpartition("@")[0].rpartition("/")[2] for each in steps.due]

    assert names == ["exp-long", "exp-idle"]
    assert len(steps.limited) == 2


def test_what_is_stopped_for_money_leaves_other_policies_their_own_limits() -> None:
    text = RULES.format(do=PARK, at="100%", mode="enforce", more="", budget=EARLY)
    other = 'policies:\n  quick:\n    mode: enforce\n    match: {name: "prod-*"}\n'
    other += "    when: {older_than: 1h}\n    stages: [{wait: 1s}, hold_growth]\n"
    policies = load({"p.yaml": text + other})

    assert [each.limits.per_cycle for each in policies.policies] == [3, 10]


@given(
    spent=st.floats(0, 2000),
    replicas=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    most=st.integers(5, 9),
    at=st.integers(1, 150),
    early=st.booleans(),
)
def test_more_spent_never_calls_for_fewer(
    spent: float, replicas: list[int], most: int, at: int, *, early: bool
) -> None:
    policies = rules(at=f"{max(at, 51)}%", budget=EARLY if early else "")
    fleet = [one(f"exp-{n}", replicas=count, most=most) for n, count in enumerate(replicas)]
    scope = a_scope(policies, fleet, {})
    less, more = capped(policies, spent, scope), capped(policies, spent + 50, scope)

    assert set(less.called) <= set(more.called)


@given(order=st.permutations(FLEET), spent=st.floats(800, 1100))
def test_the_order_of_the_fleet_never_matters(order: list[Deployment], spent: float) -> None:
    policies = rules()
    plain, mixed = capped(policies, spent), capped(policies, spent, a_scope(policies, order))

    assert plain == mixed
